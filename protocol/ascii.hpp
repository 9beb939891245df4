#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Character classes of the IMAP grammar and case-insensitive comparison of US-ASCII. Independent of
// the locale.

namespace tidemark::protocol {

constexpr char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr char ascii_upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}
constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr bool ascii_iequals(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
    }
    return true;
}

// Negative, zero or positive, as strcmp of the lower-case forms.
constexpr int ascii_icompare(std::string_view a, std::string_view b) {
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
        const int difference = static_cast<unsigned char>(ascii_lower(a[i])) -
                               static_cast<unsigned char>(ascii_lower(b[i]));
        if (difference != 0) return difference;
    }
    return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

inline std::string ascii_to_upper(std::string_view text) {
    std::string upper(text);
    for (char& c : upper) c = ascii_upper(c);
    return upper;
}

namespace detail {

enum : std::uint8_t {
    kAtomChar = 1,
    kAstringChar = 2,
    kListChar = 4,
    kTagChar = 8,
    kQuotedChar = 16
};

constexpr std::array<std::uint8_t, 256> make_character_classes() {
    std::array<std::uint8_t, 256> classes{};
    for (unsigned i = 0; i < 256; ++i) {
        const char c = static_cast<char>(i);
        const bool is_ctl = i < 0x20 || i == 0x7f;
        std::uint8_t bits = 0;
        if (c != '\0' && c != '\r' && c != '\n' && c != '"' && c != '\\') bits |= kQuotedChar;
        const bool special = c == '(' || c == ')' || c == '{' || c == ' ' || c == '%' || c == '*' ||
                             c == '"' || c == '\\' || c == ']';
        if (i < 0x80 && !is_ctl && !special)
            bits |= kAtomChar | kAstringChar | kListChar | kTagChar;
        if (c == ']') bits |= kAstringChar | kListChar | kTagChar;
        if (c == '%' || c == '*') bits |= kListChar;
        if (c == '+') bits &= static_cast<std::uint8_t>(~kTagChar);
        classes[i] = bits;
    }
    return classes;
}

inline constexpr auto kCharacterClasses = make_character_classes();

constexpr bool has_class(char c, std::uint8_t bits) {
    return (kCharacterClasses[static_cast<unsigned char>(c)] & bits) != 0;
}

}  // namespace detail

// RFC 9051 §9 "ATOM-CHAR"
constexpr bool is_atom_char(char c) {
    return detail::has_class(c, detail::kAtomChar);
}
// RFC 9051 §9 "ASTRING-CHAR"
constexpr bool is_astring_char(char c) {
    return detail::has_class(c, detail::kAstringChar);
}
// RFC 9051 §9 "list-char"
constexpr bool is_list_char(char c) {
    return detail::has_class(c, detail::kListChar);
}
// RFC 9051 §9 "tag": any ASTRING-CHAR except "+"
constexpr bool is_tag_char(char c) {
    return detail::has_class(c, detail::kTagChar);
}
// RFC 9051 §9 "QUOTED-CHAR" without its escapes; 8-bit bytes are let through, their validity is
// judged by whoever knows what the string means.
constexpr bool is_quoted_char(char c) {
    return detail::has_class(c, detail::kQuotedChar);
}

// True for a non-empty string of characters that satisfy `is`.
template <class Predicate>
constexpr bool all_of_class(std::string_view text, Predicate is) {
    for (const char c : text) {
        if (!is(c)) return false;
    }
    return !text.empty();
}

}  // namespace tidemark::protocol
