#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

namespace tidemark::protocol {

namespace {

// RFC 9051 §9: nstring = string / nil
// deviation: an atom other than NIL is taken as a string; small clients send ID values without
// quotes.
bool parse_id_value(Cursor& cursor, std::optional<std::string>& value) {
    const bool is_bare = cursor.peek() != '"' && cursor.peek() != '{';
    std::string text;
    const std::size_t start = cursor.position();
    if (!parse_astring(cursor, text)) return false;
    if (is_bare && ascii_iequals(text, "NIL")) return true;
    if (text.size() > kIdValueBytesMax) {
        return cursor.fail_at(start, ParseErrorKind::too_long, "id-params-list");
    }
    value = std::move(text);
    return true;
}

bool is_base64_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '+' ||
           c == '/' || c == '=';
}

}  // namespace

// RFC 2971 §4:
//   id             = "ID" SP id-params-list
//   id-params-list = "(" [string SP nstring *(SP string SP nstring)] ")" / nil
bool parse_id(Cursor& cursor, command::Id& id) {
    constexpr std::string_view kRule = "id-params-list";
    if (!cursor.expect_space(kRule)) return false;
    if (cursor.accept_word("NIL")) return true;
    if (!cursor.expect('(', kRule)) return false;
    auto& pairs = id.pairs.emplace();
    if (cursor.accept(')')) return true;
    do {
        if (pairs.size() == kIdPairsMax) return cursor.fail(ParseErrorKind::too_many, kRule);
        const std::size_t start = cursor.position();
        auto& [field, value] = pairs.emplace_back();
        if (!parse_astring(cursor, field)) return false;
        if (field.size() > kIdFieldBytesMax) {
            return cursor.fail_at(start, ParseErrorKind::too_long, kRule);
        }
        if (!cursor.expect_space(kRule) || !parse_id_value(cursor, value)) return false;
    } while (cursor.accept(' '));
    return cursor.expect(')', kRule);
}

// RFC 9051 §9:
//   authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64)
//   initial-resp = (base64 / "=")
// The lines after the first are read by Fragmenter::next_line. Whether the text is valid base64 is
// judged where it is decoded, so that the answer is that of the mechanism.
bool parse_authenticate(Cursor& cursor, command::Authenticate& authenticate) {
    if (!cursor.expect_space("auth-type")) return false;
    if (!parse_upper_atom(cursor, authenticate.mechanism, "auth-type")) return false;
    if (cursor.at_command_end()) return true;
    if (!cursor.expect_space("initial-resp")) return false;
    const std::string_view response = cursor.take_while(is_base64_char);
    if (response.empty()) return cursor.fail(ParseErrorKind::syntax, "initial-resp");
    authenticate.initial_response = SecretString(response == "=" ? std::string_view() : response);
    return true;
}

// RFC 9051 §9: login = "LOGIN" SP userid SP password
bool parse_login(Cursor& cursor, command::Login& login) {
    std::string password;
    const bool is_parsed = cursor.expect_space("userid") && parse_astring(cursor, login.user) &&
                           cursor.expect_space("password") && parse_astring(cursor, password);
    login.password = SecretString::take(password);
    return is_parsed;
}

// RFC 9051 §9: enable = "ENABLE" 1*(SP capability)
bool parse_enable(Cursor& cursor, command::Enable& enable) {
    do {
        if (!cursor.expect_space("capability")) return false;
        if (enable.capabilities.size() == kEnableNamesMax) {
            return cursor.fail(ParseErrorKind::too_many, "enable");
        }
        if (!parse_upper_atom(cursor, enable.capabilities.emplace_back(), "capability"))
            return false;
    } while (!cursor.at_command_end());
    return true;
}

// RFC 4978 §5:
//   compress  = "COMPRESS" SP algorithm
//   algorithm = "DEFLATE"
bool parse_compress(Cursor& cursor, command::Compress& compress) {
    return cursor.expect_space("algorithm") &&
           parse_upper_atom(cursor, compress.mechanism, "algorithm");
}

}  // namespace tidemark::protocol
