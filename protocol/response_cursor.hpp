#pragma once

#include "protocol/cursor.hpp"
#include "protocol/parse_response.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// The reading position in one response, with the strings that only a reader of responses meets.
// Only the parsers of responses include this. Same error convention as Cursor.

namespace tidemark::protocol {

struct StringValue {
    bool is_nil = false;
    bool is_streamed = false;
    std::uint64_t size = 0;
    std::string_view bytes;
};

class ResponseCursor : public Cursor {
  public:
    ResponseCursor(std::string_view text, std::span<const StreamedLiteral> streamed,
                   std::forward_list<std::string>& unescaped)
        : Cursor(text), streamed_(streamed), unescaped_(&unescaped) {}

    void skip_spaces() {
        while (accept(' ')) {
        }
    }

    // quoted, literal, literal8 or NIL
    [[nodiscard]] bool read_nstring(StringValue& value, std::string_view rule);
    // The same without NIL, or a run of characters other than space, parentheses and controls.
    [[nodiscard]] bool read_astring(std::string_view& text, std::string_view rule);
    // Anything: an atom, a string or a parenthesised list. `raw` is the value as it stands.
    [[nodiscard]] bool skip_value(std::string_view& raw, std::string_view rule);
    // 1*DIGIT [":" 1*DIGIT] separated by commas, 0 and "*" refused.
    [[nodiscard]] bool read_ranges(OrderedRanges& ranges, std::string_view rule);
    // BODY[HEADER.FIELDS ("A]" B)]: up to the bracket that closes.
    [[nodiscard]] bool skip_brackets();

  private:
    bool read_quoted(std::string_view& text, std::string_view rule);
    bool read_literal(StringValue& value, std::string_view rule);

    std::span<const StreamedLiteral> streamed_;
    std::forward_list<std::string>* unescaped_;
};

// response_fetch.cpp: "(" … ")" behind the word FETCH.
[[nodiscard]] bool read_fetch(ResponseCursor& cursor, FetchData& fetch);
// response_code.cpp: "[" … "]" if there is one. What a server gets wrong inside becomes
// CodeKind::other; an opening bracket without a closing one is text.
void read_code(ResponseCursor& cursor, ResponseCode& code);

}  // namespace tidemark::protocol
