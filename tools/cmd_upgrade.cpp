#include "tools/commands.hpp"
#include "tools/progress.hpp"
#include "tools/upgrade.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>

namespace tidemark::tools {

namespace {

using nlohmann::ordered_json;

struct UpgradeArguments {
    RehearsalOptions rehearsal;
    bool rehearse = false;
    bool json = false;
};

ordered_json to_json(const UpgradeReport& report) {
    const storage::MigrationFigures& figures = report.figures;
    return {{"from", report.from},
            {"to", report.to},
            {"made_ms", report.made_in.count()},
            {"compared_ms", report.compared_in.count()},
            {"old_bytes", figures.old_bytes},
            {"new_bytes", figures.new_bytes},
            {"needed_bytes", figures.needed_bytes},
            {"free_bytes", figures.free_bytes},
            {"records_read", figures.records_read},
            {"records_written", figures.records_written},
            {"resumed", figures.resumed},
            {"dump_lines", report.lines}};
}

ordered_json to_json(const RehearsalReport& report) {
    ordered_json object = to_json(report.upgrade);
    object["copied_ms"] = report.copied_in.count();
    object["links"] = report.copied.links;
    object["copies"] = report.copied.copies;
    object["copied_bytes"] = report.copied.copied_bytes;
    object["verified_ms"] = report.verified_in.count();
    object["dump_lines"] = report.lines;
    return object;
}

std::string text_of(const UpgradeReport& report) {
    if (report.from == report.to)
        return fmt::format("format {} is the newest, there is nothing to migrate\n", report.from);
    return fmt::format(
        "format {} became {} in {} ms, compared in {} ms; the database had {} bytes and has {}; "
        "{} bytes had to be free\n",
        report.from, report.to, report.made_in.count(), report.compared_in.count(),
        report.figures.old_bytes, report.figures.new_bytes, report.figures.needed_bytes);
}

std::string text_of(const RehearsalReport& report) {
    return text_of(report.upgrade) +
           fmt::format(
               "copied in {} ms ({} links, {} copies of {} bytes), verified in {} ms, all {} lines "
               "of the dump are the same\n",
               report.copied_in.count(), report.copied.links, report.copied.copies,
               report.copied.copied_bytes, report.verified_in.count(), report.lines);
}

template <class Report>
CommandResult<void> tell(const CommandResult<Report>& report, bool json, Terminal& terminal) {
    if (!report) return tl::unexpected(report.error());
    if (json) {
        terminal.out << to_json(*report).dump() << '\n';
    } else {
        terminal.out << text_of(*report);
    }
    return {};
}

CommandResult<void> run(UpgradeArguments options, Terminal& terminal) {
    std::optional<Progress> bar(std::in_place, "migrating", "records", 0);
    options.rehearsal.upgrade.on_progress = [&bar](std::uint64_t done) { bar->update(done); };
    if (options.rehearse) {
        const auto report = rehearse_upgrade(options.rehearsal);
        bar.reset();
        return tell(report, options.json, terminal);
    }
    if (options.rehearsal.keep || !options.rehearsal.copy.empty())
        return tl::unexpected(CommandError{ExitCode::kUsage, "--copy and --keep need --rehearse"});
    const auto report = upgrade(options.rehearsal.upgrade);
    bar.reset();
    return tell(report, options.json, terminal);
}

}  // namespace

void add_upgrade(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand(
        "upgrade", "Make a data directory of an older version one of this version's format");
    sub->footer(
        "No server may have DIR open. The new database is made beside the old one and counts only "
        "when it is\nwhole and compared; until then DIR is what it was, however this ends. With "
        "--rehearse DIR, or a backup,\nis only read: all of it is done to a copy, made of links "
        "where possible, which is verified and compared.");
    auto options = std::make_shared<UpgradeArguments>();
    sub->add_option("DIR", options->rehearsal.upgrade.directory, "The data directory")->required();
    sub->add_flag("--rehearse", options->rehearse, "Only try it, on a copy, and say what it takes");
    sub->add_option("--copy", options->rehearsal.copy,
                    "Where the copy is made; must not exist, best on the same file system "
                    "(DIR.rehearsal)")
        ->type_name("PATH");
    sub->add_flag("--keep", options->rehearsal.keep, "Leave the migrated copy there");
    sub->add_flag("--json", options->json, "One JSON object on stdout");
    sub->callback([options, &context] { context.finish(run(*options, context.terminal)); });
}

}  // namespace tidemark::tools
