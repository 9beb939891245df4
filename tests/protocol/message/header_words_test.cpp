#include "protocol/message/header_words.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol::message {

TEST_CASE("encoded words are decoded as RFC 2047 section 8 shows") {
    const struct {
        std::string_view raw;
        std::string_view text;
    } cases[] = {
        {"(=?ISO-8859-1?Q?a?=)", "(a)"},
        {"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
        {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
        {"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
        {"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"},
        {"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
        {"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
        {"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
        {"=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xC3\xA9 Pirard"},
        {"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= "
         "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
         "If you can read this you understand the example."},
        {"=?utf-8*en?q?x?=", "x"},
    };
    for (const auto& item : cases) {
        CAPTURE(item.raw);
        CHECK(decode_header_text(item.raw) == item.text);
    }
}

TEST_CASE("what mail really holds is read, and what makes no sense stays") {
    const struct {
        std::string_view raw;
        std::string_view text;
    } cases[] = {
        {"\"=?utf-8?q?in_quotes?=\"", "\"in quotes\""},
        {"=?utf-8?q?with space?=", "with space"},
        {"=?utf-8?b?w6k?=", "\xC3\xA9"},
        {"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "\xC3\xA9"},
        {"=?utf-8?q?no end", "=?utf-8?q?no end"},
        {"=?utf-8?x?odd?=", "=?utf-8?x?odd?="},
        {"=?x-none?q?=E9?=", "=?x-none?q?=E9?="},
        {"=?x-none?q?ascii?=", "ascii"},
        {"=?"
         "?q?a?=",
         "=?"
         "?q?a?="},
        {"=?utf-8?q?"
         "?=",
         ""},
        {"a =?utf-8?q?open =?utf-8?q?b?=", "a =?utf-8?q?open b"},
        {"=?=?=?=?", "=?=?=?=?"},
        {"=?", "=?"},
        {"raw \xC3\xA9 \xE9", "raw \xC3\xA9 \xEF\xBF\xBD"},
        {"a\r\n b", "a b"},
    };
    for (const auto& item : cases) {
        CAPTURE(item.raw);
        CHECK(decode_header_text(item.raw) == item.text);
    }
}

TEST_CASE("extended parameters are decoded") {
    const std::vector<Parameter> parameters{{"filename*", "iso-8859-1'en'%E9%20x"},
                                            {"name", "=?utf-8?q?=C3=A9?="},
                                            {"bad*", "nothing"}};
    CHECK(decode_parameter(parameters, "filename") == "\xC3\xA9 x");
    CHECK(decode_parameter(parameters, "NAME") == "\xC3\xA9");
    CHECK(decode_parameter(parameters, "bad") == "nothing");
    CHECK(decode_parameter(parameters, "none").empty());
}

}  // namespace tidemark::protocol::message
