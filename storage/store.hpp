// The data directory: RocksDB and the segment files as one thing. Format, keys and crash rules:
// schema.md.
//
// Threads: commit(), compact_step() and the holds are for the store actor's thread only; every
// const function and next_body_id() for any thread (they may block on the disk unless they say that
// they do not). Order of durability: bodies synced → records committed with sync → commit()
// returns. Unlinking comes after that. After a failed sync nothing is acknowledged again: every
// later commit gives kUnavailable until the process restarts.
#pragma once

#include "storage/file_system.hpp"
#include "storage/limits.hpp"
#include "storage/records.hpp"
#include "storage/transaction.hpp"
#include "storage/types.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::storage {

// A data directory with this file in it is what a restore has not finished; no server opens it.
constexpr std::string_view kRestoringFile = "restoring";

struct StoreOptions {
    std::uint64_t segment_bytes = 64u << 20;  // an active segment is sealed at about this size
    std::uint64_t stage_bytes =
        1u << 20;  // bodies from this size on are streamed to a segment of their own
    std::uint64_t disk_reserve_bytes =
        64u << 20;  // below this much free space only what frees space is written
    std::uint64_t block_cache_bytes = 64u << 20;
    std::uint64_t wal_bytes_max = 64u << 20;
    // A reserve file of this size is given up when the disk is full in earnest, so that deleting
    // still works.
    std::uint64_t ballast_bytes = 32u << 20;
    unsigned open_segments_max = 256;
    // How long a body can be read after its last message was expunged. 0: not at all.
    std::chrono::microseconds expunged_kept = kExpungedBodiesAge;
    // What that is measured by; empty: the system's monotonic clock. Called on the store's thread.
    std::function<std::chrono::microseconds()> steady_now;
    bool create_if_missing = false;
    // Nothing in the directory is changed, not even a time stamp; who would write is kept out.
    bool read_only = false;
    // The newest format that is known: what is made, and the only one that is written to. Older
    // ones are read. Only tests of migrations, which stand in for a later version, give another.
    std::uint32_t format = kFormat;
    // Read only: the database of this format, made by a migration that is not committed yet. 0: the
    // one that counts.
    std::uint32_t database_format = 0;
    // False, and only where nothing is written: the caller has locked the directory.
    bool lock = true;
    bool is_restoring = false;  // this is the restore itself, which alone may open it
    // What a broken program would do; only tests of tests set it.
    struct Faults {
        bool ignore_hold = false;           // segments are unlinked under a snapshot
        bool unlink_before_commit = false;  // before the records are gone that name them
    } faults;
};

// All that an account actor loads when its account is first used.
struct LoadedAccount {
    AccountRecord record;
    AccountCounters counters;
    std::vector<MailboxRecord> mailboxes;  // by id
    std::vector<std::string> orphan_subscriptions;
};

// Both share the pages that the log behind the fold does not touch.
struct LoadedMailbox {
    ViewPtr view;
    ViewPtr folded;  // what the stored pages alone hold: the next fold writes what differs from it
    std::size_t log_entries = 0;  // behind the fold
};

struct StoreStatistics {
    StoreSeq store_seq = 0;
    std::uint64_t rounds = 0;
    std::uint64_t transactions = 0;
    std::uint64_t segment_syncs = 0;
    std::uint64_t wal_syncs = 0;
    std::uint64_t segments = 0;
    std::uint64_t segment_bytes = 0;
    std::uint64_t live_bytes = 0;
    std::uint64_t crc_failures = 0;
    std::uint64_t free_disk_bytes = 0;
    std::uint64_t rocksdb_memory_bytes = 0;
    bool writable = true;
    bool disk_full = false;
};

// A body that can be read while this lives: its segment is kept on disk even when compaction is
// done with it.
class BodyReader {
  public:
    BodyReader() = default;
    std::uint32_t length() const { return length_; }
    // Reads all of it and checks its CRC. kCorrupt when the bytes are not those that were stored.
    Result<std::string> read_all() const;
    // Without blocking: nullopt when some of it is not in the page cache. Checks the CRC.
    std::optional<Result<std::string>> try_read_all() const;
    // Part of it, for bodies too large to hold; no CRC check (call verify() once before the first).
    Result<std::string> read(std::uint32_t offset, std::uint32_t length) const;
    // The same into memory of the caller; all of `buffer` must be inside the body.
    Result<void> read_into(std::uint32_t offset, std::span<char> buffer) const;
    // Reads it in pieces and checks its CRC.
    Result<void> verify() const;

  private:
    friend class StoreImpl;
    std::shared_ptr<const class SegmentFile> file_;
    std::uint32_t offset_ = 0;
    std::uint32_t length_ = 0;
    std::uint32_t crc32c_ = 0;
};

class StagedBody {
  public:
    virtual ~StagedBody() = default;
    // Blocking, any one thread at a time. kNoSpace leaves it unusable.
    virtual Result<void> append(std::string_view bytes) = 0;
    // No more bytes; flushed to the disk as far as possible, so that the round's sync is short.
    virtual Result<void> finish() = 0;
    virtual std::uint64_t length() const = 0;
    // The finished bytes, for parsing the summary; blocking.
    virtual Result<std::string> read_all() const = 0;
};

class Store {
  public:
    // Opens or (create_if_missing) makes the directory. kLocked, kTooNew, kCorrupt, kNoSpace, kIo
    // with a text for the person who started the program. `file_system` must outlive the store.
    static Result<std::unique_ptr<Store>> open(std::string directory, StoreOptions options,
                                               FileSystem& file_system);
    virtual ~Store() = default;

    // One round: appends all bodies, one sync of what they went to, one batch, one synced write.
    // The result at index i belongs to transactions[i]. A transaction that is refused (kFenced,
    // kNoSpace) leaves no trace and does not hold the others up.
    virtual std::vector<Result<void>> commit(std::span<Transaction* const> transactions) = 0;

    virtual BodyId next_body_id() = 0;
    // Any thread (blocking): a file in the segment directory that becomes a sealed segment when
    // committed.
    virtual Result<std::shared_ptr<StagedBody>> stage_body(BodyId id,
                                                           std::uint64_t expected_bytes) = 0;

    virtual Result<AccountId> find_account(std::string_view name) const = 0;
    virtual Result<AccountRecord> account(AccountId account) const = 0;
    virtual Result<std::vector<AccountRecord>> accounts() const = 0;
    virtual AccountId next_account_id() = 0;
    virtual Result<LoadedAccount> load_account(AccountId account) const = 0;
    // Pages and the log behind them, as of `record` (its folded_modseq must be the stored one).
    virtual Result<LoadedMailbox> load_mailbox(AccountId account,
                                               const MailboxRecord& record) const = 0;
    // The entries with modseq > since, ascending, until `visit` returns false. Entries at or below
    // the mailbox's horizon may be missing.
    virtual Result<void> changes_since(
        AccountId account, MailboxId mailbox, ModSeq since,
        const std::function<bool(ModSeq, const ChangeRecord&)>& visit) const = 0;
    // Uids expunged by entries with modseq > since, merged, ascending. The fast path of QRESYNC.
    // kNotFound: the mailbox was deleted, and its log with it.
    virtual Result<UidRanges> expunged_since(AccountId account, MailboxId mailbox,
                                             ModSeq since) const = 0;

    // Calls visit(index, summary) for each of `bodies` that has a summary, in no order; without one
    // the body, as long as it can be opened, makes it again. The summary is valid during the call.
    // Never blocks when `cached_only`: then nullopt, with some visited or none, if any of them is
    // not in memory.
    virtual std::optional<Result<void>> visit_summaries(
        AccountId account, std::span<const BodyId> bodies, bool cached_only,
        const std::function<void(std::size_t, std::string_view)>& visit) const = 0;
    // The same as a list in the order asked; an empty string where there is none.
    std::optional<Result<std::vector<std::string>>> summaries(AccountId account,
                                                              std::span<const BodyId> bodies,
                                                              bool cached_only) const;
    // A body whose last message was expunged can be opened for StoreOptions::expunged_kept longer,
    // unless the disk is short of space. kNotFound after that.
    virtual std::optional<Result<BodyReader>> open_body(BodyId body, bool cached_only) const = 0;
    // The same for many, in the order asked; where they came one after the other they are found
    // together. Blocking.
    virtual std::vector<Result<BodyReader>> open_bodies(std::span<const BodyId> bodies) const = 0;
    // Every body that some message names, ascending, until `visit` returns false.
    virtual Result<void> visit_bodies(
        const std::function<bool(BodyId, const BodyRecord&)>& visit) const = 0;

    // All messages, mailboxes, log, references and the name of an account, in bounded steps; true
    // when done.
    virtual Result<bool> remove_account_step(AccountId account) = 0;

    // After a restore, before anything else is written: the directory is another one from now on
    // (a new fence owner), and ids go on from these at least.
    virtual Result<void> begin_anew(BodyId body_least, AccountId account_least) = 0;

    // Background: makes progress on compacting mostly dead segments, moving at most `bytes_max`
    // bytes. Returns whether there is more to do. Safe against a crash at any point.
    virtual Result<bool> compact_step(std::uint64_t bytes_max) = 0;
    // Holds for snapshots: while one exists no segment file is unlinked, and the active segment was
    // sealed when taken.
    virtual Result<void> hold_segments() = 0;
    virtual void release_segments() = 0;
    // Any thread (blocking): the database as it is at one moment during the call, in the directory
    // `path`, which must not exist and must be on the file system of the data directory: its tables
    // are links. Everything in it is durable, except its own name. Read by read_checkpoint(), which
    // tells what segments it names: under a hold they are all there.
    virtual Result<void> checkpoint(const std::string& path) = 0;

    virtual const std::string& directory() const = 0;
    virtual FileSystem& file_system() const = 0;

    virtual StoreStatistics statistics() const = 0;
    // Flushes what makes the next start quick. Called once, nothing after it.
    virtual Result<void> close() = 0;
};

}  // namespace tidemark::storage
