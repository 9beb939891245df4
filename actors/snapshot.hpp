// The snapshot actor: makes backups of the running server, one at a time.
//
//     hold, between two rounds of the store (the only pause that a writer sees, and measured)
//     → storage::write_backup() on a thread of its own, which may take hours when it is paced
//     → release, between two rounds
//
// A request while a backup is being made is refused (kLocked), never queued: whoever asks wants to
// know what the store held then. back_up() is called on a core; everything else from any thread.
// Shutdown: stop() lets the one that runs be given up, which leaves nothing; join() before the
// store actor ends. Nothing of a backup is in a session's memory: who asked may go.
#pragma once

#include "actors/awaitable.hpp"
#include "actors/clock.hpp"
#include "actors/held_store.hpp"
#include "actors/store_actor.hpp"
#include "storage/backup/backup.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::actors {

// What a server's backups have besides the store.
struct BackupFiles {
    using File = storage::BackupOptions::ExtraFile;
    std::vector<File> config;
    std::vector<File> keys;  // certificates and their keys: only where they are asked for
};

struct BackupRequest {
    std::string destination;  // absolute
    std::optional<std::string> since;
    bool omit_unchanged = false;
    bool with_keys = false;
    std::uint64_t bytes_per_second_max = 0;  // of copies; 0: unbounded
};

struct BackupReport {
    storage::BackupResult made;
    std::string destination;
    std::int64_t began_micros = 0;  // wall clock
    std::chrono::microseconds took{};
    // The longest time for which the store's thread did the backup's work in place of a round.
    std::chrono::microseconds pause{};
};

// Why no backup may be written there; nothing: it may. Without a look at the disk.
std::optional<std::string> why_no_destination(const std::string& destination,
                                              const std::string& data);

// What `status` tells.
struct BackupStatus {
    struct Running {
        std::string destination;
        std::chrono::seconds since{};
        storage::BackupProgress progress;
    };
    struct Last {
        std::string destination;
        std::int64_t ended_micros = 0;  // wall clock
        std::optional<BackupReport> report;
        std::string error;  // without a report
    };
    std::optional<Running> running;
    std::optional<Last> last;
    std::uint64_t made = 0;
    std::uint64_t failed = 0;
};

class SnapshotActor {
  public:
    SnapshotActor(StoreActor& store, Clock& clock, BackupFiles files, std::string server_version);
    ~SnapshotActor();
    SnapshotActor(const SnapshotActor&) = delete;
    SnapshotActor& operator=(const SnapshotActor&) = delete;

    // On a core. Besides write_backup()'s errors: kLocked while another one is made, kUnavailable
    // when it was given up or the server ends.
    Awaitable<storage::Result<BackupReport>> back_up(BackupRequest request);
    // The backup that is being made ends soon, with an error.
    void give_up();
    void stop();
    void join();

    BackupStatus status() const;
    // What back_up() would answer now because of the one that is being made.
    std::optional<storage::StoreError> busy() const;

  private:
    using Time = std::chrono::steady_clock::time_point;
    struct Job;

    storage::Result<std::shared_ptr<Job>> begin(BackupRequest request);
    std::optional<storage::StoreError> busy_locked() const;
    Awaitable<storage::Result<BackupReport>> make(std::shared_ptr<Job> job);
    storage::Result<storage::BackupResult> write(Job& job);
    bool pause(std::chrono::microseconds wait);
    void end(Job& job, const storage::Result<BackupReport>& report);

    StoreActor& store_;
    HeldStore held_;
    Clock& clock_;
    BackupFiles files_;
    std::string server_version_;
    mutable std::mutex mutex_;
    std::condition_variable given_up_changed_;
    bool given_up_ = false;
    bool stopping_ = false;
    std::shared_ptr<Job> running_;
    Time running_since_;
    storage::BackupProgress progress_;
    std::optional<BackupStatus::Last> last_;
    std::uint64_t made_ = 0;
    std::uint64_t failed_ = 0;
};

}  // namespace tidemark::actors
