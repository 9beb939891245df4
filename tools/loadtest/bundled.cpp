#include "tools/loadtest/bundled.hpp"

#include "tools/loadtest/scenario.hpp"

#include <fstream>
#include <sstream>

namespace tidemark::loadtest {

std::optional<ScenarioFinder::File> BundledScenarios::find(std::string_view name) const {
    for (const BundledScenario& one : bundled_scenarios()) {
        if (one.name == name) return File{std::string(name), std::string(one.text)};
    }
    const std::string path(name);
    std::ifstream file(path);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return File{path, text.str()};
}

std::vector<std::string_view> BundledScenarios::names() {
    std::vector<std::string_view> result;
    for (const BundledScenario& one : bundled_scenarios()) result.push_back(one.name);
    return result;
}

}  // namespace tidemark::loadtest
