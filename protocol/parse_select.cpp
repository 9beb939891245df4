#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

namespace tidemark::protocol {

namespace {

// RFC 7162 §7: known-uids, known-sequence-set, known-uid-set: a sequence-set in which "*" (and "$")
// is not allowed
bool parse_known_set(Cursor& cursor, SequenceSet& set, std::string_view rule) {
    const std::size_t start = cursor.position();
    if (!parse_sequence_set(cursor, set)) return false;
    if (set.has_star() || set.has_saved_result()) {
        return cursor.fail_at(start, ParseErrorKind::syntax, rule);
    }
    return true;
}

// RFC 7162 §7:
//   select-param       =/ "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids]
//                         [SP seq-match-data] ")"
//   seq-match-data     = "(" known-sequence-set SP known-uid-set ")"
//   uidvalidity        = nz-number
// deviation: uidvalidity 0 and modseq 0 are let through; clients that know nothing yet send them,
// and are told everything: no mailbox has that uidvalidity, and every change comes after modseq 0.
bool parse_qresync(Cursor& cursor, QresyncParameter& qresync) {
    if (!cursor.expect_space("select-param") || !cursor.expect('(', "select-param") ||
        !parse_number(cursor, qresync.uid_validity, "uidvalidity") ||
        !cursor.expect_space("select-param") ||
        !parse_number64(cursor, qresync.modseq, "mod-sequence-value")) {
        return false;
    }
    bool has_more = cursor.accept(' ');
    if (has_more && cursor.peek() != '(') {
        if (!parse_known_set(cursor, qresync.known_uids.emplace(), "known-uids")) return false;
        has_more = cursor.accept(' ');
    }
    if (has_more) {
        auto& match = qresync.match.emplace();
        if (!cursor.expect('(', "seq-match-data") ||
            !parse_known_set(cursor, match.sequence_numbers, "known-sequence-set") ||
            !cursor.expect_space("seq-match-data") ||
            !parse_known_set(cursor, match.uids, "known-uid-set") ||
            !cursor.expect(')', "seq-match-data")) {
            return false;
        }
    }
    return cursor.expect(')', "select-param");
}

}  // namespace

// RFC 9051 §9: select = "SELECT" SP mailbox, examine = "EXAMINE" SP mailbox; RFC 4466 §3:
//   select        = "SELECT" SP mailbox [select-params]
//   select-params = SP "(" select-param *(SP select-param) ")"
// RFC 7162 §7: select-param =/ "CONDSTORE". The parameters come in any order, each once.
bool parse_select(Cursor& cursor, command::Select& select) {
    if (!parse_mailbox_argument(cursor, select.mailbox)) return false;
    if (cursor.at_command_end()) return true;
    if (!cursor.expect_space("select-params") || !cursor.expect('(', "select-params")) return false;
    do {
        if (!select.condstore && cursor.accept_word("CONDSTORE")) {
            select.condstore = true;
        } else if (!select.qresync && cursor.accept_word("QRESYNC")) {
            if (!parse_qresync(cursor, select.qresync.emplace())) return false;
        } else {
            return cursor.fail(ParseErrorKind::unknown_option, "select-param");
        }
    } while (cursor.accept(' '));
    return cursor.expect(')', "select-params");
}

}  // namespace tidemark::protocol
