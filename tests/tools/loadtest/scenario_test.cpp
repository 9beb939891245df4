#include "tools/loadtest/scenario.hpp"

#include "tools/loadtest/bundled.hpp"
#include "tools/loadtest/response_scanner.hpp"
#include "tools/loadtest/user_pattern.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::loadtest;

namespace {

std::string mistake(std::string_view text) {
    const auto parsed = parse_scenario("own.toml", text, BundledScenarios());
    return parsed ? "none" : parsed.error();
}

std::string client(std::string_view steps) {
    return "name = \"own\"\n[[client]]\nsteps = [\n" + std::string(steps) + "]\n";
}

}  // namespace

TEST_CASE("every bundled scenario can be read") {
    CHECK(bundled_scenarios().size() >= 36);
    for (const BundledScenario& one : bundled_scenarios()) {
        CAPTURE(one.name);
        const auto parsed = parse_scenario(std::string(one.name), one.text, BundledScenarios());
        CHECK_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error()));
        if (parsed) CHECK(parsed->name == one.name);
    }
}

TEST_CASE("a mistake in a scenario names file and line") {
    CHECK(mistake(client("\"noop\",\n\"dance\",\n")) == "own.toml:5: there is no step \"dance\"");
    CHECK(mistake(client("{ do = \"pause\" },\n")).starts_with("own.toml:4: \"pause\" needs"));
    CHECK(mistake(client("{ do = \"fetch\", range = \"{al}\", items = \"(FLAGS)\" },\n")) ==
          "own.toml:4: there is no variable {al}");
    CHECK(mistake(client("{ do = \"noop\", tpye = 1 },\n")) ==
          "own.toml:4: \"tpye\" is not known here");
    CHECK(mistake("name = \"x\"\n[[client]]\nrate = \"fast\"\n") ==
          "own.toml:3: \"rate\" must be a number");
    CHECK(mistake("name = 'x\n").starts_with("own.toml:1: "));
    CHECK(mistake("name = \"x\"\n[[client]]\nuse = \"nothing\"\n") ==
          "own.toml:3: there is no scenario \"nothing\"");
}

TEST_CASE("a pattern of users names each account once") {
    const auto users = UserPattern::parse("u{1..1000}@example.org");
    REQUIRE(users.has_value());
    CHECK(users->size() == 1000);
    CHECK(users->name(0) == "u1@example.org");
    CHECK(users->name(999) == "u1000@example.org");
    CHECK(UserPattern::parse("u{001..100}")->name(6) == "u007");
    CHECK(UserPattern::parse("ann")->size() == 1);
    CHECK(UserPattern::parse("ann")->name(0) == "ann");
    for (const char* text : {"", "u{1..", "u{2..1}", "u{a..b}", "u{1}", "{1..2}{3..4}"})
        CHECK_FALSE(UserPattern::parse(text).has_value());
}

TEST_CASE("the scanner finds lines and literals wherever the input is cut") {
    const std::string input =
        "* 1 FETCH (BODY[] {5}\r\nT1\r\nx UID 3)\r\n* 2 EXISTS\r\nT1 OK {0}\r\n\r\n";
    const auto scan = [&input](std::size_t step) {
        ResponseScanner scanner;
        std::string found;
        for (std::size_t at = 0; at < input.size(); at += step) {
            scanner.give(std::string_view(input).substr(at, step));
            for (Piece piece = scanner.take(); piece.kind != Piece::Kind::none;
                 piece = scanner.take()) {
                if (piece.kind == Piece::Kind::text && piece.is_first) found += '<';
                found += piece.text;
                if (piece.kind == Piece::Kind::text) found += piece.is_last ? '>' : '|';
            }
        }
        CHECK_FALSE(scanner.is_inside());
        return found;
    };
    const std::string whole = scan(input.size());
    CHECK(whole == "<* 1 FETCH (BODY[] {5}|T1\r\nx UID 3)><* 2 EXISTS><T1 OK {0}|>");
    for (std::size_t step = 1; step < input.size(); ++step) CHECK(scan(step) == whole);
}
