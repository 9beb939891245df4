// RocksDB opened for reading and nothing else: no lock, no log file, no file made or removed; what
// is only in its write-ahead log is seen. Not a public header.
#pragma once

#include "storage/rocks_env.hpp"
#include "storage/store_impl.hpp"
#include "storage/verify/read_only_files.hpp"

#include <rocksdb/db.h>

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::storage {

// keys::after() for a prefix that may be anything; empty where nothing is above it.
std::string end_of(std::string_view prefix);

class Database {
  public:
    enum class Damage : bool {
        kRefused,  // as the store does: only a torn end of the log is passed over
        kSkipped,  // what can not be read of the log is left out
    };

    // `path` is the directory of RocksDB. kCorrupt, kIo, kNotFound. `files` must outlive it.
    static Result<std::unique_ptr<Database>> open(std::string path, FileSystem& files,
                                                  Damage damage = Damage::kRefused);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    const std::string& path() const { return path_; }

    using Visit = std::function<Result<bool>(std::string_view key, std::string_view value)>;
    // Visits the pairs with first <= key < end (empty: all to the last) until `visit` gives false.
    Result<void> scan(Family which, std::string_view first, std::string_view end,
                      const Visit& visit) const;
    Result<void> scan_prefix(Family which, std::string_view prefix, const Visit& visit) const;
    // The same from the last to the first; `end` not empty.
    Result<void> scan_backward(Family which, std::string_view first, std::string_view end,
                               const Visit& visit) const;
    // kNotFound when there is no such key.
    Result<std::string> get(Family which, std::string_view key) const;
    // Many of one family at a time, `keys` ascending; each kNotFound or a value.
    std::vector<Result<std::string>> get_many(Family which,
                                              const std::vector<std::string>& keys) const;

    // The number of the last write; every write raises it.
    std::uint64_t sequence() const { return db_->GetLatestSequenceNumber(); }

    struct Table {
        std::string name;  // "000012.sst"
        std::uint64_t bytes = 0;
    };
    std::vector<Table> tables() const;
    // Reads all blocks of a table against their checksums. Any thread.
    Result<void> verify_table(const Table& table) const;

    // The batches in the write-ahead log, first to last, each as the values that it gives to `key`
    // in the first family. Ends where the log ends or is torn.
    Result<void> scan_log(std::string_view key,
                          const std::function<void(std::string_view value)>& visit) const;

  private:
    explicit Database(FileSystem& files) : files_(files), env_(make_rocks_env(files_, "/")) {}

    std::string path_;
    ReadOnlyFiles files_;
    RocksEnv env_;
    std::unique_ptr<rocksdb::DB> db_;
    std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> families_{};
};

// A mailbox as its pages and the log behind them make it. kCorrupt where these do not fit.
Result<ViewPtr> read_mailbox(const Database& database, AccountId account,
                             const MailboxRecord& record);

}  // namespace tidemark::storage
