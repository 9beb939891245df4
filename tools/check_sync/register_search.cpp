#include "tools/check_sync/register_search.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <set>
#include <utility>

namespace tidemark::check_sync {

namespace {

std::optional<std::uint64_t> apply(std::uint64_t state, const RegisterChange& change) {
    if ((state & change.expect_mask) != change.expect) return std::nullopt;
    return (state & ~change.clear) | change.set;
}

// The calls and ends in the order of their events, as a list from which what has taken effect is
// taken out and put back. Entry 0 is before the first.
class Moments {
  public:
    explicit Moments(const std::vector<RegisterChange>& changes) {
        std::vector<std::pair<EventId, std::size_t>> order;
        for (std::size_t i = 0; i < changes.size(); ++i) {
            order.emplace_back(changes[i].call, 2 * i);
            if (changes[i].end != kNever) order.emplace_back(changes[i].end, 2 * i + 1);
        }
        std::sort(order.begin(), order.end());
        next_.resize(2 * changes.size() + 1, kNone);
        previous_.resize(2 * changes.size() + 1, kNone);
        std::size_t last = 0;
        for (const auto& [event, moment] : order) {
            const std::size_t entry = moment + 1;
            next_[last] = entry;
            previous_[entry] = last;
            last = entry;
        }
    }

    static constexpr std::size_t kNone = ~std::size_t{0};
    std::size_t first() const { return next_[0]; }
    std::size_t after(std::size_t entry) const { return next_[entry]; }
    static bool is_call(std::size_t entry) { return entry % 2 == 1; }
    static std::size_t change_of(std::size_t entry) { return (entry - 1) / 2; }

    void take_out(std::size_t change) {
        unlink(2 * change + 1);
        unlink(2 * change + 2);
    }
    // The one that was taken out last.
    void put_back(std::size_t change) {
        link(2 * change + 2);
        link(2 * change + 1);
    }

  private:
    // The end of a change that never ended is in no list: its neighbours are kNone.
    void unlink(std::size_t entry) {
        if (previous_[entry] == kNone) return;
        next_[previous_[entry]] = next_[entry];
        if (next_[entry] != kNone) previous_[next_[entry]] = previous_[entry];
    }
    void link(std::size_t entry) {
        if (previous_[entry] == kNone) return;
        next_[previous_[entry]] = entry;
        if (next_[entry] != kNone) previous_[next_[entry]] = entry;
    }

    std::vector<std::size_t> next_;
    std::vector<std::size_t> previous_;
};

class Search {
  public:
    Search(std::uint64_t start, const std::vector<RegisterChange>& changes, std::size_t most)
        : changes_(changes),
          most_(most),
          moments_(changes),
          state_(start),
          done_((changes.size() + 63) / 64) {
        open_ = static_cast<std::size_t>(std::count_if(
            changes.begin(), changes.end(), [](const auto& c) { return c.end != kNever; }));
    }

    Order run() {
        std::size_t entry = moments_.first();
        while (open_ != 0) {
            // An end that is reached belongs to a change that has to take effect before.
            if (entry == Moments::kNone || !Moments::is_call(entry)) {
                if (steps_.empty()) return Order::does_not_exist;
                entry = step_back();
                continue;
            }
            const auto after = apply(state_, changes_[Moments::change_of(entry)]);
            if (after && step(entry, *after)) {
                if (seen_.size() > most_) return Order::undecided;
                entry = moments_.first();
            } else {
                entry = moments_.after(entry);
            }
        }
        return Order::exists;
    }

  private:
    // False: the search has been there.
    bool step(std::size_t entry, std::uint64_t after) {
        const std::size_t change = Moments::change_of(entry);
        flip(change);
        if (!seen_.emplace(done_, after).second) {
            flip(change);
            return false;
        }
        steps_.emplace_back(entry, state_);
        state_ = after;
        moments_.take_out(change);
        if (changes_[change].end != kNever) --open_;
        return true;
    }
    std::size_t step_back() {
        const auto [entry, state] = steps_.back();
        steps_.pop_back();
        const std::size_t change = Moments::change_of(entry);
        flip(change);
        state_ = state;
        moments_.put_back(change);
        if (changes_[change].end != kNever) ++open_;
        return moments_.after(entry);
    }
    void flip(std::size_t change) { done_[change / 64] ^= std::uint64_t{1} << (change % 64); }

    const std::vector<RegisterChange>& changes_;
    const std::size_t most_;
    Moments moments_;
    std::uint64_t state_;
    std::vector<std::uint64_t> done_;                           // a bit for each that took effect
    std::size_t open_ = 0;                                      // those that have to and did not
    std::vector<std::pair<std::size_t, std::uint64_t>> steps_;  // the entry, the state before
    std::set<std::pair<std::vector<std::uint64_t>, std::uint64_t>> seen_;
};

// What is known at `until`: later changes are unknown, and later ends.
std::vector<RegisterChange> beginning(const std::vector<RegisterChange>& changes, EventId until) {
    std::vector<RegisterChange> part;
    for (RegisterChange change : changes) {
        if (change.call > until) break;
        if (change.end > until) change.end = kNever;
        part.push_back(change);
    }
    return part;
}

// Those that were not over at `from`; what was under way may have taken effect before.
std::vector<RegisterChange> ending(const std::vector<RegisterChange>& changes, EventId from) {
    std::vector<RegisterChange> part;
    for (RegisterChange change : changes) {
        if (change.end < from) continue;
        if (change.call < from) change.end = kNever;
        part.push_back(change);
    }
    return part;
}

bool contradicts_every_start(const std::vector<RegisterChange>& changes, std::uint64_t used) {
    // Each subset of the bits, from all to none.
    for (std::uint64_t start = used;; start = (start - 1) & used) {
        if (find_order(start, changes) != Order::does_not_exist) return false;
        if (start == 0) return true;
    }
}

}  // namespace

Order find_order(std::uint64_t start, const std::vector<RegisterChange>& changes,
                 std::size_t configurations_max) {
    return Search(start, changes, configurations_max).run();
}

Contradiction shortest_contradiction(std::uint64_t start,
                                     const std::vector<RegisterChange>& changes,
                                     std::uint64_t used) {
    std::vector<EventId> ends;
    std::vector<EventId> calls;
    for (const auto& change : changes) {
        calls.push_back(change.call);
        if (change.end != kNever) ends.push_back(change.end);
    }
    std::sort(ends.begin(), ends.end());
    // A beginning of a history with an order has an order, so the first without one can be halved
    // to.
    const auto cut = std::partition_point(ends.begin(), ends.end(), [&](EventId until) {
        return find_order(start, beginning(changes, until)) != Order::does_not_exist;
    });
    const EventId until = cut == ends.end() ? kNever : *cut;
    const auto part = beginning(changes, until);
    EventId from = 0;
    if (std::popcount(used) <= static_cast<int>(kStartBitsMax)) {
        const auto late = std::partition_point(calls.begin(), calls.end(), [&](EventId call) {
            return contradicts_every_start(ending(part, call), used);
        });
        if (late != calls.begin()) from = *(late - 1);
    }
    Contradiction found;
    found.needs_start = from == 0;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        if (changes[i].call <= until && changes[i].end >= from) found.changes.push_back(i);
    }
    return found;
}

}  // namespace tidemark::check_sync
