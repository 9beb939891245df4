// Writes the new database of a migration, so that it can be gone on with after an interruption. Not
// a public header.
#pragma once

#include "storage/migrate/progress.hpp"
#include "storage/migrate/step.hpp"
#include "storage/rocks_env.hpp"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace tidemark::storage {

class MigrationMaker final : public MigrationSink {
  public:
    // Goes on with what is at `path` when it was made from the same by the same; begins anew
    // otherwise.
    static Result<std::unique_ptr<MigrationMaker>> open(std::string path,
                                                        const MigrationProgress& origin,
                                                        std::uint64_t batch_bytes,
                                                        FileSystem& files);
    // Of a database that is done: nothing in it tells of the migration any more.
    static Result<void> drop_progress(const std::string& path, FileSystem& files);
    ~MigrationMaker() override;
    MigrationMaker(const MigrationMaker&) = delete;
    MigrationMaker& operator=(const MigrationMaker&) = delete;

    bool resumed() const { return resumed_; }
    // What the database holds already.
    const MigrationProgress& progress() const { return progress_; }
    std::uint64_t records() const { return records_; }

    Result<void> put(Family family, std::string_view key, std::string_view value) override;
    // All up to this record has been put and nothing is kept back.
    Result<void> reach(Family family, std::string_view key);
    // Everything has been put: it is durable when this returns.
    Result<void> finish(const StoreState& state);

  private:
    explicit MigrationMaker(std::string path) : path_(std::move(path)) {}

    Result<void> open_database(bool create, FileSystem& files);
    bool holds_work_from(const MigrationProgress& origin);
    Result<void> write(bool sync);
    Result<void> flush_and_close();
    rocksdb::ColumnFamilyHandle* family(Family which) const {
        return families_[static_cast<std::size_t>(which)];
    }
    void close();

    std::string path_;
    RocksEnv env_;
    std::unique_ptr<rocksdb::DB> db_;
    std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> families_{};
    rocksdb::WriteBatch batch_;
    std::uint64_t batch_bytes_ = 0;
    std::uint64_t records_ = 0;
    MigrationProgress progress_;
    bool resumed_ = false;
};

}  // namespace tidemark::storage
