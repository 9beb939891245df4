#include "storage/repair/repair.hpp"
#include "tools/commands.hpp"
#include "tools/data_directory.hpp"
#include "tools/progress.hpp"
#include "tools/verify_output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace tidemark::tools {

namespace {

using nlohmann::json;

struct RepairArguments {
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

// What makes the new directory a server of the same machine: the configuration, and certificates
// with their keys, where the configuration has them below the directory.
std::vector<std::string> configured_files(const std::string& directory) {
    std::set<std::string> names = {"tidemark.toml", "tls"};
    const auto add = [&](const std::string& path) {
        const std::string name = std::filesystem::path(path).lexically_normal().string();
        // What is elsewhere stays there and is found again.
        if (name.empty() || name.starts_with("/") || name.starts_with("..")) return;
        if (!name.starts_with("tls/")) names.insert(name);
    };
    // One that can not be read is told as a loss.
    if (const auto config = read_config(config_path(directory))) {
        std::vector<CertificatePaths> pairs = config->tls.sni;
        pairs.push_back({config->tls.certificate, config->tls.key});
        for (const CertificatePaths& pair : pairs) {
            add(pair.certificate);
            add(pair.key);
        }
    }
    return {names.begin(), names.end()};
}

// False when something is lost.
CommandResult<bool> run(const RepairArguments& options, Terminal& terminal) {
    storage::RepairOptions repair;
    repair.directory = options.directory;
    repair.into = options.into;
    repair.others = configured_files(options.directory);
    repair.now_micros = std::chrono::duration_cast<std::chrono::microseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    ProgressBars bars;
    repair.on_progress = [&bars](const storage::RepairProgress& progress) {
        bars.draw(progress.what, "bytes", progress.bytes_done, progress.bytes_total);
    };
    const auto report = storage::repair(repair, storage::posix_file_system());
    bars.finish();
    if (!report) return could_not_run(report.error().detail);
    if (options.json) {
        write_json_line(to_json(*report), terminal);
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
    sub->footer(
        "NEW also gets the configuration, and the certificates and keys that are in DIR (all of "
        "its tls/): it is\nto take DIR's place on the same machine. Every UIDVALIDITY is a new "
        "one: "
        "clients load everything again.\nAccounts whose names are lost are called account-N and "
        "need a password (tidemark account passwd).\nExit: 0 all is saved, 1 NEW is there and a "
        "line says what of each is not, 3 nothing was made and stderr\nsays why.");
    auto options = std::make_shared<RepairArguments>();
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
