#include "protocol/charset.hpp"
#include "protocol/message/ascii.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/header_words.hpp"
#include "protocol/message/limits.hpp"
#include "protocol/message/substring_matcher.hpp"
#include "protocol/message/transfer_decode.hpp"

#include <algorithm>

namespace tidemark::protocol::message {
namespace {

bool is_text(const Part& part) {
    return part.kind == PartKind::kLeaf &&
           (equals_ignoring_case(part.type, "text") || equals_ignoring_case(part.type, "message"));
}

/// All fields of a header, decoded, with their names. Each is a text of its own.
bool match_whole_header(std::string_view header, const SubstringMatcher& matcher) {
    header = header.substr(0, kHeaderBytesMax);
    std::size_t position = 0;
    while (const auto field = next_field(header, position)) {
        SubstringMatcher::Scan scan(matcher);
        scan.feed(field->name);
        scan.feed(": ");
        scan.feed(decode_header_text(field->value));
        if (scan.finish()) {
            return true;
        }
    }
    return matcher.is_empty();
}

/// Whether a field of this name begins a line with it, and no line that goes on with another field
/// does: not so for names that no message has.
bool begins_lines(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(),
                                        [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
}

/// Past the lines that do not begin with `name`, folded ones included, to one that does, to the
/// blank line or to the end. `position` is where a line begins.
std::size_t skip_other_lines(std::string_view text, std::size_t position, std::string_view name) {
    while (position < text.size() && !is_line_break(text[position]) &&
           !equals_ignoring_case(text.substr(position, name.size()), name)) {
        const std::size_t newline = text.find('\n', position);
        position = newline == std::string_view::npos ? text.size() : newline + 1;
    }
    return position;
}

/// The body of a leaf, decoded piece by piece.
bool match_part(std::string_view body, const Part& part, const SubstringMatcher& matcher) {
    SubstringMatcher::Scan scan(matcher);
    TransferDecoder transfer(part.encoding);
    CharsetDecoder charset(find_parameter(part.parameters, "charset"));
    std::string bytes;
    std::string text;
    for (std::size_t i = 0; i < body.size(); i += kDecodeChunkBytes) {
        bytes.clear();
        text.clear();
        transfer.decode(body.substr(i, kDecodeChunkBytes), bytes);
        charset.decode(bytes, text);
        if (scan.feed(text)) {
            return true;
        }
    }
    bytes.clear();
    text.clear();
    transfer.finish(bytes);
    charset.decode(bytes, text);
    charset.finish(text);
    scan.feed(text);
    return scan.finish();
}

}  // namespace

bool match_header(std::string_view message, std::string_view name,
                  const SubstringMatcher& matcher) {
    return match_header_start(message.substr(0, kHeaderBytesMax), true, name, matcher)
        .value_or(false);
}

std::optional<bool> match_header_start(std::string_view start, bool is_whole, std::string_view name,
                                       const SubstringMatcher& matcher) {
    std::size_t position = 0;
    const bool skips = begins_lines(name);
    while (true) {
        if (skips) position = skip_other_lines(start, position, name);
        const auto field = next_field(start, position);
        // A field that goes on to the end may go on behind it.
        if (!is_whole && (field ? field->end : position) == start.size()) return std::nullopt;
        if (!field) return false;
        if (equals_ignoring_case(field->name, name) &&
            (matcher.is_empty() || matcher.matches(decode_header_text(field->value)))) {
            return true;
        }
    }
}

bool match_body(const ParsedMessage& message, const SubstringMatcher& matcher) {
    for (const Part& part : message.parts) {
        if (is_text(part) && match_part(message.body(part), part, matcher)) {
            return true;
        }
        const bool is_inner_message =
            part.parent != kNoPart && message.parts[part.parent].kind == PartKind::kMessage;
        if (is_inner_message && match_whole_header(message.header(part), matcher)) {
            return true;
        }
    }
    return matcher.is_empty();
}

bool match_text(const ParsedMessage& message, const SubstringMatcher& matcher) {
    return match_whole_header(message.header(message.parts.front()), matcher) ||
           match_body(message, matcher);
}

}  // namespace tidemark::protocol::message
