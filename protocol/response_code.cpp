#include "protocol/parse_basic.hpp"
#include "protocol/response_cursor.hpp"

namespace tidemark::protocol {
namespace {

constexpr std::string_view kCodeRule = "resp-text-code";

bool is_code_char(char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != ']' && c != '(' && c != ')' && c != '"';
}

bool read_words(ResponseCursor& cursor, std::vector<std::string>& words) {
    while (true) {
        cursor.skip_spaces();
        std::string_view word;
        if (cursor.peek() == '"') {
            if (!cursor.read_astring(word, kCodeRule)) {
                return false;
            }
        } else {
            word = cursor.take_while(is_code_char);
            if (word.empty()) {
                return true;
            }
        }
        words.emplace_back(word);
    }
}

bool read_list(ResponseCursor& cursor, std::vector<std::string>& words) {
    return cursor.expect(' ', kCodeRule) && cursor.expect('(', kCodeRule) &&
           read_words(cursor, words) && cursor.expect(')', kCodeRule);
}

// What follows the name, up to the closing bracket.
bool read_arguments(ResponseCursor& cursor, ResponseCode& code) {
    switch (code_shape(code.kind)) {
        case CodeShape::bare:
            return true;
        case CodeShape::number:
            return cursor.expect(' ', kCodeRule) && parse_number64(cursor, code.number, kCodeRule);
        case CodeShape::number_and_uid:
        case CodeShape::number_and_uids:
            return cursor.expect(' ', kCodeRule) &&
                   parse_number64(cursor, code.number, kCodeRule) &&
                   (!cursor.accept(' ') || cursor.read_ranges(code.target, kCodeRule));
        case CodeShape::number_and_sets:
            return cursor.expect(' ', kCodeRule) &&
                   parse_number64(cursor, code.number, kCodeRule) &&
                   cursor.expect(' ', kCodeRule) && cursor.read_ranges(code.source, kCodeRule) &&
                   cursor.expect(' ', kCodeRule) && cursor.read_ranges(code.target, kCodeRule);
        case CodeShape::numbers:
            return cursor.expect(' ', kCodeRule) && cursor.read_ranges(code.source, kCodeRule);
        case CodeShape::words:
            return read_words(cursor, code.words);
        case CodeShape::optional_list:
            // deviation: without the parentheses, as an example in RFC 9051 §6.4.4 has it.
            if (!cursor.rest().starts_with(" (")) {
                return read_words(cursor, code.words);
            }
            return read_list(cursor, code.words);
        case CodeShape::list:
            return read_list(cursor, code.words);
        case CodeShape::object_id: {
            std::vector<std::string> ids;
            if (!read_list(cursor, ids) || ids.size() != 1) {
                return false;
            }
            code.text = std::move(ids.front());
            return true;
        }
        case CodeShape::text:
            if (cursor.accept(' ')) {
                code.text = cursor.take_while([](char c) { return c != ']'; });
            }
            return true;
    }
    return false;
}

}  // namespace

// resp-text       = ["[" resp-text-code "]" SP] [text]
void read_code(ResponseCursor& cursor, ResponseCode& code) {
    const auto bytes = cursor.rest();
    const auto end = bytes.find(']');
    if (!bytes.starts_with('[') || end == std::string_view::npos) {
        return;
    }
    // On a copy: what goes wrong inside of the brackets is no error of the response.
    ResponseCursor inside = cursor;
    inside.advance(1);
    code.kind = find_code(inside.take_while(is_code_char));
    if (code.kind != CodeKind::other && read_arguments(inside, code) && inside.accept(']')) {
        cursor.advance(bytes.size() - inside.rest().size());
    } else {
        code.clear();
        code.kind = CodeKind::other;
        code.text = bytes.substr(1, end - 1);
        cursor.advance(end + 1);
    }
    cursor.accept(' ');
}

}  // namespace tidemark::protocol
