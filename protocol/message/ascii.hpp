#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// Character classes of header text, independent of the locale.
namespace tidemark::protocol::message {

constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t';
}
constexpr bool is_line_break(char c) {
    return c == '\r' || c == '\n';
}
constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_ascii(char c) {
    return static_cast<unsigned char>(c) < 0x80;
}
constexpr bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr char to_upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

constexpr int hex_value(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// How many bytes at the start of `text` are ASCII, eight at a time.
inline std::size_t ascii_prefix_size(std::string_view text) {
    constexpr std::uint64_t kHighBits = 0x8080808080808080;
    std::size_t i = 0;
    for (; i + sizeof(std::uint64_t) <= text.size(); i += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + i, sizeof(word));
        if ((word & kHighBits) != 0) {
            break;
        }
    }
    while (i < text.size() && is_ascii(text[i])) {
        ++i;
    }
    return i;
}

}  // namespace tidemark::protocol::message
