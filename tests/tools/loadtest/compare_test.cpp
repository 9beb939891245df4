#include "tools/loadtest/compare.hpp"

#include "tests/tools/loadtest/memory_server.hpp"
#include "tools/loadtest/report.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <vector>

using namespace tidemark;
using namespace tidemark::loadtest;
using namespace tidemark::loadtest::testing;

namespace {

Result took(std::uint64_t p50_us, double per_second, double cpu_us) {
    Result result;
    result.scenario = "made up";
    CommandFigures command;
    command.name = "NOOP";
    command.count = 10;
    command.per_second = per_second;
    command.latency.p50_us = p50_us;
    command.latency.p99_us = p50_us * 2;
    result.commands = {command};
    if (cpu_us > 0) {
        result.server_use = ServerUse{};
        result.server_use->cpu_us_per_operation = cpu_us;
    }
    return result;
}

const Measure* find(const ComparedScenario& scenario, std::string_view name) {
    for (const Measure& one : scenario.measures) {
        if (one.name == name) return &one;
    }
    return nullptr;
}

Side side(const char* label, Connector& connector, const UserPattern& users) {
    Side made;
    made.connector = &connector;
    made.options = some(users, 6);
    made.options.label = label;
    return made;
}

bool has_text(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("a ratio is taken pair by pair and says how many times better b is") {
    ComparedScenario compared;
    compared.name = "made up";
    compared.headline = "NOOP p50";
    compared.pairs = {{took(100, 10, 8), took(50, 30, 2)},
                      {took(300, 20, 8), took(100, 20, 1)},
                      {took(400, 30, 9), took(400, 90, 3)}};
    compared.measure();
    REQUIRE(compared.measures.size() == 4);
    CHECK(compared.measures[0].name == "NOOP p50");
    CHECK(compared.measures[0].a_median == 300);
    CHECK(compared.measures[0].b_median == 100);
    CHECK(compared.measures[0].ratio.median == doctest::Approx(2));
    CHECK(compared.measures[0].ratio.least == doctest::Approx(1));
    CHECK(compared.measures[0].ratio.most == doctest::Approx(3));
    const Measure* rate = find(compared, "operations");
    REQUIRE(rate != nullptr);
    CHECK(rate->more_is_better);
    CHECK(rate->ratio.median == doctest::Approx(3));
    CHECK(rate->ratio.least == doctest::Approx(1));
    CHECK(find(compared, "server CPU an operation")->ratio.median == doctest::Approx(4));
    CHECK(&compared.typical_pair() == &compared.pairs[0]);

    SUBCASE("in open loop the rate was given and says least") {
        compared.headline.clear();
        compared.measure();
        CHECK(compared.measures.front().name == "operations");
        for (Pair& pair : compared.pairs) pair.a.settings.loop = pair.b.settings.loop = "open";
        compared.measure();
        CHECK(compared.measures.front().name == "server CPU an operation");
        CHECK(compared.measures.back().name == "operations");
    }
    SUBCASE("the memory of connections that have been idle for a while") {
        compared.pairs.resize(1);
        compared.pairs[0].a.server_use->connections = compared.pairs[0].b.server_use->connections =
            10;
        compared.pairs[0].a.server_use->pss_bytes_before = 1000;
        compared.pairs[0].a.server_use->pss_bytes_end = 9000;
        compared.pairs[0].b.server_use->pss_bytes_end = 100;
        compared.measure();
        const Measure* memory = find(compared, "server memory a connection, at the end");
        REQUIRE(memory != nullptr);
        CHECK(memory->a_median == 800);
        CHECK(memory->b_median == 10);
        CHECK(memory->ratio.median == doctest::Approx(80));
    }
    SUBCASE("what one run lacks is not compared") {
        compared.pairs[1].b.server_use.reset();
        compared.measure();
        CHECK(find(compared, "server CPU an operation") == nullptr);
        CHECK(find(compared, "operations") != nullptr);
    }
    SUBCASE("a comparison that was written is read as it was") {
        Comparison before;
        before.version = "1";
        before.a = "left";
        before.b = "right";
        compared.ok = false;
        compared.reasons = {"because"};
        before.scenarios = {compared};
        const std::string text = encode_comparison(before);
        CHECK(is_comparison(text));
        CHECK_FALSE(is_comparison(encode_result(compared.pairs[0].a)));
        const auto after = decode_comparison(text);
        REQUIRE_MESSAGE(after.has_value(), (after ? "" : after.error()));
        CHECK(encode_comparison(*after) == text);
        CHECK_FALSE(after->ok());
        CHECK_FALSE(decode_comparison("{\"comparison\":2}").has_value());
        CHECK_FALSE(decode_comparison("{").has_value());
        const std::string table = comparison_table(before);
        CHECK(has_text(table, "3 pairs (fewer than the 5"));
        CHECK(has_text(table, "because"));
        CHECK(has_text(table, "2.00 (1.00-3.00)"));
        CHECK(has_text(comparison_markdown(before), "| NOOP p50 | 300 us | 100 us | 2.00 "));
        CHECK(has_text(make_report({}, {before}), "\"comparisons\":[{\"a\":\"left\""));
    }
}

TEST_CASE("figures of another program are compared, with what they should be") {
    const auto measured = [](double value) {
        Result result;
        result.scenario = "logins";
        result.figures = {{"logins", "/CPU s", true, value}, {"time", "us", false, 1e6 / value}};
        return result;
    };
    ComparedScenario compared;
    compared.name = "logins";
    compared.target = Target{10, 50};
    compared.pairs = {{measured(100), measured(1200)}};
    compared.measure();
    REQUIRE(compared.measures.size() == 2);
    CHECK(compared.measures[0].name == "logins");
    CHECK(compared.measures[0].unit == "/CPU s");
    CHECK(compared.measures[0].ratio.median == doctest::Approx(12));
    CHECK(compared.measures[1].ratio.median == doctest::Approx(12));

    Comparison before;
    before.a = "left";
    before.b = "right";
    before.notes = {"others used a third of the machine"};
    before.scenarios = {compared};
    const std::string text = encode_comparison(before);
    const auto after = decode_comparison(text);
    REQUIRE_MESSAGE(after.has_value(), (after ? "" : after.error()));
    CHECK(encode_comparison(*after) == text);
    CHECK(has_text(comparison_table(*after), "others used a third"));
    CHECK(has_text(comparison_markdown(*after), "others used a third"));
    CHECK(has_text(make_report({}, {*after}), "others used a third"));
    const auto verdict = [&before](double b) {
        before.scenarios[0].pairs[0].b.figures[0].value = b;
        before.scenarios[0].measure();
        return comparison_table(before);
    };
    CHECK(has_text(verdict(999), "floor 10, aim 50: BELOW THE FLOOR"));
    CHECK(has_text(verdict(1000), "floor 10, aim 50: the floor is met"));
    CHECK(has_text(verdict(5000), "floor 10, aim 50: the aim is met"));
}

TEST_CASE("figures are told in units that people read") {
    CHECK(figure_text(18.7, "us") == "18.7 us");
    CHECK(figure_text(1250, "us") == "1.25 ms");
    CHECK(figure_text(2.5e6, "us") == "2.50 s");
    CHECK(figure_text(1234567, "/s") == "1,234,567 /s");
    CHECK(figure_text(519 * 1024, "bytes") == "519 KiB");
    CHECK(figure_text(0.25, "us") == "0.250 us");
}

TEST_CASE("two servers are run in turn and compared") {
    tidemark::test::TestServer first;
    tidemark::test::TestServer second;
    const UserPattern users = accounts(first, 2);
    static_cast<void>(accounts(second, 2));
    MemoryConnector a(first);
    MemoryConnector b(second);
    fill(users, a);
    fill(users, b);
    std::vector<std::string> order;
    CompareOptions options;
    options.pairs = 2;
    options.announce = [&order](const std::string& what) { order.push_back(what); };
    unsigned before_b = 0;
    Side right = side("B", b, users);
    right.before = [&before_b](RunOptions&) {
        ++before_b;
        return std::string();
    };
    const auto comparison = compare_scenarios({scenario("webmail"), scenario("flag-churn")},
                                              side("A", a, users), right, options, nullptr);
    CHECK(order ==
          std::vector<std::string>{"webmail, pair 1 of 2, A", "webmail, pair 1 of 2, B",
                                   "webmail, pair 2 of 2, A", "webmail, pair 2 of 2, B",
                                   "flag-churn, pair 1 of 2, A", "flag-churn, pair 1 of 2, B",
                                   "flag-churn, pair 2 of 2, A", "flag-churn, pair 2 of 2, B"});
    CHECK(before_b == 4);
    CHECK(comparison.ok());
    REQUIRE(comparison.scenarios.size() == 2);
    for (const ComparedScenario& one : comparison.scenarios) {
        CAPTURE(one.name);
        CHECK(one.pairs.size() == 2);
        REQUIRE_FALSE(one.measures.empty());
        for (const Measure& measure : one.measures) {
            CAPTURE(measure.name);
            CHECK(measure.a.size() == 2);
            CHECK(measure.b.size() == 2);
            CHECK(measure.ratio.least > 0);
            CHECK(measure.ratio.least <= measure.ratio.median);
            CHECK(measure.ratio.median <= measure.ratio.most);
        }
    }
    CHECK(find(comparison.scenarios[0], "FETCH message p50") != nullptr);
    CHECK(comparison.scenarios[0].pairs[0].a.label == "A");
}

TEST_CASE("a wrong server fails its comparison, and the next scenario is compared all the same") {
    tidemark::test::TestServer right;
    tidemark::test::TestServer wrong;
    const UserPattern users = accounts(right, 1);
    static_cast<void>(accounts(wrong, 1));
    MemoryConnector a(right);
    fill(users, a);
    MemoryConnector unspoiled(wrong);
    fill(users, unspoiled);
    MemoryConnector b(wrong, [](std::string text) {
        if (const auto at = text.find("* 2 FETCH"); at != std::string::npos)
            text.replace(at, 9, "* 2 FECTH");
        return text;
    });
    CompareOptions options;
    options.pairs = 1;
    const auto comparison =
        compare_scenarios({scenario("first-sync"), scenario("login-storm")}, side("A", a, users),
                          side("B", b, users), options, nullptr);
    CHECK_FALSE(comparison.ok());
    REQUIRE(comparison.scenarios.size() == 2);
    CHECK_FALSE(comparison.scenarios[0].ok);
    REQUIRE_FALSE(comparison.scenarios[0].reasons.empty());
    CHECK(has_text(comparison.scenarios[0].reasons[0], "first-sync, pair 1 of 1, B: "));
    CHECK(comparison.scenarios[1].ok);
    CHECK(comparison.scenarios[1].pairs.size() == 1);
}

TEST_CASE("a comparison that is interrupted has no half pair") {
    tidemark::test::TestServer server;
    const UserPattern users = accounts(server, 1);
    MemoryConnector connector(server);
    std::atomic<bool> stop{false};
    CompareOptions options;
    options.pairs = 5;
    options.stop = &stop;
    Side b = side("B", connector, users);
    unsigned runs_of_b = 0;
    b.before = [&](RunOptions&) {
        stop = ++runs_of_b == 2;
        return std::string();
    };
    const auto comparison = compare_scenarios({scenario("login-storm"), scenario("ops/noop")},
                                              side("A", connector, users), b, options, nullptr);
    REQUIRE(comparison.scenarios.size() == 1);
    CHECK(comparison.scenarios[0].pairs.size() == 1);
    CHECK(comparison.scenarios[0].ok);
}
