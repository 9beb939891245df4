#include "protocol/message/substring_matcher.hpp"

#include "protocol/message/casemap.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/header_words.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace tidemark::protocol::message {
namespace {

bool matches(std::string_view needle, std::string_view text) {
    return SubstringMatcher(needle).matches(text);
}

const std::string kSearched =
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= an\r\n alle\r\n"
    "From: J\xC3\xB6rg <joerg@example.com>\r\n"
    "X-Empty:\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    "Caf=E9 at the Cor=\r\nner\r\n"
    "--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "PHA+SGlkZGVu\r\n"
    "--b\r\nContent-Type: application/octet-stream\r\n\r\nattached\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?inn=65r?=\r\n\r\ndeep text\r\n"
    "--b--\r\n";

}  // namespace

TEST_CASE("texts are compared without regard to case, composition and compatibility") {
    CHECK(matches("", "anything"));
    CHECK(matches("", ""));
    CHECK(matches("hello", "say HELLO there"));
    CHECK(matches("HELLO", "hello"));
    CHECK_FALSE(matches("hello", "hell"));
    CHECK_FALSE(matches("hello", ""));
    CHECK(matches("\xC3\x89T\xC3\x89", "\xC3\xA9t\xC3\xA9"));
    CHECK(matches("e\xCC\x81", "\xC3\xA9"));
    CHECK(matches("stra\xC3\x9F\x65", "STRASSE"));
    CHECK(matches("STRASSE", "Stra\xC3\x9F\x65"));
    CHECK(matches("\xCF\x83", "\xCE\xA3"));
    CHECK(matches("\xCF\x82", "\xCE\xA3"));
    CHECK(matches("fi", "\xEF\xAC\x81"));
    CHECK(matches("\xD0\x9F\xD0\xA0", "\xD0\xBF\xD1\x80"));
    CHECK_FALSE(matches("\xC3\xA9", "e"));
    CHECK_FALSE(matches("[", "{"));
    CHECK_FALSE(matches("@", "`"));
}

TEST_CASE("every piece of a random text is found and nothing that is not there") {
    constexpr unsigned kSeed = 4711;
    CAPTURE(kSeed);
    std::mt19937 random(kSeed);
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        const std::size_t size = random() % 200;
        for (std::size_t i = 0; i < size; ++i) {
            text += static_cast<char>("abAB[{"[random() % 6]);
        }
        const std::size_t begin = random() % (size + 1);
        std::string needle = text.substr(begin, random() % 12);
        if (round % 2 == 1 && !needle.empty()) {
            needle[random() % needle.size()] = "abAB[{"[random() % 6];
        }
        CAPTURE(text);
        CAPTURE(needle);
        const bool expected = casemapped(text).find(casemapped(needle)) != std::string::npos;
        const SubstringMatcher matcher(needle);
        CHECK(matcher.matches(text) == expected);
        SubstringMatcher::Scan scan(matcher);
        for (std::size_t i = 0; i < text.size();) {
            const std::size_t piece = 1 + random() % 20;
            scan.feed(std::string_view(text).substr(i, piece));
            i += piece;
        }
        CHECK(scan.finish() == expected);
    }
}

TEST_CASE("a text that nearly matches everywhere is searched to the end") {
    const std::string text(1 << 20, 'a');
    CHECK_FALSE(matches("a" + std::string(5000, 'b') + "a", text));
    CHECK_FALSE(matches(std::string(5000, 'a') + "b" + std::string(5000, 'a'), text));
    CHECK(matches(std::string(5000, 'a') + "b" + std::string(5000, 'a'), text + "b" + text));
}

TEST_CASE("pieces cut in a character match across the cut, but not across a restart") {
    const SubstringMatcher matcher("x\xC3\xA9y");
    SubstringMatcher::Scan scan(matcher);
    CHECK_FALSE(scan.feed("..X\xC3"));
    CHECK(scan.feed("\x89Y"));
    SubstringMatcher::Scan other(matcher);
    CHECK_FALSE(other.feed("x\xC3\xA9"));
    other.restart();
    CHECK_FALSE(other.feed("y"));
    CHECK_FALSE(other.finish());
}

TEST_CASE("headers are searched decoded and unfolded") {
    CHECK(match_header(kSearched, "subject", SubstringMatcher("GR\xC3\x9CSSE an alle")));
    CHECK(match_header(kSearched, "FROM", SubstringMatcher("j\xC3\xB6rg")));
    CHECK_FALSE(match_header(kSearched, "to", SubstringMatcher("")));
    CHECK(match_header(kSearched, "x-empty", SubstringMatcher("")));
    CHECK_FALSE(match_header(kSearched, "subject", SubstringMatcher("j\xC3\xB6rg")));
    CHECK_FALSE(match_header(kSearched, "content-transfer-encoding", SubstringMatcher("")));
}

TEST_CASE("bodies are searched in decoded text parts, nested messages included") {
    const ParsedMessage message = parse_message(kSearched);
    const auto in_body = [&](std::string_view text) {
        return match_body(message, SubstringMatcher(text));
    };
    CHECK(in_body("caf\xC3\xA9 at"));
    CHECK(in_body("corner"));
    CHECK(in_body("<p>hidden"));
    CHECK(in_body("DEEP"));
    CHECK(in_body("inner"));
    CHECK(in_body(""));
    CHECK_FALSE(in_body("attached"));
    CHECK_FALSE(in_body("alle"));
    CHECK_FALSE(in_body("corner<p>"));
    CHECK(match_text(message, SubstringMatcher("alle")));
    CHECK(match_text(message, SubstringMatcher("deep text")));
    CHECK(match_text(message, SubstringMatcher("from: j")));
    CHECK_FALSE(match_text(message, SubstringMatcher("attached")));
}

TEST_CASE("a needle is found wherever the decoded pieces are cut") {
    std::string body = "Content-Transfer-Encoding: quoted-printable\r\n\r\n";
    for (int i = 0; i < 20'000; ++i) {
        body += "=C3=A9=\r\n";
    }
    body += "needle";
    const ParsedMessage message = parse_message(body);
    CHECK(match_body(message, SubstringMatcher("\xC3\xA9\xC3\xA9needle")));
    std::string many;
    for (int i = 0; i < 9'000; ++i) {
        many += "\xC3\x89";
    }
    CHECK(match_body(message, SubstringMatcher(many)));
}

TEST_CASE("sort keys order as i;unicode-casemap does") {
    CHECK(casemapped("abc") == "ABC");
    CHECK(casemapped("a_") > casemapped("aZ"));
    CHECK(casemapped("\xC3\xA9") == "E\xCC\x81");
    CHECK(casemapped("\xFF") == "\xEF\xBF\xBD");
}

TEST_CASE("a header that is skimmed, or cut anywhere, matches as one read field by field") {
    std::mt19937 random(11);
    const auto pick = [&](std::initializer_list<std::string_view> from) {
        return *(from.begin() + random() % from.size());
    };
    for (int round = 0; round < 3000; ++round) {
        std::string message;
        for (unsigned line = random() % 6; line > 0; --line) {
            message += pick({"Subject", "subject", "Subject ", "Subj", "X-A", " Subject", "", "\r",
                             "Su bject", "\xC3\xA4"});
            message += pick({":", ": ", "", " : ", ":\r\n ", ":\n\t", ": =?utf-8?q?b="});
            message += pick({"tide", "TIDE", "ti\r\n de", "ti\r\n\tde", "", "=?utf-8?q?tide?="});
            message += pick({"\r\n", "\n", "\r\n \r\n", "\r", ""});
        }
        message += pick({"\r\n", "\n", "", "\r\n\r\n"});
        message += pick({"", "Subject: tide\r\n", "body"});
        const std::string_view name =
            pick({"Subject", "X-A", "", " Subject", "Su bject", "Subject:"});
        const SubstringMatcher matcher(pick({"tide", "", "ti de"}));
        CAPTURE(message);
        CAPTURE(name);
        bool expected = false;
        std::size_t position = 0;
        while (const auto field = next_field(message, position)) {
            expected = expected || (equals_ignoring_case(field->name, name) &&
                                    matcher.matches(decode_header_text(field->value)));
        }
        CHECK(match_header(message, name, matcher) == expected);
        for (std::size_t cut = 0; cut < message.size(); ++cut) {
            const auto early =
                match_header_start(std::string_view(message).substr(0, cut), false, name, matcher);
            if (early) CHECK(*early == expected);
        }
    }
}

}  // namespace tidemark::protocol::message
