// A mailbox as it was at a moment within the horizon of its log: the messages that are there now,
// with the entries above that moment undone from the newest on.
//
// Any thread, blocking. Memory: the mailbox's messages and the log entries above the moment.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <variant>
#include <vector>

namespace tidemark::storage {

// After the change with this number, or after the last one that was committed by this time.
struct UnixMicros {
    std::int64_t value = 0;
};
using Moment = std::variant<ModSeq, UnixMicros>;

struct PastMailbox {
    // By uid. The modseq of a message whose flags were changed later is 0: the log does not tell
    // which one it had.
    std::vector<Message> messages;
    // Those of `messages` that are there no more: the bytes of some may be gone with them.
    std::vector<BodyId> expunged;
    std::uint64_t undone = 0;  // log entries
};

// kNotFound: the mailbox was made after the moment. kLimit: the moment is below the horizon.
// kCorrupt: an entry does not fit what it left behind. `mailbox` is as the store has it.
[[nodiscard]] Result<PastMailbox> mailbox_at(const Store& store, AccountId account,
                                             const MailboxRecord& mailbox, Moment moment);

}  // namespace tidemark::storage
