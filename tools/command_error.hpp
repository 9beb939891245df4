// How a subcommand fails: a sentence for stderr and the exit code.
#pragma once

#include "tools/exit_code.hpp"

#include <tl/expected.hpp>

#include <string>
#include <system_error>
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
// `error` is an errno.
inline tl::unexpected<CommandError> could_not_use(const std::string& path, int error) {
    return could_not_run(path + ": " + std::generic_category().message(error));
}

}  // namespace tidemark::tools
