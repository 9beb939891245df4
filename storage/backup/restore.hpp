// A new data directory from a backup, made safe for the clients of the server that was lost
// (fence.hpp). The steps, each done before the next:
//
//     digests of all that the manifests name → a directory beside DIR, with a marker in it → what
//     never changes again linked, the rest copied → all of it verified → fenced → renamed to DIR,
//     synced → the marker removed, synced
//
// A directory with the marker is opened by nobody but the restore itself (Store::open), so that one
// that was cut short at any step is no data directory; the next restore to the same DIR removes it.
// The backup is only read; its files are shared with DIR where links can be made, as the backup
// shares them with the server that it was taken of. Blocking, one thread; verifying uses its own.
#pragma once

#include "storage/backup/fence.hpp"
#include "storage/backup/file_copier.hpp"
#include "storage/store.hpp"
#include "storage/verify/verify.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::storage {

struct RestoreProgress {
    std::string_view what;  // points to a constant
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
};

struct RestoreOptions {
    std::string backup;
    std::string directory;             // must not exist, its parent must
    std::vector<std::string> earlier;  // where backups are that this one leaves files out for
    bool copy_all = false;             // no links
    CopyPace pace;
    std::int64_t now_micros = 0;  // unix
    // Restores of this server's backups, since this one was taken, that were served to clients.
    std::uint32_t earlier_restores = 0;
    std::optional<std::uint64_t> uid_gap;  // nullopt: by the backup's age
    // Restores also what verify() finds fault with; never what differs from its digest.
    bool accept_findings = false;
    VerifyOptions verify;
    StoreOptions store;
    std::function<void(const RestoreProgress&)> on_progress;
    FenceOptions::Faults faults;
};

struct RestoreResult {
    bool is_restored = false;  // false: verify() found what is wrong, see `report`
    VerifyReport report;
    std::string id;  // of the backup
    std::int64_t created_micros = 0;
    StoreSeq store_seq = 0;  // of the backup
    std::vector<std::string> backups;
    std::uint64_t bytes = 0;
    CopyCounts counts;
    std::uint64_t uid_gap = 0;
    std::uint64_t accounts = 0;
    std::uint64_t mailboxes = 0;
    std::uint64_t messages = 0;
};

// After an error, or when nothing was restored, there is no `directory`, and nothing beside it but
// perhaps what the next call removes. kExists: `directory` exists. kNotFound: the backup, one that
// it needs, or the parent is not there. kCorrupt: a manifest, or a file that is not as its manifest
// says. kLocked: another restore to the same directory is under way. kLimit: see fence.hpp.
// kTooNew, kTooOld: it is of another format. kNoSpace, kIo, kUnavailable (given up).
Result<RestoreResult> restore_backup(FileSystem& file_system, const RestoreOptions& options);

}  // namespace tidemark::storage
