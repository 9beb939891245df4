#include "tools/verify_output.hpp"

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

void write_verify_json(const nlohmann::json& report, Terminal& terminal) {
    terminal.out << report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

}  // namespace tidemark::tools
