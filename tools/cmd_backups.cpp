// Directories full of backups. No server is asked: whoever may write there can prune.
#include "storage/backup/prune.hpp"
#include "tools/commands.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>

namespace tidemark::tools {

namespace {

using nlohmann::json;
using storage::FoundBackup;

struct BackupsArguments {
    std::string directory;
    storage::KeepRules keep;
    bool dry_run = false;
    bool json = false;
};

json to_json(const FoundBackup& backup) {
    json value = {{"name", backup.name},
                  {"id", backup.id},
                  {"created_micros", backup.created_micros},
                  {"messages", backup.messages},
                  {"bytes", backup.bytes}};
    if (!backup.since_id.empty()) value["since_id"] = backup.since_id;
    if (backup.is_needed) value["is_needed"] = true;
    return value;
}

CommandResult<std::vector<FoundBackup>> list(const BackupsArguments& options) {
    auto found = storage::list_backups(storage::posix_file_system(), options.directory);
    if (!found) return could_not_run(found.error().detail);
    return std::move(*found);
}

CommandResult<void> show(const BackupsArguments& options, Terminal& terminal) {
    const auto found = list(options);
    if (!found) return tl::unexpected(found.error());
    for (const FoundBackup& backup : *found) {
        if (options.json) {
            terminal.out << to_json(backup).dump() << '\n';
        } else {
            terminal.out << fmt::format("{}  {} messages, {} bytes{}\n", backup.name,
                                        backup.messages, backup.bytes,
                                        backup.since_id.empty() ? "" : ", needs an earlier one");
        }
    }
    return {};
}

CommandResult<void> prune(const BackupsArguments& options, Terminal& terminal) {
    if (!options.keep.any()) {
        return tl::unexpected(
            CommandError{ExitCode::kUsage, "say what is kept, with at least one --keep option"});
    }
    auto found = list(options);
    if (!found) return tl::unexpected(found.error());
    const auto choice = storage::choose_backups(std::move(*found), options.keep);
    json removed = json::array();
    for (const FoundBackup& backup : choice.removed) {
        if (!options.dry_run) {
            const auto done = storage::remove_backup(storage::posix_file_system(),
                                                     options.directory + "/" + backup.name);
            if (!done)
                return refuse(
                    fmt::format("{} is not removed: {}", backup.name, done.error().detail));
        }
        removed.push_back(to_json(backup));
        if (options.dry_run && !options.json) terminal.out << backup.name << " would be removed\n";
    }
    if (!options.json) return {};
    json kept = json::array();
    for (const FoundBackup& backup : choice.kept) kept.push_back(to_json(backup));
    terminal.out << json{{"kept", kept}, {"removed", removed}}.dump() << '\n';
    return {};
}

}  // namespace

void add_backups(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand("backups", "List and remove the backups in a directory");
    sub->require_subcommand(1);
    auto options = std::make_shared<BackupsArguments>();

    auto* lister = sub->add_subcommand("list", "The whole backups, the oldest first");
    lister->add_option("DIR", options->directory, "The directory that they are in")->required();
    lister->add_flag("--json", options->json, "One JSON object a line");
    lister->callback([options, &context] { context.finish(show(*options, context.terminal)); });

    auto* pruner = sub->add_subcommand("prune", "Remove old backups");
    pruner->footer(
        "Of each of the last N hours, days … that have a backup the newest is kept; the newest of "
        "all always is,\nand so is what a kept one needs. What is no whole backup is not touched. "
        "Not while a backup --since one\nof these is being made.");
    pruner->add_option("DIR", options->directory, "The directory that they are in")->required();
    const auto keep = [&](const char* name, unsigned& count, const char* what) {
        pruner->add_option(name, count, what)->type_name("N")->check(CLI::NonNegativeNumber);
    };
    keep("--keep-last", options->keep.last, "Keep the last N");
    keep("--keep-hourly", options->keep.hourly, "Keep one of each of the last N hours");
    keep("--keep-daily", options->keep.daily, "Keep one of each of the last N days");
    keep("--keep-weekly", options->keep.weekly, "Keep one of each of the last N weeks");
    keep("--keep-monthly", options->keep.monthly, "Keep one of each of the last N months");
    keep("--keep-yearly", options->keep.yearly, "Keep one of each of the last N years");
    pruner->add_flag("--dry-run", options->dry_run, "Only say what would be removed");
    pruner->add_flag("--json", options->json, "Tell what was kept and removed, as one JSON object");
    pruner->callback([options, &context] { context.finish(prune(*options, context.terminal)); });
}

}  // namespace tidemark::tools
