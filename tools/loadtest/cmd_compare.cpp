#include "tools/loadtest/commands.hpp"
#include "tools/loadtest/compare.hpp"
#include "tools/loadtest/live_view.hpp"
#include "tools/loadtest/load_options.hpp"
#include "tools/loadtest/report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

namespace tidemark::tools {

namespace {

// What --a and --b say, as options in one text.
struct SideOptions {
    ServerOptions server;
    std::string pid;
    std::string before;
    std::string label;
    std::string shell_command;
};

struct CompareCommand {
    std::string a;
    std::string b;
    std::vector<std::string> scenarios;
    std::string users;
    std::string password;
    LoadOptions load;
    std::size_t pairs = loadtest::kPairsWanted;
    std::string json;
    std::string markdown;
    std::string html;
};

struct MadeSide {
    std::unique_ptr<loadtest::SocketConnector> connector;
    loadtest::Side side;
};

void add_side(CLI::App& app, SideOptions& options) {
    add_server(app, options.server, false);
    app.add_option("--server-pid", options.pid, "As of run, or a file that holds it")
        ->type_name("PID|FILE");
    app.add_option("--before", options.before, "Runs before each run of this server")
        ->type_name("CMD");
    app.add_option("--exec", options.shell_command, "As of run")->type_name("CMD");
    app.add_option("--label", options.label, "What the server is called");
}

std::function<std::string(loadtest::RunOptions&)> preparation(SideOptions options) {
    return [options = std::move(options)](loadtest::RunOptions& run) -> std::string {
        if (!options.before.empty()) {
            const int code =
                std::system(options.before.c_str());  // NOLINT(bugprone-command-processor)
            if (code != 0) return fmt::format("\"{}\" ended with {}", options.before, code);
        }
        if (options.pid.empty()) return {};
        const auto pid = read_pid(options.pid);
        if (!pid) return pid.error().text;
        run.server_pid = *pid;
        return {};
    };
}

CommandResult<MadeSide> make_side(const std::string& name, const std::string& text,
                                  const CompareCommand& command) {
    SideOptions options;
    CLI::App app;
    add_side(app, options);
    try {
        app.parse(text, false);
    } catch (const CLI::ParseError& error) {
        return tl::unexpected(
            CommandError{ExitCode::kUsage, fmt::format("--{}: {}", name, error.what())});
    }
    if (options.server.users.empty()) options.server.users = command.users;
    if (options.server.password.empty()) options.server.password = command.password;
    if (options.server.users.empty() || options.server.password.empty())
        return tl::unexpected(CommandError{
            ExitCode::kUsage, fmt::format("--{} needs --users and --password, there or for both "
                                          "servers",
                                          name)});
    MadeSide made;
    auto connector = connector_of(options.server);
    if (!connector) return tl::unexpected(connector.error());
    made.connector = std::move(*connector);
    auto run = run_options_of(command.load, options.server, made.connector->transport());
    if (!run) return tl::unexpected(run.error());
    made.side.connector = made.connector.get();
    made.side.options = std::move(*run);
    made.side.options.label = options.label.empty() ? options.server.connect.server : options.label;
    made.side.options.shell_command = options.shell_command;
    made.side.before = preparation(std::move(options));
    return made;
}

CommandResult<void> write_all(const CompareCommand& command,
                              const loadtest::Comparison& comparison) {
    if (!command.json.empty()) {
        const auto written = write_file(command.json, loadtest::encode_comparison(comparison));
        if (!written) return written;
    }
    if (!command.markdown.empty()) {
        const auto written =
            write_file(command.markdown, loadtest::comparison_markdown(comparison));
        if (!written) return written;
    }
    if (command.html.empty()) return {};
    return write_file(command.html, loadtest::make_report({}, {comparison}));
}

CommandResult<void> compare(CompareCommand& command, CommandContext& context) {
    std::vector<loadtest::Scenario> scenarios;
    for (const std::string& name : command.scenarios) {
        auto scenario = scenario_of(name);
        if (!scenario) return tl::unexpected(scenario.error());
        scenarios.push_back(std::move(*scenario));
    }
    auto a = make_side("a", command.a, command);
    if (!a) return tl::unexpected(a.error());
    auto b = make_side("b", command.b, command);
    if (!b) return tl::unexpected(b.error());
    std::uint64_t clients = 0;
    for (const loadtest::Scenario& one : scenarios)
        clients = std::max(clients, clients_of(one, command.load));
    if (auto room = make_room_for(clients); !room) return room;
    const Interrupt interrupt;
    loadtest::LiveView view(context.terminal.err, STDERR_FILENO);
    loadtest::CompareOptions options;
    options.pairs = command.pairs;
    options.stop = Interrupt::flag();
    options.announce = [&view](const std::string& what) { view.begin(what); };
    const auto comparison = loadtest::compare_scenarios(scenarios, std::move(a->side),
                                                        std::move(b->side), options, &view);
    view.end();
    context.terminal.out << loadtest::comparison_table(comparison);
    if (auto written = write_all(command, comparison); !written) return written;
    if (!comparison.ok()) return refuse("not every run was well");
    return {};
}

}  // namespace

void add_loadtest_compare(CLI::App& loadtest, CommandContext& context) {
    auto* sub = loadtest.add_subcommand(
        "compare", "Run scenarios on two servers in turn, A B A B, and compare them");
    auto command = std::make_shared<CompareCommand>();
    sub->footer(
        "SIDE is options in one text: --server HOST:PORT [--tls|--starttls] [--lmtp "
        "HOST:PORT|unix:PATH]\n[--server-pid PID|FILE] [--label NAME] [--users ...] [--password "
        "...] [--exec CMD] [--before CMD]\n--before runs before each run of that server and is "
        "not measured: a restart, perhaps.");
    sub->add_option("--a", command->a, "The first server")->required()->type_name("SIDE");
    sub->add_option("--b", command->b, "The second; ratios say how many times better it is")
        ->required()
        ->type_name("SIDE");
    sub->add_option("SCENARIO", command->scenarios, "Names (see scenarios) or TOML files")
        ->required();
    sub->add_option("--users", command->users, "Of both servers");
    sub->add_option("--password", command->password, "Of both servers");
    sub->add_option("--pairs", command->pairs, "Of runs, for each scenario")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    add_load(*sub, command->load);
    sub->add_option("--json", command->json, "Everything")->type_name("FILE");
    sub->add_option("--markdown", command->markdown, "The tables")->type_name("FILE");
    sub->add_option("--html", command->html, "The report")->type_name("FILE");
    sub->callback([command, &context] { context.finish(compare(*command, context)); });
}

}  // namespace tidemark::tools
