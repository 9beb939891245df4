#include "tools/verify_output.hpp"

#include "actors/verify_json.hpp"

#include <fmt/format.h>

namespace tidemark::tools {

void write_findings(const std::vector<storage::Finding>& findings, std::uint64_t left_out,
                    Terminal& terminal) {
    for (const storage::Finding& finding : findings) {
        terminal.out << (storage::is_note(finding.code) ? "note: " : "")
                     << storage::to_string(finding) << '\n';
    }
    if (left_out > 0) terminal.out << fmt::format("and {} more\n", left_out);
}

nlohmann::json findings_json(const std::vector<storage::Finding>& findings) {
    nlohmann::json objects = nlohmann::json::array();
    for (const storage::Finding& finding : findings) objects.push_back(actors::to_json(finding));
    return objects;
}

void write_json_line(const nlohmann::json& report, Terminal& terminal) {
    terminal.out << report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

}  // namespace tidemark::tools
