#include "storage/verify/verify.hpp"
#include "tools/commands.hpp"
#include "tools/progress.hpp"
#include "tools/verify_checks.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tidemark::tools {

namespace {

using nlohmann::json;

constexpr unsigned kThreadsMax = 256;

struct Options {
    std::string directory;
    std::vector<std::string> chain;
    bool json = false;
    bool quick = false;
    unsigned threads = 0;
};

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

CommandResult<bool> run(const Options& options, Terminal& terminal) {
    storage::VerifyOptions verify;
    verify.quick = options.quick;
    verify.earlier = options.chain;
    verify.threads =
        options.threads != 0 ? options.threads : std::max(std::thread::hardware_concurrency(), 1u);
    set_verify_checks(verify);
    ProgressBars bars;
    verify.on_progress = [&bars](const storage::VerifyProgress& progress) {
        bars.draw(progress.what, progress.unit, progress.done, progress.total);
    };
    const auto report = storage::verify(options.directory, verify, storage::posix_file_system());
    bars.finish();
    if (!report) return could_not_run(report.error().detail);
    if (options.json) {
        // Names and texts of what is damaged may be anything.
        terminal.out << to_json(*report).dump(-1, ' ', false, json::error_handler_t::replace)
                     << '\n';
        return report->well();
    }
    for (const storage::Finding& finding : report->findings) {
        terminal.out << (storage::is_note(finding.code) ? "note: " : "")
                     << storage::to_string(finding) << '\n';
    }
    if (report->findings_left_out > 0)
        terminal.out << fmt::format("and {} more\n", report->findings_left_out);
    return report->well();
}

}  // namespace

void add_verifydata(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand("verifydata",
                                   "Check everything in a backup, or in a data directory that no "
                                   "server has open; changes nothing");
    auto options = std::make_shared<Options>();
    sub->add_option("DIR", options->directory, "The directory")->required();
    sub->add_option("--chain", options->chain,
                    "Earlier backups that an incremental one leaves files out for, where they are "
                    "neither beside it nor where they were")
        ->type_name("DIR");
    sub->add_flag("--json", options->json, "One JSON object on stdout, whatever is found");
    sub->add_flag("--quick", options->quick, "Structure and sizes only; reads no mail");
    sub->add_option("--threads", options->threads, "At most so many threads; else one a core")
        ->check(CLI::Range(1u, kThreadsMax))
        ->type_name("N");
    sub->callback([options, &context] {
        const CommandResult<bool> well = run(*options, context.terminal);
        if (!well) return context.finish(tl::unexpected(well.error()));
        if (!*well) context.exit = ExitCode::kNo;
    });
}

}  // namespace tidemark::tools
