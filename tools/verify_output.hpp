// What was found to be wrong with a directory or a store, for people and for programs.
#pragma once

#include "storage/verify/verify.hpp"
#include "tools/commands.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <vector>

namespace tidemark::tools {

// A line for each; nothing at all when there are none.
void write_findings(const std::vector<storage::Finding>& findings, std::uint64_t left_out,
                    Terminal& terminal);
// Objects as `verifydata --json` and `verify --online --json` have them.
nlohmann::json findings_json(const std::vector<storage::Finding>& findings);
// One line, also where names and texts of what is damaged are no UTF-8.
void write_json_line(const nlohmann::json& report, Terminal& terminal);

}  // namespace tidemark::tools
