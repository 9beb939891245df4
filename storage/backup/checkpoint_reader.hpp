// What a checkpoint of the database holds, as far as a backup must know it. Any thread; blocking.
#pragma once

#include "storage/backup/manifest.hpp"
#include "storage/file_system.hpp"
#include "storage/records.hpp"
#include "storage/types.hpp"

#include <map>
#include <string>
#include <vector>

namespace tidemark::storage {

struct CheckpointContents {
    StoreState state;
    std::map<SegmentId, SegmentRecord> segments;
    std::vector<BackupManifest::Account> accounts;  // ascending by id
    // The CRC of each table ("000012.sst"), where RocksDB knows it.
    std::map<std::string, std::uint32_t> table_crcs;
};

// Opens the database in `path` for reading and writes nothing. Takes time by the accounts,
// mailboxes and segments, not by the messages. kCorrupt, kTooNew, kIo.
Result<CheckpointContents> read_checkpoint(FileSystem& file_system, const std::string& path);

}  // namespace tidemark::storage
