#include "tools/loadtest/report.hpp"

#include "tools/loadtest/result_json.hpp"

#include <utility>

namespace tidemark::loadtest {

namespace {

// JSON inside <script>: no "<" may be there, whatever a server said; in JSON it is only in strings,
// where it may be escaped.
void append_escaped(std::string& text, std::string_view json) {
    for (const char c : json) {
        if (c == '<')
            text += "\\u003c";
        else
            text += c;
    }
}

nlohmann::json drawn(const ComparedScenario& scenario) {
    nlohmann::json json = json_of(scenario);
    json.erase("pairs");
    json["count"] = scenario.pairs.size();
    if (!scenario.pairs.empty()) {
        json["a"] = json_of(scenario.typical_pair().a);
        json["b"] = json_of(scenario.typical_pair().b);
    }
    return json;
}

nlohmann::json drawn(const Comparison& comparison) {
    nlohmann::json json = json_head_of(comparison);
    for (const ComparedScenario& one : comparison.scenarios)
        json["scenarios"].push_back(drawn(one));
    return json;
}

}  // namespace

std::string make_report(const std::vector<Result>& results,
                        const std::vector<Comparison>& comparisons) {
    nlohmann::json json = {{"runs", nlohmann::json::array()},
                           {"comparisons", nlohmann::json::array()}};
    for (const Result& result : results) json["runs"].push_back(json_of(result));
    for (const Comparison& one : comparisons) json["comparisons"].push_back(drawn(one));
    std::string text(kReportBefore);
    append_escaped(text, text_of(json));
    text += kReportAfter;
    return text;
}

}  // namespace tidemark::loadtest
