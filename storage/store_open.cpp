#include "storage/format_file.hpp"
#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/rocks_options.hpp"
#include "storage/store_impl.hpp"

#include <fmt/format.h>
#include <rocksdb/cache.h>

#include <cerrno>
#include <random>

namespace tidemark::storage {
namespace {

tl::unexpected<StoreError> too_new(const std::string& directory, std::uint32_t format,
                                   std::uint32_t newest) {
    return fail(StoreErrorKind::kTooNew,
                fmt::format("{} was written by a newer version of Tidemark (format {}, this "
                            "program knows up to {}); "
                            "run that version or restore a backup",
                            directory, format, newest));
}

tl::unexpected<StoreError> too_old(const std::string& directory, std::uint32_t format,
                                   std::uint32_t newest) {
    return fail(StoreErrorKind::kTooOld,
                fmt::format("{} was written by an older version of Tidemark (format {}, this "
                            "program writes {}); `tidemark upgrade {}` makes it of the new one, "
                            "`tidemark upgrade --rehearse {}` tries that on a copy",
                            directory, format, newest, directory, directory));
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
    if (!options_.lock && options_.read_only) return {};
    const std::string lock_path = directory_ + "/lock";
    auto lock =
        options_.read_only ? file_system_.lock_shared(lock_path) : file_system_.lock(lock_path);
    if (!lock) {
        if (lock.error().code != EAGAIN) return tl::unexpected(store_error(lock.error()));
        return fail(StoreErrorKind::kLocked,
                    fmt::format("{} is in use by another process", directory_));
    }
    lock_ = std::move(*lock);
    return options_.is_restoring ? Result<void>() : check_not_restoring(directory_, file_system_);
}

Result<void> check_not_restoring(const std::string& directory, FileSystem& file_system) {
    const auto marker = file_system.status(fmt::format("{}/{}", directory, kRestoringFile));
    if (!marker) return tl::unexpected(store_error(marker.error()));
    if (!*marker) return {};
    return fail(
        StoreErrorKind::kNotFound,
        fmt::format("{} is what an unfinished restore left; restore the backup again, which "
                    "removes it",
                    directory));
}

Result<std::uint32_t> read_format_file(const std::string& directory, FileSystem& file_system,
                                       std::uint32_t newest) {
    auto format = read_format_number(directory, file_system);
    if (format && *format > newest) return too_new(directory, *format, newest);
    return format;
}

Result<void> StoreImpl::check_format_file() {
    format_ = options_.format;
    const Result<std::uint32_t> format =
        read_format_file(directory_, file_system_, options_.format);
    if (format) {
        format_ = *format;
        if (format_ < options_.format && !options_.read_only)
            return too_old(directory_, format_, options_.format);
        if (options_.database_format != 0) format_ = options_.database_format;
        if (options_.read_only) return {};
        // What a migration replaced, or never came to an end with.
        return remove_other_databases(directory_, format_, format_, file_system_);
    }
    if (format.error().kind != StoreErrorKind::kNotFound) return tl::unexpected(format.error());
    const auto names = file_system_.list(directory_);
    if (!names) return tl::unexpected(store_error(names.error()));
    for (const std::string& name : *names) {
        if (!format_of_database(name)) continue;
        const auto database = file_system_.status(directory_ + "/" + name + "/CURRENT");
        if (!database) return tl::unexpected(store_error(database.error()));
        if (*database)
            return fail(StoreErrorKind::kCorrupt,
                        fmt::format("{}/format is missing; the rest is there", directory_));
    }
    if (!options_.create_if_missing || options_.read_only) {
        return fail(StoreErrorKind::kNotFound,
                    fmt::format("{} is not a Tidemark data directory", directory_));
    }
    // A crash before this leaves the directory empty.
    return write_format_number(directory_, format_, file_system_);
}

Result<void> StoreImpl::open_database() {
    const std::string path = directory_ + "/" + database_name(format_);
    env_ = make_rocks_env(file_system_, path);
    cache_ = rocksdb::NewLRUCache(options_.block_cache_bytes);
    const rocksdb::DBOptions options =
        database_options(options_, env_, options_.read_only || !file_system_.native());
    const auto descriptors = family_descriptors(cache_);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* database = nullptr;
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
        if (state->format > options_.format)
            return too_new(directory_, state->format, options_.format);
        state_ = *state;
    } else {
        state_.fence_owner = new_fence_owner();
    }
    state_.format = format_;
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
