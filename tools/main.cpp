#include "tools/cli.hpp"
#include "tools/terminal.hpp"

#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    // A closed pipe or socket is an error of write(), not the end of the program.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        auto terminal = tidemark::tools::process_terminal();
        const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
        return static_cast<int>(tidemark::tools::run_cli(arguments, terminal));
    } catch (const std::exception& error) {
        std::cerr << "tidemark: " << error.what() << '\n';
        return static_cast<int>(tidemark::tools::ExitCode::kCouldNotRun);
    }
}
