#include "tools/accounts.hpp"
#include "tools/admin_client.hpp"
#include "tools/commands.hpp"
#include "tools/data_directory.hpp"
#include "tools/progress.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>

namespace tidemark::tools {

namespace {

using nlohmann::json;

struct BackupArguments {
    std::string destination;
    std::string data;
    std::string admin;
    std::string since;
    std::string max_rate;
    bool omit_unchanged = false;
    bool with_keys = false;
    bool json = false;
};

// The server's current directory is not the caller's.
std::string absolute_path(const std::string& path) {
    std::string text = std::filesystem::absolute(path).lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return text;
}

CommandResult<json> parameters(const BackupArguments& options) {
    json params = {{"destination", absolute_path(options.destination)}};
    if (!options.since.empty()) params["since"] = absolute_path(options.since);
    if (options.omit_unchanged) params["omit_unchanged"] = true;
    if (options.with_keys) params["with_keys"] = true;
    if (!options.max_rate.empty()) {
        const auto rate = parse_bytes(options.max_rate);
        if (!rate || *rate == 0) {
            return tl::unexpected(CommandError{
                ExitCode::kUsage,
                "--max-rate: " + (rate ? std::string("must be above 0") : rate.error())});
        }
        params["bytes_per_second_max"] = *rate;
    }
    return params;
}

CommandResult<void> run(const BackupArguments& options, Terminal& terminal) {
    const auto params = parameters(options);
    if (!params) return tl::unexpected(params.error());
    auto client = AdminClient::connect(options.admin.empty() ? admin_socket_path(options.data)
                                                             : options.admin);
    if (!client) return tl::unexpected(to_command_error(client.error()));
    ProgressBars bars;
    bool is_told = false;
    const auto notified = [&](const std::string&, const json& told) {
        const auto total = told.value("bytes_total", std::uint64_t{0});
        if (total == 0) return;  // at first there is none
        is_told = true;
        bars.draw("backing up", "bytes", told.value("bytes_done", std::uint64_t{0}), total);
    };
    const auto result = client->call("backup", *params, notified);
    // The server tells now and then, and not of the end.
    if (result && is_told) {
        const auto bytes = result->value("bytes", std::uint64_t{0});
        bars.draw("backing up", "bytes", bytes, bytes);
    }
    bars.finish();
    if (!result) {
        CommandError error = to_command_error(result.error());
        if (result.error().kind == AdminErrorKind::kRemote)
            error.text = "the server made no backup: " + error.text;
        return tl::unexpected(std::move(error));
    }
    if (options.json) terminal.out << result->dump() << '\n' << std::flush;
    if (!terminal.out) return could_not_run("the result can not be written");
    return {};
}

}  // namespace

void add_backup(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand(
        "backup", "Take a consistent copy of the data directory while the server runs");
    sub->footer(
        "The server itself writes DEST, as its user and on its machine: a directory that must not "
        "exist yet, in\none that does. Without --json nothing is printed when all is well. Exit: "
        "0 the backup is whole and\ndurable, 1 there is none and stderr says why, 3 no server "
        "could be asked.");
    auto options = std::make_shared<BackupArguments>();
    sub->add_option("DEST", options->destination, "The directory to be made")->required();
    sub->add_option("--data", options->data, "The data directory")->required()->type_name("DIR");
    sub->add_option("--admin", options->admin, "The admin socket; else the directory's")
        ->type_name("PATH");
    auto* since =
        sub->add_option("--since", options->since,
                        "An earlier backup: what it has is linked from there, or left out and "
                        "named where it can not be linked")
            ->type_name("BACKUP");
    sub->add_flag("--omit-unchanged", options->omit_unchanged,
                  "Leave out what the earlier backup has even where it could be linked")
        ->needs(since);
    sub->add_option("--max-rate", options->max_rate, "Copy at most so much a second: 20MiB")
        ->type_name("SIZE");
    sub->add_flag("--with-keys", options->with_keys, "Also the certificates and their keys");
    sub->add_flag("--json", options->json, "Tell what was made, as one JSON object");
    sub->callback([options, &context] { context.finish(run(*options, context.terminal)); });
}

}  // namespace tidemark::tools
