// The subcommands. Each file cmd_<name>.cpp adds one to the command line and wires it to what does
// the work.
#pragma once

#include "tools/command_error.hpp"
#include "tools/terminal.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace tidemark::tools {

// What a subcommand gets and leaves behind. Lives as long as the CLI::App.
struct CommandContext {
    Terminal& terminal;
    ExitCode exit = ExitCode::kWell;

    // Writes a failure to stderr and keeps its exit code.
    void finish(const CommandResult<void>& result);
};

void add_init(CLI::App& app, CommandContext& context);
void add_serve(CLI::App& app, CommandContext& context);
void add_account(CLI::App& app, CommandContext& context);
void add_backup(CLI::App& app, CommandContext& context);
void add_backups(CLI::App& app, CommandContext& context);
void add_import(CLI::App& app, CommandContext& context);
void add_export(CLI::App& app, CommandContext& context);
void add_dump(CLI::App& app, CommandContext& context);
void add_gentestdata(CLI::App& app, CommandContext& context);
void add_upgrade(CLI::App& app, CommandContext& context);
void add_restore(CLI::App& app, CommandContext& context);
void add_status(CLI::App& app, CommandContext& context);
void add_ctl(CLI::App& app, CommandContext& context);
void add_config(CLI::App& app, CommandContext& context);
void add_check_sync(CLI::App& app, CommandContext& context);
void add_loadtest(CLI::App& app, CommandContext& context);
void add_repair(CLI::App& app, CommandContext& context);
void add_verify(CLI::App& app, CommandContext& context);
void add_verifydata(CLI::App& app, CommandContext& context);

}  // namespace tidemark::tools
