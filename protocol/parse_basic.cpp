#include "protocol/parse_basic.hpp"

#include <charconv>
#include <cstring>

namespace tidemark::protocol {

namespace {

bool parse_digits(Cursor& cursor, std::uint64_t max, std::uint64_t& number, std::string_view rule) {
    const std::size_t start = cursor.position();
    const std::string_view digits = cursor.take_while(is_digit);
    if (digits.empty()) return cursor.fail(ParseErrorKind::syntax, rule);
    const auto error = std::from_chars(digits.data(), digits.data() + digits.size(), number).ec;
    if (error != std::errc{} || number > max) {
        return cursor.fail_at(start, ParseErrorKind::out_of_range, rule);
    }
    return true;
}

// 8-bit characters are no ATOM-CHAR.
// deviation: accepted where a string is expected. Clients send Latin-1 and UTF-8 passwords and
// search words without quotes; refusing them as BAD locks users out, and what the bytes mean is
// judged later in any case.
bool is_lenient_astring_char(char c) {
    return is_astring_char(c) || static_cast<unsigned char>(c) >= 0x80;
}
bool is_lenient_list_char(char c) {
    return is_list_char(c) || static_cast<unsigned char>(c) >= 0x80;
}

constexpr std::uint64_t kUint32Max = UINT32_MAX;

}  // namespace

// RFC 9051 §9: number64 = 1*DIGIT  ; unsigned 63-bit integer
bool parse_number64(Cursor& cursor, std::uint64_t& number, std::string_view rule) {
    return parse_digits(cursor, kNumber64Max, number, rule);
}

// RFC 9051 §9: number = 1*DIGIT  ; unsigned 32-bit integer
bool parse_number(Cursor& cursor, std::uint32_t& number, std::string_view rule) {
    std::uint64_t wide = 0;
    if (!parse_digits(cursor, kUint32Max, wide, rule)) return false;
    number = static_cast<std::uint32_t>(wide);
    return true;
}

// RFC 9051 §9: nz-number = digit-nz *DIGIT
bool parse_nz_number(Cursor& cursor, std::uint32_t& number, std::string_view rule) {
    if (cursor.peek() == '0') return cursor.fail(ParseErrorKind::out_of_range, rule);
    return parse_number(cursor, number, rule);
}

// RFC 9051 §9 and RFC 7888 §8, RFC 4466 §3:
//   literal  = "{" number64 ["+"] "}" CRLF *CHAR8
//   literal8 = "~{" number64 ["+"] "}" CRLF *OCTET
bool parse_literal_size(Cursor& cursor, bool is_literal8, std::uint64_t& size) {
    const std::string_view rule = is_literal8 ? "literal8" : "literal";
    if (is_literal8 && !cursor.expect('~', rule)) return false;
    if (!cursor.expect('{', rule) || !parse_number64(cursor, size, rule)) return false;
    cursor.accept('+');
    return cursor.expect('}', rule);
}

bool parse_literal(Cursor& cursor, bool is_literal8, std::string& bytes) {
    const std::string_view rule = is_literal8 ? "literal8" : "literal";
    std::uint64_t size = 0;
    if (!parse_literal_size(cursor, is_literal8, size)) return false;
    cursor.accept('\r');
    if (!cursor.expect('\n', rule)) return false;
    if (size > cursor.rest().size()) return cursor.fail(ParseErrorKind::syntax, rule);
    const std::string_view content = cursor.rest().substr(0, static_cast<std::size_t>(size));
    if (!is_literal8) {
        const std::size_t nul = content.find('\0');
        if (nul != std::string_view::npos) {
            return cursor.fail_at(cursor.position() + nul, ParseErrorKind::nul_byte, rule);
        }
    }
    bytes = content;
    cursor.advance(content.size());
    return true;
}

// RFC 9051 §9:
//   quoted      = DQUOTE *QUOTED-CHAR DQUOTE
//   QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials / UTF8-2 / UTF8-3 /
//   UTF8-4
bool parse_quoted(Cursor& cursor, std::string& text) {
    if (!cursor.expect('"', "quoted")) return false;
    text = cursor.take_while(is_quoted_char);
    while (!cursor.accept('"')) {
        if (cursor.at_end()) return cursor.fail(ParseErrorKind::syntax, "quoted");
        if (!cursor.accept('\\')) {
            return cursor.fail(
                cursor.peek() == '\0' ? ParseErrorKind::nul_byte : ParseErrorKind::syntax,
                "quoted");
        }
        const char escaped = cursor.peek();
        if (escaped != '"' && escaped != '\\') {
            return cursor.fail(ParseErrorKind::syntax, "quoted-specials");
        }
        cursor.advance(1);
        text += escaped;
        text += cursor.take_while(is_quoted_char);
    }
    return true;
}

// RFC 9051 §9: string = quoted / literal
bool parse_string(Cursor& cursor, std::string& text) {
    return cursor.peek() == '{' ? parse_literal(cursor, false, text) : parse_quoted(cursor, text);
}

// RFC 9051 §9: astring = 1*ASTRING-CHAR / string
bool parse_astring(Cursor& cursor, std::string& text) {
    const char first = cursor.peek();
    if (first == '"' || first == '{') return parse_string(cursor, text);
    const std::string_view atom = cursor.take_while(is_lenient_astring_char);
    if (atom.empty()) return cursor.fail(ParseErrorKind::syntax, "astring");
    text = atom;
    return true;
}

// RFC 9051 §9: list-mailbox = 1*list-char / string
bool parse_list_mailbox(Cursor& cursor, std::string& pattern) {
    const char first = cursor.peek();
    if (first == '"' || first == '{') return parse_string(cursor, pattern);
    const std::string_view atom = cursor.take_while(is_lenient_list_char);
    if (atom.empty()) return cursor.fail(ParseErrorKind::syntax, "list-mailbox");
    pattern = atom;
    return true;
}

// RFC 9051 §9: mailbox = "INBOX" / astring
bool parse_mailbox(Cursor& cursor, WireMailbox& mailbox) {
    return parse_astring(cursor, mailbox.bytes);
}

bool parse_upper_atom(Cursor& cursor, std::string& atom, std::string_view rule) {
    const std::size_t start = cursor.position();
    const std::string_view text = cursor.take_while(is_atom_char);
    if (text.empty()) return cursor.fail(ParseErrorKind::syntax, rule);
    if (text.size() > kAtomBytesMax) return cursor.fail_at(start, ParseErrorKind::too_long, rule);
    atom = ascii_to_upper(text);
    return true;
}

// RFC 9051 §9: date = date-text / DQUOTE date-text DQUOTE
bool parse_date_argument(Cursor& cursor, Date& date) {
    const std::size_t start = cursor.position();
    const bool is_quoted = cursor.accept('"');
    const auto parsed = parse_date(cursor.take_word());
    if (!parsed) return cursor.fail_at(start, ParseErrorKind::syntax, "date-text");
    date = *parsed;
    return !is_quoted || cursor.expect('"', "date");
}

// RFC 9051 §9: date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone
// DQUOTE
bool parse_date_time_argument(Cursor& cursor, DateTime& time) {
    const std::size_t start = cursor.position();
    if (!cursor.expect('"', "date-time")) return false;
    const auto parsed = parse_date_time(cursor.take_while(is_quoted_char));
    if (!parsed) return cursor.fail_at(start, ParseErrorKind::syntax, "date-time");
    time = *parsed;
    return cursor.expect('"', "date-time");
}

// RFC 9051 §9 "sequence-set", see SequenceSet::parse_prefix.
bool parse_sequence_set(Cursor& cursor, SequenceSet& set) {
    std::string_view rest = cursor.rest();
    const std::size_t before = rest.size();
    auto parsed = SequenceSet::parse_prefix(rest);
    if (!parsed) {
        return cursor.fail_at(cursor.position() + parsed.error().offset, parsed.error().kind,
                              parsed.error().rule);
    }
    set = *std::move(parsed);
    cursor.advance(before - rest.size());
    return true;
}

// RFC 9051 §9:
//   flag           = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword /
//   flag-extension flag-extension = "\" atom flag-keyword   = "$MDNSent" / "$Forwarded" / "$Junk" /
//   "$NotJunk" / "$Phishing" / atom
// deviation: \Recent, which the rule leaves out, is let through: clients append a message with the
// flags that they fetched. The session drops it.
bool parse_flag(Cursor& cursor, std::vector<Flag>& flags) {
    const std::size_t start = cursor.position();
    const std::string_view rest = cursor.rest();
    cursor.accept('\\');
    cursor.take_while(is_atom_char);
    auto flag = Flag::parse(rest.substr(0, cursor.position() - start));
    if (!flag) return cursor.fail_at(start, flag.error().kind, "flag");
    if (flags.size() == kFlagsMax) return cursor.fail_at(start, ParseErrorKind::too_many, "flag");
    flags.push_back(*std::move(flag));
    return true;
}

// RFC 9051 §9: flag-list = "(" [flag *(SP flag)] ")"
bool parse_flag_list(Cursor& cursor, std::vector<Flag>& flags) {
    if (!cursor.expect('(', "flag-list")) return false;
    if (cursor.accept(')')) return true;
    do {
        if (!parse_flag(cursor, flags)) return false;
    } while (cursor.accept(' '));
    return cursor.expect(')', "flag-list");
}

}  // namespace tidemark::protocol
