#include "tools/commands.hpp"
#include "tools/config.hpp"

#include <memory>

namespace tidemark::tools {

namespace {

// All problems on stderr, nothing when there is none.
void check(const std::string& file, CommandContext& context) {
    const ConfigResult config = read_config(file);
    if (config) return;
    bool about_content = false;
    for (const ConfigProblem& problem : config.error()) {
        context.terminal.err << problem.to_string() << '\n';
        about_content = about_content || !problem.unreadable;
    }
    context.exit = about_content ? ExitCode::kNo : ExitCode::kCouldNotRun;
}

}  // namespace

void add_config(CLI::App& app, CommandContext& context) {
    auto* config = app.add_subcommand("config", "Check a configuration");
    config->require_subcommand(1);
    auto* sub = config->add_subcommand(
        "check", "Name every problem of a configuration with its line and the mend");
    auto file = std::make_shared<std::string>();
    sub->add_option("FILE", *file, "The configuration")->required();
    sub->callback([file, &context] { check(*file, context); });
}

}  // namespace tidemark::tools
