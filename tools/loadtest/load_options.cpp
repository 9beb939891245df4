#include "tools/loadtest/load_options.hpp"

#include "tools/loadtest/bundled.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <fstream>
#include <utility>

namespace tidemark::tools {

namespace {

// Files, event queues, and the processes of a step "shell".
constexpr std::uint64_t kOwnDescriptors = 100;

std::atomic<bool> interrupted{false};

extern "C" void note_interrupt(int) {
    interrupted = true;
}

}  // namespace

void add_server(CLI::App& app, ServerOptions& options, bool needs_accounts) {
    app.add_option("--server", options.connect.server, "Any IMAP server")
        ->required()
        ->type_name("HOST:PORT");
    auto* tls = app.add_flag("--tls", options.has_tls,
                             "TLS from the first byte; the certificate is not checked");
    app.add_flag("--starttls", options.has_starttls, "TLS by STARTTLS")->excludes(tls);
    app.add_option("--lmtp", options.connect.lmtp, "Where scenarios deliver mail")
        ->type_name("HOST:PORT|unix:PATH");
    app.add_option("--users", options.users, "The accounts: one name, or 'u{1..1000}'")
        ->required(needs_accounts);
    app.add_option("--password", options.password, "Of all of them")->required(needs_accounts);
}

CommandResult<std::unique_ptr<loadtest::SocketConnector>> connector_of(ServerOptions& options) {
    options.connect.transport = options.has_tls        ? loadtest::Transport::tls
                                : options.has_starttls ? loadtest::Transport::starttls
                                                       : loadtest::Transport::plain;
    auto made = loadtest::SocketConnector::make(options.connect);
    if (!made) return could_not_run(made.error());
    return std::move(*made);
}

void add_load(CLI::App& app, LoadOptions& options) {
    app.add_option("--connections", options.connections, "Clients of all groups together")
        ->type_name("N");
    auto* rate = app.add_option("--rate", options.rate,
                                "Iterations a second; latency counts from when each should begin");
    app.add_flag("--closed", options.run.is_closed,
                 "Every client goes as fast as the server answers")
        ->excludes(rate);
    app.add_option("--warmup", options.warmup, "Not measured: 5s")->type_name("TIME");
    app.add_option("--duration", options.duration, "Measured: 30s, 2m")->type_name("TIME");
    app.add_option("--iterations", options.iterations, "End after so many")->type_name("N");
    app.add_option("--threads", options.run.threads, "Of the harness")
        ->capture_default_str()
        ->check(CLI::Range(1, 256));
    app.add_option("--ramp", options.run.ramp_per_second, "Clients made ready a second; 0: all")
        ->capture_default_str();
    app.add_option("--seed", options.run.seed, "Of messages and choices")->capture_default_str();
}

CommandResult<loadtest::RunOptions> run_options_of(const LoadOptions& options,
                                                   const ServerOptions& server,
                                                   loadtest::Transport transport) {
    loadtest::RunOptions run = options.run;
    const auto users = loadtest::UserPattern::parse(server.users);
    if (!users) return could_not_run(users.error());
    for (auto [text, target] :
         {std::pair(&options.warmup, &run.warmup), std::pair(&options.duration, &run.duration)}) {
        if (text->empty()) continue;
        const auto time = loadtest::parse_time(*text);
        if (!time) return could_not_run(time.error());
        *target = *time;
    }
    run.users = *users;
    run.password = server.password;
    if (options.connections > 0) run.connections = options.connections;
    if (options.rate > 0) run.rate = options.rate;
    if (options.iterations > 0) run.iterations = options.iterations;
    run.server = {server.connect.server, std::string(name_of(transport)), server.connect.lmtp, ""};
    run.version = TIDEMARK_VERSION;
    return run;
}

CommandResult<std::int64_t> read_pid(const std::string& text) {
    const auto number = [](const std::string& digits) {
        std::int64_t pid = 0;
        const char* end = digits.data() + digits.size();
        const auto [stop, error] = std::from_chars(digits.data(), end, pid);
        return error == std::errc{} && (stop == end || *stop == '\n') && pid > 0 ? pid : 0;
    };
    if (const std::int64_t pid = number(text); pid != 0) return pid;
    std::ifstream file(text);
    std::string line;
    if (!std::getline(file, line) || number(line) == 0)
        return could_not_run(
            fmt::format("--server-pid {}: neither a process nor a file that names one", text));
    return number(line);
}

CommandResult<loadtest::Scenario> scenario_of(const std::string& name) {
    const loadtest::BundledScenarios finder;
    const auto file = finder.find(name);
    if (!file)
        return could_not_run(
            fmt::format("there is no scenario {}; see: tidemark loadtest scenarios", name));
    auto scenario = loadtest::parse_scenario(file->path, file->text, finder);
    if (!scenario) return could_not_run(scenario.error());
    return std::move(*scenario);
}

CommandResult<void> write_file(const std::string& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (!out) return could_not_run(path + ": can not be written");
    return {};
}

CommandResult<void> make_room_for(std::uint64_t connections) {
    const std::uint64_t wanted = connections + kOwnDescriptors;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max < wanted) {
        // Only root may.
        const rlimit higher{wanted, wanted};
        if (::setrlimit(RLIMIT_NOFILE, &higher) == 0) return {};
    }
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < wanted)
        return could_not_run(
            fmt::format("{} connections need {} descriptors, and this process may have {}: raise "
                        "its limit (ulimit -Hn)",
                        connections, wanted, limit.rlim_max));
    return {};
}

std::uint64_t clients_of(const loadtest::Scenario& scenario, const LoadOptions& options) {
    std::uint64_t fixed = 0;
    std::uint64_t sharing = 0;
    for (const loadtest::Group& group : scenario.groups) {
        fixed += group.clients.value_or(0);
        if (!group.clients) ++sharing;
    }
    const std::uint64_t connections =
        options.connections > 0 ? options.connections : scenario.connections;
    // Each group has one at least.
    return std::max(connections, fixed) + sharing;
}

Interrupt::Interrupt() {
    interrupted = false;
    std::signal(SIGINT, note_interrupt);
}

Interrupt::~Interrupt() {
    std::signal(SIGINT, SIG_DFL);
}

const std::atomic<bool>* Interrupt::flag() {
    return &interrupted;
}

}  // namespace tidemark::tools
