#include "tools/cli.hpp"

#include "tools/commands.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace tidemark::tools {

namespace {

const CLI::App* find_command(const CLI::App& parent, std::string_view name) {
    for (const CLI::App* sub : parent.get_subcommands([](const CLI::App*) { return true; })) {
        if (sub->get_name() == name) return sub;
    }
    return nullptr;
}

void add_help(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand("help", "Explain the program or one of its commands");
    auto words = std::make_shared<std::vector<std::string>>();
    sub->add_option("COMMAND", *words, "A command, and what follows it: help account add");
    sub->callback([&app, &context, words] {
        const CLI::App* at = &app;
        std::string path = "tidemark";
        for (const std::string& word : *words) {
            at = find_command(*at, word);
            if (at == nullptr) {
                context.terminal.err
                    << fmt::format("tidemark: there is no command '{}' of {}\n", word, path);
                context.exit = ExitCode::kUsage;
                return;
            }
            path += " " + word;
        }
        // Not help(): while the command line is parsed that explains the command being run.
        context.terminal.out << at->get_formatter()->make_help(at, path,
                                                               CLI::AppFormatMode::Normal);
    });
}

// The innermost subcommand that the arguments reached, for the hint after an error: "account add".
std::string reached(const CLI::App& app) {
    std::string path;
    const CLI::App* at = &app;
    for (auto chosen = at->get_subcommands(); !chosen.empty(); chosen = at->get_subcommands()) {
        at = chosen.back();
        path += " " + at->get_name();
    }
    return path;
}

}  // namespace

void CommandContext::finish(const CommandResult<void>& result) {
    if (result) return;
    terminal.err << "tidemark: " << result.error().text << '\n';
    exit = result.error().exit;
}

ExitCode run_cli(std::vector<std::string> arguments, Terminal& terminal) {
    CommandContext context{terminal};
    CLI::App app("Tidemark, an IMAP server. The data directory is named with --data everywhere.",
                 "tidemark");
    app.set_version_flag("--version", std::string("tidemark ") + TIDEMARK_VERSION);
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::simple);
    add_init(app, context);
    add_serve(app, context);
    add_account(app, context);
    add_import(app, context);
    add_export(app, context);
    add_backup(app, context);
    add_backups(app, context);
    add_restore(app, context);
    add_dump(app, context);
    add_gentestdata(app, context);
    add_upgrade(app, context);
    add_status(app, context);
    add_ctl(app, context);
    add_config(app, context);
    add_check_sync(app, context);
    add_loadtest(app, context);
    add_verify(app, context);
    add_verifydata(app, context);
    add_repair(app, context);
    add_help(app, context);

    if (arguments.empty()) {
        terminal.err << app.help();
        return ExitCode::kUsage;
    }
    std::reverse(arguments.begin(), arguments.end());  // what parse() of a vector wants
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::Success& asked) {  // --help, --version
        const std::string name = asked.get_name();
        if (name == "CallForVersion") {
            terminal.out << asked.what() << '\n';
        } else {
            terminal.out << app.help();
        }
        return ExitCode::kWell;
    } catch (const CLI::ParseError& error) {
        terminal.err << "tidemark: " << error.what() << "\nSee: tidemark help" << reached(app)
                     << '\n';
        return ExitCode::kUsage;
    }
    return context.exit;
}

}  // namespace tidemark::tools
