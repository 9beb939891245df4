#include "protocol/message/header_fields.hpp"

#include "protocol/message/ascii.hpp"

#include <algorithm>
#include <cstring>

namespace tidemark::protocol::message {
namespace {

/// Offset just past the line that starts at `position`.
std::size_t line_end(std::string_view text, std::size_t position) {
    const std::size_t newline = text.find('\n', position);
    return newline == std::string_view::npos ? text.size() : newline + 1;
}

bool is_blank_line(std::string_view text, std::size_t position) {
    return text[position] == '\n' ||
           (text[position] == '\r' && position + 1 < text.size() && text[position + 1] == '\n');
}

std::string_view without_line_end(std::string_view text) {
    if (!text.empty() && text.back() == '\n') {
        text.remove_suffix(1);
        if (!text.empty() && text.back() == '\r') {
            text.remove_suffix(1);
        }
    }
    return text;
}

}  // namespace

std::optional<HeaderField> next_field(std::string_view header, std::size_t& position) {
    if (position >= header.size() || is_blank_line(header, position)) {
        return std::nullopt;
    }
    HeaderField field;
    field.begin = position;
    std::size_t end = line_end(header, position);
    const std::string_view first_line = header.substr(position, end - position);
    while (end < header.size() && is_blank(header[end])) {
        end = line_end(header, end);
    }
    field.end = end;
    position = end;

    const std::size_t colon = first_line.find(':');
    std::size_t value_begin = field.begin;
    if (colon != std::string_view::npos) {
        std::string_view name = first_line.substr(0, colon);
        while (!name.empty() && is_blank(name.back())) {
            name.remove_suffix(1);
        }
        field.name = name;
        value_begin = field.begin + colon + 1;
    }
    field.value = without_line_end(header.substr(value_begin, end - value_begin));
    return field;
}

std::optional<std::string_view> find_field(std::string_view header, std::string_view name) {
    std::size_t position = 0;
    while (const auto field = next_field(header, position)) {
        if (equals_ignoring_case(field->name, name)) {
            return field->value;
        }
    }
    return std::nullopt;
}

std::size_t header_block_size(std::string_view bytes) {
    std::size_t position = 0;
    while (position < bytes.size()) {
        const std::size_t end = line_end(bytes, position);
        if (is_blank_line(bytes, position)) {
            return end;
        }
        position = end;
    }
    return bytes.size();
}

std::string unfold(std::string_view value) {
    std::string out;
    out.reserve(value.size());
    std::size_t i = 0;
    while (i < value.size() && is_blank(value[i])) {
        ++i;
    }
    for (; i < value.size(); ++i) {
        const char c = value[i];
        if (c == '\n' || (c == '\r' && i + 1 < value.size() && value[i + 1] == '\n')) {
            continue;
        }
        out.push_back(c);
    }
    return out;
}

std::string_view trim(std::string_view text) {
    const auto is_space = [](char c) { return is_blank(c) || is_line_break(c); };
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

bool equals_ignoring_case(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           std::equal(left.begin(), left.end(), right.begin(),
                      [](char a, char b) { return to_lower(a) == to_lower(b); });
}

}  // namespace tidemark::protocol::message
