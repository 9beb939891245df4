#include "tools/check_sync/selection.hpp"

#include <algorithm>

namespace tidemark::check_sync {

bool Selection::remove_counted(protocol::Uid uid) {
    // Between the last known UID below and the first above; which of several does not matter.
    auto at = messages.begin();
    auto counted = messages.end();
    for (; at != messages.end() && at->uid < uid; ++at) {
        if (at->uid == 0) {
            counted = at;
        } else {
            counted = messages.end();
        }
    }
    if (counted == messages.end()) return false;
    messages.erase(counted);
    return true;
}

bool Selection::has_unknown() const {
    return std::any_of(messages.begin(), messages.end(),
                       [](const auto& one) { return one.uid == 0 || !one.has_flags; });
}

protocol::Uid Selection::first_unknown_uid() const {
    protocol::Uid next = 1;
    for (const auto& message : messages) {
        if (message.uid == 0 || !message.has_flags) break;
        next = message.uid + 1;
    }
    return next;
}

}  // namespace tidemark::check_sync
