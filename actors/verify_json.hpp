// What a verification found, as the admin socket and `--json` tell it. The names stay.
#pragma once

#include "storage/verify/verify.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace tidemark::actors {

// {code, text, note?, account?, mailbox?, uid?, file?, offset?}. Names and texts of what is damaged
// may be no UTF-8.
nlohmann::json to_json(const storage::Finding& finding);
// {well, backup, findings: […], findings_left_out, counts}
nlohmann::json to_json(const storage::VerifyReport& report);
// Nothing: that is none.
std::optional<storage::Finding> finding_from_json(const nlohmann::json& object);

}  // namespace tidemark::actors
