#include "storage/migrate/maker.hpp"

#include "storage/format_file.hpp"
#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/rocks_options.hpp"

#include <rocksdb/cache.h>

namespace tidemark::storage {

MigrationMaker::~MigrationMaker() {
    close();
}

void MigrationMaker::close() {
    if (!db_) return;
    for (rocksdb::ColumnFamilyHandle*& handle : families_) {
        if (handle != nullptr) static_cast<void>(db_->DestroyColumnFamilyHandle(handle));
        handle = nullptr;
    }
    static_cast<void>(db_->Close());
    db_.reset();
}

Result<void> MigrationMaker::open_database(bool create, FileSystem& files) {
    env_ = make_rocks_env(files, path_);
    StoreOptions store;
    store.create_if_missing = create;
    rocksdb::DBOptions options = database_options(store, env_, true);
    options.error_if_exists = create;
    options.create_missing_column_families = create;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* database = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(
        options, path_, family_descriptors(rocksdb::NewLRUCache(kVerifyCacheBytes)), &handles,
        &database);
    if (!status.ok()) return tl::unexpected(store_error(status));
    db_.reset(database);
    std::copy(handles.begin(), handles.end(), families_.begin());
    return {};
}

bool MigrationMaker::holds_work_from(const MigrationProgress& origin) {
    std::string bytes;
    const rocksdb::Status status =
        db_->Get({}, family(Family::kMeta), slice(keys::migration()), &bytes);
    if (!status.ok()) return false;
    const auto progress = decode_migration_progress(bytes);
    if (!progress || !progress->same_origin(origin)) return false;
    progress_ = *progress;
    return true;
}

Result<std::unique_ptr<MigrationMaker>> MigrationMaker::open(std::string path,
                                                             const MigrationProgress& origin,
                                                             std::uint64_t batch_bytes,
                                                             FileSystem& files) {
    std::unique_ptr<MigrationMaker> maker(new MigrationMaker(std::move(path)));
    maker->batch_bytes_ = batch_bytes;
    const auto there = files.status(maker->path_);
    if (!there) return tl::unexpected(store_error(there.error()));
    if (*there) {
        if (maker->open_database(false, files) && maker->holds_work_from(origin)) {
            maker->resumed_ = true;
            return maker;
        }
        maker->close();
        if (auto removed = remove_database(maker->path_, files); !removed)
            return tl::unexpected(removed.error());
    }
    if (auto made = files.make_directory(maker->path_); !made)
        return tl::unexpected(store_error(made.error()));
    if (auto opened = maker->open_database(true, files); !opened)
        return tl::unexpected(opened.error());
    maker->progress_ = origin;
    return maker;
}

Result<void> MigrationMaker::put(Family which, std::string_view key, std::string_view value) {
    ++records_;
    const rocksdb::Status status = batch_.Put(family(which), slice(key), slice(value));
    if (!status.ok()) return tl::unexpected(store_error(status));
    return batch_.GetDataSize() >= batch_bytes_ ? write(false) : Result<void>{};
}

Result<void> MigrationMaker::reach(Family which, std::string_view key) {
    progress_.family = static_cast<std::uint8_t>(which);
    progress_.key = key;
    return {};
}

Result<void> MigrationMaker::write(bool sync) {
    rocksdb::Status status =
        batch_.Put(family(Family::kMeta), slice(keys::migration()), slice(encode(progress_)));
    rocksdb::WriteOptions options;
    options.sync = sync;
    if (status.ok()) status = db_->Write(options, &batch_);
    batch_.Clear();
    if (!status.ok()) return tl::unexpected(store_error(status));
    return {};
}

Result<void> MigrationMaker::flush_and_close() {
    rocksdb::FlushOptions flush;
    flush.wait = true;
    const rocksdb::Status status = db_->Flush(
        flush, std::vector<rocksdb::ColumnFamilyHandle*>(families_.begin(), families_.end()));
    close();
    if (!status.ok()) return tl::unexpected(store_error(status));
    if (env_.sync_failed && env_.sync_failed->load())
        return fail(StoreErrorKind::kIo, "a sync of the new database failed");
    return {};
}

Result<void> MigrationMaker::finish(const StoreState& state) {
    progress_.is_done = true;
    progress_.key.clear();
    const rocksdb::Status status =
        batch_.Put(family(Family::kMeta), slice(keys::state()), slice(encode(state)));
    if (!status.ok()) return tl::unexpected(store_error(status));
    return write(true).and_then([&] { return flush_and_close(); });
}

Result<void> MigrationMaker::drop_progress(const std::string& path, FileSystem& files) {
    MigrationMaker maker{path};
    if (auto opened = maker.open_database(false, files); !opened) return opened;
    rocksdb::WriteOptions options;
    options.sync = true;
    const rocksdb::Status status =
        maker.db_->Delete(options, maker.family(Family::kMeta), slice(keys::migration()));
    if (!status.ok()) return tl::unexpected(store_error(status));
    return maker.flush_and_close();
}

}  // namespace tidemark::storage
