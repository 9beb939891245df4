#include "tools/loadtest/result.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::loadtest;

namespace {

Result sample() {
    Result result;
    result.version = "1";
    result.label = "ours";
    result.scenario = "webmail";
    result.server = {"127.0.0.1:143", "tls", "127.0.0.1:24", "* OK hello"};
    result.start = utc_text(1'767'225'600);
    result.settings = {"open", 50.5, 100, 5, 30, 2, "u{1..10}", 7};
    result.machine = {"Linux 6", "a processor", 2, 1u << 30, "release"};
    CommandFigures command{"FETCH", 3, {{"no", 2}, {"closed", 1}}, 0.1, {1, 2, 3, 4, 5, 2.5}, {}};
    command.histogram = {{1, 2}, {5, 1}};
    result.commands = {command};
    Second second{-1, 100, 3, 0, 0.25, 4096, 0.5, 120, {}};
    second.commands["FETCH"] = {3, 1, 5, 5};
    Second bare;
    bare.t = 2;
    result.seconds = {second, bare};
    result.server_use = ServerUse{42, 3, 1.5, 9.5, 100, 300, 200, 10, 20.5};
    result.harness = {0.9, 0.5, 12, 700, 900};
    result.checks = {10, 5, 4, 1, {"something"}};
    result.verdict = {false, true, {"one", "two"}};
    return result;
}

}  // namespace

TEST_CASE("a result that was written is read as it was") {
    const Result before = sample();
    const std::string text = encode_result(before);
    const auto after = decode_result(text);
    REQUIRE(after.has_value());
    CHECK(encode_result(*after) == text);
    REQUIRE(after->command("FETCH") != nullptr);
    CHECK(after->command("FETCH")->error_count() == 3);
    CHECK(after->command("FETCH")->histogram == before.commands[0].histogram);
    CHECK(after->command("STORE") == nullptr);
    CHECK(after->seconds[0].server_pss_bytes == 4096);
    CHECK_FALSE(after->seconds[1].server_cpu_seconds.has_value());
    CHECK(after->server_use->bytes_per_connection == 20.5);
    CHECK(after->start == "2026-01-01T00:00:00Z");
}

TEST_CASE("what is no result is refused with a sentence") {
    CHECK_FALSE(decode_result("").has_value());
    CHECK_FALSE(decode_result("[]").has_value());
    CHECK_FALSE(decode_result("{\"format\": 1}").has_value());
    const auto newer = decode_result("{\"format\": 2}");
    REQUIRE_FALSE(newer.has_value());
    CHECK(newer.error() == "format 2 is not known; this program reads 1");
}

TEST_CASE("bytes that are no UTF-8 do not keep a result from being written") {
    Result result = sample();
    result.checks.examples = {"\xff\xfe"};
    CHECK(decode_result(encode_result(result)).has_value());
}
