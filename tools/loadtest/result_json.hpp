// Results as JSON values, for files that hold several.
#pragma once

#include "tools/loadtest/comparison.hpp"
#include "tools/loadtest/result.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace tidemark::loadtest {

[[nodiscard]] nlohmann::json json_of(const Result& result);
[[nodiscard]] nlohmann::json json_of(const Machine& machine);
[[nodiscard]] nlohmann::json json_of(const ComparedScenario& scenario);
// Its members with no scenarios.
[[nodiscard]] nlohmann::json json_head_of(const Comparison& comparison);
// These throw nlohmann::json::exception for a member that is missing or of the wrong kind.
[[nodiscard]] Result result_of(const nlohmann::json& json);
[[nodiscard]] Machine machine_of(const nlohmann::json& json);
// One line; what is no UTF-8 is replaced.
[[nodiscard]] std::string text_of(const nlohmann::json& json);

}  // namespace tidemark::loadtest
