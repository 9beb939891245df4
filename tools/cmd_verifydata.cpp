#include "actors/limits.hpp"
#include "actors/verify_checks.hpp"
#include "actors/verify_json.hpp"
#include "storage/verify/verify.hpp"
#include "tools/commands.hpp"
#include "tools/progress.hpp"
#include "tools/verify_output.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tidemark::tools {

namespace {

struct VerifydataArguments {
    std::string directory;
    std::vector<std::string> chain;
    bool json = false;
    bool quick = false;
    unsigned threads = 0;
};

CommandResult<bool> run(const VerifydataArguments& options, Terminal& terminal) {
    storage::VerifyOptions verify;
    verify.quick = options.quick;
    verify.earlier = options.chain;
    verify.threads =
        options.threads != 0 ? options.threads : std::max(std::thread::hardware_concurrency(), 1u);
    actors::set_verify_checks(verify);
    ProgressBars bars;
    verify.on_progress = [&bars](const storage::VerifyProgress& progress) {
        bars.draw(progress.what, progress.unit, progress.done, progress.total);
    };
    const auto report = storage::verify(options.directory, verify, storage::posix_file_system());
    bars.finish();
    if (!report) return could_not_run(report.error().detail);
    if (options.json) {
        write_json_line(actors::to_json(*report), terminal);
    } else {
        write_findings(report->findings, report->findings_left_out, terminal);
    }
    return report->well();
}

}  // namespace

void add_verifydata(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand("verifydata",
                                   "Check everything in a backup, or in a data directory that no "
                                   "server has open; changes nothing");
    auto options = std::make_shared<VerifydataArguments>();
    sub->add_option("DIR", options->directory, "The directory")->required();
    sub->add_option("--chain", options->chain,
                    "Earlier backups that an incremental one leaves files out for, where they are "
                    "neither beside it nor where they were")
        ->type_name("DIR");
    sub->add_flag("--json", options->json, "One JSON object on stdout, whatever is found");
    sub->add_flag("--quick", options->quick, "Structure and sizes only; reads no mail");
    sub->add_option("--threads", options->threads, "At most so many threads; else one a core")
        ->check(CLI::Range(1u, actors::kVerifyThreadsMax))
        ->type_name("N");
    sub->callback([options, &context] {
        const CommandResult<bool> well = run(*options, context.terminal);
        if (!well) return context.finish(tl::unexpected(well.error()));
        if (!*well) context.exit = ExitCode::kNo;
    });
}

}  // namespace tidemark::tools
