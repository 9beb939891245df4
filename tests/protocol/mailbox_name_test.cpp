#include "protocol/mailbox_name.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol {
namespace {

using Error = MailboxNameError;

MailboxName name_of(std::string_view utf8) {
    const auto name = MailboxName::from_utf8(utf8);
    REQUIRE(name);
    return *name;
}

bool matches(std::string_view pattern, std::string_view name) {
    const auto compiled = ListPattern::from_utf8(pattern);
    REQUIRE(compiled);
    return compiled->matches(name);
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) {
        out += text;
    }
    return out;
}

TEST_CASE("modified UTF-7 is read and written alike") {
    struct Row {
        const char* wire;
        const char* utf8;
    };
    const Row rows[] = {
        {"", ""},
        {"INBOX", "INBOX"},
        {"a&-b", "a&b"},
        {"&-", "&"},
        {"&AOk-", "é"},
        {"&-&AOk-&-", "&é&"},
        {"Entw&APw-rfe", "Entwürfe"},
        {"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"},  // RFC 3501 §5.1.3
        {"Hi Mom &Jjo-!", "Hi Mom ☺!"},
        {"&2D3eAA-", "😀"},
        {"&AAE-", "\x01"},
        {"&AH8-", "\x7f"},
        {"&AOkA6QDp-", "ééé"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.wire);
        const auto decoded = decode_modified_utf7(row.wire);
        REQUIRE(decoded);
        CHECK(*decoded == row.utf8);
        CHECK(encode_modified_utf7(row.utf8) == row.wire);
    }
}

TEST_CASE("modified UTF-7 in another than its canonical form is refused") {
    const std::string wires[] = {
        "&",                   // open
        "&AOk",                // open
        "&AO-",                // not a whole character
        "&AOkA-",              // one digit too many
        "&AOl-",               // pad bits set
        "&AGE-",               // encodes 'a'
        "&ACY-",               // encodes '&'
        "&U,BTFw-&ZeVnLIqe-",  // superfluous shift, RFC 3501 §5.1.3
        "&2D0-",               // half a pair
        "&3gA-",               // the other half
        "&2D0AYQ-",            // half and a character
        "&AOk=-",              // pad character
        "&AO/-",               // '/' is ',' here
        "\xc3\xa9",            // 8-bit
        "a\tb",                // control
        std::string("a\0b", 3),
        "&&AOk-",
    };
    for (const auto& wire : wires) {
        CAPTURE(wire);
        const auto decoded = decode_modified_utf7(wire);
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error() == Error::bad_utf7);
    }
}

TEST_CASE("UTF-8 is checked as RFC 3629 says") {
    for (const auto* text : {"", "a", "é", "\xdf\xbf", "\xe0\xa0\x80", "\xef\xbf\xbf",
                             "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
        CHECK(is_valid_utf8(text));
    }
    for (const auto* text : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80",
                             "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                             "\xe2\x82", "\xc3\xc3", "a\xf0\x9f\x98"}) {
        CAPTURE(text);
        CHECK_FALSE(is_valid_utf8(text));
    }
}

TEST_CASE("a mailbox name travels in both encodings") {
    const auto name = MailboxName::from_wire("Entw&APw-rfe/R&-D", NameEncoding::utf7);
    REQUIRE(name);
    CHECK(name->utf8() == "Entwürfe/R&D");
    CHECK(name->to_wire(NameEncoding::utf8) == "Entwürfe/R&D");
    CHECK(name->to_wire(NameEncoding::utf7) == "Entw&APw-rfe/R&-D");
    CHECK(*MailboxName::from_wire("Entwürfe/R&D", NameEncoding::utf8) == *name);
    CHECK(MailboxName::from_wire("Entwürfe", NameEncoding::utf7).error() == Error::bad_utf7);
    CHECK(MailboxName::from_wire("R&D", NameEncoding::utf7).error() == Error::bad_utf7);
    // In UTF-8 an ampersand is itself.
    CHECK(MailboxName::from_wire("Entw&APw-rfe", NameEncoding::utf8)->utf8() == "Entw&APw-rfe");
}

TEST_CASE("names that look alike are one name") {
    CHECK(name_of("Cafe\xcc\x81") == name_of("Café"));
    CHECK(name_of("\xe2\x84\xab") == name_of("Å"));
    CHECK(name_of("Café").utf8() == "Café");
    CHECK_FALSE(name_of("Foo") == name_of("foo"));
}

TEST_CASE("INBOX is one mailbox in any case, also above others") {
    for (const auto* text : {"INBOX", "inbox", "InBox"}) {
        CHECK(name_of(text).is_inbox());
        CHECK(name_of(text) == MailboxName::inbox());
    }
    CHECK(name_of("inbox/foo").utf8() == "INBOX/foo");
    CHECK(name_of("inbox/inbox").utf8() == "INBOX/inbox");
    CHECK(name_of("foo/inbox").utf8() == "foo/inbox");
    CHECK(name_of("inboxes").utf8() == "inboxes");
    CHECK_FALSE(name_of("INBOX/foo").is_inbox());
}

TEST_CASE("names that break a rule are refused with the rule") {
    struct Row {
        std::string utf8;
        Error error;
    };
    const Row rows[] = {
        {"", Error::empty},
        {"/", Error::empty_component},
        {"/a", Error::empty_component},
        {"a/", Error::empty_component},
        {"a//b", Error::empty_component},
        {"a%", Error::wildcard},
        {"*", Error::wildcard},
        {"a\r\nb", Error::control_character},
        {std::string("a\0", 2), Error::control_character},
        {"a\x7f", Error::control_character},
        {"a\xc2\x85", Error::control_character},
        {"a\xe2\x80\xa8", Error::control_character},
        {"a\xe2\x80\xa9", Error::control_character},
        {"\xff", Error::bad_utf8},
        {std::string(256, 'a'), Error::component_too_long},
        {repeated("é", 128), Error::component_too_long},
        {repeated("a/", 50) + "a", Error::too_deep},
        {repeated(std::string(200, 'a') + "/", 5) + "a", Error::too_long},
        {std::string(100'000, 'a'), Error::too_long},
    };
    for (const auto& row : rows) {
        CAPTURE(row.utf8.substr(0, 40));
        const auto name = MailboxName::from_utf8(row.utf8);
        REQUIRE_FALSE(name);
        CHECK(name.error() == row.error);
        CHECK_FALSE(describe(name.error()).empty());
    }
    CHECK(MailboxName::from_utf8(std::string(255, 'a')));
    CHECK(MailboxName::from_utf8(repeated("a/", 49) + "a"));
    CHECK(MailboxName::from_utf8("#news.misc"));
    CHECK(MailboxName::from_utf8("a b"));
    CHECK(MailboxName::from_utf8("\xc2\xa0"));
}

TEST_CASE("a trailing separator is dropped only where it is asked for") {
    using Trailing = MailboxName::TrailingSeparator;
    CHECK(MailboxName::from_wire("foo/", NameEncoding::utf7).error() == Error::empty_component);
    CHECK(MailboxName::from_wire("foo/", NameEncoding::utf7, Trailing::drop)->utf8() == "foo");
    CHECK(MailboxName::from_wire("foo//", NameEncoding::utf7, Trailing::drop).error() ==
          Error::empty_component);
    CHECK(MailboxName::from_wire("/", NameEncoding::utf7, Trailing::drop).error() == Error::empty);
}

TEST_CASE("a name knows its place in the hierarchy") {
    const auto name = name_of("a/b/c");
    CHECK(name.depth() == 3);
    CHECK(name.leaf() == "c");
    CHECK(name.parent()->utf8() == "a/b");
    CHECK_FALSE(name_of("a").parent());
    CHECK(name_of("a").leaf() == "a");
    CHECK(name.components() == std::vector<std::string_view>{"a", "b", "c"});
    CHECK(name.is_under(name_of("a")));
    CHECK_FALSE(name.is_under(name));
    CHECK_FALSE(name_of("ab").is_under(name_of("a")));
}

TEST_CASE("renaming a parent moves what is under it") {
    CHECK(name_of("a/b/c").moved(name_of("a/b"), name_of("x"))->utf8() == "x/c");
    CHECK(name_of("a/b").moved(name_of("a/b"), name_of("x/y"))->utf8() == "x/y");
    CHECK(name_of("a/bc").moved(name_of("a/b"), name_of("x"))->utf8() == "a/bc");
    const auto deep = name_of(repeated("a/", 40) + "a");
    CHECK(deep.moved(name_of("a"), name_of(repeated("b/", 20) + "b")).error() == Error::too_deep);
}

TEST_CASE("LIST patterns match as RFC 9051 section 6.3.9 says") {
    struct Row {
        const char* pattern;
        const char* name;
        bool matches;
    };
    const Row rows[] = {
        {"*", "a", true},
        {"*", "a/b/c", true},
        {"%", "a", true},
        {"%", "a/b", false},
        {"%/%", "a/b", true},
        {"%/%", "a/b/c", false},
        {"a*", "a/b/c", true},
        {"a%", "ab", true},
        {"a%", "a/b", false},
        {"%b", "a/b", false},
        {"*b", "a/b", true},
        {"a/%", "a/b", true},
        {"a/%", "a", false},
        {"a/*", "a/b/c", true},
        {"a*c", "abbbc", true},
        {"a*c", "abbbd", false},
        {"a%/*d", "ab/c/d", true},
        {"%*", "a/b", true},
        {"*%", "a/b", true},
        {"%%", "a/b", false},
        {"", "", true},
        {"", "a", false},
        {"a", "a", true},
        {"a", "A", false},
        {"a", "ab", false},
        {"ab", "a", false},
        {"inbox", "INBOX", true},
        {"iNb%", "INBOX", true},
        {"inbox/%", "INBOX/a", true},
        {"*box", "INBOX", true},
        {"inbox/A", "INBOX/a", false},
        {"INBOX", "INBOXes", false},
        {"inbox%", "INBOXes", false},
        {"%é", "Café", true},
        {"a?", "ab", false},
        {"#news/*", "#news/x", true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.pattern);
        CAPTURE(row.name);
        CHECK(matches(row.pattern, row.name) == row.matches);
    }
}

TEST_CASE("a pattern longer than a machine word matches") {
    const std::string name = repeated("abcdefghij", 20);
    CHECK(matches(name, name));
    CHECK(matches(name + "%", name));
    CHECK(matches("%" + name, name));
    CHECK_FALSE(matches(name + "x", name));
    for (std::size_t cut = 0; cut <= name.size(); ++cut) {
        CAPTURE(cut);
        CHECK(matches(name.substr(0, cut) + "%" + name.substr(cut), name));
        CHECK(matches(name.substr(0, cut) + "*", name));
        CHECK_FALSE(matches(name.substr(0, cut) + "%Z" + name.substr(cut), name));
    }
}

TEST_CASE("a pattern made to backtrack is answered at once") {
    // A backtracking matcher would need more than 10^30 steps.
    const std::string name(1000, 'a');
    CHECK_FALSE(matches(repeated("*a", 400) + "b", name));
    CHECK_FALSE(matches(repeated("%a", 200) + repeated("*a", 200) + "b", name));
    CHECK(matches(repeated("*a", 400) + "*", name));
}

TEST_CASE("a pattern is put together from the reference and decoded") {
    const auto pattern = ListPattern::from_wire("Entw&APw-rfe/", "%", NameEncoding::utf7);
    REQUIRE(pattern);
    CHECK(pattern->matches("Entwürfe/a"));
    CHECK_FALSE(pattern->matches("Entwürfe/a/b"));
    CHECK(pattern->literal_prefix() == "Entwürfe/");
    CHECK(pattern->has_wildcard());
    CHECK_FALSE(ListPattern::from_wire("", "Entwürfe", NameEncoding::utf7));
    CHECK(ListPattern::from_wire("", "Entwu\xcc\x88rfe", NameEncoding::utf8)->matches("Entwürfe"));
    CHECK(ListPattern::from_wire("", "**%", NameEncoding::utf7)->matches_all());
    CHECK_FALSE(ListPattern::from_utf8("a/b")->has_wildcard());
    CHECK(ListPattern::from_utf8(std::string(1001, 'a')).error() == Error::too_long);
    CHECK(ListPattern::from_utf8(std::string(1001, '*')));
}

}  // namespace
}  // namespace tidemark::protocol
