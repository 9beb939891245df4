// Each bundled scenario against a right server: it runs, every one of its steps is done and
// answered as it must be.
#include "tests/tools/loadtest/memory_server.hpp"
#include "tools/loadtest/comparison.hpp"
#include "tools/loadtest/scenario.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>

using namespace tidemark;
using namespace tidemark::loadtest;
using namespace tidemark::loadtest::testing;

namespace {

constexpr unsigned kAccounts = 3;

bool idles(const Scenario& scenario) {
    for (const Group& group : scenario.groups) {
        for (const Step& step : group.steps) {
            if (step.kind == StepKind::idle) return true;
        }
    }
    return false;
}

bool adds_mail(const Scenario& scenario) {
    const auto test = [](const Step& step) {
        return step.kind == StepKind::append || step.kind == StepKind::deliver;
    };
    return std::any_of(scenario.groups.begin(), scenario.groups.end(), [&test](const Group& group) {
        return std::any_of(group.setup.begin(), group.setup.end(), test) ||
               std::any_of(group.steps.begin(), group.steps.end(), test);
    });
}

struct FilledServer {
    tidemark::test::TestServer server;
    UserPattern users = accounts(server, kAccounts);
    MemoryConnector connector{server};
    FilledServer() { fill(users, connector, 110); }
};

// The steps that are timed, by the names they have in the result.
std::set<std::string> timed_steps(const Scenario& scenario) {
    std::set<std::string> names;
    for (const Group& group : scenario.groups) {
        for (const Step& step : group.steps) {
            const bool is_timed = step.kind == StepKind::connect || step.kind == StepKind::login ||
                                  step.kind == StepKind::command || step.kind == StepKind::idle ||
                                  step.kind == StepKind::append || step.kind == StepKind::deliver ||
                                  step.kind == StepKind::shell;
            // What comes after a long pause, or beside one that never ends, is not reached in time.
            if (step.kind == StepKind::pause && step.duration > std::chrono::seconds(10)) break;
            if (is_timed) names.insert(group.is_bad ? "bad: " + step.as : step.as);
        }
    }
    return names;
}

RunOptions short_run(const UserPattern& users, const Scenario& scenario) {
    RunOptions options;
    options.users = users;
    options.password = "secret";
    options.connections = std::min<std::uint64_t>(scenario.connections, 6);
    options.warmup = std::chrono::microseconds(0);
    options.duration = std::chrono::milliseconds(100);
    options.shell_command = "true";
    // Pushes are told apart by their order, and only so many may be on their way.
    if (idles(scenario)) options.rate = 30;
    // Mail at full speed would make the mailboxes that are searched beside it ever larger.
    options.is_closed = !idles(scenario) && scenario.name != "mixed-day";
    return options;
}

// Everything that was to be done was done, so far as the time went.
bool is_whole(const Scenario& scenario, const Result& result) {
    std::set<std::string> names = timed_steps(scenario);
    if (idles(scenario) && scenario.name != "ops/idle-memory") {
        names.insert("PUSH");
        names.insert("PUSH to the last");
    }
    return std::all_of(names.begin(), names.end(), [&result](const std::string& name) {
        const CommandFigures* figures = result.command(name);
        return figures != nullptr && figures->count > 0;
    });
}

std::string first_measure(const Scenario& scenario, Result result) {
    result.server_use = ServerUse{};
    result.server_use->cpu_us_per_operation = 1;
    result.server_use->connections = 1;
    result.server_use->pss_bytes_end = result.server_use->pss_bytes_peak = 1;
    result.server_use->bytes_per_connection = 1;
    ComparedScenario compared;
    compared.headline = scenario.headline;
    compared.pairs = {{result, result}};
    compared.measure();
    REQUIRE_FALSE(compared.measures.empty());
    return compared.measures[0].name;
}

// A machine that is busy needs longer to do every step once.
Result run_until_whole(const Scenario& scenario, const UserPattern& users, Connector& connector) {
    RunOptions options = short_run(users, scenario);
    for (;;) {
        auto result = run_scenario(scenario, options, connector, nullptr);
        REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error()));
        if (!result->verdict.ok || is_whole(scenario, *result)) return std::move(*result);
        *options.duration *= 4;
        REQUIRE(*options.duration < std::chrono::minutes(1));
    }
}

}  // namespace

TEST_CASE("every bundled scenario runs, does all of its steps and finds no wrong answer") {
    FilledServer shared;
    for (const BundledScenario& bundled : bundled_scenarios()) {
        CAPTURE(bundled.name);
        const Scenario one = scenario(bundled.name);
        std::unique_ptr<FilledServer> own;
        if (adds_mail(one)) own = std::make_unique<FilledServer>();
        FilledServer& filled = own ? *own : shared;
        const Result result = run_until_whole(one, filled.users, filled.connector);
        for (const auto& example : result.checks.examples) MESSAGE(example);
        for (const auto& command : result.commands) {
            for (const auto& [kind, count] : command.errors)
                CHECK_MESSAGE(command.name.starts_with("bad: "), command.name, ": ", count, " ",
                              kind);
        }
        CHECK(result.verdict.ok);
        CHECK(result.checks.answers > 10);
        if (one.needs_lmtp()) CHECK(result.checks.messages > 0);
        // A comparison would quietly put another measure first than a headline that nothing has.
        if (!one.headline.empty()) CHECK(first_measure(one, result) == one.headline);
    }
}
