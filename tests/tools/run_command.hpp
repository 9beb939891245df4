// The program as somebody types it, in the test's own process.
#pragma once

#include "tools/cli.hpp"

#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::tools::test {

struct Run {
    ExitCode exit;
    std::string out;
    std::string err;
};

// `interactive`: as if it was at a terminal.
inline Run run(std::vector<std::string> arguments, const std::string& input = "",
               bool interactive = false) {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    Terminal terminal{in, out, err, interactive};
    const ExitCode exit = run_cli(std::move(arguments), terminal);
    return {exit, out.str(), err.str()};
}

}  // namespace tidemark::tools::test
