// The subcommands of `tidemark loadtest`.
#pragma once

#include "tools/commands.hpp"

namespace tidemark::tools {

void add_loadtest_compare(CLI::App& loadtest, CommandContext& context);
void add_loadtest_report(CLI::App& loadtest, CommandContext& context);

}  // namespace tidemark::tools
