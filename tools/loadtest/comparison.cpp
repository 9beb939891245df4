#include "tools/loadtest/comparison.hpp"

#include "tools/loadtest/result_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

namespace tidemark::loadtest {

namespace {

using Json = nlohmann::json;
using Value = std::function<std::optional<double>(const Result&)>;

// A clock of whole microseconds: what took none took less than one.
constexpr double kLeastUs = 1;

bool is_work(const CommandFigures& command) {
    return command.count > 0 && !command.name.starts_with("bad: ") &&
           !command.name.starts_with("PUSH");
}

std::optional<double> operations_per_second(const Result& result) {
    double sum = 0;
    for (const CommandFigures& command : result.commands) {
        if (is_work(command)) sum += command.per_second;
    }
    return sum > 0 ? std::optional(sum) : std::nullopt;
}

std::optional<double> positive(double value) {
    return value > 0 ? std::optional(value) : std::nullopt;
}

void add(ComparedScenario& scenario, Measure measure, const Value& value) {
    std::vector<double> ratios;
    for (const Pair& pair : scenario.pairs) {
        const auto a = value(pair.a);
        const auto b = value(pair.b);
        if (!a || !b) return;
        measure.a.push_back(*a);
        measure.b.push_back(*b);
        ratios.push_back(measure.more_is_better ? *b / *a : *a / *b);
    }
    measure.a_median = median_of(measure.a);
    measure.b_median = median_of(measure.b);
    measure.ratio = spread_of(ratios);
    scenario.measures.push_back(std::move(measure));
}

Value latency_of(const std::string& command, std::uint64_t Latency::* which) {
    return [command, which](const Result& result) -> std::optional<double> {
        const CommandFigures* figures = result.command(command);
        if (figures == nullptr || figures->count == 0) return std::nullopt;
        return std::max(static_cast<double>(figures->latency.*which), kLeastUs);
    };
}

Value figure_of(const std::string& name) {
    return [name](const Result& result) -> std::optional<double> {
        for (const Figure& one : result.figures) {
            if (one.name == name) return positive(one.value);
        }
        return std::nullopt;
    };
}

// What an idle connection costs after a while, which may be less than when it was new.
std::optional<double> memory_at_the_end(const Result& result) {
    const auto& use = result.server_use;
    if (!use || use->connections == 0 || use->pss_bytes_end <= use->pss_bytes_before)
        return std::nullopt;
    return static_cast<double>(use->pss_bytes_end - use->pss_bytes_before) /
           static_cast<double>(use->connections);
}

Measure named(std::string name, std::string unit, bool more_is_better = false) {
    Measure measure;
    measure.name = std::move(name);
    measure.unit = std::move(unit);
    measure.more_is_better = more_is_better;
    return measure;
}

Json encode(const Measure& measure) {
    return {{"name", measure.name},
            {"unit", measure.unit},
            {"more_is_better", measure.more_is_better},
            {"a", measure.a},
            {"b", measure.b},
            {"a_median", measure.a_median},
            {"b_median", measure.b_median},
            {"ratio",
             {{"median", measure.ratio.median},
              {"least", measure.ratio.least},
              {"most", measure.ratio.most}}}};
}

ComparedScenario decode_scenario(const Json& json) {
    ComparedScenario scenario;
    json.at("name").get_to(scenario.name);
    json.at("description").get_to(scenario.description);
    json.at("headline").get_to(scenario.headline);
    json.at("ok").get_to(scenario.ok);
    json.at("reasons").get_to(scenario.reasons);
    if (const auto target = json.find("target"); target != json.end())
        scenario.target = {target->at("floor").get<double>(), target->at("aim").get<double>()};
    for (const Json& pair : json.at("pairs"))
        scenario.pairs.push_back({result_of(pair.at("a")), result_of(pair.at("b"))});
    // What follows from the pairs is not read but made again.
    scenario.measure();
    return scenario;
}

std::string ratio_text(double value) {
    return value >= 100  ? fmt::format("{:.0f}", value)
           : value >= 10 ? fmt::format("{:.1f}", value)
                         : fmt::format("{:.2f}", value);
}

std::string spread_text(const Spread& spread) {
    return fmt::format("{} ({}-{})", ratio_text(spread.median), ratio_text(spread.least),
                       ratio_text(spread.most));
}

std::string with_commas(double value) {
    std::string digits = fmt::format("{:.0f}", value);
    for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
    return digits;
}

std::string sensible(double value) {
    return value >= 100  ? with_commas(value)
           : value >= 10 ? fmt::format("{:.1f}", value)
           : value >= 1  ? fmt::format("{:.2f}", value)
                         : fmt::format("{:.3f}", value);
}

// "floor 10, aim 50: the floor is met"; empty without a target or a ratio.
std::string target_text(const ComparedScenario& scenario) {
    if (!scenario.target || scenario.measures.empty()) return {};
    const double ratio = scenario.measures[0].ratio.median;
    const auto [floor, aim] = *scenario.target;
    return fmt::format("floor {}, aim {}: {}", floor, aim,
                       ratio >= aim     ? "the aim is met"
                       : ratio >= floor ? "the floor is met"
                                        : "BELOW THE FLOOR");
}

std::string about(const ComparedScenario& scenario) {
    std::string text = fmt::format("{} pairs", scenario.pairs.size());
    if (scenario.pairs.size() < kPairsWanted)
        text += fmt::format(" (fewer than the {} that a ratio should have)", kPairsWanted);
    if (const std::string target = target_text(scenario); !target.empty()) text += "; " + target;
    // Another program's has no clients of ours.
    if (scenario.pairs.empty() || scenario.pairs[0].a.settings.connections == 0) return text;
    const RunSettings& settings = scenario.pairs[0].a.settings;
    return text + fmt::format(", {} loop, {} connections", settings.loop, settings.connections);
}

}  // namespace

Json json_of(const ComparedScenario& scenario) {
    Json pairs = Json::array();
    for (const Pair& pair : scenario.pairs)
        pairs.push_back({{"a", json_of(pair.a)}, {"b", json_of(pair.b)}});
    Json measures = Json::array();
    for (const Measure& measure : scenario.measures) measures.push_back(encode(measure));
    Json json = {{"name", scenario.name},          {"description", scenario.description},
                 {"headline", scenario.headline},  {"ok", scenario.ok},
                 {"reasons", scenario.reasons},    {"pairs", std::move(pairs)},
                 {"measures", std::move(measures)}};
    if (scenario.target)
        json["target"] = {{"floor", scenario.target->floor}, {"aim", scenario.target->aim}};
    return json;
}

double median_of(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Spread spread_of(const std::vector<double>& values) {
    if (values.empty()) return {};
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    return {median_of(values), *least, *most};
}

void ComparedScenario::measure() {
    measures.clear();
    if (pairs.empty()) return;
    for (const Figure& one : pairs[0].a.figures)
        add(*this, named(one.name, one.unit, one.more_is_better), figure_of(one.name));
    const bool is_open = pairs[0].a.settings.loop == "open";
    if (!is_open) add(*this, named("operations", "/s", true), operations_per_second);
    add(*this, named("server CPU an operation", "us"), [](const Result& result) {
        return result.server_use ? positive(result.server_use->cpu_us_per_operation) : std::nullopt;
    });
    add(*this, named("server memory a connection", "bytes"), [](const Result& result) {
        return result.server_use ? positive(result.server_use->bytes_per_connection) : std::nullopt;
    });
    add(*this, named("server memory a connection, at the end", "bytes"), memory_at_the_end);
    add(*this, named("server memory at most", "bytes"), [](const Result& result) {
        return result.server_use ? positive(static_cast<double>(result.server_use->pss_bytes_peak))
                                 : std::nullopt;
    });
    for (const CommandFigures& command : pairs[0].a.commands) {
        if (command.name.starts_with("bad: ")) continue;
        add(*this, named(command.name + " p50", "us"), latency_of(command.name, &Latency::p50_us));
        add(*this, named(command.name + " p99", "us"), latency_of(command.name, &Latency::p99_us));
    }
    if (is_open) add(*this, named("operations", "/s", true), operations_per_second);
    std::stable_partition(measures.begin(), measures.end(),
                          [this](const Measure& one) { return one.name == headline; });
}

const Pair& ComparedScenario::typical_pair() const {
    std::size_t nearest = 0;
    if (!measures.empty()) {
        const Measure& first = measures[0];
        const auto distance = [&first](std::size_t i) {
            const double ratio =
                first.more_is_better ? first.b[i] / first.a[i] : first.a[i] / first.b[i];
            return std::abs(ratio - first.ratio.median);
        };
        for (std::size_t i = 1; i < pairs.size(); ++i) {
            if (distance(i) < distance(nearest)) nearest = i;
        }
    }
    return pairs[nearest];
}

bool Comparison::ok() const {
    return std::all_of(scenarios.begin(), scenarios.end(),
                       [](const ComparedScenario& one) { return one.ok; });
}

Json json_head_of(const Comparison& comparison) {
    return {{"comparison", kComparisonFormat},
            {"version", comparison.version},
            {"start", comparison.start},
            {"a", comparison.a},
            {"b", comparison.b},
            {"machine", json_of(comparison.machine)},
            {"notes", comparison.notes},
            {"scenarios", Json::array()}};
}

std::string encode_comparison(const Comparison& comparison) {
    Json json = json_head_of(comparison);
    for (const ComparedScenario& one : comparison.scenarios)
        json["scenarios"].push_back(json_of(one));
    return text_of(json);
}

tl::expected<Comparison, std::string> decode_comparison(std::string_view text) {
    // The library throws for a member that is missing or of another type; this is its one place.
    try {
        const Json json = Json::parse(text);
        if (const auto format = json.at("comparison").get<unsigned>(); format != kComparisonFormat)
            return tl::unexpected(
                fmt::format("comparison format {} is not known; this program reads {}", format,
                            kComparisonFormat));
        Comparison comparison;
        json.at("version").get_to(comparison.version);
        json.at("start").get_to(comparison.start);
        json.at("a").get_to(comparison.a);
        json.at("b").get_to(comparison.b);
        comparison.machine = machine_of(json.at("machine"));
        if (const auto notes = json.find("notes"); notes != json.end())
            notes->get_to(comparison.notes);
        for (const Json& one : json.at("scenarios"))
            comparison.scenarios.push_back(decode_scenario(one));
        return comparison;
    } catch (const Json::exception& error) {
        return tl::unexpected(fmt::format("no result of loadtest compare: {}", error.what()));
    }
}

bool is_comparison(std::string_view text) {
    // Members are written in the order of their names, so this is among the first bytes.
    return text.substr(0, 4096).find("\"comparison\":") != std::string_view::npos;
}

std::string figure_text(double value, std::string_view unit) {
    if (unit == "us") {
        if (value >= 1e6) return sensible(value / 1e6) + " s";
        return value >= 1000 ? sensible(value / 1000) + " ms" : sensible(value) + " us";
    }
    if (unit == "bytes") {
        if (value >= 1 << 20) return sensible(value / (1 << 20)) + " MiB";
        return value >= 1024 ? sensible(value / 1024) + " KiB" : sensible(value) + " B";
    }
    return fmt::format("{} {}", sensible(value), unit);
}

std::string comparison_table(const Comparison& comparison) {
    std::string text;
    for (const std::string& note : comparison.notes) text += note + '\n';
    for (const ComparedScenario& scenario : comparison.scenarios) {
        text +=
            fmt::format("{}: {}\n{:<40} {:>14} {:>14}   {} / {}\n", scenario.name, about(scenario),
                        "", comparison.a, comparison.b, comparison.a, comparison.b);
        for (const Measure& one : scenario.measures)
            text += fmt::format("{:<40} {:>14} {:>14}   {}\n", one.name,
                                figure_text(one.a_median, one.unit),
                                figure_text(one.b_median, one.unit), spread_text(one.ratio));
        for (const std::string& reason : scenario.reasons) text += reason + '\n';
        text += '\n';
    }
    return text + "Medians; a ratio above 1 is that many times better for " + comparison.b +
           " (least-most of the pairs).\n";
}

std::string comparison_markdown(const Comparison& comparison) {
    std::string text = fmt::format(
        "{}; {}, {} cores, {}; tidemark {}, {} build. Medians; a ratio above 1 is that "
        "many times better for {} (least-most of the pairs).\n",
        comparison.start, comparison.machine.processor, comparison.machine.cores,
        comparison.machine.system, comparison.version, comparison.machine.build, comparison.b);
    for (const std::string& note : comparison.notes) text += fmt::format("\n- {}\n", note);
    for (const ComparedScenario& scenario : comparison.scenarios) {
        text += fmt::format("\n**{}**, {}\n\n| | {} | {} | ratio |\n|---|---|---|---|\n",
                            scenario.name, about(scenario), comparison.a, comparison.b);
        for (const Measure& one : scenario.measures)
            text += fmt::format("| {} | {} | {} | {} |\n", one.name,
                                figure_text(one.a_median, one.unit),
                                figure_text(one.b_median, one.unit), spread_text(one.ratio));
        for (const std::string& reason : scenario.reasons) text += fmt::format("\n{}\n", reason);
    }
    return text;
}

}  // namespace tidemark::loadtest
