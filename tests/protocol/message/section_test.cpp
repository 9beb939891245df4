#include "protocol/message/section.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol::message {
namespace {

using Path = std::vector<std::uint32_t>;

/// The example of RFC 9051 §6.4.5: part 4 is a multipart with a message in 4.2.
const std::string kMessage =
    "Subject: top\r\n"
    "Content-Type: multipart/mixed; boundary=a\r\n"
    "\r\n"
    "--a\r\n\r\none\r\n"
    "--a\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "dHdv\r\n"
    "--a\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: three\r\nTo: x@y\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\n\r\n3.1\r\n--b\r\nX: y\r\n\r\n3.2\r\n--b--\r\n"
    "--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: four\r\n\r\nplain\r\n"
    "--a\r\nContent-Transfer-Encoding: x-unknown\r\n\r\nfive\r\n"
    "--a--\r\n";

std::string fetched(const std::string& bytes, const SectionSpec& spec) {
    const auto text = fetch_section(parse_message(bytes), spec);
    const auto quick = fetch_section(std::string_view(bytes), spec);
    REQUIRE(text.has_value() == quick.has_value());
    if (!text) {
        return "NIL";
    }
    CHECK(text->text() == quick->text());
    return std::string(text->text());
}

std::string part(const Path& path, SectionKind kind = SectionKind::kAll) {
    return fetched(kMessage, {path, kind, {}});
}

}  // namespace

TEST_CASE("part numbers name the parts as RFC 9051 counts them") {
    CHECK(part({}) == kMessage);
    CHECK(part({1}) == "one");
    CHECK(part({2}) == "dHdv");
    CHECK(part({2}, SectionKind::kMime) ==
          "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    CHECK(part({3}, SectionKind::kHeader) ==
          "Subject: three\r\nTo: x@y\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
    CHECK(part({3}, SectionKind::kText).starts_with("--b\r\n"));
    CHECK(part({3, 1}) == "3.1");
    CHECK(part({3, 2}) == "3.2");
    CHECK(part({3, 2}, SectionKind::kMime) == "X: y\r\n\r\n");
    CHECK(part({4, 1}) == "plain");
    CHECK(part({4, 1}, SectionKind::kMime) == "Subject: four\r\n\r\n");
}

TEST_CASE("parts that are not there are NIL") {
    CHECK(part({0}) == "NIL");
    CHECK(part({6}) == "NIL");
    CHECK(part({1, 1}) == "NIL");
    CHECK(part({3, 3}) == "NIL");
    CHECK(part({4, 2}) == "NIL");
    CHECK(part({4, 1, 1}) == "NIL");
    CHECK(part({1}, SectionKind::kHeader) == "NIL");
    CHECK(part({1}, SectionKind::kText) == "NIL");
    CHECK(part({4294967295U}) == "NIL");
}

TEST_CASE("a message that is no multipart has a part 1") {
    const std::string bytes = "Subject: x\r\n\r\nbody";
    CHECK(fetched(bytes, {{1}, SectionKind::kAll, {}}) == "body");
    CHECK(fetched(bytes, {{1}, SectionKind::kMime, {}}) == "Subject: x\r\n\r\n");
    CHECK(fetched(bytes, {{2}, SectionKind::kAll, {}}) == "NIL");
    CHECK(fetched(bytes, {{1, 1}, SectionKind::kAll, {}}) == "NIL");
}

TEST_CASE("header fields are chosen without regard to case, in the order of the message") {
    const std::string bytes = "A: 1\r\nB: 2\r\n folded\r\na: 3\r\nno colon\r\n\r\nbody";
    CHECK(fetched(bytes, {{}, SectionKind::kHeaderFields, {"a", "zz"}}) == "A: 1\r\na: 3\r\n\r\n");
    CHECK(fetched(bytes, {{}, SectionKind::kHeaderFields, {"b"}}) == "B: 2\r\n folded\r\n\r\n");
    CHECK(fetched(bytes, {{}, SectionKind::kHeaderFieldsNot, {"A"}}) ==
          "B: 2\r\n folded\r\nno colon\r\n\r\n");
    CHECK(fetched(bytes, {{}, SectionKind::kHeaderFields, {"none"}}) == "\r\n");
    CHECK(fetched("A: 1\r\n", {{}, SectionKind::kHeaderFields, {"A"}}) == "A: 1\r\n\r\n");
    CHECK(fetched("A: 1\r\n", {{}, SectionKind::kHeaderFieldsNot, {"B"}}) == "A: 1\r\n");
    CHECK(fetched("A: 1\n\nx", {{}, SectionKind::kHeaderFields, {"A"}}) == "A: 1\n\n");
    CHECK(fetched(kMessage, {{3}, SectionKind::kHeaderFields, {"TO"}}) == "To: x@y\r\n\r\n");
}

TEST_CASE("partial texts stay within the text") {
    CHECK(partial("abcdef", 0, 3) == "abc");
    CHECK(partial("abcdef", 4, 100) == "ef");
    CHECK(partial("abcdef", 6, 1).empty());
    CHECK(partial("abcdef", UINT64_MAX, UINT64_MAX).empty());
    CHECK(partial("abcdef", 1, UINT64_MAX) == "bcdef");
}

TEST_CASE("BINARY decodes known encodings and refuses unknown ones") {
    const ParsedMessage message = parse_message(kMessage);
    CHECK(fetch_binary(message, {2}).text->text() == "two");
    CHECK(fetch_binary(message, {1}).text->text() == "one");
    CHECK(fetch_binary(message, {}).text->text() == kMessage);
    CHECK(fetch_binary(message, {3, 2}).text->text() == "3.2");
    const BinaryResult unknown = fetch_binary(message, {5});
    CHECK_FALSE(unknown.text);
    CHECK(unknown.error == BinaryError::kUnknownCte);
    const BinaryResult absent = fetch_binary(message, {9});
    CHECK_FALSE(absent.text);
    CHECK(absent.error == BinaryError::kNoSuchPart);
}

}  // namespace tidemark::protocol::message
