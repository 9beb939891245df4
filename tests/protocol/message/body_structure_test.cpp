#include "protocol/message/body_structure.hpp"

#include "tests/protocol/message/imap_value.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol::message {
namespace {

std::string structure_of(std::string_view message,
                         StructureForm form = StructureForm::kBodyStructure) {
    std::string out;
    write_body_structure(parse_message(message), form, out);
    return out;
}

const std::string kDiskMessage =
    "Content-Type: multipart/mixed; boundary=d\r\n\r\n"
    "--d\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n1\r\n2\r\n\r\n"
    "--d\r\nContent-Type: TEXT/PLAIN; NAME=cc.diff; CHARSET=US-ASCII\r\n"
    "Content-ID: <960723163407.20117h@cac.washington.edu>\r\n"
    "Content-Description: Compiler diff\r\nContent-Transfer-Encoding: BASE64\r\n"
    "Content-MD5: Q2hlY2s=\r\nContent-Disposition: attachment; filename=\"cc.diff\"\r\n"
    "Content-Language: en, de (German)\r\nContent-Location: http://x/y\r\n\r\nYQ==\r\n"
    "--d--\r\n";

}  // namespace

TEST_CASE("a plain message has type, parameters, size and lines") {
    CHECK(structure_of("Content-Type: text/plain; charset=utf-8\r\n\r\na\r\nb\r\n") ==
          "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 6 2 NIL NIL NIL NIL)");
    CHECK(structure_of("", StructureForm::kBody) ==
          "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)");
    CHECK(structure_of("Content-Type: image/png\r\n\r\nxx", StructureForm::kBody) ==
          "(\"image\" \"png\" NIL NIL NIL \"7bit\" 2)");
}

TEST_CASE("a multipart has its parts and all extension data") {
    CHECK(structure_of(kDiskMessage) ==
          "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7bit\" 6 2 NIL NIL NIL NIL)"
          "(\"TEXT\" \"PLAIN\" (\"NAME\" \"cc.diff\" \"CHARSET\" \"US-ASCII\") "
          "\"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4 0 "
          "\"Q2hlY2s=\" (\"attachment\" (\"filename\" \"cc.diff\")) (\"en\" \"de\") "
          "\"http://x/y\") \"mixed\" (\"boundary\" \"d\") NIL NIL NIL)");
    CHECK(structure_of(kDiskMessage, StructureForm::kBody) ==
          "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7bit\" 6 2)"
          "(\"TEXT\" \"PLAIN\" (\"NAME\" \"cc.diff\" \"CHARSET\" \"US-ASCII\") "
          "\"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4 0) "
          "\"mixed\")");
}

TEST_CASE("a message/rfc822 part has envelope, structure and lines") {
    const auto value = testing::parse_imap_value(
        structure_of("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx\r\n"));
    REQUIRE(value);
    REQUIRE(value->items.size() == 14);
    CHECK(value->items[6].text == "18");
    CHECK(value->items[7].items.at(1).text == "in");
    CHECK(value->items[8].items.at(6).text == "3");
    CHECK(value->items[9].text == "3");
}

TEST_CASE("the structure of a message cut anywhere is well-formed") {
    for (std::size_t size = 0; size <= kDiskMessage.size(); ++size) {
        CAPTURE(size);
        const std::string bytes = kDiskMessage.substr(0, size);
        CHECK(testing::parse_imap_value(structure_of(bytes)).has_value());
        CHECK(testing::parse_imap_value(structure_of(bytes, StructureForm::kBody)).has_value());
    }
}

}  // namespace tidemark::protocol::message
