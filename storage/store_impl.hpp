// The store on RocksDB and segment files. Crash rules and threads: store.hpp, schema.md. Not a
// public header.
//
// What belongs to the store's thread: segments_, writer_, state_, counters_, everything about
// rounds. What other threads see is RocksDB itself, the SegmentDirectory, the graveyard, the two id
// counters and the copy of the figures behind figures_mutex_.
#pragma once

#include "storage/graveyard.hpp"
#include "storage/rocks_env.hpp"
#include "storage/segments.hpp"
#include "storage/store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

namespace tidemark::storage {

enum class Family : std::uint8_t {
    kMeta,
    kAccounts,
    kMailboxes,
    kChanges,
    kPages,
    kSummaries,
    kBodies
};
constexpr std::size_t kFamilyCount = 7;
constexpr std::array<std::string_view, kFamilyCount> kFamilyNames = {
    "default", "accounts", "mailboxes", "changes", "pages", "summaries", "bodies"};

class SilentLogger final : public rocksdb::Logger {
  public:
    using rocksdb::Logger::Logv;
    void Logv(const char*, va_list) override {}
};

StoreError store_error(const rocksdb::Status& status);
// Names a directory from now on; at random, so that no two have the same.
std::uint64_t new_fence_owner();
// kNotFound when the directory is what an unfinished restore left.
Result<void> check_not_restoring(const std::string& directory, FileSystem& file_system);
// The number in DIR/format. kNotFound: there is no such file; kCorrupt: it is something else;
// kTooNew.
Result<std::uint32_t> read_format_file(const std::string& directory, FileSystem& file_system,
                                       std::uint32_t newest = kFormat);
inline std::string_view view(const rocksdb::Slice& slice) {
    return {slice.data(), slice.size()};
}
inline rocksdb::Slice slice(std::string_view bytes) {
    return {bytes.data(), bytes.size()};
}

class StoreImpl final : public Store {
  public:
    static Result<std::unique_ptr<Store>> open(std::string directory, StoreOptions options,
                                               FileSystem& file_system);
    ~StoreImpl() override;

    std::vector<Result<void>> commit(std::span<Transaction* const> transactions) override;
    BodyId next_body_id() override {
        return BodyId{next_body_.fetch_add(1, std::memory_order_relaxed)};
    }
    Result<std::shared_ptr<StagedBody>> stage_body(BodyId id,
                                                   std::uint64_t expected_bytes) override;

    Result<AccountId> find_account(std::string_view name) const override;
    Result<AccountRecord> account(AccountId account) const override;
    Result<std::vector<AccountRecord>> accounts() const override;
    AccountId next_account_id() override {
        return AccountId{next_account_.fetch_add(1, std::memory_order_relaxed)};
    }
    Result<LoadedAccount> load_account(AccountId account) const override;
    Result<LoadedMailbox> load_mailbox(AccountId account,
                                       const MailboxRecord& record) const override;
    Result<void> changes_since(
        AccountId account, MailboxId mailbox, ModSeq since,
        const std::function<bool(ModSeq, const ChangeRecord&)>& visit) const override;
    Result<UidRanges> expunged_since(AccountId account, MailboxId mailbox,
                                     ModSeq since) const override;
    std::optional<Result<void>> visit_summaries(
        AccountId account, std::span<const BodyId> bodies, bool cached_only,
        const std::function<void(std::size_t, std::string_view)>& visit) const override;
    std::optional<Result<BodyReader>> open_body(BodyId body, bool cached_only) const override;
    std::vector<Result<BodyReader>> open_bodies(std::span<const BodyId> bodies) const override;
    Result<void> visit_bodies(
        const std::function<bool(BodyId, const BodyRecord&)>& visit) const override;

    Result<bool> remove_account_step(AccountId account) override;
    Result<void> begin_anew(BodyId body_least, AccountId account_least) override;
    Result<bool> compact_step(std::uint64_t bytes_max) override;
    Result<void> hold_segments() override;
    void release_segments() override;
    Result<void> checkpoint(const std::string& path) override;
    const std::string& directory() const override { return directory_; }
    FileSystem& file_system() const override { return file_system_; }
    StoreStatistics statistics() const override;
    Result<void> close() override;

  private:
    class Round;

    StoreImpl(std::string directory, StoreOptions options, FileSystem& file_system);

    // store_open.cpp
    Result<void> start();
    Result<void> prepare_directory();
    Result<void> check_format_file();
    Result<void> open_database();
    Result<void> load_state();
    Result<void> recover_segments();
    Result<void> check_named_segments(const std::set<SegmentId>& present);
    void make_ballast();

    // store_read.cpp
    rocksdb::ColumnFamilyHandle* family(Family which) const {
        return families_[static_cast<std::size_t>(which)];
    }
    // kNotFound when there is no such key.
    Result<std::string> get(Family which, std::string_view key) const;
    // Visits the pairs with first <= key < end until `visit` gives false.
    Result<void> scan(
        const rocksdb::ReadOptions& base, Family which, std::string_view first,
        std::string_view end,
        const std::function<Result<bool>(std::string_view, std::string_view)>& visit) const;
    Result<BodyRecord> body_record(BodyId body) const;
    static BodyReader reader_of(std::shared_ptr<const SegmentFile> file, const BodyRecord& record);

    // store_commit.cpp
    Result<void> check_writable();
    Result<ModSeq> counter_of(AccountId account);
    void check_space();
    bool give_up_ballast();
    Result<void> commit_round(std::span<Transaction* const> transactions,
                              std::vector<Result<void>>& results);
    Result<void> write_batch(rocksdb::WriteBatch& batch, bool sync);
    Result<void> write_outcome(const rocksdb::Status& status);
    Result<void> mark_log();
    Result<void> resume_after_no_space();
    void set_unavailable(const std::string& why);
    Result<SegmentWriter*> writer_for(std::uint64_t bytes);
    void retire_writer();
    void seal_retired();
    SegmentId take_segment_id();
    void set_segment(SegmentId id, const SegmentRecord& record);
    void forget_segment(SegmentId id);
    void publish_figures();

    // store_compact.cpp
    std::optional<SegmentId> choose_victim() const;
    Result<bool> drop_dead_segments();
    Result<void> copy_live_frames(std::uint64_t bytes_max);
    void unlink_unneeded();
    std::chrono::microseconds now() const;
    // Commits what the store has changed on its own.
    Result<void> commit_own();

    // store_remove.cpp
    Result<bool> remove_mailbox_step(AccountId account, MailboxRecord& mailbox);

    std::string directory_;
    StoreOptions options_;
    FileSystem& file_system_;
    std::shared_ptr<SegmentDirectory> segment_files_;
    std::unique_ptr<LockedFile> lock_;
    RocksEnv env_;
    std::unique_ptr<rocksdb::DB> db_;
    std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> families_{};
    std::shared_ptr<rocksdb::Cache> cache_;

    std::atomic<std::uint64_t> next_body_ = 1;
    std::atomic<std::uint64_t> next_account_ = 1;

    std::uint32_t format_ = 0;  // of the database that is open
    StoreState state_;          // as stored
    std::map<SegmentId, SegmentRecord> segments_;
    std::set<SegmentId>
        dirty_segments_;  // whose record here is not the stored one; written with the next round
    std::unique_ptr<SegmentWriter> writer_;  // of the active segment; none before the first body
    // Full segments whose bytes are not known to be durable yet, or that are not made read-only
    // yet.
    std::vector<std::unique_ptr<SegmentWriter>> retired_;
    std::unordered_map<AccountId, ModSeq> counters_;
    bool directory_changed_ = false;  // mail/ has names that are not durable

    // Compaction: where it is, what it must leave alone, files that no record names but that cannot
    // go yet.
    struct Cursor {
        SegmentId segment{};
        std::uint64_t offset = 0;
    };
    std::optional<Cursor> compacting_;
    std::set<SegmentId> damaged_;
    std::set<SegmentId> unneeded_;
    unsigned holds_ = 0;
    Graveyard graveyard_;

    std::string unavailable_;  // why; empty while writing is possible
    bool out_of_space_ =
        false;  // RocksDB has refused to write for want of space and must be resumed
    bool low_space_ = false;
    bool has_ballast_ = false;
    std::uint64_t free_bytes_ = 0;
    unsigned rounds_since_check_ = 0;
    std::uint64_t bytes_since_check_ = 0;

    StoreStatistics figures_;
    mutable std::mutex figures_mutex_;
    StoreStatistics published_;
};

}  // namespace tidemark::storage
