// The values that the store keeps, in memory form. Their bytes are in records.cpp (every value
// starts with a version byte), their keys in keys.hpp, both described in schema.md. Values, any
// thread.
#pragma once

#include "storage/mailbox_view.hpp"
#include "storage/types.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::storage {

// An account. `credentials` is opaque here (the authentication code's own versioned text).
struct AccountRecord {
    AccountId id{};
    std::string name;  // canonical, UTF-8 NFC
    std::string credentials;
    bool enabled = true;
    std::uint64_t quota_bytes = 0;  // 0: none
    std::int64_t created_seconds = 0;
    friend bool operator==(const AccountRecord&, const AccountRecord&) = default;
};

// What moves with every change of an account; kept apart from AccountRecord because it is written
// every time.
struct AccountCounters {
    ModSeq modseq = 1;              // the last one given out
    std::uint32_t mailbox_id = 0;   // the last one given out
    std::uint32_t uidvalidity = 0;  // the last one given out
    std::uint64_t used_bytes = 0;
    std::uint64_t used_messages = 0;
    friend bool operator==(const AccountCounters&, const AccountCounters&) = default;
};

enum class SpecialUse : std::uint8_t {  // RFC 6154, RFC 8457; do not renumber
    kNone = 0,
    kAll = 1,
    kArchive = 2,
    kDrafts = 3,
    kFlagged = 4,
    kJunk = 5,
    kSent = 6,
    kTrash = 7,
    kImportant = 8,
};

// What a restore left between the mailbox as the backup had it and all that comes after: numbers
// that the lost server may have given out. All 0: never restored. Only the last restore counts,
// since its numbers lie above those of all before.
struct RestoreFence {
    ModSeq backup_modseq = 0;    // highestmodseq in the backup
    ModSeq restored_modseq = 0;  // of the restore's own log entry
    Uid backup_uidnext = 0;
    Uid restored_uidnext = 0;
    friend bool operator==(const RestoreFence&, const RestoreFence&) = default;
};

struct MailboxRecord {
    MailboxId id{};
    std::string name;  // UTF-8 NFC, '/' between levels, "INBOX" in capitals
    std::uint32_t uidvalidity = 0;
    Uid uidnext = 1;
    ModSeq highestmodseq = 1;   // stored, never decreasing, never 0
    ModSeq folded_modseq = 0;   // the pages hold every change up to here, the rest is in the log
    ModSeq horizon_modseq = 0;  // changes up to here may be gone from the log
    ModSeq created_modseq = 0;
    // Messages from this uid on have not been seen by any session that selected read-write: they
    // are \Recent (RFC 3501 §2.3.2) to the next one. One number in place of a flag a message.
    Uid recent_uid = 1;
    MailboxCounts counts;
    // Sequence number of the first message without \Seen in the pages, so as of folded_modseq; 0:
    // not known, or none.
    std::uint32_t folded_unseen_seq = 0;
    std::vector<std::string> keywords;  // bit kKeywordShift + index; only ever appended to
    SpecialUse special_use = SpecialUse::kNone;
    bool subscribed = false;
    std::string object_id;  // MAILBOXID (RFC 8474), stays through RENAME
    std::int64_t created_seconds = 0;
    RestoreFence fence;

    // Whether first_unseen() is an answer without looking at the messages.
    bool knows_first_unseen() const {
        return counts.unseen == 0 || (folded_modseq == highestmodseq && folded_unseen_seq != 0);
    }
    std::optional<std::uint32_t> first_unseen() const {
        return counts.unseen == 0 ? std::nullopt : std::optional(folded_unseen_seq);
    }
    // Whether the log says all that a client must be told that knows the mailbox as of `since`.
    bool log_tells_since(ModSeq since) const {
        return since != 0 && since >= horizon_modseq && since >= fence.restored_modseq;
    }
    friend bool operator==(const MailboxRecord&, const MailboxRecord&) = default;
};

enum class ChangeKind : std::uint8_t {  // what the command was; do not renumber
    kAppend = 1,
    kStore = 2,
    kExpunge = 3,
    kCopyIn = 4,
    kMoveIn = 5,
    kMoveOut = 6,
    kMailboxCreated = 7,
    kMailboxRenamed = 8,
    kMailboxDeleted = 9,
    kMailboxChanged = 10,  // subscription, special use
    kDelivery = 11,
    kRestore = 12,  // every message there gets this modseq; see RestoreFence
};

struct FlagChange {
    FlagBits before = 0;
    FlagBits after = 0;
    UidRanges uids;
    friend bool operator==(const FlagChange&, const FlagChange&) = default;
};

// What one command did to one mailbox: the log entry. The modseq is in the key. Messages in
// `appended` have modseq and createseq equal to it (those members of Message are ignored and not
// stored); `expunged` holds the messages as they were, so that earlier states can be rebuilt.
// Both are stored in ascending order of uid.
struct ChangeRecord {
    ChangeKind kind = ChangeKind::kStore;
    std::int64_t time_micros = 0;  // unix, of the commit
    std::vector<Message> appended;
    std::vector<FlagChange> flags;
    std::vector<Message> expunged;
    std::string old_name;  // mailbox events
    std::string new_name;
    friend bool operator==(const ChangeRecord&, const ChangeRecord&) = default;
};

// Where a body is and who names it. Reference counts are kept by account, because summaries belong
// to an account.
struct BodyRecord {
    SegmentId segment{};
    std::uint32_t offset = 0;  // of the message's first byte, behind the frame's header
    std::uint32_t length = 0;
    std::uint32_t crc32c = 0;
    std::uint32_t header_bytes = 0;  // of the frame's header line, which ends at offset
    struct Reference {
        AccountId account{};
        std::uint32_t count = 0;
        friend bool operator==(const Reference&, const Reference&) = default;
    };
    std::vector<Reference> references;  // ascending by account, counts > 0
    friend bool operator==(const BodyRecord&, const BodyRecord&) = default;
};
// Of its frame in the segment: the header's line, the message and the line end behind it.
inline std::uint64_t frame_bytes(const BodyRecord& record) {
    return std::uint64_t{record.header_bytes} + record.length + 1;
}

struct SegmentRecord {
    // Where the committed frames end. The file is exactly as long once sealed; before that a crash
    // may leave more, which is cut off at the next start.
    std::uint64_t bytes = 0;
    std::uint64_t live_bytes = 0;  // of frames that a BodyRecord names
    bool sealed = false;
    // Of the first `bytes` bytes, kept while they are written, so that a backup can name it without
    // reading the file. Unknown in segments that were written before it was kept.
    std::optional<std::uint32_t> crc32c;
    friend bool operator==(const SegmentRecord&, const SegmentRecord&) = default;
};

// One for the store: what it must remember from round to round. Written with every round.
struct StoreState {
    std::uint32_t format = 0;       // of the directory: the newest format that anything in it needs
    StoreSeq store_seq = 0;         // of the round that wrote this
    std::uint64_t fence_owner = 0;  // who may write: a number made up when the directory was made …
    std::uint64_t fence_epoch = 0;  // … and how often it has been opened for writing
    // Every number handed out is below these; they rise in blocks, so that most rounds leave them
    // alone and a start need not look for the highest number in use.
    std::uint64_t account_id_limit = 1;
    std::uint64_t body_id_limit = 1;
    std::uint32_t segment_id_next = 1;
    friend bool operator==(const StoreState&, const StoreState&) = default;
};

// Encoders never fail; decoders accept any bytes and give kCorrupt for what they did not write,
// kTooNew for a version that this program does not know.
std::string encode(const AccountRecord&);
std::string encode(const AccountCounters&);
std::string encode(const MailboxRecord&);
std::string encode(const ChangeRecord&);
std::string encode(const BodyRecord&);
std::string encode(const SegmentRecord&);
std::string encode(const StoreState&);
std::string encode_page(const Page&);
Result<AccountRecord> decode_account(std::string_view bytes);
Result<AccountCounters> decode_counters(std::string_view bytes);
Result<MailboxRecord> decode_mailbox(std::string_view bytes);
Result<ChangeRecord> decode_change(std::string_view bytes);
// Only the uids that a ChangeRecord expunges, merged into ranges.
Result<UidRanges> decode_expunged(std::string_view bytes);
Result<BodyRecord> decode_body(std::string_view bytes);
Result<SegmentRecord> decode_segment(std::string_view bytes);
Result<StoreState> decode_state(std::string_view bytes);
Result<Page> decode_page(std::string_view bytes);

// Applies one log entry to a draft (its uidnext, where a restore raised it, is only in the
// MailboxRecord); kCorrupt when it does not fit (an unknown uid, flags that are
// not `before`).
Result<void> apply(MailboxDraft& draft, ModSeq modseq, const ChangeRecord& change);

}  // namespace tidemark::storage
