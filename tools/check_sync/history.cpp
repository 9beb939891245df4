#include "tools/check_sync/history.hpp"

#include <utility>

namespace tidemark::check_sync {

SessionId History::add_session(std::string label) {
    labels_.push_back(std::move(label));
    return static_cast<SessionId>(labels_.size() - 1);
}

EventId History::add(SessionId session, EventKind kind, std::string_view text) {
    events_.push_back({kind, session, std::string(text)});
    return end() - 1;
}

const Event* History::find(EventId id) const {
    return id >= first_ && id < end() ? &events_[id - first_] : nullptr;
}

void History::drop_before(EventId id) {
    while (first_ < id && !events_.empty()) {
        events_.pop_front();
        ++first_;
    }
}

}  // namespace tidemark::check_sync
