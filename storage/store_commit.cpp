#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/store_round.hpp"

#include <fmt/format.h>
#include <rocksdb/cache.h>

#include <algorithm>

namespace tidemark::storage {

void StoreImpl::set_unavailable(const std::string& why) {
    if (unavailable_.empty()) unavailable_ = why.empty() ? "writing has failed" : why;
}

Result<void> StoreImpl::check_writable() {
    if (options_.read_only)
        return fail(StoreErrorKind::kUnavailable, "the store was opened for reading");
    if (env_.sync_failed->load(std::memory_order_acquire))
        set_unavailable("a sync of the database has failed");
    if (!unavailable_.empty()) return fail(StoreErrorKind::kUnavailable, unavailable_);
    return {};
}

Result<ModSeq> StoreImpl::counter_of(AccountId account) {
    if (const auto found = counters_.find(account); found != counters_.end()) return found->second;
    const Result<std::string> bytes = get(Family::kAccounts, keys::counters(account));
    if (!bytes) {
        if (bytes.error().kind == StoreErrorKind::kNotFound) return 0;
        return tl::unexpected(bytes.error());
    }
    const Result<AccountCounters> counters = decode_counters(*bytes);
    if (!counters) return tl::unexpected(counters.error());
    counters_[account] = counters->modseq;
    return counters->modseq;
}

void StoreImpl::check_space() {
    const bool due =
        ++rounds_since_check_ >= kSpaceCheckRounds || bytes_since_check_ >= kSpaceCheckBytes;
    if (!due && !low_space_ && !out_of_space_) return;
    rounds_since_check_ = 0;
    bytes_since_check_ = 0;
    // When it can not be asked the last answer stands; writing finds out.
    if (const auto free = file_system_.free_bytes(directory_)) free_bytes_ = *free;
    low_space_ = free_bytes_ < options_.disk_reserve_bytes;
    if (!low_space_ && !out_of_space_ && !has_ballast_ &&
        free_bytes_ > options_.disk_reserve_bytes + 2 * options_.ballast_bytes) {
        make_ballast();
    }
}

bool StoreImpl::give_up_ballast() {
    if (!has_ballast_) return false;
    has_ballast_ = false;
    return file_system_.unlink(directory_ + "/ballast").has_value();
}

Result<void> StoreImpl::write_outcome(const rocksdb::Status& status) {
    if (status.ok()) return {};
    // The same code from a sync is another thing: what the kernel had taken is lost then, and can
    // not be trusted again.
    if (status.IsNoSpace() && !env_.sync_failed->load(std::memory_order_acquire)) {
        out_of_space_ = low_space_ = true;
        return fail(StoreErrorKind::kNoSpace, status.ToString());
    }
    set_unavailable(status.ToString());
    return fail(StoreErrorKind::kUnavailable, status.ToString());
}

Result<void> StoreImpl::write_batch(rocksdb::WriteBatch& batch, bool sync) {
    if (auto marked = mark_log(); !marked) return marked;
    rocksdb::WriteOptions options;
    options.sync = sync;
    if (sync) ++figures_.wal_syncs;
    const rocksdb::Status status = db_->Write(options, &batch);
    return write_outcome(status);
}

// Keeps RocksDB's memory table from being empty when the log is written to. Resume() begins a new
// log only if there is something to flush; with empty tables it would go on with the log whose last
// write failed, and RocksDB 7.8 stops the process at the next write to that one. The mark itself is
// in no log and may be lost.
Result<void> StoreImpl::mark_log() {
    std::uint64_t entries = 1;
    db_->GetIntProperty(family(Family::kMeta), rocksdb::DB::Properties::kNumEntriesActiveMemTable,
                        &entries);
    if (entries > 0) return {};
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    const rocksdb::Status status =
        db_->Put(options, family(Family::kMeta), keys::log_mark(), std::string(1, '\x01'));
    return write_outcome(status);
}

// RocksDB refuses all writes after one that found the disk full. Going on is safe here: the write
// failed before anything was put into the memory tables, so they hold exactly the acknowledged
// rounds; Resume() writes these tables to files, syncs them and starts a new log, and only then is
// the old log, which may end in half a record, not needed any more. If the process dies before
// that, the old log is replayed up to the torn record, which was never acknowledged. None of this
// holds after a failed sync, which check_writable() therefore makes final.
Result<void> StoreImpl::resume_after_no_space() {
    if (!out_of_space_) return {};
    const rocksdb::Status status = db_->Resume();
    if (auto writable = check_writable(); !writable) return writable;
    if (!status.ok()) return fail(StoreErrorKind::kNoSpace, status.ToString());
    out_of_space_ = false;
    return {};
}

void StoreImpl::set_segment(SegmentId id, const SegmentRecord& record) {
    SegmentRecord& known = segments_[id];
    figures_.segment_bytes += record.bytes - known.bytes;
    figures_.live_bytes += record.live_bytes - known.live_bytes;
    known = record;
}
void StoreImpl::forget_segment(SegmentId id) {
    set_segment(id, {});
    segments_.erase(id);
}

SegmentId StoreImpl::take_segment_id() {
    return SegmentId{state_.segment_id_next++};
}

Result<SegmentWriter*> StoreImpl::writer_for(std::uint64_t bytes) {
    if (writer_ && writer_->end() > 0 && writer_->end() + bytes > options_.segment_bytes)
        retire_writer();
    if (!writer_) {
        auto created = SegmentWriter::create(*segment_files_, take_segment_id());
        if (!created) return tl::unexpected(created.error());
        writer_ = std::move(*created);
        directory_changed_ = true;
    }
    return writer_.get();
}

void StoreImpl::retire_writer() {
    retired_.push_back(std::move(writer_));
}

// A full segment becomes read-only when all that it holds is durable. Its record says so from the
// next round on; until then a start finds the file complete and says it again.
void StoreImpl::seal_retired() {
    for (const auto& writer : retired_) {
        static_cast<void>(writer->finish());
        static_cast<void>(file_system_.make_read_only(segment_files_->path_of(writer->id())));
        SegmentRecord record = segments_[writer->id()];
        record.bytes = writer->end();
        record.crc32c = writer->mark().crc32c;
        record.sealed = true;
        set_segment(writer->id(), record);
        dirty_segments_.insert(writer->id());
    }
    retired_.clear();
}

Result<void> StoreImpl::commit_own() {
    if (auto writable = check_writable(); !writable) return writable;
    Round round(*this);
    return round.finish(true);
}

Result<void> StoreImpl::begin_anew(BodyId body_least, AccountId account_least) {
    state_.fence_owner = new_fence_owner();
    state_.fence_epoch = 1;
    state_.body_id_limit = std::max(state_.body_id_limit, raw(body_least));
    state_.account_id_limit = std::max(state_.account_id_limit, raw(account_least));
    next_body_ = state_.body_id_limit;
    next_account_ = state_.account_id_limit;
    return commit_own();
}

std::vector<Result<void>> StoreImpl::commit(std::span<Transaction* const> transactions) {
    std::vector<Result<void>> results(transactions.size());
    check_space();
    Result<void> outcome = check_writable().and_then([&] { return resume_after_no_space(); });
    if (outcome) outcome = commit_round(transactions, results);
    if (!outcome && outcome.error().kind == StoreErrorKind::kNoSpace && give_up_ballast()) {
        // Once more with what was kept back for this, and only with what makes room.
        if (resume_after_no_space()) outcome = commit_round(transactions, results);
    }
    if (!outcome) {
        for (Result<void>& result : results) {
            if (result) result = tl::unexpected(outcome.error());
        }
    }
    publish_figures();
    return results;
}

Result<void> StoreImpl::commit_round(std::span<Transaction* const> transactions,
                                     std::vector<Result<void>>& results) {
    Round round(*this);
    round.load_bodies(transactions);
    bool sync = false;
    std::uint64_t accepted = 0;
    for (std::size_t i = 0; i < transactions.size(); ++i) {
        const Transaction& transaction = *transactions[i];
        results[i] = round.add(transaction);
        if (!unavailable_.empty()) return fail(StoreErrorKind::kUnavailable, unavailable_);
        if (!results[i]) continue;
        ++accepted;
        sync = sync || !transaction.lazy_ || !transaction.bodies_.empty();
    }
    if (accepted == 0) return {};
    if (auto finished = round.finish(sync); !finished) return finished;
    seal_retired();
    figures_.rounds += 1;
    figures_.transactions += accepted;
    return {};
}

Result<std::shared_ptr<StagedBody>> StoreImpl::stage_body(BodyId id, std::uint64_t expected_bytes) {
    if (options_.read_only)
        return fail(StoreErrorKind::kUnavailable, "the store was opened for reading");
    return StagedFile::create(segment_files_, id, expected_bytes)
        .map([](const std::shared_ptr<StagedFile>& file) {
            return std::shared_ptr<StagedBody>(file);
        });
}

void StoreImpl::publish_figures() {
    figures_.writable = unavailable_.empty() && !options_.read_only;
    figures_.disk_full = low_space_ || out_of_space_;
    figures_.free_disk_bytes = free_bytes_;
    figures_.segments = segments_.size();
    const std::lock_guard lock(figures_mutex_);
    published_ = figures_;
}

StoreStatistics StoreImpl::statistics() const {
    StoreStatistics statistics;
    {
        const std::lock_guard lock(figures_mutex_);
        statistics = published_;
    }
    statistics.crc_failures =
        segment_files_->counters()->crc_failures.load(std::memory_order_relaxed);
    if (db_) {
        std::uint64_t bytes = 0;
        for (const char* property :
             {"rocksdb.cur-size-all-mem-tables", "rocksdb.estimate-table-readers-mem"}) {
            if (db_->GetAggregatedIntProperty(property, &bytes))
                statistics.rocksdb_memory_bytes += bytes;
        }
        statistics.rocksdb_memory_bytes += cache_->GetUsage();
    }
    return statistics;
}

}  // namespace tidemark::storage
