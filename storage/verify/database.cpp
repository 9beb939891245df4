#include "storage/verify/database.hpp"

#include "storage/keys.hpp"
#include "storage/limits.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>
#include <rocksdb/transaction_log.h>

#include <algorithm>
#include <cassert>

namespace tidemark::storage {
namespace {

rocksdb::Options read_options_of(rocksdb::Env* env, Database::Damage damage) {
    rocksdb::Options options;
    options.env = env;
    options.info_log = std::make_shared<SilentLogger>();
    options.wal_recovery_mode = damage == Database::Damage::kSkipped
                                    ? rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords
                                    : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    options.paranoid_checks = true;
    options.max_open_files = kOpenTablesMax;
    options.skip_stats_update_on_db_open = true;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    return options;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.cache_index_and_filter_blocks = true;
    rocksdb::ColumnFamilyOptions options;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return options;
}

// Everything is read once: what is read must not push out what is read again.
rocksdb::ReadOptions scan_options() {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    options.verify_checksums = true;
    return options;
}

class ValuesOfKey final : public rocksdb::WriteBatch::Handler {
  public:
    ValuesOfKey(std::string_view key, const std::function<void(std::string_view)>& visit)
        : key_(key), visit_(visit) {}
    rocksdb::Status PutCF(std::uint32_t family, const rocksdb::Slice& key,
                          const rocksdb::Slice& value) override {
        if (family == 0 && view(key) == key_) visit_(view(value));
        return rocksdb::Status::OK();
    }
    rocksdb::Status DeleteCF(std::uint32_t, const rocksdb::Slice&) override {
        return rocksdb::Status::OK();
    }
    rocksdb::Status DeleteRangeCF(std::uint32_t, const rocksdb::Slice&,
                                  const rocksdb::Slice&) override {
        return rocksdb::Status::OK();
    }

  private:
    std::string_view key_;
    const std::function<void(std::string_view)>& visit_;
};

}  // namespace

Result<std::unique_ptr<Database>> Database::open(std::string path, FileSystem& files,
                                                 Damage damage) {
    std::unique_ptr<Database> database(new Database(files));
    database->path_ = std::move(path);
    const rocksdb::Options options = read_options_of(database->env_.env.get(), damage);
    const auto cache = rocksdb::NewLRUCache(kVerifyCacheBytes);
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    descriptors.reserve(kFamilyCount);
    for (const std::string_view name : kFamilyNames)
        descriptors.emplace_back(std::string(name), family_options(cache));
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status =
        rocksdb::DB::OpenForReadOnly(options, database->path_, descriptors, &handles, &opened);
    if (!status.ok()) return tl::unexpected(store_error(status));
    database->db_.reset(opened);
    std::copy(handles.begin(), handles.end(), database->families_.begin());
    return database;
}

Database::~Database() {
    if (!db_) return;
    for (rocksdb::ColumnFamilyHandle* handle : families_) {
        if (handle != nullptr) static_cast<void>(db_->DestroyColumnFamilyHandle(handle));
    }
    static_cast<void>(db_->Close());
}

std::string end_of(std::string_view prefix) {
    const bool is_last = prefix.find_first_not_of('\xff') == std::string_view::npos;
    return is_last ? std::string() : keys::after(prefix);
}

Result<void> Database::scan(Family which, std::string_view first, std::string_view end,
                            const Visit& visit) const {
    rocksdb::ReadOptions options = scan_options();
    const rocksdb::Slice upper = slice(end);
    if (!end.empty()) options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> at(
        db_->NewIterator(options, families_[static_cast<std::size_t>(which)]));
    for (at->Seek(slice(first)); at->Valid(); at->Next()) {
        const Result<bool> more = visit(view(at->key()), view(at->value()));
        if (!more) return tl::unexpected(more.error());
        if (!*more) return {};
    }
    if (!at->status().ok()) return tl::unexpected(store_error(at->status()));
    return {};
}

Result<void> Database::scan_prefix(Family which, std::string_view prefix,
                                   const Visit& visit) const {
    return scan(which, prefix, end_of(prefix), visit);
}

Result<void> Database::scan_backward(Family which, std::string_view first, std::string_view end,
                                     const Visit& visit) const {
    assert(!end.empty());
    rocksdb::ReadOptions options = scan_options();
    const rocksdb::Slice lower = slice(first);
    const rocksdb::Slice upper = slice(end);
    options.iterate_lower_bound = &lower;
    options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> at(
        db_->NewIterator(options, families_[static_cast<std::size_t>(which)]));
    for (at->SeekToLast(); at->Valid(); at->Prev()) {
        const Result<bool> more = visit(view(at->key()), view(at->value()));
        if (!more) return tl::unexpected(more.error());
        if (!*more) return {};
    }
    if (!at->status().ok()) return tl::unexpected(store_error(at->status()));
    return {};
}

Result<std::string> Database::get(Family which, std::string_view key) const {
    std::string value;
    const rocksdb::Status status =
        db_->Get(scan_options(), families_[static_cast<std::size_t>(which)], slice(key), &value);
    if (!status.ok()) return tl::unexpected(store_error(status));
    return value;
}

std::vector<Result<std::string>> Database::get_many(Family which,
                                                    const std::vector<std::string>& keys) const {
    const std::size_t count = keys.size();
    std::vector<rocksdb::Slice> slices(count);
    std::vector<rocksdb::PinnableSlice> values(count);
    std::vector<rocksdb::Status> statuses(count);
    for (std::size_t i = 0; i < count; ++i) slices[i] = slice(keys[i]);
    db_->MultiGet(scan_options(), families_[static_cast<std::size_t>(which)], count, slices.data(),
                  values.data(), statuses.data(), true);
    std::vector<Result<std::string>> results;
    results.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (statuses[i].ok()) {
            results.emplace_back(values[i].ToString());
        } else {
            results.emplace_back(tl::unexpected(store_error(statuses[i])));
        }
    }
    return results;
}

std::vector<Database::Table> Database::tables() const {
    std::vector<rocksdb::LiveFileMetaData> files;
    db_->GetLiveFilesMetaData(&files);
    std::vector<Table> tables;
    tables.reserve(files.size());
    for (const rocksdb::LiveFileMetaData& file : files)
        tables.push_back({file.name.substr(file.name.find_first_not_of('/')), file.size});
    return tables;
}

Result<void> Database::verify_table(const Table& table) const {
    const rocksdb::Options options = read_options_of(env_.env.get(), Damage::kRefused);
    rocksdb::SstFileReader reader(options);
    rocksdb::Status status = reader.Open(path_ + "/" + table.name);
    if (status.ok()) status = reader.VerifyChecksum(scan_options());
    if (!status.ok()) return tl::unexpected(store_error(status));
    return {};
}

Result<void> Database::scan_log(std::string_view key,
                                const std::function<void(std::string_view)>& visit) const {
    rocksdb::VectorLogPtr logs;
    rocksdb::Status status = db_->GetSortedWalFiles(logs);
    if (!status.ok()) return tl::unexpected(store_error(status));
    if (logs.empty()) return {};
    std::unique_ptr<rocksdb::TransactionLogIterator> at;
    status = db_->GetUpdatesSince(
        std::max<rocksdb::SequenceNumber>(logs.front()->StartSequence(), 1), &at);
    // NotFound: the log is empty, all that was in it is in tables.
    if (status.IsNotFound()) return {};
    if (!status.ok()) return tl::unexpected(store_error(status));
    ValuesOfKey handler(key, visit);
    for (; at->Valid(); at->Next()) {
        const rocksdb::BatchResult batch = at->GetBatch();
        status = batch.writeBatchPtr->Iterate(&handler);
        if (!status.ok()) return tl::unexpected(store_error(status));
    }
    if (!at->status().ok() && !at->status().IsTryAgain())
        return tl::unexpected(store_error(at->status()));
    return {};
}

Result<ViewPtr> read_mailbox(const Database& database, AccountId account,
                             const MailboxRecord& record) {
    std::vector<PagePtr> pages;
    std::uint64_t least = 1;
    const std::string prefix = keys::of_mailbox(account, record.id);
    const Result<void> read = database.scan_prefix(
        Family::kPages, prefix, [&](std::string_view, std::string_view value) -> Result<bool> {
            Result<Page> page = decode_page(value);
            if (!page) return tl::unexpected(page.error());
            if (page->first_uid() < least || page->last_uid() == UINT32_MAX)
                return fail(StoreErrorKind::kCorrupt, "a page does not belong where it is");
            least = std::uint64_t{page->last_uid()} + 1;
            pages.push_back(std::make_shared<const Page>(std::move(*page)));
            return true;
        });
    if (!read) return tl::unexpected(read.error());
    MailboxDraft draft(std::make_shared<const MailboxView>(
        std::move(pages), static_cast<Uid>(least), std::max<ModSeq>(record.folded_modseq, 1)));
    const Result<void> replayed = database.scan(
        Family::kChanges, keys::change(account, record.id, record.folded_modseq + 1),
        end_of(prefix), [&](std::string_view key, std::string_view value) -> Result<bool> {
            const std::optional<ModSeq> modseq = keys::modseq_of_change(key);
            const Result<ChangeRecord> change = decode_change(value);
            if (!change) return tl::unexpected(change.error());
            if (!modseq) return fail(StoreErrorKind::kCorrupt, "a log entry's key");
            if (auto applied = apply(draft, *modseq, *change); !applied)
                return tl::unexpected(applied.error());
            return true;
        });
    if (!replayed) return tl::unexpected(replayed.error());
    draft.raise_uidnext(record.uidnext);
    draft.raise_highestmodseq(record.highestmodseq);
    return std::move(draft).finish();
}

}  // namespace tidemark::storage
