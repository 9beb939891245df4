// The database at one moment, beside the one that goes on. RocksDB 7.8 links tables and closed
// logs, copies the rest, and may leave a log that it linked or copied unsynced; so all of it but
// the tables is synced here. It syncs a table before its manifest names it.
#include "storage/limits.hpp"
#include "storage/store_impl.hpp"

#include <rocksdb/utilities/checkpoint.h>

namespace tidemark::storage {

Result<void> StoreImpl::checkpoint(const std::string& path) {
    rocksdb::Checkpoint* made = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
    if (!status.ok()) return tl::unexpected(store_error(status));
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    status = checkpoint->CreateCheckpoint(path, kCheckpointLogBytesMax);
    if (!status.ok()) return tl::unexpected(store_error(status));
    const auto names = file_system_.list(path);
    if (!names) return tl::unexpected(store_error(names.error()));
    for (const std::string& name : *names) {
        if (name.ends_with(".sst")) continue;
        auto file = file_system_.open(path + "/" + name, FileSystem::Mode::kReadWrite);
        if (!file) return tl::unexpected(store_error(file.error()));
        const auto synced =
            (*file)->sync().and_then([&, &opened = *file] { return opened->close(); });
        if (!synced) return tl::unexpected(store_error(synced.error()));
    }
    if (auto synced = file_system_.sync_directory(path); !synced)
        return tl::unexpected(store_error(synced.error()));
    return {};
}

}  // namespace tidemark::storage
