// RocksDB's view of a FileSystem. Not a public header.
#pragma once

#include "storage/file_system.hpp"

#include <rocksdb/env.h>

#include <atomic>
#include <memory>

namespace tidemark::storage {

struct RocksEnv {
    std::unique_ptr<rocksdb::Env> env;
    // Set for good by the first failed sync of any file or directory of RocksDB's. After it the
    // kernel may have thrown dirty pages away, so nothing written since can be counted on, whatever
    // a later sync says.
    std::shared_ptr<std::atomic<bool>> sync_failed;
};

// A native file system gives RocksDB's own access to it; any other is called for everything.
RocksEnv make_rocks_env(FileSystem& file_system);

}  // namespace tidemark::storage
