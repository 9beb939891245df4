// The options that several `loadtest` subcommands have: which server, which load.
#pragma once

#include "tools/command_error.hpp"
#include "tools/loadtest/connector.hpp"
#include "tools/loadtest/run.hpp"
#include "tools/loadtest/scenario.hpp"

#include <CLI/CLI.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace tidemark::tools {

struct ServerOptions {
    loadtest::SocketConnector::Options connect;
    bool has_tls = false;
    bool has_starttls = false;
    std::string users;
    std::string password;
};
// `needs_accounts`: --users and --password must be given.
void add_server(CLI::App& app, ServerOptions& options, bool needs_accounts = true);
[[nodiscard]] CommandResult<std::unique_ptr<loadtest::SocketConnector>> connector_of(
    ServerOptions& options);

struct LoadOptions {
    std::string warmup;
    std::string duration;
    std::uint64_t connections = 0;
    std::uint64_t iterations = 0;
    double rate = 0;
    loadtest::RunOptions run;
};
void add_load(CLI::App& app, LoadOptions& options);

// What `options.run` is for a server: users, password, times, address.
[[nodiscard]] CommandResult<loadtest::RunOptions> run_options_of(const LoadOptions& options,
                                                                 const ServerOptions& server,
                                                                 loadtest::Transport transport);

// --server-pid: a number, or a file with one.
[[nodiscard]] CommandResult<std::int64_t> read_pid(const std::string& text);

// A bundled scenario or a file.
[[nodiscard]] CommandResult<loadtest::Scenario> scenario_of(const std::string& name);
[[nodiscard]] CommandResult<void> write_file(const std::string& path, const std::string& text);

// Each connection is a descriptor, and the soft limit is usually 1024: raises it, also the hard one
// where the process may. Refused when there is no room for so many connections.
[[nodiscard]] CommandResult<void> make_room_for(std::uint64_t connections);
// How many clients the scenario has at most, as the options say.
[[nodiscard]] std::uint64_t clients_of(const loadtest::Scenario& scenario,
                                       const LoadOptions& options);

// While it lives, an interrupt sets the flag instead of ending the program.
class Interrupt {
  public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    static const std::atomic<bool>* flag();
};

}  // namespace tidemark::tools
