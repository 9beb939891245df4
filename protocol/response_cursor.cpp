#include "protocol/response_cursor.hpp"

#include "protocol/parse_basic.hpp"

#include <algorithm>

namespace tidemark::protocol {
namespace {

bool is_value_char(char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '(' && c != ')' && c != '"';
}

}  // namespace

// quoted          = DQUOTE *QUOTED-CHAR DQUOTE
// deviation: a backslash before any character stands for that character.
bool ResponseCursor::read_quoted(std::string_view& text, std::string_view rule) {
    if (!expect('"', rule)) {
        return false;
    }
    const auto bytes = rest();
    const auto end = bytes.find_first_of("\"\\\r\n");
    if (end == std::string_view::npos) {
        return fail(ParseErrorKind::syntax, rule);
    }
    if (bytes[end] == '"') {
        text = bytes.substr(0, end);
        advance(end + 1);
        return true;
    }
    std::string& copy = unescaped_->emplace_front(bytes.substr(0, end));
    for (std::size_t at = end; at < bytes.size(); ++at) {
        const char c = bytes[at];
        if (c == '"') {
            text = copy;
            advance(at + 1);
            return true;
        }
        if (c == '\r' || c == '\n' || (c == '\\' && ++at == bytes.size())) {
            break;
        }
        copy += bytes[at];
    }
    return fail(ParseErrorKind::syntax, rule);
}

// literal         = "{" number64 ["+"] "}" CRLF *CHAR8        ("~" before it: literal8)
bool ResponseCursor::read_literal(StringValue& value, std::string_view rule) {
    std::uint64_t size = 0;
    if (!parse_literal_size(*this, peek() == '~', size)) {
        return false;
    }
    accept('\r');
    if (!expect('\n', rule)) {
        return false;
    }
    const auto here = position();
    value.size = size;
    value.is_streamed = std::ranges::any_of(
        streamed_, [here](const StreamedLiteral& literal) { return literal.position == here; });
    if (value.is_streamed) {
        return true;
    }
    if (size > rest().size()) {
        return fail(ParseErrorKind::syntax, rule);
    }
    value.bytes = rest().substr(0, size);
    advance(size);
    return true;
}

bool ResponseCursor::read_nstring(StringValue& value, std::string_view rule) {
    value = {};
    switch (peek()) {
        case '"':
            if (!read_quoted(value.bytes, rule)) {
                return false;
            }
            value.size = value.bytes.size();
            return true;
        case '{':
        case '~':
            return read_literal(value, rule);
        default:
            value.is_nil = accept_word("NIL");
            return value.is_nil || fail(ParseErrorKind::syntax, rule);
    }
}

bool ResponseCursor::read_astring(std::string_view& text, std::string_view rule) {
    if (peek() == '"') {
        return read_quoted(text, rule);
    }
    if (peek() == '{') {
        StringValue value;
        if (!read_literal(value, rule)) {
            return false;
        }
        text = value.bytes;
        return !value.is_streamed || fail(ParseErrorKind::too_long, rule);
    }
    text = take_while(is_value_char);
    return !text.empty() || fail(ParseErrorKind::syntax, rule);
}

bool ResponseCursor::skip_value(std::string_view& raw, std::string_view rule) {
    const auto before = rest();
    std::size_t depth = 0;
    do {
        if (accept('(')) {
            if (++depth > kResponseNestingMax) {
                return fail(ParseErrorKind::too_deep, rule);
            }
        } else if (depth > 0 && accept(')')) {
            --depth;
        } else if (peek() == '"') {
            // Only its end matters here; read_quoted would copy one that has escapes.
            const auto bytes = rest();
            std::size_t end = 1;
            while (end < bytes.size() && bytes[end] != '"') {
                end += bytes[end] == '\\' ? 2 : 1;
            }
            if (end >= bytes.size()) {
                return fail(ParseErrorKind::syntax, rule);
            }
            advance(end + 1);
        } else if (peek() == '{' || peek() == '~') {
            StringValue value;
            if (!read_literal(value, rule)) {
                return false;
            }
        } else if (take_while(is_value_char).empty()) {
            return fail(ParseErrorKind::syntax, rule);
        }
        if (depth > 0) {
            skip_spaces();
        }
    } while (depth > 0);
    raw = before.substr(0, before.size() - rest().size());
    return true;
}

bool ResponseCursor::read_ranges(OrderedRanges& ranges, std::string_view rule) {
    do {
        NumberRange range;
        if (!parse_nz_number(*this, range.first, rule)) {
            return false;
        }
        range.last = range.first;
        if (accept(':') && !parse_nz_number(*this, range.last, rule)) {
            return false;
        }
        if (range.last < range.first) {
            std::swap(range.first, range.last);
        }
        ranges.push_back(range);
    } while (accept(','));
    return true;
}

bool ResponseCursor::skip_brackets() {
    constexpr std::string_view kRule = "section";
    if (!expect('[', kRule)) {
        return false;
    }
    while (!accept(']')) {
        std::string_view raw;
        if (accept(' ')) {
            continue;
        }
        if (peek() == '"' || peek() == '{') {
            if (!skip_value(raw, kRule)) {
                return false;
            }
        } else if (at_end() || static_cast<unsigned char>(peek()) < 0x20) {
            return fail(ParseErrorKind::syntax, kRule);
        } else {
            advance(1);
        }
    }
    return true;
}

}  // namespace tidemark::protocol
