// How a subcommand fails: a sentence for stderr and the exit code.
#pragma once

#include "tools/exit_code.hpp"

#include <tl/expected.hpp>

#include <string>
#include <utility>

namespace tidemark::tools {

struct CommandError {
    ExitCode exit;
    std::string text;
};
template <class T>
using CommandResult = tl::expected<T, CommandError>;

inline tl::unexpected<CommandError> refuse(std::string text) {
    return tl::unexpected(CommandError{ExitCode::kNo, std::move(text)});
}
inline tl::unexpected<CommandError> could_not_run(std::string text) {
    return tl::unexpected(CommandError{ExitCode::kCouldNotRun, std::move(text)});
}

}  // namespace tidemark::tools
