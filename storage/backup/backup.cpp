#include "storage/backup/backup.hpp"

#include "storage/backup/checkpoint_reader.hpp"
#include "storage/format_file.hpp"
#include "storage/segments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace tidemark::storage {
namespace {

using Place = BackupManifest::Place;

constexpr std::string_view kCheckpointsDirectory = "checkpoints";
// Behind the name of a backup's checkpoint: where the backup is being written.
constexpr std::string_view kTargetSuffix = ".target";
constexpr std::uint64_t kPathBytesMax = 4096;
// Files that belong to a data directory besides the database and the mail.
constexpr std::string_view kOwnFiles[] = {"auth-secret", "format"};

std::string unfinished_name(const std::string& destination, const std::string& id) {
    return destination + std::string(kUnfinishedInfix) + id;
}

class Backup {
  public:
    Backup(Store& store, const BackupOptions& options)
        : options_(options),
          store_(store),
          files_(store.file_system()),
          copier_(files_, options.pace, [this](std::uint64_t bytes) { advance(bytes); }),
          data_(store.directory()),
          target_(unfinished_name(options.destination, options.id)),
          checkpoints_(fmt::format("{}/{}", data_, kCheckpointsDirectory)),
          checkpoint_(fmt::format("{}/{}", checkpoints_, options.id)) {}

    Result<BackupResult> run() {
        if (auto checked = check_destination(); !checked) return tl::unexpected(checked.error());
        if (auto read = read_previous(); !read) return tl::unexpected(read.error());
        Result<BackupResult> result = write();
        // A backup that is whole stays so with its checkpoint left; what can not be removed now is
        // removed before the next one.
        static_cast<void>(clean_up_backups(files_, data_));
        return result;
    }

  private:
    struct Table {
        std::string name;
        std::uint64_t bytes = 0;
    };
    struct Other {
        std::string from;
        std::string name;  // in the backup
        std::uint64_t bytes = 0;
    };

    Result<void> check_destination() {
        const auto there = files_.status(options_.destination);
        if (!there) return failed(there.error());
        if (*there)
            return fail(StoreErrorKind::kExists,
                        fmt::format("{} exists already", options_.destination));
        const std::string parent = parent_of(options_.destination);
        const auto above = files_.status(parent);
        if (!above) return failed(above.error());
        if (!*above || !(*above)->directory)
            return fail(StoreErrorKind::kNotFound, fmt::format("{} is no directory", parent));
        return {};
    }

    Result<void> read_previous() {
        if (!options_.since) return {};
        auto manifest = read_manifest(files_, *options_.since);
        if (!manifest) return tl::unexpected(manifest.error());
        previous_ = std::move(*manifest);
        return {};
    }

    Result<BackupResult> write() {
        Result<void> done = read_format()
                                .and_then([&] { return make_directories(); })
                                .and_then([&] { return store_.checkpoint(checkpoint_); })
                                .and_then([&] { return read_contents(); })
                                .and_then([&] { return list_tables(); })
                                .and_then([&] { return list_others(); })
                                .and_then([&] { return put_others(); })
                                .and_then([&] { return put_segments(); })
                                .and_then([&] { return put_tables(); });
        if (done && !options_.faults.manifest_before_sync) done = sync_directories();
        if (done) done = put_manifest();
        if (done) done = publish();
        if (done && options_.faults.manifest_before_sync) done = sync_directories();
        if (!done) return tl::unexpected(done.error());
        result_.id = options_.id;
        result_.store_seq = manifest_.store_seq;
        result_.accounts = manifest_.accounts.size();
        result_.messages = manifest_.messages();
        result_.bytes = manifest_.bytes();
        result_.counts = copier_.counts();
        return result_;
    }

    // The directory is locked: no migration makes it another one meanwhile.
    Result<void> read_format() {
        const auto format = read_format_number(data_, files_);
        if (!format) return tl::unexpected(format.error());
        manifest_.format = *format;
        database_ = database_name(*format);
        return {};
    }

    Result<void> make_directories() {
        const auto made = files_.make_directory(checkpoints_);
        if (!made && made.error().code != EEXIST) return failed(made.error());
        if (auto synced = files_.sync_directory(data_); !synced) return failed(synced.error());
        if (auto written =
                write_whole_file(files_, checkpoint_ + std::string(kTargetSuffix), target_);
            !written) {
            return written;
        }
        if (auto synced = files_.sync_directory(checkpoints_); !synced)
            return failed(synced.error());
        for (const std::string& name :
             {std::string(), "/" + database_, std::string("/mail"), std::string("/config")}) {
            if (auto made_one = files_.make_directory(target_ + name); !made_one)
                return failed(made_one.error());
        }
        return {};
    }

    Result<void> read_contents() {
        auto contents = read_checkpoint(files_, checkpoint_);
        if (!contents) return tl::unexpected(contents.error());
        contents_ = std::move(*contents);
        manifest_.id = options_.id;
        manifest_.created_micros = options_.created_micros;
        manifest_.server_version = options_.server_version;
        manifest_.store_seq = contents_.state.store_seq;
        manifest_.fence_owner = contents_.state.fence_owner;
        manifest_.fence_epoch = contents_.state.fence_epoch;
        manifest_.accounts = std::move(contents_.accounts);
        if (previous_) {
            if (previous_->fence_owner != manifest_.fence_owner)
                return fail(StoreErrorKind::kLimit,
                            fmt::format("{} is a backup of another store", *options_.since));
            if (previous_->store_seq > manifest_.store_seq)
                return fail(StoreErrorKind::kLimit,
                            fmt::format("{} is newer than the store", *options_.since));
            manifest_.since = BackupManifest::Since{previous_->id, *options_.since};
        }
        for (const auto& [id, record] : contents_.segments) progress_.bytes_total += record.bytes;
        return {};
    }

    // What an earlier backup has with the same length and CRC: linked from there, or left out when
    // that is asked for or impossible. nullopt: not to be had there.
    template <class Item>
    Result<std::optional<Place>> take_from_previous(const Item* earlier, const Item& item,
                                                    const std::string& path) {
        if (earlier == nullptr || !item.crc32c || earlier->crc32c != item.crc32c ||
            earlier->bytes != item.bytes) {
            return std::optional<Place>();
        }
        if (!options_.omit_unchanged && earlier->place == Place::kHere) {
            const auto linked =
                copier_.try_link(*options_.since + "/" + path, target_ + "/" + path, item.bytes);
            if (!linked) return tl::unexpected(linked.error());
            if (*linked) return std::optional(Place::kHere);
        } else if (!options_.omit_unchanged) {
            return std::optional<Place>();
        }
        ++result_.omitted;
        result_.omitted_bytes += item.bytes;
        advance(item.bytes);
        return std::optional(Place::kPrevious);
    }

    Result<void> put_segments() {
        for (const auto& [id, record] : contents_.segments) {
            BackupManifest::Segment segment{id, record.bytes, record.crc32c, record.sealed,
                                            Place::kHere};
            const std::string path = segment_path(id);
            std::optional<Place> place;
            if (previous_ && record.sealed) {
                auto taken = take_from_previous(previous_->find_segment(id), segment, path);
                if (!taken) return tl::unexpected(taken.error());
                place = *taken;
            }
            if (!place) {
                const std::string from = data_ + "/" + path;
                const std::string to = target_ + "/" + path;
                // One that is not sealed is still written to: its committed bytes are copied.
                const Result<void> put = record.sealed
                                             ? copier_.link_or_copy(from, to, record.bytes)
                                             : copier_.copy(from, to, record.bytes);
                if (!put) return put;
            }
            segment.place = place.value_or(Place::kHere);
            manifest_.segments.push_back(segment);
        }
        return {};
    }

    // Nobody writes to a checkpoint.
    Result<void> list_tables() {
        auto names = files_.list(checkpoint_);
        if (!names) return failed(names.error());
        std::sort(names->begin(), names->end());
        for (const std::string& name : *names) {
            const auto status = files_.status(checkpoint_ + "/" + name);
            if (!status) return failed(status.error());
            const std::uint64_t bytes = *status ? (*status)->size : 0;
            tables_.push_back({name, bytes});
            progress_.bytes_total += bytes;
        }
        return {};
    }

    Result<void> put_tables() {
        for (const auto& [name, bytes] : tables_) {
            const std::string from = checkpoint_ + "/" + name;
            BackupManifest::File file;
            file.path = fmt::format("{}/{}", database_, name);
            file.bytes = bytes;
            const auto crc = contents_.table_crcs.find(name);
            if (crc != contents_.table_crcs.end()) {
                file.crc32c = crc->second;
            } else {
                const auto computed = file_crc32c(files_, from);
                if (!computed) return tl::unexpected(computed.error());
                file.crc32c = *computed;
            }
            std::optional<Place> place;
            if (previous_ && name.ends_with(".sst")) {
                auto taken = take_from_previous(previous_->find_file(file.path), file, file.path);
                if (!taken) return tl::unexpected(taken.error());
                place = *taken;
            }
            if (!place) {
                auto put = copier_.link_or_copy(from, target_ + "/" + file.path, file.bytes);
                if (!put) return put;
            }
            file.place = place.value_or(Place::kHere);
            manifest_.files.push_back(std::move(file));
        }
        std::sort(manifest_.files.begin(), manifest_.files.end(),
                  [](const auto& a, const auto& b) { return a.path < b.path; });
        return {};
    }

    Result<void> list_others() {
        for (const std::string_view name : kOwnFiles)
            others_.push_back({fmt::format("{}/{}", data_, name), std::string(name), 0});
        for (const BackupOptions::ExtraFile& file : options_.config)
            others_.push_back({file.from, "config/" + file.name, 0});
        for (Other& other : others_) {
            const auto status = files_.status(other.from);
            if (!status) return failed(status.error());
            other.bytes = *status ? (*status)->size : 0;
            progress_.bytes_total += other.bytes;
        }
        return {};
    }

    // First, before they change: somebody may write to the configuration at any time.
    Result<void> put_others() {
        for (const Other& other : others_) {
            if (auto put = put_other(other); !put) return put;
        }
        return {};
    }

    Result<void> put_other(const Other& other) {
        const auto status = files_.status(other.from);
        if (!status) return failed(status.error());
        const std::uint64_t bytes = *status ? (*status)->size : 0;
        progress_.bytes_total = progress_.bytes_total - other.bytes + bytes;
        if (!*status) return {};
        const std::string to = target_ + "/" + other.name;
        if (auto copied = copier_.copy(other.from, to, bytes); !copied) return copied;
        const auto crc = file_crc32c(files_, to);
        if (!crc) return tl::unexpected(crc.error());
        manifest_.files.push_back({other.name, bytes, *crc, Place::kHere});
        return {};
    }

    // The files themselves are: copies by FileCopier, segments by the round that committed them,
    // tables and logs by the checkpoint.
    Result<void> sync_directories() {
        const std::string& top = published_ ? options_.destination : target_;
        for (const std::string& name :
             {"/" + database_, std::string("/mail"), std::string("/config"), std::string()}) {
            if (auto synced = files_.sync_directory(top + name); !synced)
                return failed(synced.error());
        }
        return {};
    }

    Result<void> put_manifest() {
        if (auto wanted = copier_.go_on(); !wanted) return wanted;
        const std::string path = fmt::format("{}/{}", target_, kManifestFile);
        if (auto written = write_whole_file(files_, path, encode(manifest_)); !written)
            return written;
        if (auto synced = files_.sync_directory(target_); !synced) return failed(synced.error());
        return {};
    }

    Result<void> publish() {
        if (auto renamed = files_.rename_new(target_, options_.destination); !renamed) {
            if (renamed.error().code == EEXIST)
                return fail(StoreErrorKind::kExists,
                            fmt::format("{} exists already", options_.destination));
            return failed(renamed.error());
        }
        published_ = true;
        if (auto synced = files_.sync_directory(parent_of(options_.destination)); !synced) {
            // Whether the name is durable is not known: better none than one that may go.
            static_cast<void>(remove_tree(files_, options_.destination));
            return failed(synced.error());
        }
        return {};
    }

    void advance(std::uint64_t bytes) {
        progress_.bytes_done += bytes;
        if (options_.progress) options_.progress(progress_);
    }

    static tl::unexpected<StoreError> failed(const IoError& error) {
        return tl::unexpected(store_error(error));
    }

    const BackupOptions& options_;
    Store& store_;
    FileSystem& files_;
    FileCopier copier_;
    std::string data_;
    std::string target_;  // DEST, before it has that name
    std::string checkpoints_;
    std::string checkpoint_;
    std::string database_;  // its name, in the data directory and in the backup
    std::optional<BackupManifest> previous_;
    CheckpointContents contents_;
    std::vector<Table> tables_;  // and the checkpoint's other files
    std::vector<Other> others_;
    BackupManifest manifest_;
    BackupProgress progress_;
    BackupResult result_;
    bool published_ = false;
};

}  // namespace

Result<BackupResult> write_backup(Store& store, const BackupOptions& options) {
    return Backup(store, options).run();
}

Result<void> clean_up_backups(FileSystem& file_system, const std::string& data) {
    const auto failed = [](const IoError& error) { return tl::unexpected(store_error(error)); };
    const std::string checkpoints = fmt::format("{}/{}", data, kCheckpointsDirectory);
    const auto there = file_system.status(checkpoints);
    if (!there) return failed(there.error());
    if (!*there) return {};
    auto names = file_system.list(checkpoints);
    if (!names) return failed(names.error());
    // The checkpoints first: when their ".target" is gone nothing tells any more what was made.
    std::stable_partition(names->begin(), names->end(),
                          [](const std::string& name) { return !name.ends_with(kTargetSuffix); });
    for (const std::string& name : *names) {
        const std::string path = checkpoints + "/" + name;
        if (name.ends_with(kTargetSuffix)) {
            const auto target = read_whole_file(file_system, path, kPathBytesMax);
            if (!target) return tl::unexpected(target.error());
            // A file that was not written in whole names nothing that was made.
            const std::string id = name.substr(0, name.size() - kTargetSuffix.size());
            if (target->ends_with(std::string(kUnfinishedInfix) + id)) {
                if (auto removed = remove_tree(file_system, *target); !removed)
                    return failed(removed.error());
            }
        }
        if (auto removed = remove_tree(file_system, path); !removed) return failed(removed.error());
    }
    if (auto removed = file_system.remove_directory(checkpoints); !removed)
        return failed(removed.error());
    return {};
}

}  // namespace tidemark::storage
