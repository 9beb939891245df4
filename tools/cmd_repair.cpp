#include "storage/repair/repair.hpp"
#include "tools/commands.hpp"
#include "tools/progress.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace tidemark::tools {

namespace {

using nlohmann::json;

struct Options {
    std::string directory;
    std::string into;
    bool json = false;
};

json to_json(const storage::Loss& loss) {
    json object = {{"text", loss.text}};
    if (!loss.account.empty()) object["account"] = loss.account;
    if (!loss.mailbox.empty()) object["mailbox"] = loss.mailbox;
    if (loss.uid != 0) object["uid"] = loss.uid;
    if (!loss.file.empty()) object["file"] = loss.file;
    if (loss.offset) object["offset"] = *loss.offset;
    return object;
}

json to_json(const storage::RepairReport& report) {
    json losses = json::array();
    for (const storage::Loss& loss : report.losses) losses.push_back(to_json(loss));
    return {{"losses", std::move(losses)},
            {"made_up_names", report.made_up_names},
            {"has_database", report.has_database},
            {"accounts", report.accounts},
            {"mailboxes", report.mailboxes},
            {"messages", report.messages},
            {"bytes", report.bytes}};
}

void print(const storage::RepairReport& report, Terminal& terminal) {
    for (const storage::Loss& loss : report.losses)
        terminal.out << "lost: " << storage::to_string(loss) << '\n';
    for (const std::string& name : report.made_up_names)
        terminal.out << "made-up name: " << name << '\n';
    terminal.out << fmt::format("saved {} messages ({} bytes) in {} mailboxes of {} accounts\n",
                                report.messages, report.bytes, report.mailboxes, report.accounts);
}

// False when something is lost.
CommandResult<bool> run(const Options& options, Terminal& terminal) {
    storage::RepairOptions repair;
    repair.directory = options.directory;
    repair.into = options.into;
    repair.now_micros = std::chrono::duration_cast<std::chrono::microseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    std::string_view what;
    std::optional<Progress> bar;
    repair.on_progress = [&](const storage::RepairProgress& progress) {
        if (progress.what != what) {
            bar.reset();
            what = progress.what;
            bar.emplace(std::string(what), "bytes", progress.bytes_total);
        }
        bar->update(progress.bytes_done);
    };
    const auto report = storage::repair(repair, storage::posix_file_system());
    bar.reset();
    if (!report) return could_not_run(report.error().detail);
    if (options.json) {
        terminal.out << to_json(*report).dump(-1, ' ', false, json::error_handler_t::replace)
                     << '\n';
    } else {
        print(*report, terminal);
    }
    return report->losses.empty();
}

}  // namespace

void add_repair(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand("repair",
                                   "Save what is whole of a damaged data directory into a new one; "
                                   "changes nothing in the old");
    auto options = std::make_shared<Options>();
    sub->add_option("DIR", options->directory, "The damaged directory")->required();
    sub->add_option("--into", options->into, "The new directory; must not exist")
        ->required()
        ->type_name("NEW");
    sub->add_flag("--json", options->json, "One JSON object on stdout");
    sub->callback([options, &context] {
        const CommandResult<bool> whole = run(*options, context.terminal);
        if (!whole) return context.finish(tl::unexpected(whole.error()));
        if (!*whole) context.exit = ExitCode::kNo;
    });
}

}  // namespace tidemark::tools
