#include "storage/store_round.hpp"

#include "storage/crc32c.hpp"
#include "storage/keys.hpp"
#include "storage/limits.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark::storage {
namespace {

constexpr std::size_t kKeysPerMultiGet = 1024;

// False when there would be fewer than none.
bool change_count(BodyRecord& record, AccountId account, std::int64_t delta) {
    auto& references = record.references;
    auto found = std::lower_bound(
        references.begin(), references.end(), account,
        [](const auto& reference, AccountId wanted) { return reference.account < wanted; });
    const bool known = found != references.end() && found->account == account;
    const std::int64_t count = (known ? std::int64_t{found->count} : 0) + delta;
    if (count < 0 || count > UINT32_MAX) return false;
    if (count == 0) {
        if (known) references.erase(found);
    } else if (known) {
        found->count = static_cast<std::uint32_t>(count);
    } else {
        references.insert(found, {account, static_cast<std::uint32_t>(count)});
    }
    return true;
}

FrameHeader header_of(const NewBody& body, std::uint64_t length, std::uint32_t crc) {
    return {
        body.id,    static_cast<std::uint32_t>(length), crc, body.internal_date, body.system_flags,
        body.owners};
}

}  // namespace

StoreImpl::Round::Deltas StoreImpl::Round::net_deltas(const Transaction& transaction) {
    Deltas deltas;
    deltas.reserve(transaction.references_.size());
    for (const ReferenceChange& change : transaction.references_)
        deltas.emplace_back(change.body, change.delta);
    std::sort(deltas.begin(), deltas.end());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < deltas.size();) {
        std::pair<BodyId, std::int64_t> sum{deltas[i].first, 0};
        for (; i < deltas.size() && deltas[i].first == sum.first; ++i)
            sum.second += deltas[i].second;
        if (sum.second != 0) deltas[kept++] = sum;  // a message that only moved is no change
    }
    deltas.resize(kept);
    return deltas;
}

void StoreImpl::Round::load_bodies(std::span<Transaction* const> transactions) {
    std::vector<BodyId> wanted;
    for (const Transaction* transaction : transactions) {
        for (const auto& [body, delta] : net_deltas(*transaction)) wanted.push_back(body);
        for (const NewBody& body : transaction->bodies_) {
            if (body.is_shared) wanted.push_back(body.id);
        }
    }
    load_records(std::move(wanted));
}

void StoreImpl::Round::load_records(std::vector<BodyId> bodies) {
    std::sort(bodies.begin(), bodies.end());
    bodies.erase(std::unique(bodies.begin(), bodies.end()), bodies.end());
    std::erase_if(bodies, [&](BodyId body) { return bodies_.contains(body); });
    for (std::size_t at = 0; at < bodies.size(); at += kKeysPerMultiGet) {
        const std::size_t count = std::min(kKeysPerMultiGet, bodies.size() - at);
        std::vector<std::string> texts(count);
        std::vector<rocksdb::Slice> keys_now(count);
        std::vector<rocksdb::PinnableSlice> values(count);
        std::vector<rocksdb::Status> statuses(count);
        for (std::size_t i = 0; i < count; ++i) {
            texts[i] = keys::body(bodies[at + i]);
            keys_now[i] = slice(texts[i]);
        }
        store_.db_->MultiGet({}, store_.family(Family::kBodies), count, keys_now.data(),
                             values.data(), statuses.data(), true);
        for (std::size_t i = 0; i < count; ++i) {
            if (statuses[i].IsNotFound()) continue;
            const BodyId body = bodies[at + i];
            if (!statuses[i].ok()) {
                unreadable_.insert_or_assign(body, store_error(statuses[i]));
                continue;
            }
            Result<BodyRecord> record = decode_body(view(values[i]));
            if (record) {
                bodies_[body] = {std::move(*record), true, false, {}};
            } else {
                unreadable_.insert_or_assign(body, std::move(record.error()));
            }
        }
    }
}

Result<void> StoreImpl::Round::check_names(const Transaction& transaction) {
    for (const Transaction::Mutation& mutation : transaction.mutations_) {
        if (mutation.family != Transaction::Family::kAccounts ||
            mutation.kind != Transaction::Mutation::Kind::kPut ||
            !keys::name_of_account_name(mutation.key)) {
            continue;
        }
        const std::optional<AccountId> claimant = keys::decode_account_id(mutation.value);
        std::optional<AccountId> holder;
        if (const auto found = names_.find(mutation.key); found != names_.end()) {
            holder = found->second;
        } else {
            const Result<std::string> stored = store_.get(storage::Family::kAccounts, mutation.key);
            if (stored) holder = keys::decode_account_id(*stored);
            if (!stored && stored.error().kind != StoreErrorKind::kNotFound)
                return tl::unexpected(stored.error());
        }
        if (holder && holder != claimant)
            return fail(StoreErrorKind::kExists, "another account has this name");
    }
    return {};
}

// Changes a count in `changed`, which starts as a copy of what the round knows.
Result<void> StoreImpl::Round::change_in(BodyMap& changed, AccountId account, BodyId body,
                                         std::int64_t delta) {
    auto found = changed.find(body);
    if (found == changed.end()) {
        if (const auto bad = unreadable_.find(body); bad != unreadable_.end()) {
            return tl::unexpected(bad->second);
        }
        const auto known = bodies_.find(body);
        if (known == bodies_.end() || known->second.record.references.empty()) {
            return fail(StoreErrorKind::kNotFound,
                        fmt::format("body {} does not exist", raw(body)));
        }
        found = changed.emplace(body, known->second).first;
    }
    if (!change_count(found->second.record, account, delta)) {
        return fail(StoreErrorKind::kCorrupt,
                    fmt::format("body {} has fewer references of account {} than are given back",
                                raw(body), raw(account)));
    }
    found->second.dirty = true;
    found->second.touched.push_back(account);
    return {};
}

Result<void> StoreImpl::Round::add(const Transaction& transaction) {
    const AccountId account = transaction.account_;
    const auto known = counters_.find(account);
    const Result<ModSeq> counter =
        known != counters_.end() ? known->second : store_.counter_of(account);
    if (!counter) return tl::unexpected(counter.error());
    if (*counter != transaction.base_modseq_) {
        return fail(StoreErrorKind::kFenced,
                    fmt::format("account {} is at modseq {}, the transaction builds on {}",
                                raw(account), *counter, transaction.base_modseq_));
    }
    if (store_.low_space_ && !transaction.frees_space_)
        return fail(StoreErrorKind::kNoSpace, "the disk is nearly full");
    if (auto checked = check_names(transaction); !checked) return checked;

    BodyMap changed;
    std::unordered_set<BodyId> present;  // shared bodies that need not be appended
    for (const NewBody& body : transaction.bodies_) {
        if (body.is_shared && !changed.contains(body.id)) {
            if (const auto stored = bodies_.find(body.id); stored != bodies_.end()) {
                changed.emplace(body.id, stored->second);
                present.insert(body.id);
            }
        }
        Body& fresh = changed[body.id];
        fresh.dirty = true;
        for (const BodyOwner& owner : body.owners) {
            change_count(fresh.record, owner.account, 1);
            fresh.touched.push_back(owner.account);
        }
    }
    for (const auto& [body, delta] : net_deltas(transaction)) {
        if (auto done = change_in(changed, account, body, delta); !done) return done;
    }
    if (auto appended = append_bodies(transaction, changed, std::move(present)); !appended)
        return appended;

    for (auto& [body, state] : changed) bodies_[body] = std::move(state);
    counters_[account] = transaction.new_modseq_;
    put_mutations(transaction);
    return {};
}

Result<void> StoreImpl::Round::append_bodies(const Transaction& transaction, BodyMap& changed,
                                             std::unordered_set<BodyId> present) {
    const SegmentEnd end_before = store_.writer_ ? store_.writer_->mark() : SegmentEnd();
    const std::size_t retired_before = store_.retired_.size();
    const std::size_t staged_before = staged_.size();
    const SegmentWriter* writer_before = store_.writer_.get();
    for (const NewBody& body : transaction.bodies_) {
        if (body.is_shared && !present.insert(body.id).second) continue;
        Result<BodyRecord> place = body.staged ? append_staged(body) : append_frame(body);
        if (!place) {
            // What this transaction appended goes again, in the segment it began with and in those
            // it went on to.
            bool undone = true;
            for (std::size_t i = retired_before; i < store_.retired_.size(); ++i) {
                SegmentWriter& writer = *store_.retired_[i];
                undone = writer.cut_back(&writer == writer_before ? end_before : SegmentEnd())
                             .has_value() &&
                         undone;
            }
            if (store_.writer_) {
                SegmentWriter& writer = *store_.writer_;
                undone = writer.cut_back(&writer == writer_before ? end_before : SegmentEnd())
                             .has_value() &&
                         undone;
            }
            staged_.resize(staged_before);
            if (!undone || place.error().kind == StoreErrorKind::kUnavailable) {
                store_.set_unavailable(place.error().detail);
            }
            return tl::unexpected(place.error());
        }
        BodyRecord& record = changed[body.id].record;
        place->references = std::move(record.references);
        record = std::move(*place);
        body_id_max_ = std::max(body_id_max_, raw(body.id));
    }
    return {};
}

Result<BodyRecord> StoreImpl::Round::append_frame(const NewBody& body) {
    if (body.bytes->size() > kBodyBytesMax)
        return fail(StoreErrorKind::kLimit, "the body is too large");
    BodyRecord record;
    record.length = static_cast<std::uint32_t>(body.bytes->size());
    record.crc32c = crc32c(*body.bytes);
    const std::string header = encode_frame_header(header_of(body, record.length, record.crc32c));
    record.header_bytes = static_cast<std::uint32_t>(header.size());
    const Result<SegmentWriter*> writer = store_.writer_for(frame_bytes(record));
    if (!writer) return tl::unexpected(writer.error());
    record.segment = (*writer)->id();
    record.offset = static_cast<std::uint32_t>((*writer)->end() + header.size());
    const std::array<std::string_view, 3> pieces = {header, *body.bytes, "\n"};
    if (auto appended = (*writer)->append(pieces); !appended) {
        return tl::unexpected(store_error(appended.error(), StoreErrorKind::kUnavailable));
    }
    appended_bytes_ += frame_bytes(record);
    return record;
}

Result<BodyRecord> StoreImpl::Round::append_staged(const NewBody& body) {
    auto file = std::dynamic_pointer_cast<StagedFile>(body.staged);
    if (!file || !file->finished())
        return fail(StoreErrorKind::kLimit, "the staged body is not finished");
    // Shared, stored, and given up by all who had it before this one came: the file is a segment
    // already, and only compaction may touch it.
    if (file->kept())
        return fail(StoreErrorKind::kNotFound, "the staged body was stored and is gone");
    BodyRecord record;
    record.segment = store_.take_segment_id();
    record.length = static_cast<std::uint32_t>(file->length());
    record.crc32c = file->crc32c();
    record.header_bytes = kFrameLineBytesMax;
    record.offset = kFrameLineBytesMax;
    const auto end =
        file->become_segment(record.segment, header_of(body, record.length, record.crc32c));
    if (!end) return tl::unexpected(store_error(end.error()));
    store_.directory_changed_ = true;
    staged_.push_back({std::move(file), record.segment, *end});
    appended_bytes_ += end->bytes;
    return record;
}

void StoreImpl::Round::put_mutations(const Transaction& transaction) {
    for (const Transaction::Mutation& mutation : transaction.mutations_) {
        // The two enums name the same families; the store's has two more.
        storage::Family which = storage::Family::kAccounts;
        switch (mutation.family) {
            case Transaction::Family::kAccounts:
                which = storage::Family::kAccounts;
                break;
            case Transaction::Family::kMailboxes:
                which = storage::Family::kMailboxes;
                break;
            case Transaction::Family::kChanges:
                which = storage::Family::kChanges;
                break;
            case Transaction::Family::kPages:
                which = storage::Family::kPages;
                break;
            case Transaction::Family::kSummaries:
                which = storage::Family::kSummaries;
                break;
        }
        rocksdb::ColumnFamilyHandle* const handle = store_.family(which);
        switch (mutation.kind) {
            case Transaction::Mutation::Kind::kPut:
                batch_.Put(handle, slice(mutation.key), slice(mutation.value));
                break;
            case Transaction::Mutation::Kind::kDelete:
                batch_.Delete(handle, slice(mutation.key));
                break;
            case Transaction::Mutation::Kind::kDeleteRange:
                batch_.DeleteRange(handle, slice(mutation.key), slice(mutation.value));
                break;
        }
        if (which == storage::Family::kAccounts && keys::name_of_account_name(mutation.key)) {
            if (const std::optional<AccountId> id = keys::decode_account_id(mutation.value)) {
                names_[mutation.key] = *id;
                account_id_max_ = std::max(account_id_max_, raw(*id));
            }
        }
    }
}

Result<void> StoreImpl::Round::change_references(
    AccountId account, std::span<const std::pair<BodyId, std::int64_t>> deltas) {
    std::vector<BodyId> wanted;
    for (const auto& [body, delta] : deltas) wanted.push_back(body);
    load_records(std::move(wanted));
    BodyMap changed;
    for (const auto& [body, delta] : deltas) {
        // An account whose references do not add up must still be removable; a disk that can not be
        // read now may be later.
        const Result<void> done = change_in(changed, account, body, delta);
        if (!done && done.error().kind == StoreErrorKind::kIo) return done;
    }
    for (auto& [body, state] : changed) bodies_[body] = std::move(state);
    return {};
}

Result<void> StoreImpl::Round::move_body(BodyId body, const BodyRecord& from,
                                         const std::string& frame) {
    const Result<SegmentWriter*> writer = store_.writer_for(frame.size());
    if (!writer) return tl::unexpected(writer.error());
    Body moved{from, true, true, {}};
    moved.record.segment = (*writer)->id();
    moved.record.offset = static_cast<std::uint32_t>((*writer)->end() + from.header_bytes);
    const std::string_view piece = frame;
    if (auto appended = (*writer)->append({&piece, 1}); !appended) {
        if (!is_no_space(appended.error())) store_.set_unavailable(appended.error().text);
        return tl::unexpected(store_error(appended.error()));
    }
    live_changes_[from.segment] -= static_cast<std::int64_t>(frame_bytes(from));
    live_changes_[moved.record.segment] += static_cast<std::int64_t>(frame_bytes(from));
    batch_.Put(store_.family(Family::kBodies), keys::body(body), encode(moved.record));
    appended_bytes_ += frame.size();
    return {};
}

// The bodies as they are at the end of the round. Behind all transactions' changes, so that the
// summary goes that one transaction wrote and a later one made useless.
void StoreImpl::Round::put_bodies() {
    for (auto& [body, state] : bodies_) {
        if (!state.dirty) continue;
        const BodyRecord& record = state.record;
        const bool live = !record.references.empty();
        if (live) batch_.Put(store_.family(Family::kBodies), keys::body(body), encode(record));
        if (!live && state.stored) {
            batch_.Delete(store_.family(Family::kBodies), keys::body(body));
            if (buries_) buried_.emplace_back(body, record);
        }
        const std::int64_t change =
            static_cast<std::int64_t>(live) - static_cast<std::int64_t>(state.stored);
        if (change != 0)
            live_changes_[record.segment] +=
                change * static_cast<std::int64_t>(frame_bytes(record));
        for (const AccountId account : state.touched) {
            const bool has =
                std::any_of(record.references.begin(), record.references.end(),
                            [&](const auto& reference) { return reference.account == account; });
            if (!has)
                batch_.Delete(store_.family(Family::kSummaries), keys::summary(account, body));
        }
    }
}

// Collects in segments_ what the round makes of the segments that it touches, and writes it.
void StoreImpl::Round::put_segments() {
    const auto record_of = [&](SegmentId id) -> SegmentRecord& {
        const auto [entry, fresh] = segments_.try_emplace(id);
        if (const auto known = store_.segments_.find(id);
            fresh && known != store_.segments_.end()) {
            entry->second = known->second;
        }
        return entry->second;
    };
    const auto set_end = [&](const SegmentWriter& writer) {
        if (writer.end() == writer.committed().bytes) return;
        SegmentRecord& record = record_of(writer.id());
        record.bytes = writer.end();
        record.crc32c = writer.mark().crc32c;
    };
    for (const SegmentId id : store_.dirty_segments_) record_of(id);
    for (const auto& writer : store_.retired_) set_end(*writer);
    if (store_.writer_) set_end(*store_.writer_);
    for (const Staged& staged : staged_)
        record_of(staged.segment) = {staged.end.bytes, 0, true, staged.end.crc32c};
    for (const auto& [id, change] : live_changes_) {
        std::uint64_t& live = record_of(id).live_bytes;
        live = static_cast<std::uint64_t>(static_cast<std::int64_t>(live) + change);
    }
    for (const SegmentId id : dropped_segments_) {
        segments_.erase(id);
        batch_.Delete(store_.family(Family::kMeta), keys::segment(id));
    }
    for (const auto& [id, record] : segments_) {
        batch_.Put(store_.family(Family::kMeta), keys::segment(id), encode(record));
    }
}

StoreState StoreImpl::Round::next_state() const {
    StoreState state = store_.state_;
    ++state.store_seq;
    // The limits lie above every id that a committed record has; a start goes on from there.
    if (body_id_max_ >= state.body_id_limit) state.body_id_limit = body_id_max_ + kBodyIdBlock;
    if (account_id_max_ >= state.account_id_limit)
        state.account_id_limit = account_id_max_ + kAccountIdBlock;
    return state;
}

Result<void> StoreImpl::Round::sync_segments() {
    const auto unavailable = [&](const IoError& error) {
        store_.set_unavailable(error.text);
        return fail(StoreErrorKind::kUnavailable, error.text);
    };
    const auto sync_writer = [&](SegmentWriter& writer) -> IoResult<void> {
        if (!writer.dirty()) return {};
        ++store_.figures_.segment_syncs;
        return writer.sync();
    };
    for (const auto& writer : store_.retired_) {
        if (auto synced = sync_writer(*writer); !synced) return unavailable(synced.error());
    }
    if (store_.writer_) {
        if (auto synced = sync_writer(*store_.writer_); !synced) return unavailable(synced.error());
    }
    for (const Staged& staged : staged_) {
        ++store_.figures_.segment_syncs;
        if (auto synced = staged.file->sync(); !synced) return unavailable(synced.error());
    }
    if (store_.directory_changed_) {
        auto synced = store_.file_system_.sync_directory(store_.segment_files_->path());
        if (!synced) return unavailable(synced.error());
        store_.directory_changed_ = false;
    }
    return {};
}

Result<void> StoreImpl::Round::finish(bool sync) {
    put_bodies();
    put_segments();
    const StoreState state = next_state();
    batch_.Put(store_.family(Family::kMeta), keys::state(), encode(state));

    Result<void> written = sync_segments();
    if (store_.options_.expunged_kept.count() == 0) buried_.clear();
    if (!buried_.empty()) store_.graveyard_.bury(buried_, store_.now());
    if (written) written = store_.write_batch(batch_, sync);
    if (!written) {
        store_.graveyard_.exhume(buried_);
        undo();
        return written;
    }
    take_effect(state);
    return {};
}

void StoreImpl::Round::undo() {
    if (!store_.unavailable_.empty())
        return;  // the files are left as they are, for the next start to put right
    bool undone = true;
    for (const auto& writer : store_.retired_)
        undone = writer->cut_back(writer->committed()).has_value() && undone;
    if (store_.writer_)
        undone = store_.writer_->cut_back(store_.writer_->committed()).has_value() && undone;
    if (!undone) store_.set_unavailable("a segment could not be cut back");
}

void StoreImpl::Round::take_effect(const StoreState& state) {
    for (const auto& [id, record] : segments_) store_.set_segment(id, record);
    for (const SegmentId id : dropped_segments_) store_.forget_segment(id);
    store_.dirty_segments_.clear();
    const std::uint32_t segment_id_next = store_.state_.segment_id_next;
    store_.state_ = state;
    store_.state_.segment_id_next = segment_id_next;
    for (const auto& writer : store_.retired_) writer->set_committed();
    if (store_.writer_) store_.writer_->set_committed();
    for (const Staged& staged : staged_) staged.file->keep();
    if (store_.counters_.size() + counters_.size() > kCountersCachedMax) store_.counters_.clear();
    for (const auto& [account, modseq] : counters_) store_.counters_[account] = modseq;
    for (const AccountId account : removed_accounts_) store_.counters_.erase(account);
    store_.bytes_since_check_ += appended_bytes_ + batch_.GetDataSize();
    store_.figures_.store_seq = state.store_seq;
}

}  // namespace tidemark::storage
