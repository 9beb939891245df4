#include "tools/loadtest/compare.hpp"

#include <fmt/format.h>

#include <ctime>
#include <utility>

namespace tidemark::loadtest {

namespace {

class Comparer {
  public:
    Comparer(Side& a, Side& b, const CompareOptions& options, RunObserver* observer)
        : a_(a), b_(b), options_(options), observer_(observer) {}

    ComparedScenario compare(const Scenario& scenario) {
        ComparedScenario compared;
        compared.name = scenario.name;
        compared.description = scenario.description;
        compared.headline = scenario.headline;
        for (std::size_t pair = 0; pair < options_.pairs && !should_stop(); ++pair) {
            auto a = run(scenario, a_, pair, compared);
            if (!a || should_stop()) break;
            auto b = run(scenario, b_, pair, compared);
            if (!b || should_stop()) break;
            compared.pairs.push_back({std::move(*a), std::move(*b)});
        }
        if (compared.pairs.empty() && compared.ok)
            fail(compared, "interrupted before the first pair was whole");
        compared.measure();
        return compared;
    }

    bool should_stop() const { return options_.stop != nullptr && *options_.stop; }

  private:
    static void fail(ComparedScenario& compared, std::string reason) {
        compared.ok = false;
        compared.reasons.push_back(std::move(reason));
    }

    std::optional<Result> run(const Scenario& scenario, Side& side, std::size_t pair,
                              ComparedScenario& compared) {
        const std::string where = fmt::format("{}, pair {} of {}, {}", scenario.name, pair + 1,
                                              options_.pairs, side.options.label);
        if (options_.announce) options_.announce(where);
        if (side.before) {
            if (const std::string error = side.before(side.options); !error.empty()) {
                fail(compared, fmt::format("{}: {}", where, error));
                return std::nullopt;
            }
        }
        auto result = run_scenario(scenario, side.options, *side.connector, observer_);
        if (!result) {
            // A run that was ended from outside says nothing about the server.
            if (!should_stop()) fail(compared, fmt::format("{}: {}", where, result.error()));
            return std::nullopt;
        }
        if (should_stop()) return std::nullopt;
        for (const std::string& reason : result->verdict.reasons)
            compared.reasons.push_back(fmt::format("{}: {}", where, reason));
        for (const std::string& example : result->checks.examples)
            compared.reasons.push_back(fmt::format("{}: wrong: {}", where, example));
        compared.ok = compared.ok && result->verdict.ok;
        return std::move(*result);
    }

    Side& a_;
    Side& b_;
    const CompareOptions& options_;
    RunObserver* observer_;
};

}  // namespace

Comparison compare_scenarios(const std::vector<Scenario>& scenarios, Side a, Side b,
                             const CompareOptions& options, RunObserver* observer) {
    Comparison comparison;
    comparison.version = a.options.version;
    comparison.start = utc_text(std::time(nullptr));
    comparison.a = a.options.label;
    comparison.b = b.options.label;
    comparison.machine = describe_machine();
    // A run in progress ends early, too.
    a.options.stop = b.options.stop = options.stop;
    Comparer comparer(a, b, options, observer);
    for (const Scenario& scenario : scenarios) {
        if (comparer.should_stop()) break;
        comparison.scenarios.push_back(comparer.compare(scenario));
    }
    return comparison;
}

}  // namespace tidemark::loadtest
