// A store's RocksDB opened beside the store, to put into it what the store never would. Only while
// no store has the directory open.
#pragma once

#include "storage/store_impl.hpp"

#include <array>
#include <memory>
#include <string>

namespace tidemark::storage::testing {

class RawDatabase {
  public:
    // `name` is the database's in the directory.
    RawDatabase(FileSystem& files, const std::string& directory, const std::string& name = "db");
    ~RawDatabase();
    RawDatabase(const RawDatabase&) = delete;
    RawDatabase& operator=(const RawDatabase&) = delete;

    std::string get(Family which, const std::string& key) const;
    void put(Family which, const std::string& key, const std::string& value);
    void remove(Family which, const std::string& key);
    // All that is in the write-ahead log becomes tables.
    void flush();

  private:
    RocksEnv env_;
    std::unique_ptr<rocksdb::DB> db_;
    std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> families_{};
};

}  // namespace tidemark::storage::testing
