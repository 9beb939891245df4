#include "storage/backup/checkpoint_reader.hpp"

#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/store_impl.hpp"

#include <fmt/format.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/memtablerep.h>

#include <functional>

namespace tidemark::storage {
namespace {

bool is_read(Family family) {
    return family == Family::kMeta || family == Family::kAccounts || family == Family::kMailboxes;
}

class Database {
  public:
    static Result<std::unique_ptr<Database>> open(FileSystem& file_system,
                                                  const std::string& path) {
        auto database = std::make_unique<Database>();
        database->env_ = make_rocks_env(file_system, path);
        rocksdb::DBOptions options;
        options.env = database->env_.env.get();
        options.info_log = std::make_shared<SilentLogger>();
        options.paranoid_checks = true;
        options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
        options.skip_stats_update_on_db_open = true;
        options.skip_checking_sst_file_sizes_on_db_open = true;
        options.max_open_files = kOpenTablesMax;
        // RocksDB would start 16 threads for each family, beside a server that is at work.
        options.max_file_opening_threads = 1;
        std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
        descriptors.reserve(kFamilyCount);
        // What the log has of families that nobody asks here need not be sorted: that would be most
        // of the work.
        options.allow_concurrent_memtable_write = false;
        rocksdb::ColumnFamilyOptions unread;
        unread.memtable_factory = std::make_shared<rocksdb::VectorRepFactory>();
        for (std::size_t i = 0; i < kFamilyCount; ++i) {
            descriptors.emplace_back(
                std::string(kFamilyNames[i]),
                is_read(static_cast<Family>(i)) ? rocksdb::ColumnFamilyOptions() : unread);
        }
        rocksdb::DB* opened = nullptr;
        const rocksdb::Status status =
            rocksdb::DB::OpenForReadOnly(options, path, descriptors, &database->families_, &opened);
        if (!status.ok()) return tl::unexpected(store_error(status));
        database->db_.reset(opened);
        return database;
    }

    Database() = default;
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database() {
        if (!db_) return;
        for (rocksdb::ColumnFamilyHandle* handle : families_)
            static_cast<void>(db_->DestroyColumnFamilyHandle(handle));
        static_cast<void>(db_->Close());
    }

    Result<std::string> get(Family family, const std::string& key) const {
        std::string value;
        const rocksdb::Status status = db_->Get({}, handle(family), key, &value);
        if (!status.ok()) return tl::unexpected(store_error(status));
        return value;
    }
    using Visit = std::function<Result<void>(std::string_view key, std::string_view value)>;
    Result<void> scan(Family family, const std::string& prefix, const Visit& visit) const {
        const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}, handle(family)));
        for (at->Seek(prefix); at->Valid() && view(at->key()).starts_with(prefix); at->Next()) {
            if (auto visited = visit(view(at->key()), view(at->value())); !visited) return visited;
        }
        if (!at->status().ok()) return tl::unexpected(store_error(at->status()));
        return {};
    }
    Result<std::map<std::string, std::uint32_t>> table_crcs() const {
        std::vector<rocksdb::LiveFileMetaData> tables;
        db_->GetLiveFilesMetaData(&tables);
        std::map<std::string, std::uint32_t> crcs;
        for (const rocksdb::LiveFileMetaData& table : tables) {
            if (table.file_checksum_func_name != "FileChecksumCrc32c" ||
                table.file_checksum.size() != sizeof(std::uint32_t)) {
                continue;
            }
            std::uint32_t crc = 0;  // big-endian
            for (const char c : table.file_checksum)
                crc = (crc << 8) | static_cast<std::uint8_t>(c);
            crcs[table.relative_filename] = crc;
        }
        return crcs;
    }

  private:
    rocksdb::ColumnFamilyHandle* handle(Family family) const {
        return families_[static_cast<std::size_t>(family)];
    }

    RocksEnv env_;
    std::unique_ptr<rocksdb::DB> db_;
    std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

Result<void> read_accounts(const Database& database, CheckpointContents& contents) {
    return database.scan(
        Family::kAccounts, keys::accounts(),
        [&](std::string_view, std::string_view value) -> Result<void> {
            const auto record = decode_account(value);
            if (!record) return tl::unexpected(record.error());
            BackupManifest::Account account;
            account.id = record->id;
            account.name = record->name;
            const auto bytes = database.get(Family::kAccounts, keys::counters(record->id));
            if (!bytes && bytes.error().kind != StoreErrorKind::kNotFound)
                return tl::unexpected(bytes.error());
            if (bytes) {
                const auto counters = decode_counters(*bytes);
                if (!counters) return tl::unexpected(counters.error());
                account.highest_modseq = counters->modseq;
                account.messages = counters->used_messages;
                account.bytes = counters->used_bytes;
            }
            auto counted = database.scan(Family::kMailboxes, keys::mailboxes(record->id),
                                         [&](std::string_view, std::string_view) -> Result<void> {
                                             ++account.mailboxes;
                                             return {};
                                         });
            if (!counted) return counted;
            contents.accounts.push_back(std::move(account));
            return {};
        });
}

}  // namespace

Result<CheckpointContents> read_checkpoint(FileSystem& file_system, const std::string& path) {
    auto opened = Database::open(file_system, path);
    if (!opened) return tl::unexpected(opened.error());
    const Database& database = **opened;
    CheckpointContents contents;
    const auto bytes = database.get(Family::kMeta, keys::state());
    // A store that has committed nothing yet.
    if (!bytes && bytes.error().kind != StoreErrorKind::kNotFound)
        return tl::unexpected(bytes.error());
    if (bytes) {
        const auto state = decode_state(*bytes);
        if (!state) return tl::unexpected(state.error());
        contents.state = *state;
    }
    auto scanned = database.scan(Family::kMeta, keys::segments(),
                                 [&](std::string_view key, std::string_view value) -> Result<void> {
                                     const auto id = keys::segment_of(key);
                                     if (!id)
                                         return fail(StoreErrorKind::kCorrupt,
                                                     "a segment record has a wrong key");
                                     auto record = decode_segment(value);
                                     if (!record) return tl::unexpected(record.error());
                                     contents.segments[*id] = *record;
                                     return {};
                                 });
    if (!scanned) return tl::unexpected(scanned.error());
    if (auto read = read_accounts(database, contents); !read) return tl::unexpected(read.error());
    auto crcs = database.table_crcs();
    if (!crcs) return tl::unexpected(crcs.error());
    contents.table_crcs = std::move(*crcs);
    return contents;
}

}  // namespace tidemark::storage
