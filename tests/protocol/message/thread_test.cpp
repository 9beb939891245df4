#include "protocol/message/thread.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace tidemark::protocol::message {
namespace {

ThreadInput message(std::uint32_t number, std::string_view id,
                    std::vector<std::string_view> references, std::string_view subject = "",
                    bool is_reply = false) {
    ThreadInput input;
    input.number = number;
    input.sent_seconds = number;
    input.message_id = id;
    input.references = std::move(references);
    input.subject_key = subject;
    input.is_reply_or_forward = is_reply;
    return input;
}

std::string by_references(const std::vector<ThreadInput>& messages) {
    std::string out;
    write_threads(thread_references(messages), out);
    return out;
}

std::string by_subject(const std::vector<ThreadInput>& messages) {
    std::string out;
    write_threads(thread_ordered_subject(messages), out);
    return out;
}

}  // namespace

TEST_CASE("threads are written as RFC 5256 section 4 shows") {
    // "(2)(3 6 (4 23)(44 7 96))"
    CHECK(by_references({message(2, "2", {}), message(3, "3", {}), message(6, "6", {"3"}),
                         message(4, "4", {"3", "6"}), message(23, "23", {"4"}),
                         message(44, "44", {"6"}), message(7, "7", {"44"}),
                         message(96, "96", {"7"})}) == "(2)(3 6 (4 23)(44 7 96))");
    CHECK(by_references({}).empty());
}

TEST_CASE("a parent that is not there holds its children together") {
    CHECK(by_references({message(3, "3", {"gone"}), message(5, "5", {"gone"})}) == "((3)(5))");
    CHECK(by_references({message(3, "3", {"gone"})}) == "(3)");
    CHECK(by_references({message(3, "3", {"a", "b", "c"}), message(5, "5", {"a", "b"})}) ==
          "((3)(5))");
}

TEST_CASE("replies join the thread of their subject") {
    CHECK(by_references({message(1, "1", {}, "S"), message(2, "2", {}, "S", true)}) == "(1 2)");
    CHECK(by_references({message(1, "1", {}, "S", true), message(2, "2", {}, "S")}) == "(2 1)");
    CHECK(by_references({message(1, "1", {}, "S"), message(2, "2", {}, "S")}) == "((1)(2))");
    CHECK(by_references({message(1, "1", {}, ""), message(2, "2", {}, "", true)}) == "(1)(2)");
    CHECK(by_references({message(1, "1", {}, "S"), message(2, "2", {}, "S"),
                         message(3, "3", {}, "S")}) == "((1)(2)(3))");
    CHECK(by_references({message(1, "1", {"x"}, "S"), message(2, "2", {"x"}, "S"),
                         message(3, "3", {}, "S", true)}) == "((1)(2)(3))");
}

TEST_CASE("loops and copies of ids do no harm") {
    CHECK(by_references({message(1, "a", {"b"}), message(2, "b", {"a"})}) == "(2 1)");
    CHECK(by_references({message(1, "a", {"a"})}) == "(1)");
    CHECK(by_references({message(1, "a", {}), message(2, "a", {}), message(3, "c", {"a"})}) ==
          "(1 3)(2)");
    CHECK(by_references({message(1, "", {}), message(2, "", {})}) == "(1)(2)");
    CHECK(by_references({message(1, "a", {"x", "y", "x", "y"})}) == "(1)");
}

TEST_CASE("threads of one subject are in the order of their dates") {
    CHECK(by_subject({message(1, "", {}, "B"), message(2, "", {}, "A"), message(3, "", {}, "B"),
                      message(4, "", {}, "B"), message(5, "", {}, "A")}) == "(1 (3)(4))(2 5)");
    CHECK(by_subject({}).empty());
}

TEST_CASE("a chain of many thousand messages needs no stack") {
    constexpr std::uint32_t kMessages = 50'000;
    std::vector<std::string> ids;
    for (std::uint32_t i = 0; i < kMessages; ++i) {
        ids.push_back(std::to_string(i) + "@x");
    }
    std::vector<ThreadInput> messages;
    for (std::uint32_t i = 0; i < kMessages; ++i) {
        messages.push_back(message(i + 1, ids[i], {}));
        if (i > 0) {
            messages.back().references.push_back(ids[i - 1]);
        }
    }
    const std::string forward = by_references(messages);
    CHECK(forward.starts_with("(1 2 3 "));
    CHECK(forward.ends_with(" 50000)"));
    // The newest first: every link is asked whether it closes a loop.
    std::vector<ThreadInput> backward(messages.rbegin(), messages.rend());
    CHECK(by_references(backward).size() == forward.size());
}

}  // namespace tidemark::protocol::message
