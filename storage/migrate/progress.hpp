// How far the making of a new database has got; kept in it, under keys::migration(), until the
// migration is committed, and written together with the records it counts. Values.
#pragma once

#include "storage/store_impl.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::storage {

struct MigrationProgress {
    // What it is made from, and by what: with another source or another step it is begun again.
    std::uint64_t fence_owner = 0;
    std::uint64_t store_seq = 0;
    std::uint64_t sequence = 0;  // RocksDB's, which every write raises
    std::string step;
    // All records up to here are in it.
    bool is_done = false;
    std::uint8_t family = 0;
    std::string key;  // empty: none of the family yet

    bool same_origin(const MigrationProgress& other) const {
        return fence_owner == other.fence_owner && store_seq == other.store_seq &&
               sequence == other.sequence && step == other.step;
    }
};

std::string encode(const MigrationProgress& progress);
Result<MigrationProgress> decode_migration_progress(std::string_view bytes);

}  // namespace tidemark::storage
