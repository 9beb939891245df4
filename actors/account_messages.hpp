// What an account actor is asked and what it answers. Small values, moved; requests carry their
// ReplyTo, which may belong to another core (deliveries do). Sequence numbers never appear here: a
// session resolves them with its own view, so a request means the same messages whatever happens
// before it is its turn.
#pragma once

#include "actors/actor.hpp"
#include "storage/records.hpp"
#include "storage/transaction.hpp"
#include "storage/types.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tidemark::actors {

enum class AccountErrorKind : std::uint8_t {
    kNonexistent,    // NO [NONEXISTENT], or [TRYCREATE] where the command says so
    kAlreadyExists,  // NO [ALREADYEXISTS]
    kCannot,         // NO [CANNOT]
    kLimit,          // NO [LIMIT]
    kOverQuota,      // NO [OVERQUOTA]: the account's quota
    kNoSpace,        // NO [UNAVAILABLE]: no room on the server's disk; nothing the user did
    kUnavailable,    // NO [UNAVAILABLE]: the store takes no writes now
    kExpungeIssued,  // NO [EXPUNGEISSUED]: a message of the command is already gone
    kServerBug,      // NO [SERVERBUG]: damaged data; logged where it was found
    kBusy,           // NO [LIMIT]: the account's inbox is full
};
struct AccountError {
    AccountErrorKind kind;
    std::string text;  // may be shown to the client
};
template <class T>
using Outcome = tl::expected<T, AccountError>;
inline tl::unexpected<AccountError> refuse(AccountErrorKind kind, std::string text) {
    return tl::unexpected(AccountError{kind, std::move(text)});
}
AccountError to_account_error(const storage::StoreError& error);

// Flags as a client names them. Keywords keep the spelling of their first use in the mailbox and
// compare without case.
struct FlagNames {
    storage::FlagBits system = 0;
    std::vector<std::string> keywords;
};

struct AppendMessage {
    FlagNames flags;
    storage::Date internal_date;
    std::uint32_t size = 0;
    storage::BodyId body{};
    // The body: exactly one of the two. Deliveries to several accounts give the same id and bytes
    // to each of them.
    std::shared_ptr<const std::string> bytes;
    std::shared_ptr<storage::StagedBody> staged;
    bool is_shared_body = false;                 // see storage::NewBody::is_shared
    std::shared_ptr<const std::string> summary;  // protocol::message::encode_summary
};

struct AppendOutcome {
    std::uint32_t uidvalidity = 0;
    storage::UidRanges uids;
    storage::ModSeq modseq = 0;
};
struct AppendRequest {
    using Answer = Outcome<AppendOutcome>;
    std::string mailbox;                  // UTF-8 name
    std::vector<AppendMessage> messages;  // all or none (RFC 3502)
    storage::ChangeKind kind = storage::ChangeKind::kAppend;
    ReplyTo<Answer> reply;
};

enum class StoreMode : std::uint8_t { kReplace, kAdd, kRemove };
struct StoreOutcome {
    storage::UidRanges
        failed;  // changed since `unchanged_since`: the MODIFIED code (RFC 7162 §3.1.3)
    storage::UidRanges missing;   // asked for and no longer there
    storage::ModSeq modseq = 0;   // 0: nothing was changed
    storage::FlagBits given = 0;  // the flags of the request as the mailbox's bits
};
struct StoreRequest {
    using Answer = Outcome<StoreOutcome>;
    storage::MailboxId mailbox{};
    storage::UidRanges uids;
    StoreMode mode = StoreMode::kReplace;
    FlagNames flags;
    std::optional<storage::ModSeq> unchanged_since;
    ReplyTo<Answer> reply;
};

struct ExpungeOutcome {
    storage::UidRanges uids;
    storage::ModSeq modseq = 0;  // 0: nothing was expunged
};
struct ExpungeRequest {
    using Answer = Outcome<ExpungeOutcome>;
    storage::MailboxId mailbox{};
    std::optional<storage::UidRanges> only;  // UID EXPUNGE; none: every message with \Deleted
    ReplyTo<Answer> reply;
};

struct CopyOutcome {
    std::uint32_t uidvalidity = 0;   // of the destination
    storage::UidRanges source_uids;  // as many as destination_uids, paired in ascending order
    storage::UidRanges destination_uids;
    storage::ModSeq modseq = 0;  // 0: no message was there
};
struct CopyRequest {
    using Answer = Outcome<CopyOutcome>;
    storage::MailboxId source{};
    storage::UidRanges uids;
    std::string destination;
    bool move = false;
    bool all_required =
        false;  // by sequence number: a message that is gone fails the command (RFC 2180 §4.4.1)
    ReplyTo<Answer> reply;
};

struct CreateRequest {
    using Answer = Outcome<storage::MailboxRecord>;
    std::string name;
    storage::SpecialUse special_use = storage::SpecialUse::kNone;
    bool subscribed = false;
    ReplyTo<Answer> reply;
};
struct DeleteRequest {
    using Answer = Outcome<storage::ModSeq>;
    std::string name;
    ReplyTo<Answer> reply;
};
struct RenameRequest {
    using Answer = Outcome<storage::ModSeq>;
    std::string from;
    std::string to;
    ReplyTo<Answer> reply;
};
struct SubscribeRequest {
    using Answer = Outcome<storage::ModSeq>;
    std::string name;
    bool subscribed = true;
    ReplyTo<Answer> reply;
};
// Loads the mailbox's view, so that Account::find_mailbox(...)->view is set; the view stays while
// somebody watches.
struct OpenRequest {
    using Answer = Outcome<storage::MailboxId>;
    std::string name;
    storage::MailboxId id{};  // in place of the name, which may have changed
    ReplyTo<Answer> reply;
};
// Changes the account's own record (credentials, quota, enabled).
struct UpdateAccountRequest {
    using Answer = Outcome<storage::ModSeq>;
    std::function<void(storage::AccountRecord&)> change;
    ReplyTo<Answer> reply;
};
// Folds what the log holds into pages and trims the log to the horizon. Answers when done.
struct MaintainRequest {
    using Answer = Outcome<storage::ModSeq>;
    bool fold_all = false;
    std::int64_t horizon_micros = 0;  // entries older than this may go
    ReplyTo<Answer> reply;
};

using AccountRequest =
    std::variant<std::monostate, AppendRequest, StoreRequest, ExpungeRequest, CopyRequest,
                 CreateRequest, DeleteRequest, RenameRequest, SubscribeRequest, OpenRequest,
                 UpdateAccountRequest, MaintainRequest>;

}  // namespace tidemark::actors
