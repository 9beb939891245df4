// The files of tools/scenarios/, built into the program.
#pragma once

#include <string_view>
#include <vector>

namespace tidemark::loadtest {

struct BundledScenario {
    std::string_view name;  // "webmail", "ops/noop"
    std::string_view text;
};
// By name, ascending. Made by tools/scenarios/embed.py.
const std::vector<BundledScenario>& bundled_scenarios();

}  // namespace tidemark::loadtest
