// What a client knows of one mailbox: the one that it has selected, and what it keeps of those that
// it left. Filled in by ClientView. One thread.
#pragma once

#include "protocol/types.hpp"
#include "tools/check_sync/violation.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::check_sync {

struct CachedMessage {
    protocol::Uid uid = 0;        // 0: only counted by EXISTS so far
    protocol::ModSeq modseq = 0;  // 0: not told
    bool has_flags = false;
    std::string flags;  // canonical
    EventId told = 0;   // the line that told it last
};

// What a client keeps of a mailbox that it has left.
struct OfflineCache {
    std::uint32_t uid_validity = 0;
    protocol::ModSeq modseq = 0;
    EventId modseq_told = 0;
    protocol::Uid uid_next = 1;  // every message below it is known
    std::map<protocol::Uid, CachedMessage> messages;
};

struct Selection {
    std::string mailbox;  // wire bytes
    std::uint32_t uid_validity = 0;
    EventId selected_at = 0;  // the SELECT command
    bool has_modseqs = false;
    std::vector<CachedMessage> messages;  // by sequence number
    // All that is in the mailbox up to `modseq` is known, except new messages from uid_next on.
    bool is_synchronised = false;
    protocol::ModSeq modseq = 0;
    EventId modseq_told = 0;
    protocol::Uid uid_next = 1;
    // The server may be holding back an expunge and may therefore tell a lower MODSEQ than the
    // message's own (see Replay): from a FETCH, STORE or SEARCH with sequence numbers to the end of
    // the next command that lets it tell.
    bool may_hold_back = false;
    std::optional<OfflineCache> base;  // from before, same UIDVALIDITY; until synchronised
    bool has_changes_since_base = false;
    bool has_all_uids = false;

    // Takes out a message that was only counted and may have this UID. False: there is none.
    bool remove_counted(protocol::Uid uid);
    bool has_unknown() const;  // a message without UID or flags
    protocol::Uid first_unknown_uid() const;
};

}  // namespace tidemark::check_sync
