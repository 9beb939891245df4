#pragma once

#include "protocol/command.hpp"
#include "protocol/date.hpp"
#include "protocol/sequence_set.hpp"
#include "protocol/types.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Server responses as values: what write_response writes and the response reader returns. Values
// only, any thread.
//
// Mailbox names are wire bytes here (MailboxName::to_wire, from_wire), because what a foreign
// server sends need not be a name that this one would accept.

namespace tidemark::protocol {

// RFC 9051 §7.1
enum class Condition : std::uint8_t { ok, no, bad, bye, preauth };

// RFC 9051 §7.1 and the extensions' codes; rfc.md says which RFC defines what. The comment says
// which members of ResponseCode belong to it; none without a comment.
enum class CodeKind : std::uint8_t {
    none,  // no code at all
    alert,
    already_exists,
    append_uid,  // number = UIDVALIDITY, target
    authentication_failed,
    authorization_failed,
    bad_charset,  // words, may be empty
    bad_comparator,
    bad_event,
    cannot,
    capability,  // words
    client_bug,
    closed,
    compression_active,
    contact_admin,
    copy_uid,  // number = UIDVALIDITY, source, target
    corruption,
    expired,
    expunge_issued,
    has_children,
    highest_modseq,  // number
    in_progress,     // text: what stands in the parentheses, if any (RFC 9585)
    in_use,
    limit,
    mailbox_id,     // text (RFC 8474 §4.2)
    message_limit,  // number; target: the UID of the last message processed, if told (RFC 9738)
    modified,       // source: sequence numbers or UIDs (RFC 7162 §3.1.3)
    nonexistent,
    no_modseq,
    no_perm,
    not_saved,
    no_update,  // text
    over_quota,
    parse,
    permanent_flags,  // words
    privacy_required,
    read_only,
    read_write,
    server_bug,
    too_big,
    try_create,
    uid_next,  // number
    uid_not_sticky,
    uid_required,  // RFC 9586
    uid_validity,  // number
    unavailable,
    unknown_cte,
    unseen,  // number
    use_attr,
    other,  // text: the code as it stands between the brackets
};

// RFC 9051 §9 "uid-set" in the order in which it is written: COPYUID pairs the numbers of two sets
// by their positions (RFC 4315 §3).
using OrderedRanges = std::vector<NumberRange>;

struct ResponseCode {
    CodeKind kind = CodeKind::none;
    std::uint64_t number = 0;
    OrderedRanges source;
    OrderedRanges target;
    std::vector<std::string> words;
    std::string text;

    static ResponseCode of(CodeKind kind, std::uint64_t number = 0) {
        ResponseCode code;
        code.kind = kind;
        code.number = number;
        return code;
    }
    static ResponseCode append_uid(std::uint32_t uid_validity, OrderedRanges uids);
    static ResponseCode copy_uid(std::uint32_t uid_validity, OrderedRanges source,
                                 OrderedRanges target);
    static ResponseCode modified(const RangeSet& numbers);
    static ResponseCode mailbox_id(std::string_view id);
    static ResponseCode permanent_flags(std::vector<std::string> flags);
    static ResponseCode capability(std::vector<std::string> names);

    // Empty again, with the memory kept.
    void clear();
    friend bool operator==(const ResponseCode&, const ResponseCode&) = default;
};

// How a code continues after its name.
enum class CodeShape : std::uint8_t {
    bare,
    number,
    number_and_uid,   // MESSAGELIMIT
    number_and_uids,  // APPENDUID
    number_and_sets,  // COPYUID
    numbers,          // MODIFIED
    words,            // CAPABILITY: without parentheses
    list,             // PERMANENTFLAGS: in parentheses, which are always there
    optional_list,    // BADCHARSET
    object_id,        // MAILBOXID
    text,             // anything up to the bracket
};

// "UIDVALIDITY"; empty for none and other.
std::string_view code_name(CodeKind kind);
CodeShape code_shape(CodeKind kind);
// In any case of letters; `other` for a name that is not listed.
CodeKind find_code(std::string_view name);

// "OK"
std::string_view condition_name(Condition condition);
std::optional<Condition> find_condition(std::string_view name);

// In any case of letters; the inverse is status_item_name.
std::optional<StatusItem> find_status_item(std::string_view name);
inline constexpr std::size_t kStatusItemCount = 10;

// RFC 9051 §7.3.1, RFC 6154 §2, RFC 8457 §3.
enum class MailboxAttribute : std::uint8_t {
    nonexistent,
    no_inferiors,
    no_select,
    has_children,
    has_no_children,
    marked,
    unmarked,
    subscribed,
    remote,
    all,
    archive,
    drafts,
    flagged,
    junk,
    sent,
    trash,
    important,
};
inline constexpr std::size_t kMailboxAttributeCount = 17;
using MailboxAttributes = EnumSet<MailboxAttribute>;
std::string_view attribute_name(MailboxAttribute attribute);  // "\HasChildren"
std::optional<MailboxAttribute> find_attribute(std::string_view name);

// LIST and LSUB, RFC 9051 §7.3.1.
struct ListData {
    bool is_lsub = false;
    MailboxAttributes attributes;
    std::vector<std::string> other_attributes;
    std::optional<char> separator = '/';
    std::string mailbox;
    std::vector<std::string> child_info;  // RFC 9051 §6.3.9.6: "SUBSCRIBED"; empty: no CHILDINFO
    std::optional<std::string> old_name;  // RFC 9051 §6.3.9.7
    void clear();
    friend bool operator==(const ListData&, const ListData&) = default;
};

// STATUS, RFC 9051 §7.3.4.
struct StatusData {
    std::string mailbox;
    StatusItems present;
    std::uint32_t messages = 0;
    std::uint32_t recent = 0;
    std::uint32_t uid_next = 0;
    std::uint32_t uid_validity = 0;
    std::uint32_t unseen = 0;
    std::uint32_t deleted = 0;
    std::uint64_t size = 0;
    ModSeq highest_modseq = 0;
    std::string mailbox_id;
    std::optional<std::uint64_t> append_limit;  // nothing: NIL (RFC 7889 §4)
    void clear();
    friend bool operator==(const StatusData&, const StatusData&) = default;
};

// SEARCH (RFC 3501 §7.2.5) and SORT (RFC 5256 §4).
struct SearchData {
    bool is_sort = false;
    std::vector<std::uint32_t> numbers;
    std::optional<ModSeq> modseq;  // RFC 7162 §3.1.5
    void clear();
    friend bool operator==(const SearchData&, const SearchData&) = default;
};

// ESEARCH, RFC 9051 §7.3.4 and RFC 4731.
struct EsearchData {
    std::optional<std::string> tag;
    bool by_uid = false;
    std::optional<std::uint32_t> min;
    std::optional<std::uint32_t> max;
    std::optional<OrderedRanges> all;
    std::optional<std::uint64_t> count;
    std::optional<ModSeq> modseq;
    void clear();
    friend bool operator==(const EsearchData&, const EsearchData&) = default;
};

// VANISHED, RFC 7162 §3.2.10.
struct VanishedData {
    bool is_earlier = false;
    OrderedRanges uids;
    void clear();
    friend bool operator==(const VanishedData&, const VanishedData&) = default;
};

// NAMESPACE, RFC 9051 §7.3.2. An empty list is NIL. Extension data is skipped when read.
struct NamespaceEntry {
    std::string prefix;
    std::optional<char> separator = '/';
    friend bool operator==(const NamespaceEntry&, const NamespaceEntry&) = default;
};
struct NamespaceData {
    std::vector<NamespaceEntry> personal;
    std::vector<NamespaceEntry> other_users;
    std::vector<NamespaceEntry> shared;
    void clear();
    friend bool operator==(const NamespaceData&, const NamespaceData&) = default;
};

// ID, RFC 2971 §3.2; nothing for NIL.
using IdPairs = std::vector<std::pair<std::string, std::optional<std::string>>>;

// QUOTA and QUOTAROOT, RFC 9208 §4.2. STORAGE counts units of 1024 bytes.
struct QuotaResource {
    std::string name;  // "STORAGE"
    std::uint64_t usage = 0;
    std::uint64_t limit = 0;
    friend bool operator==(const QuotaResource&, const QuotaResource&) = default;
};
struct QuotaData {
    std::string root;
    std::vector<QuotaResource> resources;
    void clear();
    friend bool operator==(const QuotaData&, const QuotaData&) = default;
};
struct QuotaRootData {
    std::string mailbox;
    std::vector<std::string> roots;
    void clear();
    friend bool operator==(const QuotaRootData&, const QuotaRootData&) = default;
};

}  // namespace tidemark::protocol
