#include "tools/check_sync/run.hpp"
#include "tools/check_sync/socket_connector.hpp"
#include "tools/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

namespace tidemark::tools {

namespace {

struct CheckSyncArguments {
    std::string server;
    bool tls = false;
    std::string user;
    std::string password;
    bool password_stdin = false;
    check_sync::Settings settings;
};

CommandResult<void> run(CheckSyncArguments& options, CommandContext& context) {
    check_sync::Login login{options.user, options.password};
    if (options.password_stdin) {
        auto read = read_password(context.terminal, "Password");
        if (!read) return tl::unexpected(read.error());
        login.password = read->view();
    }
    auto connector = check_sync::SocketConnector::resolve(options.server, options.tls);
    if (!connector) return could_not_run(connector.error());
    std::function<bool()> restart;
    if (!options.settings.restart_command.empty()) {
        restart = [&command = options.settings.restart_command] {
            return std::system(command.c_str()) == 0;  // NOLINT(bugprone-command-processor)
        };
    }
    const auto outcome = check_sync::run(options.settings, **connector, login, context.terminal.err,
                                         std::move(restart));
    context.terminal.out << outcome.report << outcome.summary;
    if (!outcome.violations.empty()) return refuse("the server broke a rule");
    if (!outcome.could_run) return could_not_run(options.server + ": " + outcome.failure);
    context.terminal.out << "no violation\n";
    return {};
}

}  // namespace

void add_check_sync(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand(
        "check-sync",
        "Prove or refute that an IMAP server keeps its clients in sync (CONDSTORE, QRESYNC)");
    auto options = std::make_shared<CheckSyncArguments>();
    auto& settings = options->settings;
    sub->add_option("--server", options->server, "Any IMAP server")
        ->required()
        ->type_name("HOST:PORT");
    sub->add_flag("--tls", options->tls, "TLS from the first byte; the certificate is not checked");
    sub->add_option("--user", options->user,
                    "The account; its mailboxes check-sync-N are made, "
                    "filled and deleted")
        ->required()
        ->type_name("NAME");
    auto* password = sub->add_option("--password", options->password,
                                     "Its password; others can see it in the process list");
    sub->add_flag("--password-stdin", options->password_stdin,
                  "Read the password from the standard input")
        ->excludes(password);
    sub->add_option("--sessions", settings.sessions, "Sessions that change mailboxes")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    sub->add_option("--observers", settings.observers,
                    "Sessions that only look: full, CONDSTORE, QRESYNC, IDLE in turn")
        ->capture_default_str()
        ->check(CLI::Range(0, 1000));
    sub->add_option("--operations", settings.operations, "Operations of all of them together")
        ->capture_default_str();
    sub->add_option("--phase", settings.operations_per_phase,
                    "Operations after which everything comes to rest and is compared")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    sub->add_option("--seed", settings.seed, "Of what they do")->capture_default_str();
    sub->add_option("--mailboxes", settings.mailboxes, "Mailboxes that they share")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    sub->add_option("--messages", settings.messages_wanted, "About as many in each mailbox")
        ->capture_default_str()
        ->check(CLI::Range(1, 100'000));
    sub->add_option("--restart-command", settings.restart_command,
                    "Shell command that kills and restarts the server; run in each phase")
        ->type_name("CMD");
    sub->add_option("--transcript", settings.transcript,
                    "Write what was said in the last two phases to this file")
        ->type_name("FILE");
    sub->add_flag("--keep-going", settings.keeps_going, "Do not stop at the first violation");
    sub->callback([options, &context] { context.finish(run(*options, context)); });
}

}  // namespace tidemark::tools
