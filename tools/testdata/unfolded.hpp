// The end of a process that nobody asked to end: changes that no page holds yet, in RocksDB's log
// only. What a migration or backup finds after a crash.
#pragma once

#include "tools/command_error.hpp"

#include <string>

namespace tidemark::tools::testdata {

// One flag of one message of every account that has any, in a directory that no server has open.
[[nodiscard]] CommandResult<void> leave_unfolded(const std::string& directory);

}  // namespace tidemark::tools::testdata
