// How RocksDB is set up for writing: the one place of its tunables. Not a public header.
#pragma once

#include "storage/rocks_env.hpp"
#include "storage/store.hpp"

#include <rocksdb/db.h>

#include <memory>
#include <vector>

namespace tidemark::storage {

// `quiet`: no log file is kept beside the tables, and none is made.
rocksdb::DBOptions database_options(const StoreOptions& store, const RocksEnv& env, bool quiet);
// Of all families, in their order.
std::vector<rocksdb::ColumnFamilyDescriptor> family_descriptors(
    const std::shared_ptr<rocksdb::Cache>& cache);

}  // namespace tidemark::storage
