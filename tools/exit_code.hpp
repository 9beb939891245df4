// What the program's exit code means, for every subcommand.
#pragma once

namespace tidemark::tools {

enum class ExitCode : int {
    kWell = 0,
    kNo = 1,     // it ran, and the answer is "no": refused, not found, not valid
    kUsage = 2,  // wrong command line
    kCouldNotRun =
        3,  // nothing was decided: a file, the directory or the server can not be reached
};

}  // namespace tidemark::tools
