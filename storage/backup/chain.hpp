// A backup together with the earlier ones that it leaves files out in favour of: which directory
// has each file that a backup names. Reads only manifests; whether the files are there and are
// what the manifests say is for others to look at. Values, any thread; reading blocks.
#pragma once

#include "storage/backup/manifest.hpp"
#include "storage/file_system.hpp"
#include "storage/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::storage {

// Backups of one chain. An hourly one has a new full backup long before.
constexpr std::size_t kChainLengthMax = 10'000;

struct BackupChain {
    struct Item {
        std::string from;  // the file, with its directory
        std::string path;  // relative to a backup
        std::uint64_t bytes = 0;
        std::optional<std::uint32_t> crc32c;
        // Never changes again, so that a link is as good as a copy.
        bool is_immutable = false;
        // Of the segments, those that are read-only once they are there.
        bool is_segment = false;
    };

    BackupManifest manifest;               // of the newest
    std::vector<std::string> directories;  // newest first; no more than are needed
    std::vector<Item> items;               // all that the newest manifest names
};

// Earlier backups are looked for, by their ids, in `earlier`, where the manifest says that they
// were, and beside the backup that names them. kNotFound: the backup, or one that it needs, is not
// there. kCorrupt: a manifest is damaged, or those of a chain contradict one another.
Result<BackupChain> read_chain(FileSystem& file_system, const std::string& backup,
                               const std::vector<std::string>& earlier);

}  // namespace tidemark::storage
