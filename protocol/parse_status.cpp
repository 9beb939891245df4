#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tidemark::protocol {

namespace {

constexpr std::array<std::pair<std::string_view, StatusItem>, 10> kStatusItems = {{
    {"MESSAGES", StatusItem::messages},
    {"RECENT", StatusItem::recent},
    {"UIDNEXT", StatusItem::uid_next},
    {"UIDVALIDITY", StatusItem::uid_validity},
    {"UNSEEN", StatusItem::unseen},
    {"DELETED", StatusItem::deleted},
    {"SIZE", StatusItem::size},
    {"HIGHESTMODSEQ", StatusItem::highest_modseq},
    {"MAILBOXID", StatusItem::mailbox_id},
    {"APPENDLIMIT", StatusItem::append_limit},
}};

}  // namespace

std::string_view status_item_name(StatusItem item) {
    return kStatusItems[static_cast<std::size_t>(item)].first;
}

// RFC 9051 §9:
//   "(" status-att *(SP status-att) ")"
//   status-att = "MESSAGES" / "UIDNEXT" / "UIDVALIDITY" / "UNSEEN" / "DELETED" / "SIZE"
// with RECENT (RFC 3501 §9), HIGHESTMODSEQ (RFC 7162 §7), MAILBOXID (RFC 8474 §7), APPENDLIMIT (RFC
// 7889 §5).
bool parse_status_items(Cursor& cursor, StatusItems& items) {
    if (!cursor.expect('(', "status-att")) return false;
    do {
        const std::string_view word = cursor.peek_word();
        const auto found =
            std::find_if(kStatusItems.begin(), kStatusItems.end(),
                         [&](const auto& item) { return ascii_iequals(item.first, word); });
        if (found == kStatusItems.end()) {
            return cursor.fail(
                word.empty() ? ParseErrorKind::syntax : ParseErrorKind::unknown_option,
                "status-att");
        }
        items.add(found->second);
        cursor.advance(word.size());
    } while (cursor.accept(' '));
    return cursor.expect(')', "status-att");
}

// RFC 9051 §9: status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
bool parse_status(Cursor& cursor, command::Status& status) {
    return parse_mailbox_argument(cursor, status.mailbox) && cursor.expect_space("status") &&
           parse_status_items(cursor, status.items);
}

}  // namespace tidemark::protocol
