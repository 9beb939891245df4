#include "tools/commands.hpp"
#include "tools/loadtest/bundled.hpp"
#include "tools/loadtest/commands.hpp"
#include "tools/loadtest/fill.hpp"
#include "tools/loadtest/live_view.hpp"
#include "tools/loadtest/load_options.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

namespace tidemark::tools {

namespace {

struct RunCommand {
    std::string scenario;
    ServerOptions server;
    LoadOptions load;
    std::string pid;
    std::string json;
};

CommandResult<void> run(RunCommand& command, CommandContext& context) {
    const auto scenario = scenario_of(command.scenario);
    if (!scenario) return tl::unexpected(scenario.error());
    auto connector = connector_of(command.server);
    if (!connector) return tl::unexpected(connector.error());
    auto options = run_options_of(command.load, command.server, (*connector)->transport());
    if (!options) return tl::unexpected(options.error());
    if (!command.pid.empty()) {
        const auto pid = read_pid(command.pid);
        if (!pid) return tl::unexpected(pid.error());
        options->server_pid = *pid;
    }
    if (auto room = make_room_for(clients_of(*scenario, command.load)); !room) return room;
    const Interrupt interrupt;
    options->stop = Interrupt::flag();
    loadtest::LiveView view(context.terminal.err, STDERR_FILENO);
    const auto result = loadtest::run_scenario(*scenario, *options, **connector, &view);
    view.end();
    if (!result) return could_not_run(result.error());
    context.terminal.out << loadtest::describe(*result);
    if (!command.json.empty()) {
        const auto written = write_file(command.json, loadtest::encode_result(*result));
        if (!written) return written;
    }
    if (!result->verdict.ok) return refuse("the run was not well");
    return {};
}

void add_run(CLI::App& loadtest, CommandContext& context) {
    auto* sub = loadtest.add_subcommand("run", "Run a scenario against any IMAP server");
    auto command = std::make_shared<RunCommand>();
    sub->add_option("SCENARIO", command->scenario, "A name (see scenarios) or a TOML file")
        ->required();
    add_server(*sub, command->server);
    add_load(*sub, command->load);
    sub->add_option("--server-pid", command->pid,
                    "Measure processor time and memory of this process and its descendants")
        ->type_name("PID|FILE");
    sub->add_option("--exec", command->load.run.shell_command, "What the step \"shell\" runs")
        ->type_name("CMD");
    sub->add_option("--label", command->load.run.label, "Names the server in reports");
    sub->add_option("--json", command->json, "Write the result here")->type_name("FILE");
    sub->callback([command, &context] { context.finish(run(*command, context)); });
}

void add_scenarios(CLI::App& loadtest, CommandContext& context) {
    auto* sub = loadtest.add_subcommand("scenarios", "List the scenarios, or print one to copy it");
    auto name = std::make_shared<std::string>();
    sub->add_option("NAME", *name, "Print this one");
    sub->callback([name, &context] {
        for (const loadtest::BundledScenario& one : loadtest::bundled_scenarios()) {
            if (name->empty()) context.terminal.out << one.name << '\n';
            if (one.name == *name) {
                context.terminal.out << one.text;
                return;
            }
        }
        if (!name->empty()) context.finish(refuse(fmt::format("there is no scenario {}", *name)));
    });
}

struct FillCommand {
    ServerOptions server;
    loadtest::FillOptions fill;
};

CommandResult<void> fill(FillCommand& command, CommandContext& context) {
    if (command.fill.by_lmtp && command.server.connect.lmtp.empty())
        return tl::unexpected(CommandError{ExitCode::kUsage, "--by-lmtp needs --lmtp"});
    const auto users = loadtest::UserPattern::parse(command.server.users);
    if (!users) return could_not_run(users.error());
    command.fill.users = *users;
    command.fill.password = command.server.password;
    auto connector = connector_of(command.server);
    if (!connector) return tl::unexpected(connector.error());
    if (auto room = make_room_for(command.fill.connections); !room) return room;
    const auto filled = loadtest::fill_accounts(command.fill, **connector);
    if (!filled) return could_not_run(filled.error());
    context.terminal.out << fmt::format("{} messages, {} bytes\n", filled->messages, filled->bytes);
    return {};
}

void add_fill(CLI::App& loadtest, CommandContext& context) {
    auto* sub = loadtest.add_subcommand("fill", "Fill accounts with mail, the same for each seed");
    auto command = std::make_shared<FillCommand>();
    add_server(*sub, command->server);
    auto& options = command->fill;
    sub->add_option("--messages", options.messages, "For each account")->capture_default_str();
    sub->add_option("--size", options.size, "Of each message in bytes; 0: log-normal")
        ->capture_default_str();
    sub->add_option("--mailbox", options.mailbox, "Made if it is not there")->capture_default_str();
    sub->add_option("--batch", options.batch, "Messages in one APPEND, if the server takes that")
        ->capture_default_str()
        ->check(CLI::Range(1, 10'000));
    sub->add_option("--connections", options.connections, "At the same time")
        ->capture_default_str()
        ->check(CLI::Range(1, 10'000));
    sub->add_option("--seed", options.seed, "Of the messages")->capture_default_str();
    sub->add_option("--mail", options.directory, "Files of real mail instead, one message in each")
        ->type_name("DIR");
    sub->add_flag("--by-lmtp", options.by_lmtp, "Deliver to --lmtp instead of APPEND");
    sub->callback([command, &context] { context.finish(fill(*command, context)); });
}

}  // namespace

void add_loadtest(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand("loadtest", "Load an IMAP server with many clients");
    sub->require_subcommand(1);
    add_run(*sub, context);
    add_fill(*sub, context);
    add_scenarios(*sub, context);
    add_loadtest_compare(*sub, context);
    add_loadtest_report(*sub, context);
}

}  // namespace tidemark::tools
