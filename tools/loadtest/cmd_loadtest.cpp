#include "tools/commands.hpp"
#include "tools/config.hpp"
#include "tools/loadtest/bundled.hpp"
#include "tools/loadtest/commands.hpp"
#include "tools/loadtest/fill.hpp"
#include "tools/loadtest/live_view.hpp"
#include "tools/loadtest/run.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace tidemark::tools {

namespace {

struct ServerOptions {
    loadtest::SocketConnector::Options connect;
    bool has_tls = false;
    bool has_starttls = false;
    std::string users;
    std::string password;
};

struct LoadOptions {
    std::string scenario;
    ServerOptions server;
    std::string warmup;
    std::string duration;
    std::string json;
    std::uint64_t connections = 0;
    std::uint64_t iterations = 0;
    double rate = 0;
    loadtest::RunOptions run;
};

std::atomic<bool> interrupted{false};

extern "C" void note_interrupt(int) {
    interrupted = true;
}

// Each connection is a descriptor; the soft limit is usually 1024.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void add_server(CLI::App& app, ServerOptions& options) {
    app.add_option("--server", options.connect.server, "Any IMAP server")
        ->required()
        ->type_name("HOST:PORT");
    auto* tls = app.add_flag("--tls", options.has_tls,
                             "TLS from the first byte; the certificate is not checked");
    app.add_flag("--starttls", options.has_starttls, "TLS by STARTTLS")->excludes(tls);
    app.add_option("--lmtp", options.connect.lmtp, "Where scenarios deliver mail")
        ->type_name("HOST:PORT|unix:PATH");
    app.add_option("--users", options.users, "The accounts: one name, or 'u{1..1000}'")->required();
    app.add_option("--password", options.password, "Of all of them")->required();
}

CommandResult<std::unique_ptr<loadtest::SocketConnector>> connector_of(ServerOptions& options) {
    options.connect.transport = options.has_tls        ? loadtest::Transport::tls
                                : options.has_starttls ? loadtest::Transport::starttls
                                                       : loadtest::Transport::plain;
    auto made = loadtest::SocketConnector::make(options.connect);
    if (!made) return could_not_run(made.error());
    return std::move(*made);
}

CommandResult<void> take_times(LoadOptions& options) {
    for (auto [text, target] : {std::pair(&options.warmup, &options.run.warmup),
                                std::pair(&options.duration, &options.run.duration)}) {
        if (text->empty()) continue;
        const auto time = loadtest::parse_time(*text);
        if (!time) return could_not_run(time.error());
        *target = *time;
    }
    return {};
}

CommandResult<void> run(LoadOptions& options, CommandContext& context) {
    const loadtest::BundledScenarios finder;
    const auto file = finder.find(options.scenario);
    if (!file)
        return could_not_run(fmt::format(
            "there is no scenario {}; see: tidemark loadtest scenarios", options.scenario));
    const auto scenario = loadtest::parse_scenario(file->path, file->text, finder);
    if (!scenario) return could_not_run(scenario.error());
    const auto users = loadtest::UserPattern::parse(options.server.users);
    if (!users) return could_not_run(users.error());
    if (auto times = take_times(options); !times) return times;
    auto connector = connector_of(options.server);
    if (!connector) return tl::unexpected(connector.error());
    raise_descriptor_limit();

    loadtest::RunOptions& run = options.run;
    run.users = *users;
    run.password = options.server.password;
    if (options.connections > 0) run.connections = options.connections;
    if (options.rate > 0) run.rate = options.rate;
    if (options.iterations > 0) run.iterations = options.iterations;
    run.server = {options.server.connect.server, std::string(name_of((*connector)->transport())),
                  options.server.connect.lmtp, ""};
    run.version = TIDEMARK_VERSION;
    run.stop = &interrupted;
    std::signal(SIGINT, note_interrupt);
    loadtest::LiveView view(context.terminal.err, isatty(STDERR_FILENO) == 1);
    const auto result = loadtest::run_scenario(*scenario, run, **connector, &view);
    std::signal(SIGINT, SIG_DFL);
    view.end();
    if (!result) return could_not_run(result.error());
    context.terminal.out << loadtest::describe(*result);
    if (!options.json.empty()) {
        std::ofstream out(options.json);
        out << loadtest::encode_result(*result);
        if (!out.flush()) return could_not_run("cannot write " + options.json);
    }
    if (!result->verdict.ok) return refuse("the run was not well");
    return {};
}

void add_run(CLI::App& loadtest, CommandContext& context) {
    auto* sub = loadtest.add_subcommand("run", "Run a scenario against any IMAP server");
    auto options = std::make_shared<LoadOptions>();
    sub->add_option("SCENARIO", options->scenario, "A name (see scenarios) or a TOML file")
        ->required();
    add_server(*sub, options->server);
    sub->add_option("--connections", options->connections, "Clients of all groups together")
        ->type_name("N");
    auto* rate = sub->add_option("--rate", options->rate,
                                 "Iterations a second; latency counts from when each should begin");
    sub->add_flag("--closed", options->run.is_closed,
                  "Every client goes as fast as the server answers")
        ->excludes(rate);
    sub->add_option("--warmup", options->warmup, "Not measured: 5s")->type_name("TIME");
    sub->add_option("--duration", options->duration, "Measured: 30s, 2m")->type_name("TIME");
    sub->add_option("--iterations", options->iterations, "End after so many")->type_name("N");
    sub->add_option("--threads", options->run.threads, "Of the harness")
        ->capture_default_str()
        ->check(CLI::Range(1, 256));
    sub->add_option("--ramp", options->run.ramp_per_second, "Clients made ready a second; 0: all")
        ->capture_default_str();
    sub->add_option("--seed", options->run.seed, "Of messages and choices")->capture_default_str();
    sub->add_option("--server-pid", options->run.server_pid,
                    "Measure processor time and memory of this process and its descendants")
        ->type_name("PID");
    sub->add_option("--exec", options->run.shell_command, "What the step \"shell\" runs")
        ->type_name("CMD");
    sub->add_option("--label", options->run.label, "Names the server in reports");
    sub->add_option("--json", options->json, "Write the result here")->type_name("FILE");
    sub->callback([options, &context] { context.finish(run(*options, context)); });
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
    const auto users = loadtest::UserPattern::parse(command.server.users);
    if (!users) return could_not_run(users.error());
    command.fill.users = *users;
    command.fill.password = command.server.password;
    auto connector = connector_of(command.server);
    if (!connector) return tl::unexpected(connector.error());
    raise_descriptor_limit();
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
    add_loadtest_report(*sub, context);
}

}  // namespace tidemark::tools
