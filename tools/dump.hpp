// The logical content of a store as lines of JSON, in one fixed order: what the accounts hold and
// remember, nothing of how it lies on the disk. Two directories with the same dump are the same to
// every client and every tool. The lines are described in dump.md.
//
// Blocking; the store must not change meanwhile (one that is open for reading does not). Memory:
// one mailbox's columns and log entry, a piece of one message.
#pragma once

#include "storage/store.hpp"
#include "tools/command_error.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::tools {

struct DumpOptions {
    std::optional<std::string> account;  // only this one, by name
    bool bodies = true;  // read every message and give its digest; what is damaged ends the dump
};

struct DumpCounts {
    std::uint64_t accounts = 0;
    std::uint64_t mailboxes = 0;
    std::uint64_t messages = 0;
    std::uint64_t changes = 0;
    std::uint64_t bodies = 0;
};

// Gets each line, without its end.
using DumpSink = std::function<CommandResult<void>(std::string_view line)>;

[[nodiscard]] CommandResult<DumpCounts> dump_store(const storage::Store& store,
                                                   const DumpOptions& options,
                                                   const DumpSink& sink);

// The same of a directory that no server has open; nothing in it is changed.
[[nodiscard]] CommandResult<DumpCounts> dump_directory(const std::string& directory,
                                                       const DumpOptions& options,
                                                       const DumpSink& sink);

}  // namespace tidemark::tools
