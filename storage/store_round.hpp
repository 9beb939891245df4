// One round of the store: what several transactions change together, made durable in one go or
// undone. Used by commit(), compaction and the removal of accounts, on the store's thread. Not a
// public header.
#pragma once

#include "storage/store_impl.hpp"

#include <rocksdb/write_batch.h>

#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace tidemark::storage {

class StoreImpl::Round {
  public:
    explicit Round(StoreImpl& store) : store_(store) {}
    Round(const Round&) = delete;
    Round& operator=(const Round&) = delete;

    // Reads the records of bodies whose reference counts these transactions change, many at a time.
    // One that can not be read fails only the transactions that need it.
    void load_bodies(std::span<Transaction* const> transactions);
    // Checks a transaction against what is stored and what the round has so far, appends its bodies
    // and takes its changes. After an error the round is as it was.
    Result<void> add(const Transaction& transaction);

    // For the store's own work:
    rocksdb::WriteBatch& batch() { return batch_; }
    Result<void> change_references(AccountId account,
                                   std::span<const std::pair<BodyId, std::int64_t>> deltas);
    Result<void> move_body(BodyId body, const BodyRecord& from, const std::string& frame);
    // Bodies that lose their last reference are not kept for reading: nobody is left who may.
    void bury_nothing() { buries_ = false; }
    void forget_account(AccountId account) { removed_accounts_.push_back(account); }
    void drop_segment(SegmentId segment) { dropped_segments_.push_back(segment); }

    // Makes everything durable. kNoSpace: nothing happened, and the store needs
    // resume_after_no_space(). kUnavailable: a sync failed, nothing is known. In both cases nothing
    // of the round may be acknowledged.
    Result<void> finish(bool sync);

  private:
    struct Body {
        BodyRecord record;
        bool stored = false;  // in RocksDB, before the round
        bool dirty = false;
        std::vector<AccountId> touched;  // accounts whose count was changed
    };
    struct Staged {
        std::shared_ptr<StagedFile> file;
        SegmentId segment;
        SegmentEnd end;
    };
    using Deltas = std::vector<std::pair<BodyId, std::int64_t>>;
    using BodyMap = std::unordered_map<BodyId, Body>;

    static Deltas net_deltas(const Transaction& transaction);
    void load_records(std::vector<BodyId> bodies);
    Result<void> check_names(const Transaction& transaction);
    Result<void> change_in(BodyMap& changed, AccountId account, BodyId body, std::int64_t delta);
    Result<void> append_bodies(const Transaction& transaction, BodyMap& changed,
                               std::unordered_set<BodyId> present);
    Result<BodyRecord> append_frame(const NewBody& body);
    Result<BodyRecord> append_staged(const NewBody& body);
    void put_mutations(const Transaction& transaction);
    void put_bodies();
    void put_segments();
    StoreState next_state() const;
    Result<void> sync_segments();
    void undo();
    void take_effect(const StoreState& state);

    StoreImpl& store_;
    rocksdb::WriteBatch batch_;
    BodyMap bodies_;
    std::unordered_map<BodyId, StoreError> unreadable_;
    std::unordered_map<AccountId, ModSeq> counters_;
    std::unordered_map<std::string, AccountId> names_;
    std::unordered_map<SegmentId, std::int64_t> live_changes_;
    std::unordered_map<SegmentId, SegmentRecord> segments_;  // those that the round changes
    std::vector<Staged> staged_;
    std::vector<AccountId> removed_accounts_;
    std::vector<SegmentId> dropped_segments_;
    std::vector<std::pair<BodyId, BodyRecord>> buried_;
    bool buries_ = true;
    std::uint64_t body_id_max_ = 0;
    std::uint64_t account_id_max_ = 0;
    std::uint64_t appended_bytes_ = 0;
};

}  // namespace tidemark::storage
