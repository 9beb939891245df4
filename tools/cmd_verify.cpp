#include "actors/limits.hpp"
#include "actors/verify_json.hpp"
#include "tools/accounts.hpp"
#include "tools/admin_client.hpp"
#include "tools/commands.hpp"
#include "tools/data_directory.hpp"
#include "tools/progress.hpp"
#include "tools/verify_output.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tidemark::tools {

namespace {

using nlohmann::json;

struct VerifyArguments {
    std::string data;
    std::string admin;
    bool online = false;
    bool json = false;
    bool quick = false;
    unsigned threads = 1;
};

// False: something is wrong with the store.
CommandResult<bool> run(const VerifyArguments& options, Terminal& terminal) {
    auto client = AdminClient::connect(options.admin.empty() ? admin_socket_path(options.data)
                                                             : options.admin);
    if (!client) return tl::unexpected(to_command_error(client.error()));
    ProgressBars bars;
    const auto notified = [&](const std::string&, const json& told) {
        bars.draw(told.value("what", std::string()), told.value("unit", std::string()),
                  told.value("done", std::uint64_t{0}), told.value("total", std::uint64_t{0}));
    };
    const json params = {{"quick", options.quick}, {"threads", options.threads}};
    const auto result = client->call("verify", params, notified);
    bars.finish();
    if (!result) {
        CommandError error = to_command_error(result.error());
        if (result.error().kind == AdminErrorKind::kRemote) {
            // Exit 1 is for a store with something wrong in it.
            error.exit = ExitCode::kCouldNotRun;
            error.text = "the server did not verify its store: " + error.text;
        }
        return tl::unexpected(std::move(error));
    }
    const bool well = result->value("well", false);
    if (options.json) {
        write_json_line(*result, terminal);
        return well;
    }
    std::vector<storage::Finding> findings;
    std::uint64_t left_out = result->value("findings_left_out", std::uint64_t{0});
    for (const json& object : result->value("findings", json::array())) {
        if (auto finding = actors::finding_from_json(object)) {
            findings.push_back(std::move(*finding));
        } else {
            ++left_out;  // of a kind that only a later server knows
        }
    }
    write_findings(findings, left_out, terminal);
    return well;
}

}  // namespace

void add_verify(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand(
        "verify", "Let a running server check everything in its own store; changes nothing");
    sub->footer(
        "A directory that no server has open, or a backup, is checked by verifydata. Nothing is "
        "printed when all\nis well. Exit: 0 all is well, 1 a line for each finding, 3 it was not "
        "checked and stderr says why.");
    auto options = std::make_shared<VerifyArguments>();
    sub->add_flag("--online", options->online, "The running server, through its admin socket")
        ->required();
    sub->add_option("--data", options->data, "The data directory")->required()->type_name("DIR");
    sub->add_option("--admin", options->admin, "The admin socket; else the directory's")
        ->type_name("PATH");
    sub->add_flag("--json", options->json, "One JSON object on stdout, whatever is found");
    sub->add_flag("--quick", options->quick, "Structure and sizes only; reads no mail");
    sub->add_option("--threads", options->threads, "Threads of the server for it")
        ->check(CLI::Range(1u, actors::kVerifyThreadsMax))
        ->capture_default_str()
        ->type_name("N");
    sub->callback([options, &context] {
        const CommandResult<bool> well = run(*options, context.terminal);
        if (!well) return context.finish(tl::unexpected(well.error()));
        if (!*well) context.exit = ExitCode::kNo;
    });
}

}  // namespace tidemark::tools
