// A data directory that holds one of everything that the store can hold, for tests of upgrades,
// backups and whatever else must not lose any of it. The same options make the same content
// (dump.md) everywhere; all of it goes through the account actors, as mail and commands would.
#pragma once

#include "tools/command_error.hpp"

#include <cstdint>
#include <string>

namespace tidemark::tools::testdata {

// Every account's.
inline constexpr const char* kPassword = "testdata";

struct GenerateOptions {
    std::string directory;  // new or empty
    std::uint64_t seed = 1;
    std::uint64_t accounts = 6;   // at least 1; the first few have names and quirks of their own
    std::uint64_t messages = 40;  // delivered or appended to each account
};

[[nodiscard]] CommandResult<void> generate(const GenerateOptions& options);

}  // namespace tidemark::tools::testdata
