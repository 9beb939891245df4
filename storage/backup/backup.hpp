// Writing a backup of a store that goes on being written to. The steps, each done before the next:
//
//     hold (the store's thread) → checkpoint in DATA/checkpoints → its segments and tables linked
//     or copied into a directory beside DEST with a name of its own → all of it synced → manifest,
//     synced → renamed to DEST, synced → checkpoint removed → hold released (the store's thread)
//
// So a directory with the name DEST is whole, and what a backup that was killed leaves behind has a
// name that read_manifest() refuses. Before it makes anything, the backup writes to
// DATA/checkpoints where it will do so; from that clean_up_backups() removes what is left, and
// nothing else. One backup of a store at a time. Any thread but the store's; blocking, for as long
// as copying takes.
#pragma once

#include "storage/backup/file_copier.hpp"
#include "storage/backup/manifest.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::storage {

// Of all that the manifest will name. What is left out, because an earlier backup has it, counts as
// done. The total is 0 until it is known.
struct BackupProgress {
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
};

struct BackupOptions {
    std::string destination;           // absolute; must not exist, its parent must
    std::optional<std::string> since;  // an earlier backup of the same store
    bool omit_unchanged = false;       // leave out what `since` has, in place of linking it
    CopyPace pace;
    std::string id;  // 32 hex digits, never used before
    std::int64_t created_micros = 0;
    std::string server_version;
    struct ExtraFile {
        std::string from;  // any path
        std::string name;  // below config/
    };
    std::vector<ExtraFile> config;
    std::function<void(const BackupProgress&)> progress;

    // What a broken program would do; only tests of tests set it.
    struct Faults {
        bool manifest_before_sync = false;
    } faults;
};

struct BackupResult {
    std::string id;
    StoreSeq store_seq = 0;
    std::uint64_t accounts = 0;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;  // of everything that the manifest names
    CopyCounts counts;
    std::uint64_t omitted = 0;  // files that only the earlier backup has
    std::uint64_t omitted_bytes = 0;
};

// A hold must be on the store until this returns. After an error nothing is left but perhaps what
// clean_up_backups() removes. kExists: DEST exists. kNoSpace. kNotFound: the parent or `since` is
// missing. kLimit: `since` is of another store. kCorrupt, kIo, kUnavailable (given up).
Result<BackupResult> write_backup(Store& store, const BackupOptions& options);

// Removes what backups of this data directory left behind that did not come to an end. To be called
// when none is under way.
Result<void> clean_up_backups(FileSystem& file_system, const std::string& data);

}  // namespace tidemark::storage
