#include "tools/loadtest/commands.hpp"

namespace tidemark::tools {

void add_loadtest(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand("loadtest", "Load a server with many clients");
    sub->require_subcommand(1);
    add_loadtest_report(*sub, context);
}

}  // namespace tidemark::tools
