#include "protocol/message/base_subject.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol::message {

TEST_CASE("base subjects are extracted as RFC 5256 section 2.1 says") {
    const struct {
        std::string_view raw;
        std::string_view base;
        bool is_reply;
    } cases[] = {
        {"Hello", "Hello", false},
        {"Re: Hello", "Hello", true},
        {"RE :Hello", "Hello", true},
        {"Fw: fwd: re: Hello (fwd) (FWD)", "Hello", true},
        {"[list] Re: [x] Hello", "Hello", true},
        {"[list] Hello", "Hello", false},
        {"Re[2]: Hello", "Hello", true},
        {"Re [2] : Hello", "Hello", true},
        {"[fwd: Hello]", "Hello", true},
        {"[fwd: re: Hello (fwd)]", "Hello", true},
        {"[list]", "[list]", false},
        {"[a][b]", "[b]", false},
        {"Re:", "", true},
        {"", "", false},
        {"  a \t b\r\n\tc ", "a b c", false},
        {"=?utf-8?q?Re=3A_=C3=A9?=", "\xC3\xA9", true},
        {"Regarding: x", "Regarding: x", false},
        {"[open", "[open", false},
        {"Re [open: x", "Re [open: x", false},
    };
    for (const auto& item : cases) {
        CAPTURE(item.raw);
        const BaseSubject subject = base_subject(item.raw);
        CHECK(subject.text == item.base);
        CHECK(subject.is_reply_or_forward == item.is_reply);
    }
}

TEST_CASE("long subjects of nothing but markers end") {
    std::string text;
    for (int i = 0; i < 50'000; ++i) {
        text += "[a] ";
    }
    CHECK(base_subject(text + "x").text == "x");
    CHECK(base_subject(text).text == "[a]");
    CHECK(base_subject(text + "re: y").text == "y");
    std::string forwards;
    for (int i = 0; i < 50'000; ++i) {
        forwards += "[fwd:";
    }
    CHECK(base_subject(forwards + std::string(50'000, ']')).text.empty());
}

}  // namespace tidemark::protocol::message
