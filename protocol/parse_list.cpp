#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

namespace tidemark::protocol {

namespace {

// RFC 9051 §9, RFC 5258 §6:
//   list-select-opts = "(" [(*(list-select-opt SP) list-select-base-opt *(SP list-select-opt)) /
//                      (list-select-independent-opt *(SP list-select-independent-opt))] ")"
// and RFC 6154 §6: list-select-independent-opt =/ "SPECIAL-USE". RECURSIVEMATCH needs a base
// option; SUBSCRIBED is the only one.
bool parse_selection(Cursor& cursor, ListSelection& selection) {
    const std::size_t start = cursor.position();
    if (!cursor.expect('(', "list-select-opts")) return false;
    if (cursor.accept(')')) return true;
    do {
        if (cursor.accept_word("SUBSCRIBED")) {
            selection.subscribed = true;
        } else if (cursor.accept_word("REMOTE")) {
            selection.remote = true;
        } else if (cursor.accept_word("RECURSIVEMATCH")) {
            selection.recursive_match = true;
        } else if (cursor.accept_word("SPECIAL-USE")) {
            selection.special_use = true;
        } else {
            return cursor.fail(ParseErrorKind::unknown_option, "list-select-opt");
        }
    } while (cursor.accept(' '));
    if (!cursor.expect(')', "list-select-opts")) return false;
    if (selection.recursive_match && !selection.subscribed) {
        return cursor.fail_at(start, ParseErrorKind::syntax, "list-select-base-opt");
    }
    return true;
}

// RFC 9051 §9, RFC 5258 §6:
//   list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"
//   return-option    = "SUBSCRIBED" / "CHILDREN" / status-option / option-extension
//   status-option    = "STATUS" SP "(" status-att *(SP status-att) ")"
// and RFC 6154 §6: return-option =/ "SPECIAL-USE"
bool parse_returns(Cursor& cursor, ListReturn& returns) {
    if (!cursor.accept_word("RETURN"))
        return cursor.fail(ParseErrorKind::syntax, "list-return-opts");
    if (!cursor.expect_space("list-return-opts") || !cursor.expect('(', "list-return-opts")) {
        return false;
    }
    if (cursor.accept(')')) return true;
    do {
        if (cursor.accept_word("SUBSCRIBED")) {
            returns.subscribed = true;
        } else if (cursor.accept_word("CHILDREN")) {
            returns.children = true;
        } else if (cursor.accept_word("SPECIAL-USE")) {
            returns.special_use = true;
        } else if (cursor.accept_word("STATUS")) {
            if (!returns.status) returns.status.emplace();
            if (!cursor.expect_space("status-option") ||
                !parse_status_items(cursor, *returns.status)) {
                return false;
            }
        } else {
            return cursor.fail(ParseErrorKind::unknown_option, "return-option");
        }
    } while (cursor.accept(' '));
    return cursor.expect(')', "list-return-opts");
}

// RFC 9051 §9: mbox-or-pat = list-mailbox / patterns; RFC 5258 §6:
//   patterns = "(" list-mailbox *(SP list-mailbox) ")"
bool parse_patterns(Cursor& cursor, command::List& list) {
    if (!cursor.accept('(')) return parse_list_mailbox(cursor, list.patterns.emplace_back());
    list.is_extended = true;
    do {
        if (list.patterns.size() == kListPatternsMax) {
            return cursor.fail(ParseErrorKind::too_many, "patterns");
        }
        if (!parse_list_mailbox(cursor, list.patterns.emplace_back())) return false;
    } while (cursor.accept(' '));
    return cursor.expect(')', "patterns");
}

}  // namespace

// RFC 9051 §9: list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]
bool parse_list(Cursor& cursor, command::List& list) {
    if (!cursor.expect_space("list")) return false;
    if (cursor.peek() == '(') {
        list.is_extended = true;
        if (!parse_selection(cursor, list.selection) || !cursor.expect_space("list")) return false;
    }
    if (!parse_mailbox(cursor, list.reference) || !cursor.expect_space("mbox-or-pat") ||
        !parse_patterns(cursor, list)) {
        return false;
    }
    if (cursor.at_command_end()) return true;
    list.is_extended = true;
    return cursor.expect_space("list-return-opts") && parse_returns(cursor, list.returns);
}

// RFC 3501 §9: lsub = "LSUB" SP mailbox SP list-mailbox
bool parse_lsub(Cursor& cursor, command::Lsub& lsub) {
    return parse_mailbox_argument(cursor, lsub.reference) && cursor.expect_space("list-mailbox") &&
           parse_list_mailbox(cursor, lsub.pattern);
}

}  // namespace tidemark::protocol
