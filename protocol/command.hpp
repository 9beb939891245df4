#pragma once

#include "protocol/date.hpp"
#include "protocol/message/section.hpp"
#include "protocol/search_key.hpp"
#include "protocol/secret_string.hpp"
#include "protocol/sequence_set.hpp"
#include "protocol/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// Commands as values: what parse_command returns and write_command writes. They own all their
// bytes, so that they outlive the input buffer and can be moved to another thread. Move-only,
// because two of them hold passwords.
//
// One struct for a verb, in namespace protocol::command; "UID x" is `x` with by_uid set.

namespace tidemark::protocol {

// RFC 9051 §9 "status-att"; RECENT is RFC 3501's, HIGHESTMODSEQ RFC 7162's, MAILBOXID RFC 8474's,
// APPENDLIMIT RFC 7889's.
enum class StatusItem : std::uint8_t {
    messages,
    recent,
    uid_next,
    uid_validity,
    unseen,
    deleted,
    size,
    highest_modseq,
    mailbox_id,
    append_limit,
};
using StatusItems = EnumSet<StatusItem>;
std::string_view status_item_name(StatusItem item);  // "UIDNEXT"

enum class FetchAttribute : std::uint8_t {
    envelope,
    flags,
    internal_date,
    rfc822,         // BODY[] under another name (RFC 3501 §6.4.5)
    rfc822_header,  // BODY.PEEK[HEADER]
    rfc822_text,    // BODY[TEXT]
    rfc822_size,
    body,            // the structure without extension data
    body_structure,  // the structure with extension data
    body_section,    // BODY[section]<partial>
    binary,          // BINARY[part]<partial>
    binary_size,
    uid,
    modseq,     // RFC 7162 §3.1.4.2
    save_date,  // RFC 8514 §4.2
    email_id,   // RFC 8474 §5.3
    thread_id,  // RFC 8474 §5.3
    preview,    // RFC 8970 §3.1
};

// "RFC822.SIZE"; "BODY" and "BINARY" for those with a section.
std::string_view fetch_attribute_name(FetchAttribute attribute);

// RFC 9051 §9 "partial"
struct Partial {
    std::uint64_t offset = 0;
    std::uint64_t count = 0;  // > 0
    friend bool operator==(const Partial&, const Partial&) = default;
};

// RFC 9051 §9 "fetch-att". What does not belong to the attribute is left at its default.
struct FetchItem {
    FetchAttribute attribute = FetchAttribute::flags;
    bool peek = false;             // BODY.PEEK, BINARY.PEEK: \Seen stays as it is
    bool is_lazy = false;          // PREVIEW (LAZY)
    message::SectionSpec section;  // body_section; binary and binary_size use its path only
    std::optional<Partial> partial;

    // BODY[...], BINARY[...], RFC822 and RFC822.TEXT set \Seen (RFC 9051 §6.4.5).
    bool sets_seen() const {
        switch (attribute) {
            case FetchAttribute::rfc822:
            case FetchAttribute::rfc822_text:
                return true;
            case FetchAttribute::body_section:
            case FetchAttribute::binary:
                return !peek;
            default:
                return false;
        }
    }
    friend bool operator==(const FetchItem&, const FetchItem&) = default;
};

enum class SearchReturnOption : std::uint8_t { min, max, all, count, save };

// SEARCH RETURN (...): `is_present` tells SEARCH RETURN () from SEARCH. An empty list means ALL
// (RFC 9051 §6.4.4).
struct SearchReturn {
    bool is_present = false;
    EnumSet<SearchReturnOption> options;
    friend bool operator==(const SearchReturn&, const SearchReturn&) = default;
};

enum class SortKey : std::uint8_t {
    arrival,
    cc,
    date,
    from,
    size,
    subject,
    to,
    display_from,  // RFC 5957
    display_to,
};
std::string_view sort_key_name(SortKey key);  // "ARRIVAL"
struct SortCriterion {
    SortKey key = SortKey::arrival;
    bool is_reverse = false;
    friend bool operator==(const SortCriterion&, const SortCriterion&) = default;
};

// RFC 9051 §9 "append" with RFC 4466 §2.7 and RFC 6855 §4: what stands before each message.
struct AppendOptions {
    std::vector<Flag> flags;
    std::optional<DateTime> internal_date;
    bool is_utf8 = false;      // UTF8 (~{n} …)
    bool is_literal8 = false;  // ~{n}: may hold NUL
    friend bool operator==(const AppendOptions&, const AppendOptions&) = default;
};
struct AppendMessage {
    AppendOptions options;
    std::string bytes;
    friend bool operator==(const AppendMessage&, const AppendMessage&) = default;
};

// RFC 7162 §3.2.5: SELECT x (QRESYNC (uidvalidity modseq [known-uids] [(seqs uids)])). A modseq of
// 0 is let through; the session treats it as a first synchronisation.
struct QresyncParameter {
    std::uint32_t uid_validity = 0;
    ModSeq modseq = 0;
    std::optional<SequenceSet> known_uids;
    struct Match {
        SequenceSet sequence_numbers;
        SequenceSet uids;
        friend bool operator==(const Match&, const Match&) = default;
    };
    std::optional<Match> match;
    friend bool operator==(const QresyncParameter&, const QresyncParameter&) = default;
};

struct ListSelection {
    bool subscribed = false;
    bool remote = false;
    bool recursive_match = false;
    bool special_use = false;
    friend bool operator==(const ListSelection&, const ListSelection&) = default;
};
struct ListReturn {
    bool subscribed = false;
    bool children = false;
    bool special_use = false;
    std::optional<StatusItems> status;
    friend bool operator==(const ListReturn&, const ListReturn&) = default;
};

namespace command {

// Any state.
struct Capability {
    friend bool operator==(const Capability&, const Capability&) = default;
};
struct Noop {
    friend bool operator==(const Noop&, const Noop&) = default;
};
struct Logout {
    friend bool operator==(const Logout&, const Logout&) = default;
};
// RFC 2971 §3.1; nothing for NIL.
struct Id {
    using Pairs = std::vector<std::pair<std::string, std::optional<std::string>>>;
    std::optional<Pairs> pairs;
    friend bool operator==(const Id&, const Id&) = default;
};

// Not authenticated.
struct StartTls {
    friend bool operator==(const StartTls&, const StartTls&) = default;
};
struct Authenticate {
    std::string mechanism;  // upper case
    // RFC 9051 §6.2.2: in base64 as sent, not decoded; empty for "=".
    std::optional<SecretString> initial_response;
    friend bool operator==(const Authenticate& a, const Authenticate& b) {
        return a.mechanism == b.mechanism &&
               a.initial_response.has_value() == b.initial_response.has_value() &&
               (!a.initial_response || a.initial_response->view() == b.initial_response->view());
    }
};
struct Login {
    std::string user;
    SecretString password;
    friend bool operator==(const Login& a, const Login& b) {
        return a.user == b.user && a.password.view() == b.password.view();
    }
};

// Authenticated.
struct Enable {
    std::vector<std::string> capabilities;  // upper case
    friend bool operator==(const Enable&, const Enable&) = default;
};
// SELECT and EXAMINE.
struct Select {
    WireMailbox mailbox;
    bool is_read_only = false;
    bool condstore = false;
    std::optional<QresyncParameter> qresync;
    friend bool operator==(const Select&, const Select&) = default;
};
struct Create {
    WireMailbox mailbox;
    std::vector<std::string> use_attributes;  // RFC 6154 §3: "\Sent"
    friend bool operator==(const Create&, const Create&) = default;
};
struct Delete {
    WireMailbox mailbox;
    friend bool operator==(const Delete&, const Delete&) = default;
};
struct Rename {
    WireMailbox from;
    WireMailbox to;
    friend bool operator==(const Rename&, const Rename&) = default;
};
struct Subscribe {
    WireMailbox mailbox;
    friend bool operator==(const Subscribe&, const Subscribe&) = default;
};
struct Unsubscribe {
    WireMailbox mailbox;
    friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};
struct List {
    // Selection options, return options or a list of patterns were written: an empty pattern is
    // then no question for the separator (RFC 9051 §6.3.9).
    bool is_extended = false;
    ListSelection selection;
    WireMailbox reference;
    std::vector<std::string> patterns;  // wire bytes; at least one
    ListReturn returns;
    friend bool operator==(const List&, const List&) = default;
};
// RFC 3501 §6.3.9
struct Lsub {
    WireMailbox reference;
    std::string pattern;
    friend bool operator==(const Lsub&, const Lsub&) = default;
};
struct Namespace {
    friend bool operator==(const Namespace&, const Namespace&) = default;
};
struct Status {
    WireMailbox mailbox;
    StatusItems items;  // not empty
    friend bool operator==(const Status&, const Status&) = default;
};
// A whole APPEND with its messages. A server that streams them (Fragmenter) uses parse_append_start
// instead.
struct Append {
    WireMailbox mailbox;
    std::vector<AppendMessage> messages;  // at least one; several by RFC 3502
    friend bool operator==(const Append&, const Append&) = default;
};
// The command line only; "DONE" is read as a raw line.
struct Idle {
    friend bool operator==(const Idle&, const Idle&) = default;
};
struct Unauthenticate {  // RFC 8437
    friend bool operator==(const Unauthenticate&, const Unauthenticate&) = default;
};
struct Compress {           // RFC 4978
    std::string mechanism;  // upper case
    friend bool operator==(const Compress&, const Compress&) = default;
};
struct GetQuota {  // RFC 9208 §4.1.1
    std::string root;
    friend bool operator==(const GetQuota&, const GetQuota&) = default;
};
struct GetQuotaRoot {  // RFC 9208 §4.1.2
    WireMailbox mailbox;
    friend bool operator==(const GetQuotaRoot&, const GetQuotaRoot&) = default;
};

// Selected.
struct Check {  // RFC 3501 §6.4.1
    friend bool operator==(const Check&, const Check&) = default;
};
struct Close {
    friend bool operator==(const Close&, const Close&) = default;
};
struct Unselect {
    friend bool operator==(const Unselect&, const Unselect&) = default;
};
struct Expunge {
    std::optional<SequenceSet> uids;  // UID EXPUNGE
    friend bool operator==(const Expunge&, const Expunge&) = default;
};
struct Search {
    bool by_uid = false;
    SearchReturn returns;
    SearchProgram program;
    friend bool operator==(const Search&, const Search&) = default;
};
struct Sort {  // RFC 5256 §3; the charset is always there
    bool by_uid = false;
    SearchReturn returns;  // RFC 5267 §3.1 (ESORT)
    std::vector<SortCriterion> criteria;
    SearchProgram program;
    friend bool operator==(const Sort&, const Sort&) = default;
};
struct Thread {  // RFC 5256 §3; the charset is always there
    bool by_uid = false;
    std::string algorithm;  // upper case
    SearchProgram program;
    friend bool operator==(const Thread&, const Thread&) = default;
};
struct Fetch {
    bool by_uid = false;
    SequenceSet set;
    std::vector<FetchItem> items;  // in the order of the client, macros expanded; not empty
    std::optional<ModSeq>
        changed_since;      // RFC 7162 §3.1.4.1; 0 is let through (see parse_fetch.cpp)
    bool vanished = false;  // RFC 7162 §3.2.6
    friend bool operator==(const Fetch&, const Fetch&) = default;
};
struct Store {
    enum class Mode : std::uint8_t { replace, add, remove };
    bool by_uid = false;
    SequenceSet set;
    Mode mode = Mode::replace;
    bool is_silent = false;
    std::vector<Flag> flags;
    std::optional<ModSeq> unchanged_since;  // RFC 7162 §3.1.3
    friend bool operator==(const Store&, const Store&) = default;
};
struct Copy {
    bool by_uid = false;
    SequenceSet set;
    WireMailbox mailbox;
    friend bool operator==(const Copy&, const Copy&) = default;
};
struct Move {  // RFC 6851
    bool by_uid = false;
    SequenceSet set;
    WireMailbox mailbox;
    friend bool operator==(const Move&, const Move&) = default;
};

using Body =
    std::variant<Capability, Noop, Logout, Id, StartTls, Authenticate, Login, Enable, Select,
                 Create, Delete, Rename, Subscribe, Unsubscribe, List, Lsub, Namespace, Status,
                 Append, Idle, Unauthenticate, Compress, GetQuota, GetQuotaRoot, Check, Close,
                 Unselect, Expunge, Search, Sort, Thread, Fetch, Store, Copy, Move>;

}  // namespace command

// The verbs as they stand on the wire; "UID x" counts as x, and EXAMINE is a verb of its own.
enum class Verb : std::uint8_t {
    append,
    authenticate,
    capability,
    check,
    close,
    compress,
    copy,
    create,
    delete_mailbox,
    enable,
    examine,
    expunge,
    fetch,
    get_quota,
    get_quota_root,
    id,
    idle,
    list,
    login,
    logout,
    lsub,
    move,
    name_space,
    noop,
    rename,
    search,
    select,
    sort,
    start_tls,
    status,
    store,
    subscribe,
    thread,
    unauthenticate,
    unselect,
    unsubscribe,
};
inline constexpr std::size_t kVerbCount = 36;

std::string_view verb_name(Verb verb);  // "FETCH"
// The verb written in any case, without "UID".
std::optional<Verb> find_verb(std::string_view name);

struct Command {
    Tag tag;
    command::Body body;
    friend bool operator==(const Command&, const Command&) = default;
};

Verb verb_of(const command::Body& body);

}  // namespace tidemark::protocol
