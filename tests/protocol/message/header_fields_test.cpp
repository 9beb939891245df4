#include "protocol/message/header_fields.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace tidemark::protocol::message {
namespace {

std::vector<HeaderField> fields_of(std::string_view header) {
    std::vector<HeaderField> fields;
    std::size_t position = 0;
    while (const auto field = next_field(header, position)) {
        fields.push_back(*field);
    }
    return fields;
}

}  // namespace

TEST_CASE("fields are found with their folds, whatever the line ends are") {
    for (const std::string end : {"\r\n", "\n"}) {
        CAPTURE(end);
        const std::string header =
            "A: one" + end + "B :two" + end + " more" + end + "\tand more" + end + end + "C: body";
        const auto fields = fields_of(header);
        REQUIRE(fields.size() == 2);
        CHECK(fields[0].name == "A");
        CHECK(fields[0].value == " one");
        CHECK(fields[1].name == "B");
        CHECK(unfold(fields[1].value) == "two more\tand more");
        CHECK(fields[0].begin == 0);
        CHECK(fields[0].end == fields[1].begin);
        CHECK(header.substr(fields[1].end, end.size()) == end);
    }
}

TEST_CASE("a line without a colon is a field without a name") {
    const auto fields = fields_of("From the start\r\nTo: x\r\n");
    REQUIRE(fields.size() == 2);
    CHECK(fields[0].name.empty());
    CHECK(fields[0].value == "From the start");
    CHECK(fields[1].name == "To");
}

TEST_CASE("a header may end anywhere") {
    CHECK(fields_of("").empty());
    CHECK(fields_of("\r\nA: b").empty());
    CHECK(fields_of("A: b\r").at(0).value == " b\r");
    CHECK(fields_of("A:").at(0).value.empty());
}

TEST_CASE("the header block ends after the first blank line") {
    CHECK(header_block_size("A: b\r\n\r\nbody") == 8);
    CHECK(header_block_size("A: b\n\nbody") == 6);
    CHECK(header_block_size("\r\nbody") == 2);
    CHECK(header_block_size("A: b\r\n") == 6);
    CHECK(header_block_size("A: b\r\rbody") == 10);
    CHECK(header_block_size("") == 0);
}

TEST_CASE("field names are found without regard to case") {
    CHECK(find_field("a: 1\r\nSUBJECT: 2\r\nSubject: 3\r\n", "subject") == " 2");
    CHECK_FALSE(find_field("a: 1\r\n", "b"));
}

TEST_CASE("unfolding takes out line ends only") {
    CHECK(unfold("  a\r\n  b ") == "a  b ");
    CHECK(unfold("a\n\tb") == "a\tb");
    CHECK(unfold("\r\n a") == " a");
    CHECK(unfold("a\rb") == "a\rb");
}

}  // namespace tidemark::protocol::message
