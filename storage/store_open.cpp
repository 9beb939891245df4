#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/store_impl.hpp"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

#include <cerrno>
#include <charconv>
#include <random>

namespace tidemark::storage {
namespace {

constexpr std::string_view kFormatPrefix = "tidemark data directory, format ";

// RocksDB would wait for space in a thread of its own, looking every five seconds, and refuse
// Resume() meanwhile.
class ManualRecovery final : public rocksdb::EventListener {
  public:
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                              bool* auto_recovery) override {
        *auto_recovery = false;
    }
};

rocksdb::ColumnFamilyOptions family_options(Family which,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.block_size = kBlockBytes;
    table.format_version = 5;
    // Indexes and filters count against the cache's limit, so that a store of any size has bounded
    // memory; those of young tables stay in it.
    table.cache_index_and_filter_blocks = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    // The log and pages are only scanned: a filter would never be asked.
    if (which != Family::kChanges && which != Family::kPages)
        table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));

    rocksdb::ColumnFamilyOptions options;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    options.write_buffer_size = kWriteBufferBytes;
    options.level_compaction_dynamic_level_bytes = true;
    // Pages are columns of packed numbers already, body records a few bytes.
    options.compression =
        which == Family::kSummaries || which == Family::kChanges || which == Family::kMailboxes
            ? rocksdb::kLZ4Compression
            : rocksdb::kNoCompression;
    return options;
}

// `quiet`: no log file is kept beside the tables, and none is made.
rocksdb::DBOptions database_options(const StoreOptions& store, const RocksEnv& env, bool quiet) {
    rocksdb::DBOptions options;
    options.env = env.env.get();
    options.create_if_missing = store.create_if_missing;
    options.create_missing_column_families = true;
    options.paranoid_checks = true;
    // A torn record at the end of the log is a write that was never acknowledged. Anything wrong
    // before that means acknowledged changes are damaged: refuse to open rather than go on without
    // them.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    options.recycle_log_file_num = 0;
    // 7.8 has bugs around these; each sync is asked for in the write itself.
    options.track_and_verify_wals_in_manifest = false;
    options.manual_wal_flush = false;
    options.max_total_wal_size = store.wal_bytes_max;
    // All that counts is in the log; close() flushes by itself. Without this the log mark alone
    // (mark_log) would make every end of a process write out its tables.
    options.avoid_flush_during_shutdown = true;
    // Replaying must be all that a start does: the tables are written later, when the memory is
    // full.
    options.avoid_flush_during_recovery = true;
    options.skip_stats_update_on_db_open = true;
    options.skip_checking_sst_file_sizes_on_db_open = true;
    options.max_open_files = kOpenTablesMax;
    options.max_background_jobs = 2;
    options.listeners.push_back(std::make_shared<ManualRecovery>());
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    options.keep_log_file_num = 4;
    options.max_log_file_size = 4u << 20;
    options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    // So that a backup can name each table's CRC without reading it.
    options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
    // RocksDB would write its log into a directory that is only to be read.
    if (quiet) options.info_log = std::make_shared<SilentLogger>();
    return options;
}

// The number in a format file; nullopt when it is something else.
std::optional<std::uint32_t> parse_format(std::string_view text) {
    if (!text.starts_with(kFormatPrefix) || !text.ends_with('\n')) return std::nullopt;
    text = text.substr(kFormatPrefix.size(), text.size() - kFormatPrefix.size() - 1);
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0)
        return std::nullopt;
    return number;
}

tl::unexpected<StoreError> too_new(const std::string& directory, std::uint32_t format) {
    return fail(StoreErrorKind::kTooNew,
                fmt::format("{} was written by a newer version of Tidemark (format {}, this "
                            "program knows up to {}); "
                            "run that version or restore a backup",
                            directory, format, kFormat));
}

}  // namespace

StoreError store_error(const rocksdb::Status& status) {
    StoreErrorKind kind = StoreErrorKind::kIo;
    if (status.IsNotFound()) kind = StoreErrorKind::kNotFound;
    if (status.IsCorruption()) kind = StoreErrorKind::kCorrupt;
    if (status.IsNoSpace()) kind = StoreErrorKind::kNoSpace;
    return {kind, status.ToString()};
}

std::uint64_t new_fence_owner() {
    std::random_device random;
    return (std::uint64_t{random()} << 32) | random();
}

StoreImpl::StoreImpl(std::string directory, StoreOptions options, FileSystem& file_system)
    : directory_(std::move(directory)), options_(std::move(options)), file_system_(file_system) {
    segment_files_ = std::make_shared<SegmentDirectory>(directory_ + "/mail", file_system_,
                                                        options_.open_segments_max);
}

StoreImpl::~StoreImpl() {
    if (!db_) return;
    for (rocksdb::ColumnFamilyHandle* handle : families_) {
        if (handle != nullptr) static_cast<void>(db_->DestroyColumnFamilyHandle(handle));
    }
    static_cast<void>(db_->Close());
}

Result<std::unique_ptr<Store>> Store::open(std::string directory, StoreOptions options,
                                           FileSystem& file_system) {
    return StoreImpl::open(std::move(directory), std::move(options), file_system);
}

Result<std::unique_ptr<Store>> StoreImpl::open(std::string directory, StoreOptions options,
                                               FileSystem& file_system) {
    while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    std::unique_ptr<StoreImpl> store(
        new StoreImpl(std::move(directory), std::move(options), file_system));
    if (auto started = store->start(); !started) return tl::unexpected(started.error());
    return store;
}

Result<void> StoreImpl::start() {
    return prepare_directory()
        .and_then([&] { return check_format_file(); })
        .and_then([&] { return open_database(); })
        .and_then([&] { return load_state(); })
        .and_then([&] { return recover_segments(); })
        .map([&] {
            if (!options_.read_only) {
                make_ballast();
                bytes_since_check_ = kSpaceCheckBytes;
                check_space();
            }
            publish_figures();
        });
}

Result<void> StoreImpl::prepare_directory() {
    const auto status = file_system_.status(directory_);
    if (!status) return tl::unexpected(store_error(status.error()));
    if (!*status && !options_.create_if_missing) {
        return fail(StoreErrorKind::kNotFound, fmt::format("{} does not exist", directory_));
    }
    if (*status && !(*status)->directory) {
        return fail(StoreErrorKind::kNotFound, fmt::format("{} is not a directory", directory_));
    }
    if (options_.create_if_missing && !options_.read_only) {
        for (const std::string& path : {directory_, segment_files_->path()}) {
            const auto made = file_system_.make_directory(path);
            if (!made && made.error().code != EEXIST)
                return tl::unexpected(store_error(made.error()));
        }
        const std::size_t slash = directory_.rfind('/');
        const std::string parent = slash == std::string::npos
                                       ? "."
                                       : directory_.substr(0, std::max<std::size_t>(slash, 1));
        for (const std::string& path : {parent, directory_}) {
            if (auto synced = file_system_.sync_directory(path); !synced)
                return tl::unexpected(store_error(synced.error()));
        }
    }
    const std::string lock_path = directory_ + "/lock";
    auto lock =
        options_.read_only ? file_system_.lock_shared(lock_path) : file_system_.lock(lock_path);
    if (!lock) {
        if (lock.error().code != EAGAIN) return tl::unexpected(store_error(lock.error()));
        return fail(StoreErrorKind::kLocked,
                    fmt::format("{} is in use by another process", directory_));
    }
    lock_ = std::move(*lock);
    return {};
}

Result<std::uint32_t> read_format_file(const std::string& directory, FileSystem& file_system) {
    const std::string path = directory + "/format";
    const auto status = file_system.status(path);
    if (!status) return tl::unexpected(store_error(status.error()));
    if (!*status) return fail(StoreErrorKind::kNotFound, fmt::format("{} is missing", path));
    auto file = file_system.open(path, FileSystem::Mode::kRead);
    if (!file) return tl::unexpected(store_error(file.error()));
    std::string text(256, '\0');
    const auto got = (*file)->read_at(0, text.data(), text.size());
    if (!got) return tl::unexpected(store_error(got.error()));
    text.resize(*got);
    const std::optional<std::uint32_t> format = parse_format(text);
    if (!format)
        return fail(StoreErrorKind::kCorrupt, fmt::format("{} is not a format file", path));
    if (*format > kFormat) return too_new(directory, *format);
    return *format;
}

Result<void> StoreImpl::check_format_file() {
    const std::string path = directory_ + "/format";
    const Result<std::uint32_t> format = read_format_file(directory_, file_system_);
    if (format) return {};
    if (format.error().kind != StoreErrorKind::kNotFound) return tl::unexpected(format.error());
    const auto database = file_system_.status(directory_ + "/db/CURRENT");
    if (!database) return tl::unexpected(store_error(database.error()));
    if (*database)
        return fail(StoreErrorKind::kCorrupt,
                    fmt::format("{} is missing; the rest is there", path));
    if (!options_.create_if_missing || options_.read_only) {
        return fail(StoreErrorKind::kNotFound,
                    fmt::format("{} is not a Tidemark data directory", directory_));
    }
    // Written aside and renamed: a crash leaves it whole or not there, and then the directory is
    // still empty.
    const std::string aside = path + ".new";
    auto file = file_system_.open(aside, FileSystem::Mode::kCreateOrTruncate);
    if (!file) return tl::unexpected(store_error(file.error()));
    const auto done = (*file)
                          ->write_at(0, fmt::format("{}{}\n", kFormatPrefix, kFormat))
                          .and_then([&] { return (*file)->sync(); })
                          .and_then([&] { return file_system_.rename(aside, path); })
                          .and_then([&] { return file_system_.sync_directory(directory_); });
    if (!done) return tl::unexpected(store_error(done.error()));
    return {};
}

Result<void> StoreImpl::open_database() {
    env_ = make_rocks_env(file_system_, directory_ + "/db");
    cache_ = rocksdb::NewLRUCache(options_.block_cache_bytes);
    const rocksdb::DBOptions options =
        database_options(options_, env_, options_.read_only || !file_system_.native());
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    descriptors.reserve(kFamilyCount);
    for (std::size_t i = 0; i < kFamilyCount; ++i) {
        descriptors.emplace_back(std::string(kFamilyNames[i]),
                                 family_options(static_cast<Family>(i), cache_));
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* database = nullptr;
    const std::string path = directory_ + "/db";
    const rocksdb::Status status =
        options_.read_only
            ? rocksdb::DB::OpenForReadOnly(options, path, descriptors, &handles, &database)
            : rocksdb::DB::Open(options, path, descriptors, &handles, &database);
    if (!status.ok()) {
        StoreError error = store_error(status);
        if (error.kind == StoreErrorKind::kCorrupt) {
            error.detail = fmt::format(
                "the database in {} is damaged and is not opened without its damaged part; "
                "restore a backup ({})",
                path, error.detail);
        } else {
            error.detail = fmt::format("can not open the database in {}: {}", path, error.detail);
        }
        return tl::unexpected(std::move(error));
    }
    db_.reset(database);
    std::copy(handles.begin(), handles.end(), families_.begin());
    return {};
}

Result<void> StoreImpl::load_state() {
    const Result<std::string> bytes = get(Family::kMeta, keys::state());
    if (!bytes && bytes.error().kind != StoreErrorKind::kNotFound)
        return tl::unexpected(bytes.error());
    if (bytes) {
        const Result<StoreState> state = decode_state(*bytes);
        if (!state) return tl::unexpected(state.error());
        if (state->format > kFormat) return too_new(directory_, state->format);
        state_ = *state;
    } else {
        state_.fence_owner = new_fence_owner();
    }
    state_.format = kFormat;
    state_.fence_epoch += 1;
    next_body_ = state_.body_id_limit;
    next_account_ = state_.account_id_limit;
    figures_.store_seq = state_.store_seq;

    const std::string first = keys::segments();
    const Result<void> scanned =
        scan({}, Family::kMeta, first, keys::after(first),
             [&](std::string_view key, std::string_view value) -> Result<bool> {
                 const std::optional<SegmentId> id = keys::segment_of(key);
                 if (!id) return fail(StoreErrorKind::kCorrupt, "a segment record has a wrong key");
                 const Result<SegmentRecord> record = decode_segment(value);
                 if (!record) return tl::unexpected(record.error());
                 set_segment(*id, *record);
                 return true;
             });
    return scanned;
}

Result<void> StoreImpl::check_named_segments(const std::set<SegmentId>& present) {
    for (const auto& [id, record] : segments_) {
        const std::string path = segment_files_->path_of(id);
        if (!present.contains(id)) {
            return fail(
                StoreErrorKind::kCorrupt,
                fmt::format("{} is missing; it holds {} bytes of mail. Restore it from a backup",
                            path, record.live_bytes));
        }
        const auto status = file_system_.status(path);
        if (!status) return tl::unexpected(store_error(status.error()));
        const std::uint64_t size = *status ? (*status)->size : 0;
        if (size < record.bytes) {
            return fail(StoreErrorKind::kCorrupt,
                        fmt::format("{} has {} bytes where {} were written. Restore it from "
                                    "a backup",
                                    path, size, record.bytes));
        }
    }
    return {};
}

// The records say where the committed bytes of each segment end, so nothing has to be searched:
// what is behind is cut off, files that no record names and streamed bodies that were never
// committed are removed.
Result<void> StoreImpl::recover_segments() {
    const auto names = file_system_.list(segment_files_->path());
    if (!names) return tl::unexpected(store_error(names.error()));
    std::set<SegmentId> present;
    std::vector<std::string> unneeded;
    std::uint32_t highest = 0;
    for (const std::string& name : *names) {
        if (const std::optional<SegmentId> id = SegmentDirectory::id_of_name(name)) {
            highest = std::max(highest, raw(*id));
            present.insert(*id);
            if (!segments_.contains(*id)) unneeded.push_back(name);
        } else if (SegmentDirectory::is_staging_name(name)) {
            unneeded.push_back(name);
        }
    }
    if (auto checked = check_named_segments(present); !checked) return checked;
    if (!segments_.empty()) highest = std::max(highest, raw(segments_.rbegin()->first));
    state_.segment_id_next = std::max(state_.segment_id_next, highest + 1);
    if (options_.read_only) return {};

    for (const std::string& name : unneeded) {
        const auto removed = file_system_.unlink(segment_files_->path() + "/" + name);
        if (!removed) return tl::unexpected(store_error(removed.error()));
    }
    for (auto& [id, record] : segments_) {
        if (record.sealed) continue;
        const std::string path = segment_files_->path_of(id);
        auto writer = SegmentWriter::reopen(*segment_files_, id, {record.bytes, record.crc32c});
        if (!writer) {
            // Made read-only in the moment before the crash: then it is complete.
            const auto status = file_system_.status(path);
            if (writer.error().kind == StoreErrorKind::kCorrupt || !status || !*status ||
                (*status)->size != record.bytes) {
                return tl::unexpected(writer.error());
            }
            record.sealed = true;
            dirty_segments_.insert(id);
            continue;
        }
        // A smaller one that is open too is an older one that was full.
        if (writer_) retired_.push_back(std::move(writer_));
        writer_ = std::move(*writer);
    }
    return {};
}

void StoreImpl::make_ballast() {
    if (options_.ballast_bytes == 0) return;
    const std::string path = directory_ + "/ballast";
    const auto status = file_system_.status(path);
    if (status && *status && (*status)->size == 1) {
        has_ballast_ = true;
        return;
    }
    // One byte behind reserved space: the byte says that the reservation succeeded.
    auto file = file_system_.open(path, FileSystem::Mode::kCreateOrTruncate);
    if (!file) return;
    has_ballast_ = (*file)
                       ->allocate(0, options_.ballast_bytes)
                       .and_then([&] { return (*file)->write_at(0, "b"); })
                       .has_value();
    file->reset();
    if (!has_ballast_) static_cast<void>(file_system_.unlink(path));
}

Result<void> StoreImpl::close() {
    if (options_.read_only || !db_) return {};
    if (!unavailable_.empty()) return fail(StoreErrorKind::kUnavailable, unavailable_);
    seal_retired();
    if (!dirty_segments_.empty()) {
        if (auto committed = commit_own(); !committed) return committed;
    }
    rocksdb::FlushOptions flush;
    flush.wait = true;
    const rocksdb::Status status = db_->Flush(
        flush, std::vector<rocksdb::ColumnFamilyHandle*>(families_.begin(), families_.end()));
    unavailable_ = "the store is closed";
    if (!status.ok()) return tl::unexpected(store_error(status));
    return {};
}

}  // namespace tidemark::storage
