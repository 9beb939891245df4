// Backups that a running server makes by itself: every so often one into a directory, named by the
// time (2026-11-25T18-30-00Z), then the old ones are pruned. What the newest one there has is
// linked from it. A server that starts makes one at once when the newest is older than the
// interval. One that fails is in the log and in `status`; the next comes at its time. One task, on
// its core; the disk is asked on workers.
#pragma once

#include "actors/awaitable.hpp"
#include "actors/clock.hpp"
#include "actors/snapshot.hpp"
#include "actors/worker_pool.hpp"
#include "storage/backup/prune.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tidemark::actors {

struct BackupScheduleOptions {
    std::chrono::seconds every{0};  // 0: none
    std::string directory;          // absolute; must exist
    storage::KeepRules keep;        // none: nothing is removed
    bool with_keys = false;
    std::uint64_t bytes_per_second_max = 0;
};

class BackupSchedule {
  public:
    BackupSchedule(SnapshotActor& snapshots, storage::FileSystem& files, WorkerPool& workers,
                   Clock& clock, BackupScheduleOptions options);

    // Until its task is cancelled.
    Awaitable<void> run();
    const BackupScheduleOptions& options() const { return options_; }

  private:
    Awaitable<std::optional<storage::FoundBackup>> newest();
    Awaitable<void> back_up(std::optional<storage::FoundBackup> since);
    Awaitable<void> prune();

    SnapshotActor& snapshots_;
    storage::FileSystem& files_;
    WorkerPool& workers_;
    Clock& clock_;
    BackupScheduleOptions options_;
};

// "2026-11-25T18-30-00Z"
std::string backup_name(std::int64_t wall_micros);

}  // namespace tidemark::actors
