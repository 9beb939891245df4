// Where a subcommand reads and writes; tests give it strings.
#pragma once

#include "protocol/secret_string.hpp"
#include "tools/command_error.hpp"

#include <istream>
#include <ostream>
#include <string_view>

namespace tidemark::tools {

struct Terminal {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    // The standard input is a person's terminal: prompts are shown, passwords are not echoed and
    // asked for twice.
    bool interactive = false;
};

// The process's own.
Terminal process_terminal();

// One line of the input, without its end. kCouldNotRun: no line, an empty one, one that is longer
// than a password may be, or (interactive) two different ones.
[[nodiscard]] CommandResult<protocol::SecretString> read_password(Terminal& terminal,
                                                                  std::string_view what);

}  // namespace tidemark::tools
