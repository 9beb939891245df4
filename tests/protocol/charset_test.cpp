#include "protocol/charset.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

namespace tidemark::protocol {
namespace {

std::string utf8(std::string_view charset, std::string_view bytes) {
    std::string out;
    return append_utf8(charset, bytes, out) ? out : "(unknown)";
}

}  // namespace

TEST_CASE("charsets of mail become UTF-8") {
    const struct {
        std::string_view charset;
        std::string bytes;
        std::string text;
    } cases[] = {
        {"utf-8", "\xC3\xA9", "\xC3\xA9"},
        {"UTF8", "\xC3\xA9", "\xC3\xA9"},
        {"us-ascii", "abc", "abc"},
        {"", "\xC3\xA9", "\xC3\xA9"},
        {"ISO-8859-1", "\xE9", "\xC3\xA9"},
        {"latin1", "\x93x\x94", "\xE2\x80\x9Cx\xE2\x80\x9D"},
        {"iso-8859-15", "\xA4", "\xE2\x82\xAC"},
        {"windows-1251", "\xCF\xF0", "\xD0\x9F\xD1\x80"},
        {"KOI8-R", "\xF0\xD2", "\xD0\x9F\xD1\x80"},
        {"iso-2022-jp", "\x1B$B%F\x1B(B", "\xE3\x83\x86"},
        {"shift_jis", "\x83\x65", "\xE3\x83\x86"},
        {"gb2312", "\xC4\xE3", "\xE4\xBD\xA0"},
        {"ks_c_5601-1987", "\xC7\xD1", "\xED\x95\x9C"},
        {"utf-7", "+AOk-", "\xC3\xA9"},
        {"utf-16be", std::string("\xD8\x3D\xDE\x00", 4), "\xF0\x9F\x98\x80"},
        {"\"utf-8\"", "x", "x"},
    };
    for (const auto& item : cases) {
        CAPTURE(item.charset);
        CHECK(utf8(item.charset, item.bytes) == item.text);
    }
}

TEST_CASE("unknown charsets are refused, and names are no way to options or files") {
    CHECK(utf8("x-nothing", "abc") == "(unknown)");
    CHECK(utf8("ibm-1047,swaplfnl", "abc") == "(unknown)");
    CHECK(utf8("../../etc/passwd", "abc") == "(unknown)");
    CHECK(utf8(std::string(1000, 'a'), "abc") == "(unknown)");
    CHECK_FALSE(is_known_charset(""));
    CHECK_FALSE(is_known_charset("unknown-8bit"));
    for (const std::string_view name : search_charsets()) {
        CAPTURE(name);
        CHECK(is_known_charset(name));
    }
}

TEST_CASE("ill-formed UTF-8 is replaced by maximal subparts") {
    const std::string bad = "\xEF\xBF\xBD";
    CHECK(utf8("utf-8", "a\xFFz") == "a" + bad + "z");
    CHECK(utf8("utf-8", "\xC0\x80") == bad + bad);
    CHECK(utf8("utf-8", "\xE2\x82") == bad);
    CHECK(utf8("utf-8", "\xE2\x82z") == bad + "z");
    CHECK(utf8("utf-8", "\xED\xA0\x80") == bad + bad + bad);
    CHECK(utf8("utf-8", "\xF4\x90\x80\x80") == bad + bad + bad + bad);
}

TEST_CASE("a text in pieces decodes as the whole") {
    const struct {
        std::string_view charset;
        std::string bytes;
    } cases[] = {
        {"utf-8", "a\xC3\xA9\xF0\x9F\x98\x80\xE2\x82"},
        {"iso-2022-jp", "x\x1B$B%F%9\x1B(By"},
        {"utf-16le", std::string("\x3D\xD8\x00\xDE"
                                 "a\0",
                                 6)},
        {"gb18030", "\xC4\xE3\x81\x30\x81\x30"},
        {"x-unknown", "a\xFF"},
    };
    for (const auto& item : cases) {
        std::string whole;
        CharsetDecoder once(item.charset);
        once.decode(item.bytes, whole);
        once.finish(whole);
        for (std::size_t cut = 0; cut <= item.bytes.size(); ++cut) {
            CAPTURE(cut);
            std::string out;
            CharsetDecoder decoder(item.charset);
            decoder.decode(std::string_view(item.bytes).substr(0, cut), out);
            decoder.decode(std::string_view(item.bytes).substr(cut), out);
            decoder.finish(out);
            CHECK(out == whole);
        }
    }
}

TEST_CASE("a converter that is used again starts anew") {
    std::string out;
    {
        CharsetDecoder decoder("iso-2022-jp");
        decoder.decode("\x1B$B%F", out);  // left in the two-byte state
    }
    CHECK(utf8("iso-2022-jp", "abc") == "abc");
    std::thread([] { CHECK(utf8("iso-2022-jp", "abc") == "abc"); }).join();
}

}  // namespace tidemark::protocol
