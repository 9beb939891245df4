// Makes a data directory of an older format one of the newest, or not at all.
//
// For each step a new database is made beside the old one (db-2, db-3, …), record by record, while
// nothing of the old one is written to. One rename, of the file `format`, makes the last of them
// count; until then the directory is what it was, for the older program too, wherever the process
// is killed or the power goes. What was made so far stays in the directory, and the next run goes
// on with it as long as the old database has not changed; a start of the older or newer program in
// between takes it away. Mail is neither copied nor touched.
//
//     auto migration = Migration::open(directory, released_migrations(), {}, files);
//     (*migration)->make();     // may be interrupted and repeated
//     …                         // look at it: StoreOptions::database_format
//     (*migration)->commit();
//
// One thread; blocks for as long as it takes. Memory: a batch, and what the step keeps back.
#pragma once

#include "storage/migrate/progress.hpp"
#include "storage/migrate/step.hpp"
#include "storage/verify/database.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tidemark::storage {

struct MigrationOptions {
    std::uint64_t disk_reserve_bytes = StoreOptions{}.disk_reserve_bytes;  // left free at least
    std::uint64_t batch_bytes = kMigrationBatchBytes;
    // Records read so far, of all steps.
    std::function<void(std::uint64_t records)> on_progress;
};

struct MigrationFigures {
    std::uint64_t old_bytes = 0;  // of the database
    std::uint64_t new_bytes = 0;
    std::uint64_t needed_bytes = 0;  // that had to be free before it began
    std::uint64_t free_bytes = 0;
    std::uint64_t records_read = 0;
    std::uint64_t records_written = 0;
    bool resumed = false;
};

class Migration {
  public:
    // Locks the directory for as long as this lives. kExists: it is a backup, whose manifest would
    // be wrong afterwards. kNotFound, kLocked, kTooNew, kCorrupt, kIo.
    // `plan` and `files` must outlive it.
    static Result<std::unique_ptr<Migration>> open(std::string directory, const MigrationPlan& plan,
                                                   MigrationOptions options, FileSystem& files);

    std::uint32_t from() const { return from_; }
    std::uint32_t to() const { return plan_.newest(); }
    bool is_needed() const { return from() != to(); }
    const MigrationFigures& figures() const { return figures_; }

    // kNoSpace: there is not enough, or it ran out; then nothing new is left in the directory.
    Result<void> make();
    // After make(). When it fails the old format may count or the new one; both are whole.
    Result<void> commit();
    // What make() made is taken away, as far as that is possible.
    void abandon();

  private:
    Migration(std::string directory, const MigrationPlan& plan, MigrationOptions options,
              FileSystem& files)
        : directory_(std::move(directory)),
          plan_(plan),
          options_(std::move(options)),
          files_(files) {}

    std::string database_path(std::uint32_t format) const;
    Result<void> check_space();
    Result<void> make_all();
    // The database of format + 1.
    Result<void> make_next(std::uint32_t format);

    std::string directory_;
    const MigrationPlan& plan_;
    MigrationOptions options_;
    FileSystem& files_;
    std::unique_ptr<LockedFile> lock_;
    std::uint32_t from_ = 0;
    MigrationFigures figures_;
};

}  // namespace tidemark::storage
