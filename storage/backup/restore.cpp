#include "storage/backup/restore.hpp"

#include "storage/backup/chain.hpp"
#include "storage/format_file.hpp"
#include "storage/segments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace tidemark::storage {
namespace {

constexpr std::string_view kUnfinishedSuffix = ".tidemark-restoring";
constexpr std::string_view kMarkerText = "tidemark restore, unfinished; remove this directory\n";
constexpr std::string_view kConfigPrefix = "config/";

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

tl::unexpected<StoreError> failed(const IoError& error) {
    return tl::unexpected(store_error(error));
}

class Restore {
  public:
    Restore(FileSystem& files, const RestoreOptions& options)
        : options_(options),
          files_(files),
          copier_(files, options.pace, [this](std::uint64_t bytes) { advance(bytes); }),
          backup_(without_slash(options.backup)),
          directory_(without_slash(options.directory)),
          target_(directory_ + std::string(kUnfinishedSuffix)) {}

    Result<RestoreResult> run() {
        auto chain = read_chain(files_, backup_, options_.earlier);
        if (!chain) return tl::unexpected(chain.error());
        chain_ = std::move(*chain);
        // Nothing is made before it is known that it is worth it.
        if (auto known = check_format(); !known) return tl::unexpected(known.error());
        if (auto sound = check_destination().and_then([&] { return check_digests(); }); !sound)
            return tl::unexpected(sound.error());
        Result<bool> restored = claim().and_then([&] { return make(); });
        if (!restored || !*restored) clean_up();
        if (!restored) return tl::unexpected(restored.error());
        result_.is_restored = *restored;
        result_.id = chain_.manifest.id;
        result_.created_micros = chain_.manifest.created_micros;
        result_.store_seq = chain_.manifest.store_seq;
        result_.backups = chain_.directories;
        result_.bytes = chain_.manifest.bytes();
        result_.messages = chain_.manifest.messages();
        result_.counts = copier_.counts();
        return result_;
    }

  private:
    // The directory beside DIR, with its marker; what an earlier restore left there is removed.
    Result<void> claim() {
        if (auto emptied = remove_unfinished(target_); !emptied) return emptied;
        if (auto made = files_.make_directory(target_); !made) return failed(made.error());
        auto lock = lock_marker(target_);
        if (!lock) return tl::unexpected(lock.error());
        lock_ = std::move(*lock);
        is_claimed_ = true;
        auto marker = files_.open(marker_of(target_), FileSystem::Mode::kCreateOrTruncate);
        if (!marker) return failed(marker.error());
        const auto written = (*marker)
                                 ->write_at(0, kMarkerText)
                                 .and_then([&] { return (*marker)->sync(); })
                                 .and_then([&] { return (*marker)->close(); })
                                 .and_then([&] { return files_.sync_directory(target_); });
        if (!written) return failed(written.error());
        return {};
    }

    // Fencing writes to it.
    Result<void> check_format() const {
        const std::uint32_t format = chain_.manifest.format;
        const std::uint32_t newest = options_.store.format;
        if (format == newest) return {};
        if (format > newest)
            return fail(StoreErrorKind::kTooNew,
                        fmt::format("{} was made by a newer version of Tidemark (format {}, this "
                                    "program knows up to {})",
                                    backup_, format, newest));
        return fail(StoreErrorKind::kTooOld,
                    fmt::format("{} was made by an older version of Tidemark (format {}, this "
                                "program writes {}): restore it by that version, then let "
                                "`tidemark upgrade` of this one make it of the new format",
                                backup_, format, newest));
    }

    Result<void> check_destination() {
        const std::string parent = parent_of(directory_);
        const auto above = files_.status(parent);
        if (!above) return failed(above.error());
        if (!*above || !(*above)->directory)
            return fail(StoreErrorKind::kNotFound, fmt::format("{} is no directory", parent));
        const auto there = files_.status(directory_);
        if (!there) return failed(there.error());
        if (!*there) return {};
        const auto marker = files_.status(marker_of(directory_));
        if (!(*there)->directory || !marker || !*marker || !has_marker_text(directory_))
            return fail(StoreErrorKind::kExists, fmt::format("{} exists already", directory_));
        return remove_unfinished(directory_);
    }

    bool has_marker_text(const std::string& directory) {
        const auto text = read_whole_file(files_, marker_of(directory), kMarkerText.size());
        return text && *text == kMarkerText;
    }

    static std::string marker_of(const std::string& directory) {
        return fmt::format("{}/{}", directory, kRestoringFile);
    }

    Result<std::unique_ptr<LockedFile>> lock_marker(const std::string& directory) {
        auto lock = files_.lock(marker_of(directory));
        if (lock) return std::move(*lock);
        if (lock.error().code != EAGAIN) return failed(lock.error());
        return fail(StoreErrorKind::kLocked,
                    fmt::format("another restore is writing {}", directory));
    }

    // Without its format file a directory is none that a store opens, whatever else of it is still
    // there, so that goes before the marker may.
    Result<void> remove_unfinished(const std::string& directory) {
        const auto there = files_.status(directory);
        if (!there) return failed(there.error());
        if (!*there) return {};
        auto lock = lock_marker(directory);
        if (!lock) return tl::unexpected(lock.error());
        return remove(directory);
    }
    Result<void> remove(const std::string& directory) {
        const std::string format = directory + "/format";
        const auto there = files_.status(format);
        if (!there) return failed(there.error());
        if (*there) {
            const auto gone =
                files_.unlink(format).and_then([&] { return files_.sync_directory(directory); });
            if (!gone) return failed(gone.error());
        }
        if (auto removed = remove_tree(files_, directory); !removed) return failed(removed.error());
        return {};
    }
    void clean_up() {
        if (is_claimed_) static_cast<void>(remove(is_published_ ? directory_ : target_));
    }

    Result<void> check_digests() {
        begin("checking digests");
        for (const BackupChain::Item& item : chain_.items) {
            if (auto wanted = copier_.go_on(); !wanted) return wanted;
            const auto status = files_.status(item.from);
            if (!status) return failed(status.error());
            if (!*status || (*status)->directory)
                return fail(StoreErrorKind::kCorrupt,
                            fmt::format("{} is missing from the backup", item.from));
            if ((*status)->size != item.bytes)
                return fail(StoreErrorKind::kCorrupt,
                            fmt::format("{} has {} bytes, the backup's manifest says {}", item.from,
                                        (*status)->size, item.bytes));
            if (item.crc32c) {
                const auto crc = file_crc32c(files_, item.from);
                if (!crc) return tl::unexpected(crc.error());
                if (*crc != *item.crc32c)
                    return fail(StoreErrorKind::kCorrupt,
                                fmt::format("{} is not what the backup's manifest says: its digest "
                                            "is {:08x} in place of {:08x}",
                                            item.from, *crc, *item.crc32c));
            }
            advance(item.bytes);
        }
        return {};
    }

    // False: it is not as it should be, and nothing is restored.
    Result<bool> make() {
        if (auto put = put_files(); !put) return tl::unexpected(put.error());
        VerifyOptions how = options_.verify;
        how.lock = false;
        auto report = verify(target_, how, files_);
        if (!report) return tl::unexpected(report.error());
        result_.report = std::move(*report);
        if (!result_.report.well() && !options_.accept_findings) return false;
        if (auto done = fence().and_then([&] { return publish(); }); !done)
            return tl::unexpected(done.error());
        return true;
    }

    Result<void> put_files() {
        begin("restoring");
        std::set<std::string> directories{target_};
        for (const BackupChain::Item& item : chain_.items) {
            if (auto put = put_file(item, directories); !put) return put;
        }
        for (const std::string& name :
             {database_name(chain_.manifest.format), std::string("mail")}) {
            if (auto made = make_directories(target_ + "/" + name, directories); !made) return made;
        }
        for (auto name = directories.rbegin(); name != directories.rend(); ++name) {
            if (auto synced = files_.sync_directory(*name); !synced) return failed(synced.error());
        }
        return {};
    }

    Result<void> put_file(const BackupChain::Item& item, std::set<std::string>& directories) {
        // The configuration is where a server of the directory looks for it.
        const std::string name = item.path.starts_with(kConfigPrefix)
                                     ? item.path.substr(kConfigPrefix.size())
                                     : item.path;
        const std::string to = target_ + "/" + name;
        if (auto made = make_directories(parent_of(to), directories); !made) return made;
        if (item.is_immutable && !options_.copy_all)
            return copier_.link_or_copy(item.from, to, item.bytes);
        if (auto copied = copier_.copy(item.from, to, item.bytes); !copied) return copied;
        if (!item.is_segment || !item.is_immutable) return {};
        if (auto made = files_.make_read_only(to); !made) return failed(made.error());
        return {};
    }

    Result<void> make_directories(const std::string& path, std::set<std::string>& directories) {
        for (std::size_t at = target_.size(); at < path.size();) {
            at = std::min(path.find('/', at + 1), path.size());
            if (!directories.insert(path.substr(0, at)).second) continue;
            if (auto made = files_.make_directory(path.substr(0, at)); !made)
                return failed(made.error());
        }
        return {};
    }

    Result<void> fence() {
        StoreOptions with = options_.store;
        with.create_if_missing = false;
        with.read_only = false;
        with.is_restoring = true;
        auto store = Store::open(target_, with, files_);
        if (!store) return tl::unexpected(store.error());
        FenceOptions fence;
        fence.now_micros = options_.now_micros;
        fence.earlier_restores = options_.earlier_restores;
        fence.faults = options_.faults;
        const std::int64_t age = (options_.now_micros - chain_.manifest.created_micros) / 1'000'000;
        fence.uid_gap = options_.uid_gap.value_or(
            uid_gap_for(age) + std::uint64_t{options_.earlier_restores} * kUidGapLeast);
        const auto report = fence_restored(**store, fence);
        if (!report) return tl::unexpected(report.error());
        result_.accounts = report->accounts;
        result_.mailboxes = report->mailboxes;
        result_.uid_gap = fence.uid_gap;
        return (*store)->close();
    }

    Result<void> publish() {
        if (auto renamed = files_.rename_new(target_, directory_); !renamed) {
            if (renamed.error().code == EEXIST)
                return fail(StoreErrorKind::kExists, fmt::format("{} exists already", directory_));
            return failed(renamed.error());
        }
        is_published_ = true;
        const auto done = files_.sync_directory(parent_of(directory_))
                              .and_then([&] { return files_.unlink(marker_of(directory_)); })
                              .and_then([&] { return files_.sync_directory(directory_); });
        if (!done) return failed(done.error());
        return {};
    }

    void begin(std::string_view what) {
        progress_ = {what, 0, chain_.manifest.bytes()};
        advance(0);
    }
    void advance(std::uint64_t bytes) {
        progress_.bytes_done += bytes;
        if (options_.on_progress) options_.on_progress(progress_);
    }

    const RestoreOptions& options_;
    FileSystem& files_;
    FileCopier copier_;
    std::string backup_;
    std::string directory_;
    std::string target_;  // DIR, before it has that name
    BackupChain chain_;
    std::unique_ptr<LockedFile> lock_;  // of the marker
    bool is_claimed_ = false;           // target_ is this restore's own
    bool is_published_ = false;
    RestoreProgress progress_;
    RestoreResult result_;
};

}  // namespace

Result<RestoreResult> restore_backup(FileSystem& file_system, const RestoreOptions& options) {
    return Restore(file_system, options).run();
}

}  // namespace tidemark::storage
