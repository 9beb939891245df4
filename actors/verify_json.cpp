#include "actors/verify_json.hpp"

#include <algorithm>

namespace tidemark::actors {

using nlohmann::json;

json to_json(const storage::Finding& finding) {
    json object = {{"code", storage::name_of(finding.code)}, {"text", finding.text}};
    if (storage::is_note(finding.code)) object["note"] = true;
    if (!finding.account.empty()) object["account"] = finding.account;
    if (!finding.mailbox.empty()) object["mailbox"] = finding.mailbox;
    if (finding.uid != 0) object["uid"] = finding.uid;
    if (!finding.file.empty()) object["file"] = finding.file;
    if (finding.offset) object["offset"] = *finding.offset;
    return object;
}

json to_json(const storage::VerifyReport& report) {
    json findings = json::array();
    for (const storage::Finding& finding : report.findings) findings.push_back(to_json(finding));
    const storage::VerifyCounts& counts = report.counts;
    return {{"well", report.well()},
            {"backup", report.is_backup},
            {"findings", std::move(findings)},
            {"findings_left_out", report.findings_left_out},
            {"counts",
             {{"accounts", counts.accounts},
              {"mailboxes", counts.mailboxes},
              {"messages", counts.messages},
              {"log_entries", counts.log_entries},
              {"bodies", counts.bodies},
              {"body_bytes_read", counts.body_bytes_read},
              {"summaries", counts.summaries},
              {"segments", counts.segments},
              {"tables", counts.tables},
              {"log_rounds", counts.log_rounds},
              {"store_seq", counts.store_seq}}}};
}

std::optional<storage::Finding> finding_from_json(const json& object) {
    if (!object.is_object()) return std::nullopt;
    const auto text = [&](const char* name) {
        const auto at = object.find(name);
        return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
    };
    const auto number = [&](const char* name) -> std::optional<std::uint64_t> {
        const auto at = object.find(name);
        if (at == object.end() || !at->is_number_unsigned()) return std::nullopt;
        return at->get<std::uint64_t>();
    };
    const std::optional<storage::FindingCode> code = storage::finding_code_of(text("code"));
    if (!code) return std::nullopt;
    storage::Finding finding;
    finding.code = *code;
    finding.account = text("account");
    finding.mailbox = text("mailbox");
    finding.uid = static_cast<storage::Uid>(number("uid").value_or(0));
    finding.file = text("file");
    finding.offset = number("offset");
    finding.text = text("text");
    return finding;
}

}  // namespace tidemark::actors
