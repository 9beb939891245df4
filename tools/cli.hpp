// The program without its process: parses the command line, runs the subcommand, gives the exit
// code.
#pragma once

#include "tools/exit_code.hpp"
#include "tools/terminal.hpp"

#include <string>
#include <vector>

namespace tidemark::tools {

// `arguments` without the program's name.
ExitCode run_cli(std::vector<std::string> arguments, Terminal& terminal);

}  // namespace tidemark::tools
