// RocksDB's view of a FileSystem. Not a public header.
#pragma once

#include "storage/file_system.hpp"

#include <rocksdb/env.h>

#include <atomic>
#include <memory>

namespace tidemark::storage {

struct RocksEnv {
    std::unique_ptr<rocksdb::Env> env;
    // Set for good by the first failed sync of any file or directory of the database. After it the
    // kernel may have thrown dirty pages away, so nothing written since can be counted on, whatever
    // a later sync says.
    std::shared_ptr<std::atomic<bool>> sync_failed;
};

// A native file system gives RocksDB's own access to it; any other is called for everything.
// What RocksDB writes outside of `watched`, a directory, is a copy of something and its syncs are
// not watched.
RocksEnv make_rocks_env(FileSystem& file_system, const std::string& watched);

}  // namespace tidemark::storage
