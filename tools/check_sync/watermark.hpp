// The highest number that was told so far, and what it was at an earlier moment.
#pragma once

#include "tools/check_sync/history.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tidemark::check_sync {

struct Mark {
    std::uint64_t value = 0;
    EventId event = 0;
};

class Watermark {
  public:
    // Events in ascending order.
    void raise(std::uint64_t value, EventId event) {
        if (marks_.empty() || value > marks_.back().value) marks_.push_back({value, event});
    }
    // The highest that was told before `event`; value 0: none.
    Mark before(EventId event) const {
        const auto at =
            std::lower_bound(marks_.begin(), marks_.end(), event,
                             [](const Mark& mark, EventId bound) { return mark.event < bound; });
        return at == marks_.begin() ? Mark{} : *(at - 1);
    }
    // Only what it is now is of interest from here on.
    void forget_past() {
        if (marks_.size() > 1) marks_.erase(marks_.begin(), marks_.end() - 1);
    }

  private:
    std::vector<Mark> marks_;  // both members ascend
};

}  // namespace tidemark::check_sync
