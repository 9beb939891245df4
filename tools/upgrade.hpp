// `tidemark upgrade`: a data directory of an older format becomes one of this program's, or what
// that would do is tried on a copy.
#pragma once

#include "storage/backup/file_copier.hpp"
#include "storage/migrate/migration.hpp"
#include "tools/command_error.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tidemark::tools {

struct UpgradeOptions {
    std::string directory;
    const storage::MigrationPlan* plan = &storage::released_migrations();
    storage::FileSystem* files = &storage::posix_file_system();
    std::function<void(std::uint64_t records)> on_progress;
};

struct UpgradeReport {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    storage::MigrationFigures figures;
    std::chrono::milliseconds made_in{0};
    std::chrono::milliseconds compared_in{0};
    std::size_t lines = 0;  // of the dump, all the same
};

// Makes the new database, compares its dump (without the messages' bytes, which nothing touches)
// with the old one's, and only then lets it count. kNo: there is no space, or they differ; the
// directory is then as it was.
[[nodiscard]] CommandResult<UpgradeReport> upgrade(const UpgradeOptions& options);

struct RehearsalOptions {
    UpgradeOptions upgrade;
    std::string copy;  // where; empty: DIRECTORY.rehearsal
    bool keep = false;
};

struct RehearsalReport {
    UpgradeReport upgrade;
    storage::CopyCounts copied;
    std::chrono::milliseconds copied_in{0};
    std::chrono::milliseconds verified_in{0};
    std::size_t lines = 0;              // of the dump with the digests of all messages
    std::vector<std::string> findings;  // of the verification of the migrated copy
};

// The whole of it on a linked copy, which is then verified and whose dump, every message's digest
// included, is compared with the original's. The original is only read. kNo: it would fail.
[[nodiscard]] CommandResult<RehearsalReport> rehearse_upgrade(const RehearsalOptions& options);

}  // namespace tidemark::tools
