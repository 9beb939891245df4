#include "protocol/message/preview.hpp"

#include "protocol/charset.hpp"
#include "protocol/message/ascii.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/limits.hpp"
#include "protocol/message/structured_field.hpp"
#include "protocol/message/transfer_decode.hpp"

#include <array>
#include <utility>

namespace tidemark::protocol::message {
namespace {

const Part* find_text_part(const ParsedMessage& message, std::string_view subtype) {
    for (const Part& part : message.parts) {
        if (part.kind == PartKind::kLeaf && equals_ignoring_case(part.type, "text") &&
            equals_ignoring_case(part.subtype, subtype) && part.body_begin < part.body_end &&
            !equals_ignoring_case(parse_parameterised_field(part.disposition_field).type,
                                  "attachment")) {
            return &part;
        }
    }
    return nullptr;
}

std::string decoded_text(const ParsedMessage& message, const Part& part) {
    std::string bytes;
    TransferDecoder transfer(part.encoding);
    transfer.decode(message.body(part).substr(0, kPreviewSourceBytesMax), bytes);
    std::string text;
    CharsetDecoder charset(find_parameter(part.parameters, "charset"));
    charset.decode(bytes, text);
    return text;
}

/// Skips from "<style" or "<script" to the end tag of the same name; `position` is after the "<".
bool skip_raw_element(std::string_view html, std::size_t& position) {
    for (const std::string_view name : {std::string_view("style"), std::string_view("script")}) {
        if (!equals_ignoring_case(html.substr(position, name.size()), name)) {
            continue;
        }
        while ((position = html.find("</", position)) != std::string_view::npos) {
            position += 2;
            if (equals_ignoring_case(html.substr(position, name.size()), name)) {
                break;
            }
        }
        if (position == std::string_view::npos) {
            position = html.size();
        }
        return true;
    }
    return false;
}

/// The named characters that mail's first lines hold; others stay as they are written.
std::string_view entity_text(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kEntities{
        {{"amp", "&"},
         {"lt", "<"},
         {"gt", ">"},
         {"quot", "\""},
         {"apos", "'"},
         {"nbsp", " "},
         {"zwnj", ""}}};
    for (const auto& [entity, text] : kEntities) {
        if (entity == name) {
            return text;
        }
    }
    return {};
}

/// Appends the character reference at the "&" and moves past it, or the "&" alone.
void append_reference(std::string_view html, std::size_t& position, std::string& out) {
    const std::size_t end = html.substr(position, 12).find(';');
    const std::string_view name =
        end == std::string_view::npos ? std::string_view() : html.substr(position + 1, end - 1);
    const std::string_view text = entity_text(name);
    if (text.data() != nullptr) {
        out.append(text);
        position += end + 1;
        return;
    }
    if (name.size() > 1 && name.front() == '#') {
        const bool is_hex = to_lower(name[1]) == 'x';
        std::uint32_t code_point = 0;
        for (const char c : name.substr(is_hex ? 2 : 1)) {
            const int digit = is_hex ? hex_value(c) : is_digit(c) ? c - '0' : -1;
            code_point = digit < 0
                             ? 0x110000
                             : code_point * (is_hex ? 16 : 10) + static_cast<std::uint32_t>(digit);
            if (code_point >= 0x110000) {
                break;
            }
        }
        std::string big_endian;
        for (const int shift : {24, 16, 8, 0}) {
            big_endian.push_back(static_cast<char>(code_point >> shift));
        }
        if (code_point > 0x1F && code_point < 0x110000 &&
            append_utf8("utf-32be", big_endian, out)) {
            position += end + 1;
            return;
        }
    }
    out.push_back('&');
    ++position;
}

std::string without_markup(std::string_view html) {
    std::string out;
    std::size_t position = 0;
    while (position < html.size()) {
        if (html[position] == '&') {
            append_reference(html, position, out);
            continue;
        }
        if (html[position] != '<') {
            out.push_back(html[position++]);
            continue;
        }
        ++position;
        if (html.substr(position).starts_with("!--")) {
            const std::size_t end = html.find("-->", position);
            position = end == std::string_view::npos ? html.size() : end + 3;
        } else {
            static_cast<void>(skip_raw_element(html, position));
            const std::size_t end = html.find('>', position);
            position = end == std::string_view::npos ? html.size() : end + 1;
        }
        out.push_back(' ');
    }
    return out;
}

/// The text in one line, cut; lines that begin with ">" only where `with_quotes`.
std::string condensed(std::string_view text, bool with_quotes) {
    std::string out;
    std::size_t characters = 0;
    bool needs_space = false;
    bool is_line_start = true;
    std::size_t position = 0;
    while (position < text.size() && characters < kPreviewCharactersMax) {
        const char c = text[position];
        if (is_line_start && c == '>' && !with_quotes) {
            const std::size_t end = text.find('\n', position);
            position = end == std::string_view::npos ? text.size() : end + 1;
            continue;
        }
        is_line_start = c == '\n';
        if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
            needs_space = !out.empty();
            ++position;
            continue;
        }
        if (needs_space) {
            out.push_back(' ');
            needs_space = false;
            if (++characters == kPreviewCharactersMax) {
                break;
            }
        }
        // The text is valid UTF-8: a character is its first byte and the continuation bytes after
        // it.
        do {
            out.push_back(text[position++]);
        } while (position < text.size() &&
                 (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80);
        ++characters;
    }
    while (out.ends_with(' ')) {
        out.pop_back();
    }
    return out;
}

}  // namespace

std::string make_preview(const ParsedMessage& message) {
    if (const Part* plain = find_text_part(message, "plain")) {
        const std::string text = decoded_text(message, *plain);
        std::string preview = condensed(text, false);
        if (preview.empty()) {
            preview = condensed(text, true);
        }
        if (!preview.empty()) {
            return preview;
        }
    }
    const Part* html = find_text_part(message, "html");
    return html == nullptr ? std::string()
                           : condensed(without_markup(decoded_text(message, *html)), true);
}

}  // namespace tidemark::protocol::message
