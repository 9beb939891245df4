// Which of the backups in one directory are kept when only some are wanted. Values and a directory;
// any thread, blocking.
#pragma once

#include "storage/file_system.hpp"
#include "storage/types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidemark::storage {

// Of each of the last so many hours, days, … (UTC; weeks begin on Monday) that have a backup, the
// newest one is kept, and the last ones whenever they were made.
struct KeepRules {
    unsigned last = 0;
    unsigned hourly = 0;
    unsigned daily = 0;
    unsigned weekly = 0;
    unsigned monthly = 0;
    unsigned yearly = 0;
    bool any() const { return last + hourly + daily + weekly + monthly + yearly > 0; }
};

struct FoundBackup {
    std::string name;  // in its directory
    std::string id;
    std::int64_t created_micros = 0;
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
    std::string since_id;    // of the earlier one that has what this one leaves out; empty: none
    bool is_needed = false;  // kept only because another one leaves out what it has
    friend bool operator==(const FoundBackup&, const FoundBackup&) = default;
};

// The whole backups directly in `directory`, the oldest first. Whatever else is there is not looked
// at, those that are being written included. kNotFound, kIo.
Result<std::vector<FoundBackup>> list_backups(FileSystem& file_system,
                                              const std::string& directory);

struct PruneChoice {
    std::vector<FoundBackup> kept;     // the oldest first
    std::vector<FoundBackup> removed;  // the newest first, so that none loses what it needs
};
// The newest is always kept, and so is what a kept one needs.
PruneChoice choose_backups(std::vector<FoundBackup> found, const KeepRules& rules);

// The directory of a backup, its manifest first.
Result<void> remove_backup(FileSystem& file_system, const std::string& path);

}  // namespace tidemark::storage
