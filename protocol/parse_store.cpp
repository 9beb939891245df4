#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

namespace tidemark::protocol {

namespace {

// RFC 4466 §2.5 and RFC 7162 §7:
//   store-modifiers = SP "(" store-modifier *(SP store-modifier) ")"
//   store-modifier  =/ "UNCHANGEDSINCE" SP mod-sequence-valzer   ; only one may be specified
bool parse_store_modifiers(Cursor& cursor, command::Store& store) {
    if (!cursor.expect('(', "store-modifier")) return false;
    if (!cursor.accept_word("UNCHANGEDSINCE")) {
        return cursor.fail(ParseErrorKind::unknown_option, "store-modifier");
    }
    return cursor.expect_space("store-modifier") &&
           parse_number64(cursor, store.unchanged_since.emplace(), "mod-sequence-valzer") &&
           cursor.expect(')', "store-modifier") && cursor.expect_space("store-att-flags");
}

// RFC 9051 §9: flag *(SP flag)
bool parse_bare_flags(Cursor& cursor, std::vector<Flag>& flags) {
    do {
        if (!parse_flag(cursor, flags)) return false;
        if (cursor.at_command_end()) return true;
    } while (cursor.accept(' '));
    return cursor.fail(ParseErrorKind::syntax, "store-att-flags");
}

}  // namespace

// RFC 9051 §9; the modifiers by RFC 4466 §3 "store":
//   store           = "STORE" SP sequence-set [store-modifiers] SP store-att-flags
//   store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
bool parse_store(Cursor& cursor, command::Store& store) {
    if (!cursor.expect_space("sequence-set") || !parse_sequence_set(cursor, store.set) ||
        !cursor.expect_space("store-att-flags")) {
        return false;
    }
    if (cursor.peek() == '(' && !parse_store_modifiers(cursor, store)) return false;
    if (cursor.accept('+')) {
        store.mode = command::Store::Mode::add;
    } else if (cursor.accept('-')) {
        store.mode = command::Store::Mode::remove;
    }
    if (cursor.accept_word("FLAGS.SILENT")) {
        store.is_silent = true;
    } else if (!cursor.accept_word("FLAGS")) {
        return cursor.fail(ParseErrorKind::syntax, "store-att-flags");
    }
    if (!cursor.expect_space("store-att-flags")) return false;
    return cursor.peek() == '(' ? parse_flag_list(cursor, store.flags)
                                : parse_bare_flags(cursor, store.flags);
}

// RFC 9051 §9: copy = "COPY" SP sequence-set SP mailbox, move = "MOVE" SP sequence-set SP mailbox
bool parse_set_and_mailbox(Cursor& cursor, SequenceSet& set, WireMailbox& mailbox) {
    return cursor.expect_space("sequence-set") && parse_sequence_set(cursor, set) &&
           parse_mailbox_argument(cursor, mailbox);
}

}  // namespace tidemark::protocol
