#include "protocol/response.hpp"

#include <algorithm>
#include <iterator>

namespace tidemark::protocol {
namespace {

struct CodeRow {
    std::string_view name;
    CodeShape shape;
};

// In the order of CodeKind.
constexpr CodeRow kCodes[] = {
    {"", CodeShape::bare},
    {"ALERT", CodeShape::bare},
    {"ALREADYEXISTS", CodeShape::bare},
    {"APPENDUID", CodeShape::number_and_uids},
    {"AUTHENTICATIONFAILED", CodeShape::bare},
    {"AUTHORIZATIONFAILED", CodeShape::bare},
    {"BADCHARSET", CodeShape::optional_list},
    {"BADCOMPARATOR", CodeShape::bare},
    {"BADEVENT", CodeShape::text},
    {"CANNOT", CodeShape::bare},
    {"CAPABILITY", CodeShape::words},
    {"CLIENTBUG", CodeShape::bare},
    {"CLOSED", CodeShape::bare},
    {"COMPRESSIONACTIVE", CodeShape::bare},
    {"CONTACTADMIN", CodeShape::bare},
    {"COPYUID", CodeShape::number_and_sets},
    {"CORRUPTION", CodeShape::bare},
    {"EXPIRED", CodeShape::bare},
    {"EXPUNGEISSUED", CodeShape::bare},
    {"HASCHILDREN", CodeShape::bare},
    {"HIGHESTMODSEQ", CodeShape::number},
    {"INPROGRESS", CodeShape::text},
    {"INUSE", CodeShape::bare},
    {"LIMIT", CodeShape::bare},
    {"MAILBOXID", CodeShape::object_id},
    {"MESSAGELIMIT", CodeShape::number_and_uid},
    {"MODIFIED", CodeShape::numbers},
    {"NONEXISTENT", CodeShape::bare},
    {"NOMODSEQ", CodeShape::bare},
    {"NOPERM", CodeShape::bare},
    {"NOTSAVED", CodeShape::bare},
    {"NOUPDATE", CodeShape::text},
    {"OVERQUOTA", CodeShape::bare},
    {"PARSE", CodeShape::bare},
    {"PERMANENTFLAGS", CodeShape::list},
    {"PRIVACYREQUIRED", CodeShape::bare},
    {"READ-ONLY", CodeShape::bare},
    {"READ-WRITE", CodeShape::bare},
    {"SERVERBUG", CodeShape::bare},
    {"TOOBIG", CodeShape::bare},
    {"TRYCREATE", CodeShape::bare},
    {"UIDNEXT", CodeShape::number},
    {"UIDNOTSTICKY", CodeShape::bare},
    {"UIDREQUIRED", CodeShape::bare},
    {"UIDVALIDITY", CodeShape::number},
    {"UNAVAILABLE", CodeShape::bare},
    {"UNKNOWN-CTE", CodeShape::bare},
    {"UNSEEN", CodeShape::number},
    {"USEATTR", CodeShape::bare},
    {"", CodeShape::text},
};
static_assert(std::size(kCodes) == static_cast<std::size_t>(CodeKind::other) + 1);
static_assert(kCodes[static_cast<std::size_t>(CodeKind::modified)].name == "MODIFIED");
static_assert(kCodes[static_cast<std::size_t>(CodeKind::use_attr)].name == "USEATTR");

constexpr std::string_view kConditions[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};

constexpr std::string_view kAttributes[] = {
    "\\NonExistent", "\\Noinferiors", "\\Noselect", "\\HasChildren", "\\HasNoChildren", "\\Marked",
    "\\Unmarked",    "\\Subscribed",  "\\Remote",   "\\All",         "\\Archive",       "\\Drafts",
    "\\Flagged",     "\\Junk",        "\\Sent",     "\\Trash",       "\\Important",
};
static_assert(std::size(kAttributes) == kMailboxAttributeCount);

template <class Enum, std::size_t count>
std::optional<Enum> find_name(const std::string_view (&names)[count], std::string_view name) {
    const auto* found =
        std::ranges::find_if(names, [&](std::string_view row) { return ascii_iequals(row, name); });
    if (found == std::end(names)) {
        return std::nullopt;
    }
    return static_cast<Enum>(found - names);
}

}  // namespace

std::string_view code_name(CodeKind kind) {
    return kCodes[static_cast<std::size_t>(kind)].name;
}
CodeShape code_shape(CodeKind kind) {
    return kCodes[static_cast<std::size_t>(kind)].shape;
}

CodeKind find_code(std::string_view name) {
    const auto* found = std::ranges::find_if(
        kCodes, [&](const CodeRow& row) { return !name.empty() && ascii_iequals(row.name, name); });
    return found == std::end(kCodes) ? CodeKind::other : static_cast<CodeKind>(found - kCodes);
}

std::string_view condition_name(Condition condition) {
    return kConditions[static_cast<std::size_t>(condition)];
}
std::optional<Condition> find_condition(std::string_view name) {
    return find_name<Condition>(kConditions, name);
}

std::string_view attribute_name(MailboxAttribute attribute) {
    return kAttributes[static_cast<std::size_t>(attribute)];
}
std::optional<MailboxAttribute> find_attribute(std::string_view name) {
    return find_name<MailboxAttribute>(kAttributes, name);
}

std::optional<StatusItem> find_status_item(std::string_view name) {
    for (std::size_t i = 0; i < kStatusItemCount; ++i) {
        const auto item = static_cast<StatusItem>(i);
        if (ascii_iequals(status_item_name(item), name)) {
            return item;
        }
    }
    return std::nullopt;
}

ResponseCode ResponseCode::append_uid(std::uint32_t uid_validity, OrderedRanges uids) {
    auto code = of(CodeKind::append_uid, uid_validity);
    code.target = std::move(uids);
    return code;
}

ResponseCode ResponseCode::copy_uid(std::uint32_t uid_validity, OrderedRanges source,
                                    OrderedRanges target) {
    auto code = of(CodeKind::copy_uid, uid_validity);
    code.source = std::move(source);
    code.target = std::move(target);
    return code;
}

ResponseCode ResponseCode::modified(const RangeSet& numbers) {
    auto code = of(CodeKind::modified);
    code.source = numbers.ranges();
    return code;
}

ResponseCode ResponseCode::mailbox_id(std::string_view id) {
    auto code = of(CodeKind::mailbox_id);
    code.text = id;
    return code;
}

ResponseCode ResponseCode::permanent_flags(std::vector<std::string> flags) {
    auto code = of(CodeKind::permanent_flags);
    code.words = std::move(flags);
    return code;
}

ResponseCode ResponseCode::capability(std::vector<std::string> names) {
    auto code = of(CodeKind::capability);
    code.words = std::move(names);
    return code;
}

void ResponseCode::clear() {
    kind = CodeKind::none;
    number = 0;
    source.clear();
    target.clear();
    words.clear();
    text.clear();
}

void ListData::clear() {
    is_lsub = false;
    attributes = {};
    other_attributes.clear();
    separator.reset();
    mailbox.clear();
    child_info.clear();
    old_name.reset();
}

void StatusData::clear() {
    *this = StatusData();
}

void SearchData::clear() {
    is_sort = false;
    numbers.clear();
    modseq.reset();
}

void EsearchData::clear() {
    *this = EsearchData();
}

void VanishedData::clear() {
    is_earlier = false;
    uids.clear();
}

void NamespaceData::clear() {
    *this = NamespaceData();
}
void QuotaData::clear() {
    *this = QuotaData();
}
void QuotaRootData::clear() {
    *this = QuotaRootData();
}

}  // namespace tidemark::protocol
