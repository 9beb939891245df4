// Where things are in a data directory, as the subcommands see it.
#pragma once

#include "tools/command_error.hpp"
#include "tools/config.hpp"

#include <optional>
#include <string>

namespace tidemark::tools {

// DIR/tidemark.toml
std::string config_path(const std::string& data);

// The configuration: of `file` if that is given, else of the directory, else the defaults. All its
// problems, a line each, in the error.
[[nodiscard]] CommandResult<Config> load_config(const std::string& data,
                                                const std::optional<std::string>& file);

// Where a server of this directory listens for admin clients. A configuration that can not be read
// does not matter here: the default then.
std::string admin_socket_path(const std::string& data);

// Makes the directory (0700) with a commented configuration; it may exist, but must be empty.
[[nodiscard]] CommandResult<void> make_data_directory(const std::string& data);

}  // namespace tidemark::tools
