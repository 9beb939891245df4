#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

namespace tidemark::protocol {

namespace {

// RFC 6154 §6: create-param =/ "USE" SP "(" [use-attr *(SP use-attr)] ")"
//              use-attr     = "\All" / … / "\Trash" / use-attr-ext,  use-attr-ext = "\" atom
bool parse_use(Cursor& cursor, std::vector<std::string>& attributes) {
    if (!cursor.expect_space("use-attr") || !cursor.expect('(', "use-attr")) return false;
    if (cursor.accept(')')) return true;
    do {
        if (attributes.size() == kUseAttributesMax) {
            return cursor.fail(ParseErrorKind::too_many, "use-attr");
        }
        if (!cursor.expect('\\', "use-attr")) return false;
        const std::string_view atom = cursor.take_while(is_atom_char);
        if (atom.empty()) return cursor.fail(ParseErrorKind::syntax, "use-attr");
        if (atom.size() > kAtomBytesMax) return cursor.fail(ParseErrorKind::too_long, "use-attr");
        attributes.emplace_back("\\").append(atom);
    } while (cursor.accept(' '));
    return cursor.expect(')', "use-attr");
}

}  // namespace

// RFC 9051 §9: delete = "DELETE" SP mailbox; the same for subscribe and unsubscribe
bool parse_mailbox_argument(Cursor& cursor, WireMailbox& mailbox) {
    return cursor.expect_space("mailbox") && parse_mailbox(cursor, mailbox);
}

// RFC 9051 §9: create = "CREATE" SP mailbox; RFC 4466 §3:
//   create        = "CREATE" SP mailbox [create-params]
//   create-params = SP "(" create-param *( SP create-param) ")"
bool parse_create(Cursor& cursor, command::Create& create) {
    if (!parse_mailbox_argument(cursor, create.mailbox)) return false;
    if (cursor.at_command_end()) return true;
    if (!cursor.expect_space("create-params") || !cursor.expect('(', "create-params")) return false;
    const std::string_view name = cursor.peek_word();
    if (name.empty()) return cursor.fail(ParseErrorKind::syntax, "create-param");
    if (!ascii_iequals(name, "USE"))
        return cursor.fail(ParseErrorKind::unknown_option, "create-param");
    cursor.advance(name.size());
    return parse_use(cursor, create.use_attributes) && cursor.expect(')', "create-params");
}

// RFC 9051 §9: rename = "RENAME" SP mailbox SP mailbox
bool parse_rename(Cursor& cursor, command::Rename& rename) {
    return parse_mailbox_argument(cursor, rename.from) && parse_mailbox_argument(cursor, rename.to);
}

// RFC 9208 §7: getquota = "GETQUOTA" SP quota-root-name,  quota-root-name = astring
bool parse_get_quota(Cursor& cursor, command::GetQuota& get_quota) {
    return cursor.expect_space("quota-root-name") && parse_astring(cursor, get_quota.root);
}

}  // namespace tidemark::protocol
