#include "actors/auth/account_name.hpp"

#include "actors/auth/limits.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::actors;
using namespace std::string_view_literals;

TEST_CASE("account names are folded to one form") {
    struct Row {
        std::string_view name;
        std::string_view normalised;
    };
    const Row rows[] = {
        {"bob", "bob"},
        {"Bob@Example.ORG", "bob@example.org"},
        {"b.o-b_1", "b.o-b_1"},
        {"o'neill=x@host", "o'neill=x@host"},
        {"\xC3\x84rger", "\xC3\xA4rger"},                 // Ä
        {"A\xCC\x88rger", "\xC3\xA4rger"},                // A + combining diaeresis
        {"\xEF\xBC\xA2\xEF\xBD\x8F\xEF\xBD\x82", "bob"},  // full-width
        {"\xEF\xBD\xB1", "\xE3\x82\xA2"},                 // half-width katakana
        {"\xCE\xA3", "\xCF\x83"},                         // sigma
        {"\xE5\xB1\xB1@\xE4\xBE\x8B.jp", "\xE5\xB1\xB1@\xE4\xBE\x8B.jp"},
        {"\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D@example.org",
         "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D@example.org"},
        {"stra\xC3\x9F"
         "e",
         "stra\xC3\x9F"
         "e"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const auto normalised = normalize_account_name(row.name);
        REQUIRE(normalised);
        CHECK(*normalised == row.normalised);
        CHECK(normalize_account_name(*normalised) == *normalised);
    }
}

TEST_CASE("illegal account names are refused") {
    const std::string too_long(kAccountNameBytesMax + 1, 'x');
    for (const std::string_view name : {
             ""sv,
             "a/b"sv,
             "a+b"sv,
             "a+b@c"sv,
             "a@b+c"sv,
             "a*"sv,
             "a%"sv,
             "a b"sv,
             "a\tb"sv,
             "a\0b"sv,
             "a\x7F"sv,
             "a\r\n"sv,
             "@"sv,
             "a@"sv,
             "@b"sv,
             "a@b@c"sv,
             "."sv,
             ".."sv,
             ".a"sv,
             "a."sv,
             "a..b"sv,
             "a@.b"sv,
             "a@b."sv,
             "a@b..c"sv,
             "a\"b"sv,
             "a\\b"sv,
             "a:b"sv,
             "a,b"sv,
             "<a>"sv,
             "(a)"sv,
             "[a]"sv,
             "a;b"sv,
             "a@[1.2.3.4]"sv,
             "a@b_c"sv,
             "\xFF"sv,
             "\xED\xA0\x80"sv,
             "a\xC2\xA0"
             "b"sv,  // no-break space
             "a\xE2\x80\x8D"
             "b"sv,  // zero width joiner
             "a\xE2\x80\x8B"
             "b"sv,  // zero width space
             "a\xC2\xAD"
             "b"sv,                 // soft hyphen
             "\xEF\xAC\x81x"sv,     // ligature fi: HasCompat
             "\xE2\x99\xA5"sv,      // heart: a symbol
             "\xF0\x9F\x90\x9F"sv,  // emoji
             "\xEF\xBC\x8F"sv,      // full-width solidus, which maps to "/"
             "\xEF\xBC\x8B"sv,      // full-width plus
             "\xEF\xBC\xA0"sv,      // full-width at: would be an empty local part
             "a\xD7\xA9"sv,         // left-to-right and right-to-left mixed
             "\xD7\xA9"
             "a"sv,
             "\xE1\x84\x80"sv,  // old Hangul jamo
             std::string_view(too_long),
         }) {
        CAPTURE(name);
        const auto normalised = normalize_account_name(name);
        REQUIRE_FALSE(normalised);
        CHECK(normalised.error().kind == AuthErrorKind::bad_name);
    }
    CHECK(normalize_account_name(std::string(kAccountNameBytesMax, 'x')).has_value());
}
