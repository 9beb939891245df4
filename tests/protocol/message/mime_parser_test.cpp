#include "protocol/message/mime_parser.hpp"

#include "protocol/message/body_structure.hpp"
#include "protocol/message/limits.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol::message {
namespace {

/// The tree as "multipart/mixed(text/plain message/rfc822[text/html])", below the part.
std::string shape(const ParsedMessage& message, std::uint32_t index = 0) {
    const Part& part = message.parts[index];
    std::string out = part.type + "/" + part.subtype;
    if (part.first_child == kNoPart) {
        return out;
    }
    out += part.kind == PartKind::kMessage ? "[" : "(";
    for (std::uint32_t child = part.first_child; child != kNoPart;
         child = message.parts[child].next_sibling) {
        out += (child == part.first_child ? "" : " ") + shape(message, child);
    }
    return out + (part.kind == PartKind::kMessage ? "]" : ")");
}

std::string with_lf(std::string text) {
    std::erase(text, '\r');
    return text;
}

const std::string kMixed =
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=\"outer\"\r\n"
    "\r\n"
    "preamble\r\n"
    "--outer\r\n"
    "\r\n"
    "one\r\n"
    "two\r\n"
    "--outer\r\n"
    "Content-Type: multipart/alternative; boundary=inner\r\n"
    "\r\n"
    "--inner\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "<p>x</p>\r\n"
    "--inner--\r\n"
    "\r\n"
    "--outer\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Subject: inside\r\n"
    "\r\n"
    "body\r\n"
    "--outer--\r\n"
    "epilogue\r\n";

}  // namespace

TEST_CASE("a message without MIME fields is one text part") {
    const ParsedMessage message = parse_message("Subject: x\r\n\r\na\r\nb");
    REQUIRE(message.parts.size() == 1);
    CHECK(shape(message) == "text/plain");
    CHECK(message.header(message.parts[0]) == "Subject: x\r\n\r\n");
    CHECK(message.body(message.parts[0]) == "a\r\nb");
    CHECK(message.parts[0].body_lines == 1);
}

TEST_CASE("nested parts have exact offsets, with CRLF and with LF") {
    for (const std::string& bytes : {kMixed, with_lf(kMixed)}) {
        const std::string end = bytes.find('\r') == std::string::npos ? "\n" : "\r\n";
        const ParsedMessage message = parse_message(bytes);
        CHECK(shape(message) ==
              "multipart/mixed(text/plain multipart/alternative(text/html) "
              "message/rfc822[text/plain])");
        REQUIRE(message.parts.size() == 6);
        CHECK(message.body(message.parts[1]) == "one" + end + "two");
        CHECK(message.parts[1].body_lines == 1);
        CHECK(message.header(message.parts[1]) == end);
        CHECK(message.body(message.parts[3]) == "<p>x</p>");
        CHECK(message.parts[3].encoding == TransferEncoding::kQuotedPrintable);
        CHECK(find_parameter(message.parts[3].parameters, "CHARSET") == "utf-8");
        CHECK(message.body(message.parts[4]) == "Subject: inside" + end + end + "body");
        CHECK(message.header(message.parts[5]) == "Subject: inside" + end + end);
        CHECK(message.body(message.parts[5]) == "body");
        CHECK(message.body(message.parts[2]).ends_with("--inner--" + end));
    }
}

TEST_CASE("the line end before a delimiter belongs to it, also after a header") {
    const ParsedMessage message = parse_message(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n--b\r\n\r\n--b\r\n--b--\r\n");
    REQUIRE(message.parts.size() == 4);
    CHECK(message.header(message.parts[1]) == "Content-Type: text/html\r\n");
    CHECK(message.body(message.parts[1]).empty());
    CHECK(message.header(message.parts[2]).empty());
    CHECK(message.header(message.parts[3]).empty());
}

TEST_CASE("delimiters may have spaces after them and be missing at the end") {
    const ParsedMessage message = parse_message(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b \t\r\n\r\n1\r\n--b\r\n\r\n2");
    REQUIRE(message.parts.size() == 3);
    CHECK(message.body(message.parts[1]) == "1");
    CHECK(message.body(message.parts[2]) == "2");
}

TEST_CASE("one boundary may begin with another") {
    const ParsedMessage message = parse_message(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n"
        "--b1\r\n\r\nx\r\n--b1--\r\n--b\r\n\r\ny\r\n--b--\r\n");
    CHECK(shape(message) == "multipart/mixed(multipart/mixed(text/plain) text/plain)");
}

TEST_CASE("an outer delimiter ends unfinished inner parts") {
    const ParsedMessage message = parse_message(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n--a\r\n\r\ny\r\n--a--\r\n");
    CHECK(shape(message) ==
          "multipart/mixed(multipart/mixed(message/rfc822[text/plain]) text/plain)");
}

TEST_CASE("a multipart that cannot be one is shown as something a client can fetch") {
    CHECK(shape(parse_message("Content-Type: multipart/mixed\r\n\r\nx")) == "text/plain");
    CHECK(shape(parse_message("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\nx")) ==
          "text/plain");
    CHECK(shape(parse_message("Content-Type: multipart/mixed; boundary=b\r\n\r\nx")) ==
          "multipart/mixed(text/plain)");
}

TEST_CASE("defaults and broken types are text/plain, message/rfc822 in a digest") {
    CHECK(shape(parse_message("Content-Type: text\r\n\r\n")) == "text/plain");
    CHECK(shape(parse_message("Content-Type:\r\n\r\n")) == "text/plain");
    CHECK(shape(parse_message("Content-Type: multipart/digest; boundary=b\r\n\r\n"
                              "--b\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n")) ==
          "multipart/digest(message/rfc822[text/plain])");
}

TEST_CASE("parameters are read as they are sent") {
    const ParsedMessage message = parse_message(
        "Content-Type: text/plain (a comment); name=\"a \\\"b\\\".txt\";\r\n\tCharset = utf-8 "
        "(another);; x=y z; =bad; empty=; open=\"x\r\n\r\n");
    const auto& parameters = message.parts[0].parameters;
    CHECK(find_parameter(parameters, "name") == "a \"b\".txt");
    CHECK(find_parameter(parameters, "charset") == "utf-8");
    CHECK(find_parameter(parameters, "x") == "y z");
    CHECK(find_parameter(parameters, "open").data() == nullptr);
}

TEST_CASE("continued parameters are put together, their encoding stays") {
    const auto joined = [](const std::string& fields) {
        const std::string bytes = "Content-Type: a/b; " + fields + "\r\n\r\n";
        const ParsedMessage message = parse_message(bytes);
        std::string out;
        for (const Parameter& p : message.parts[0].parameters) {
            out += p.name + "=" + p.value + ";";
        }
        return out;
    };
    CHECK(joined("n*0=ab; n*1=\"cd\"") == "n=abcd;");
    CHECK(joined("n*1*=%20x; n*0*=utf-8''a") == "n*=utf-8''a%20x;");
    CHECK(joined("n*0*=utf-8''a; n*1=\"b c\"; z=1") == "n*=utf-8''ab%20c;z=1;");
    CHECK(joined("n*0=a; n*2=c") == "n=a;n*2=c;");
    CHECK(joined("n*1=b") == "n*1=b;");
    CHECK(joined("n*=utf-8''x") == "n*=utf-8''x;");
}

TEST_CASE("nesting and the number of parts are bounded") {
    std::string deep;
    for (std::size_t i = 0; i < kMimeDepthMax + 50; ++i) {
        deep += "Content-Type: message/rfc822\r\n\r\n";
    }
    const ParsedMessage nested = parse_message(deep);
    CHECK(nested.parts.size() == kMimeDepthMax);
    CHECK(nested.parts.back().type == "application");

    std::string wide = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    for (std::size_t i = 0; i < kMimePartsMax + 50; ++i) {
        wide += "--b\r\n\r\nx\r\n";
    }
    CHECK(parse_message(wide).parts.size() == kMimePartsMax);
}

TEST_CASE("work grows with the message, whatever it holds") {
    const auto repeated = [](const std::string& start, const std::string& unit, std::size_t bytes) {
        std::string out = start;
        while (out.size() < bytes) {
            out += unit;
        }
        return out;
    };
    std::string many_boundaries;
    for (int i = 0; i < 90; ++i) {
        many_boundaries += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) +
                           "\r\n\r\n--b" + std::to_string(i) + "\r\n";
    }
    const struct {
        const char* name;
        std::string start;
        std::string unit;
    } inputs[] = {
        {"delimiters that match nothing", many_boundaries, "--bx\r\n"},
        {"delimiters of every level", many_boundaries, "--b7\r\n\r\n--b8\r\n\r\n"},
        {"folded header", "Content-Type: text/plain", "\r\n ;a=b"},
        {"comments", "Content-Type: ", "(((("},
        {"parameters", "Content-Type: a/b", ";n*0*=x"},
        {"empty lines", "A: b\r\n\r\n", "\r\n"},
        {"no line ends", "", "x"},
    };
    for (const auto& input : inputs) {
        CAPTURE(input.name);
        const std::string small = repeated(input.start, input.unit, 40'000);
        const std::string large = repeated(input.start, input.unit, 400'000);
        const ParsedMessage small_message = parse_message(small);
        const ParsedMessage large_message = parse_message(large);
        CHECK(large_message.steps <= 12 * small_message.steps);
        CHECK(large_message.steps <= large.size() * (kMimeDepthMax + 2));
        std::string structure;
        write_body_structure(large_message, StructureForm::kBodyStructure, structure);
        CHECK(structure.size() <= large.size() * 40);
    }
}

TEST_CASE("a message cut anywhere has its offsets in range and in order") {
    for (std::size_t size = 0; size <= kMixed.size(); ++size) {
        CAPTURE(size);
        const std::string bytes = kMixed.substr(0, size);
        const ParsedMessage message = parse_message(bytes);
        for (const Part& part : message.parts) {
            CHECK(part.header_begin <= part.header_end);
            CHECK(part.header_end == part.body_begin);
            CHECK(part.body_begin <= part.body_end);
            CHECK(part.body_end <= size);
        }
    }
}

}  // namespace tidemark::protocol::message
