#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/store_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace tidemark::storage {
namespace {

// Up to this many summaries are looked up one by one; more are read by one iterator.
constexpr std::size_t kLookUpMax = 2;
// How many entries an iterator steps over before it searches instead.
constexpr int kStepsBeforeSeek = 8;

class PinnedSnapshot {
  public:
    explicit PinnedSnapshot(rocksdb::DB& database)
        : database_(database), snapshot_(database.GetSnapshot()) {}
    PinnedSnapshot(const PinnedSnapshot&) = delete;
    PinnedSnapshot& operator=(const PinnedSnapshot&) = delete;
    ~PinnedSnapshot() { database_.ReleaseSnapshot(snapshot_); }
    const rocksdb::Snapshot* get() const { return snapshot_; }

  private:
    rocksdb::DB& database_;
    const rocksdb::Snapshot* snapshot_;
};

// Whether a look-up that may not block has found nothing out. RocksDB says Incomplete when a block
// is not cached, but OK with an untouched value when the whole table is not open yet; every value
// of ours has at least its version byte.
bool is_uncached(const rocksdb::Status& status, const std::string& value, bool cached_only) {
    return status.IsIncomplete() || (cached_only && status.ok() && value.empty());
}

rocksdb::ReadOptions read_options(bool cached_only) {
    rocksdb::ReadOptions options;
    options.read_tier = cached_only ? rocksdb::kBlockCacheTier : rocksdb::kReadAllTier;
    return options;
}

// The places of `bodies` by rising id: neighbours in a mailbox mostly are neighbours here.
std::vector<std::uint32_t> ascending(std::span<const BodyId> bodies) {
    std::vector<std::uint32_t> order(bodies.size());
    std::iota(order.begin(), order.end(), 0u);
    const auto by_body = [&](std::uint32_t a, std::uint32_t b) { return bodies[a] < bodies[b]; };
    if (!std::is_sorted(order.begin(), order.end(), by_body))
        std::sort(order.begin(), order.end(), by_body);
    return order;
}

// Finds rising keys, each a few entries behind the last one or far from it.
class KeyWalk {
  public:
    explicit KeyWalk(rocksdb::Iterator& at) : at_(at) {}
    // Whether the iterator is at `key` now. If not, and it is not valid, its status says why.
    bool find(std::string_view key) {
        for (int steps = 0; placed_ && at_.Valid() && view(at_.key()) < key; ++steps) {
            if (steps == kStepsBeforeSeek) {
                placed_ = false;
            } else {
                at_.Next();
            }
        }
        if (!placed_) at_.Seek(slice(key));
        placed_ = true;
        return at_.Valid() && view(at_.key()) == key;
    }

  private:
    rocksdb::Iterator& at_;
    bool placed_ = false;
};

StoreError corrupt_key(std::string_view what) {
    return {StoreErrorKind::kCorrupt, fmt::format("{} has a key of a wrong shape", what)};
}

}  // namespace

Result<std::string> StoreImpl::get(Family which, std::string_view key) const {
    std::string value;
    const rocksdb::Status status = db_->Get({}, family(which), slice(key), &value);
    if (!status.ok()) return tl::unexpected(store_error(status));
    return value;
}

Result<void> StoreImpl::scan(
    const rocksdb::ReadOptions& base, Family which, std::string_view first, std::string_view end,
    const std::function<Result<bool>(std::string_view, std::string_view)>& visit) const {
    rocksdb::ReadOptions options = base;
    const rocksdb::Slice upper = slice(end);
    options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options, family(which)));
    for (at->Seek(slice(first)); at->Valid(); at->Next()) {
        const Result<bool> more = visit(view(at->key()), view(at->value()));
        if (!more) return tl::unexpected(more.error());
        if (!*more) return {};
    }
    if (!at->status().ok()) return tl::unexpected(store_error(at->status()));
    return {};
}

Result<AccountId> StoreImpl::find_account(std::string_view name) const {
    return get(Family::kAccounts, keys::account_name(name))
        .and_then([](const std::string& bytes) -> Result<AccountId> {
            const std::optional<AccountId> id = keys::decode_account_id(bytes);
            if (!id)
                return fail(StoreErrorKind::kCorrupt, "an account name's entry does not decode");
            return *id;
        });
}

Result<AccountRecord> StoreImpl::account(AccountId account) const {
    return get(Family::kAccounts, keys::account(account)).and_then([](const std::string& bytes) {
        return decode_account(bytes);
    });
}

Result<std::vector<AccountRecord>> StoreImpl::accounts() const {
    std::vector<AccountRecord> records;
    const std::string first = keys::accounts();
    const Result<void> scanned =
        scan({}, Family::kAccounts, first, keys::after(first),
             [&](std::string_view, std::string_view value) -> Result<bool> {
                 Result<AccountRecord> record = decode_account(value);
                 if (!record) return tl::unexpected(record.error());
                 records.push_back(std::move(*record));
                 return true;
             });
    if (!scanned) return tl::unexpected(scanned.error());
    return records;
}

Result<LoadedAccount> StoreImpl::load_account(AccountId account) const {
    LoadedAccount loaded;
    Result<AccountRecord> record = this->account(account);
    if (!record) return tl::unexpected(record.error());
    loaded.record = std::move(*record);
    const Result<AccountCounters> counters =
        get(Family::kAccounts, keys::counters(account)).and_then([](const std::string& bytes) {
            return decode_counters(bytes);
        });
    if (!counters) return tl::unexpected(counters.error());
    loaded.counters = *counters;

    const std::string first = keys::mailboxes(account);
    Result<void> scanned = scan({}, Family::kMailboxes, first, keys::after(first),
                                [&](std::string_view, std::string_view value) -> Result<bool> {
                                    Result<MailboxRecord> mailbox = decode_mailbox(value);
                                    if (!mailbox) return tl::unexpected(mailbox.error());
                                    loaded.mailboxes.push_back(std::move(*mailbox));
                                    return true;
                                });
    if (!scanned) return tl::unexpected(scanned.error());
    const std::string names = keys::subscriptions(account);
    scanned = scan({}, Family::kAccounts, names, keys::after(names),
                   [&](std::string_view key, std::string_view) -> Result<bool> {
                       const std::optional<std::string_view> name = keys::name_of_subscription(key);
                       if (!name) return tl::unexpected(corrupt_key("a subscription"));
                       loaded.orphan_subscriptions.emplace_back(*name);
                       return true;
                   });
    if (!scanned) return tl::unexpected(scanned.error());
    return loaded;
}

Result<LoadedMailbox> StoreImpl::load_mailbox(AccountId account,
                                              const MailboxRecord& record) const {
    const PinnedSnapshot snapshot(*db_);
    rocksdb::ReadOptions options;
    options.snapshot = snapshot.get();
    const std::string prefix = keys::of_mailbox(account, record.id);
    const std::string end = keys::after(prefix);

    std::vector<PagePtr> pages;
    pages.reserve(record.counts.messages / kPageCapacity + 1);
    Uid last_uid = 0;
    const Result<void> read =
        scan(options, Family::kPages, prefix, end,
             [&](std::string_view key, std::string_view value) -> Result<bool> {
                 Result<Page> page = decode_page(value);
                 if (!page) return tl::unexpected(page.error());
                 const std::optional<Uid> uid = keys::uid_of_page(key);
                 if (uid != page->first_uid() || page->first_uid() <= last_uid) {
                     return fail(StoreErrorKind::kCorrupt, "a page does not belong where it is");
                 }
                 last_uid = page->last_uid();
                 pages.push_back(std::make_shared<const Page>(std::move(*page)));
                 return true;
             });
    if (!read) return tl::unexpected(read.error());

    // The pages end at folded_modseq; uidnext as it was then is not stored, but everything appended
    // since lies above what the pages hold.
    auto folded = std::make_shared<const MailboxView>(std::move(pages), last_uid + 1,
                                                      std::max<ModSeq>(record.folded_modseq, 1));
    MailboxDraft draft(folded);
    std::size_t log_entries = 0;
    const std::string since = keys::change(account, record.id, record.folded_modseq + 1);
    const Result<void> replayed =
        scan(options, Family::kChanges, since, end,
             [&](std::string_view key, std::string_view value) -> Result<bool> {
                 const std::optional<ModSeq> modseq = keys::modseq_of_change(key);
                 if (!modseq) return tl::unexpected(corrupt_key("a log entry"));
                 const Result<ChangeRecord> change = decode_change(value);
                 if (!change) return tl::unexpected(change.error());
                 if (auto applied = apply(draft, *modseq, *change); !applied)
                     return tl::unexpected(applied.error());
                 ++log_entries;
                 return true;
             });
    if (!replayed) return tl::unexpected(replayed.error());
    if (log_entries == 0 && folded->uidnext() == record.uidnext &&
        folded->highestmodseq() == record.highestmodseq) {
        return LoadedMailbox{folded, folded, 0};
    }
    draft.raise_uidnext(record.uidnext);
    draft.raise_highestmodseq(record.highestmodseq);
    return LoadedMailbox{std::move(draft).finish(), std::move(folded), log_entries};
}

Result<void> StoreImpl::changes_since(
    AccountId account, MailboxId mailbox, ModSeq since,
    const std::function<bool(ModSeq, const ChangeRecord&)>& visit) const {
    if (since >= kModSeqMax) return {};
    const std::string first = keys::change(account, mailbox, since + 1);
    const std::string end = keys::after(keys::of_mailbox(account, mailbox));
    return scan({}, Family::kChanges, first, end,
                [&](std::string_view key, std::string_view value) -> Result<bool> {
                    const std::optional<ModSeq> modseq = keys::modseq_of_change(key);
                    if (!modseq) return tl::unexpected(corrupt_key("a log entry"));
                    const Result<ChangeRecord> change = decode_change(value);
                    if (!change) return tl::unexpected(change.error());
                    return visit(*modseq, *change);
                });
}

Result<UidRanges> StoreImpl::expunged_since(AccountId account, MailboxId mailbox,
                                            ModSeq since) const {
    UidRanges all;
    if (since >= kModSeqMax) return all;
    const std::string first = keys::change(account, mailbox, since + 1);
    const std::string end = keys::after(keys::of_mailbox(account, mailbox));
    const Result<void> scanned =
        scan({}, Family::kChanges, first, end,
             [&](std::string_view, std::string_view value) -> Result<bool> {
                 const Result<UidRanges> ranges = decode_expunged(value);
                 if (!ranges) return tl::unexpected(ranges.error());
                 all.insert(all.end(), ranges->begin(), ranges->end());
                 return true;
             });
    if (!scanned) return tl::unexpected(scanned.error());
    // Read after the log: if the mailbox is still there, its log was whole.
    const Result<std::string> record = get(Family::kMailboxes, keys::mailbox(account, mailbox));
    if (!record) return tl::unexpected(record.error());
    std::sort(all.begin(), all.end(),
              [](const UidRange& a, const UidRange& b) { return a.first < b.first; });
    UidRanges merged;
    for (const UidRange& range : all) {
        if (!merged.empty() && range.first <= std::uint64_t{merged.back().last} + 1) {
            merged.back().last = std::max(merged.back().last, range.last);
        } else {
            merged.push_back(range);
        }
    }
    return merged;
}

std::optional<Result<std::vector<std::string>>> Store::summaries(AccountId account,
                                                                 std::span<const BodyId> bodies,
                                                                 bool cached_only) const {
    std::vector<std::string> found(bodies.size());
    const auto visited =
        visit_summaries(account, bodies, cached_only,
                        [&](std::size_t i, std::string_view summary) { found[i] = summary; });
    if (!visited) return std::nullopt;
    if (!*visited) return tl::unexpected(visited->error());
    return found;
}

std::optional<Result<void>> StoreImpl::visit_summaries(
    AccountId account, std::span<const BodyId> bodies, bool cached_only,
    const std::function<void(std::size_t, std::string_view)>& visit) const {
    if (bodies.empty()) return Result<void>();
    rocksdb::ReadOptions options = read_options(cached_only);
    if (bodies.size() <= kLookUpMax) {
        for (std::size_t i = 0; i < bodies.size(); ++i) {
            std::string found;
            const rocksdb::Status status = db_->Get(options, family(Family::kSummaries),
                                                    keys::summary(account, bodies[i]), &found);
            if (is_uncached(status, found, cached_only)) return std::nullopt;
            if (!status.ok() && !status.IsNotFound()) return tl::unexpected(store_error(status));
            if (status.ok()) visit(i, found);
        }
        return Result<void>();
    }
    const std::vector<std::uint32_t> order = ascending(bodies);
    const std::string end = keys::summary(account, bodies[order.back()]) + '\0';
    const rocksdb::Slice upper = slice(end);
    options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> at(
        db_->NewIterator(options, family(Family::kSummaries)));
    KeyWalk walk(*at);
    for (const std::uint32_t index : order) {
        if (walk.find(keys::summary(account, bodies[index]))) visit(index, view(at->value()));
        if (!at->Valid()) {
            if (at->status().IsIncomplete()) return std::nullopt;
            if (!at->status().ok()) return tl::unexpected(store_error(at->status()));
            break;
        }
    }
    return Result<void>();
}

Result<BodyRecord> StoreImpl::body_record(BodyId body) const {
    return get(Family::kBodies, keys::body(body)).and_then([](const std::string& bytes) {
        return decode_body(bytes);
    });
}

Result<void> StoreImpl::visit_bodies(
    const std::function<bool(BodyId, const BodyRecord&)>& visit) const {
    const std::string first = keys::body(BodyId{0});
    return scan({}, Family::kBodies, first, std::string(first.size() + 1, '\xff'),
                [&](std::string_view key, std::string_view value) -> Result<bool> {
                    const std::optional<BodyId> body = keys::body_of(key);
                    if (!body) return tl::unexpected(corrupt_key("a body"));
                    const Result<BodyRecord> record = decode_body(value);
                    if (!record) return tl::unexpected(record.error());
                    return visit(*body, *record);
                });
}

std::optional<Result<BodyReader>> StoreImpl::open_body(BodyId body, bool cached_only) const {
    for (int attempt = 1;; ++attempt) {
        std::string bytes;
        const rocksdb::Status status =
            db_->Get(read_options(cached_only), family(Family::kBodies), keys::body(body), &bytes);
        if (is_uncached(status, bytes, cached_only)) return std::nullopt;
        // Buried before its record is deleted, so that there is no moment between the two.
        const std::optional<BodyRecord> buried =
            status.IsNotFound() ? graveyard_.find(body) : std::nullopt;
        if (!status.ok() && !buried) return tl::unexpected(store_error(status));
        const Result<BodyRecord> record = buried ? *buried : decode_body(bytes);
        if (!record) return tl::unexpected(record.error());
        auto file = segment_files_->open(record->segment, cached_only);
        if (!file) {
            // Between the two look-ups compaction may have moved the body and removed the file.
            const bool is_missing = file.error().kind == StoreErrorKind::kNotFound;
            if (is_missing && attempt < kOpenBodyTries) continue;
            if (is_missing && !buried) file.error().kind = StoreErrorKind::kCorrupt;
            return tl::unexpected(file.error());
        }
        if (!*file) return std::nullopt;
        return reader_of(std::move(*file), *record);
    }
}

BodyReader StoreImpl::reader_of(std::shared_ptr<const SegmentFile> file, const BodyRecord& record) {
    BodyReader reader;
    reader.file_ = std::move(file);
    reader.offset_ = record.offset;
    reader.length_ = record.length;
    reader.crc32c_ = record.crc32c;
    return reader;
}

std::vector<Result<BodyReader>> StoreImpl::open_bodies(std::span<const BodyId> bodies) const {
    std::vector<Result<BodyReader>> readers(
        bodies.size(), fail(StoreErrorKind::kNotFound, "there is no such body"));
    const std::vector<std::uint32_t> order = ascending(bodies);
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}, family(Family::kBodies)));
    KeyWalk walk(*at);
    std::shared_ptr<const SegmentFile> last;  // neighbours are mostly in one segment
    for (const std::uint32_t index : order) {
        const std::string key = keys::body(bodies[index]);
        if (walk.find(key)) {
            if (const Result<BodyRecord> record = decode_body(view(at->value()))) {
                if (last == nullptr || last->id() != record->segment)
                    last = segment_files_->open(record->segment, false).value_or(nullptr);
                if (last != nullptr) {
                    readers[index] = reader_of(last, *record);
                    continue;
                }
            }
        }
        // Damaged, expunged, or moved by compaction meanwhile: open_body() knows what to do.
        readers[index] = *open_body(bodies[index], false);
    }
    return readers;
}

}  // namespace tidemark::storage
