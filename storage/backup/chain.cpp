#include "storage/backup/chain.hpp"

#include "storage/format_file.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark::storage {
namespace {

using Place = BackupManifest::Place;

struct Link {
    std::string directory;
    BackupManifest manifest;
};

bool leaves_out(const BackupManifest& manifest) {
    const auto is_elsewhere = [](const auto& item) { return item.place == Place::kPrevious; };
    return std::any_of(manifest.segments.begin(), manifest.segments.end(), is_elsewhere) ||
           std::any_of(manifest.files.begin(), manifest.files.end(), is_elsewhere);
}

class ChainReader {
  public:
    ChainReader(FileSystem& files, const std::vector<std::string>& earlier)
        : files_(files), earlier_(earlier) {}

    Result<void> read(const std::string& backup) {
        auto newest = read_manifest(files_, backup);
        if (!newest) return tl::unexpected(newest.error());
        links_.push_back({backup, std::move(*newest)});
        while (leaves_out(links_.back().manifest)) {
            if (links_.size() >= kChainLengthMax)
                return fail(
                    StoreErrorKind::kLimit,
                    fmt::format("{} needs more than {} earlier backups", backup, kChainLengthMax));
            if (auto found = find_next(); !found) return found;
        }
        return {};
    }

    Result<BackupChain> chain() {
        BackupChain chain;
        for (const Link& link : links_) chain.directories.push_back(link.directory);
        for (const BackupManifest::Segment& segment : links_.front().manifest.segments) {
            const std::string path = segment_path(segment.id);
            auto from = locate(segment, path, [&](const BackupManifest& manifest) {
                return manifest.find_segment(segment.id);
            });
            if (!from) return tl::unexpected(from.error());
            chain.items.push_back(
                {std::move(*from), path, segment.bytes, segment.crc32c, segment.sealed, true});
        }
        for (const BackupManifest::File& file : links_.front().manifest.files) {
            auto from = locate(file, file.path, [&](const BackupManifest& manifest) {
                return manifest.find_file(file.path);
            });
            if (!from) return tl::unexpected(from.error());
            const std::size_t slash = std::min(file.path.find('/'), file.path.size());
            const bool is_table = format_of_database(file.path.substr(0, slash)).has_value() &&
                                  file.path.ends_with(".sst");
            chain.items.push_back(
                {std::move(*from), file.path, file.bytes, file.crc32c, is_table, false});
        }
        chain.manifest = std::move(links_.front().manifest);
        return chain;
    }

  private:
    Result<void> find_next() {
        const Link& last = links_.back();
        if (!last.manifest.since)
            return fail(
                StoreErrorKind::kCorrupt,
                fmt::format("{} leaves files out, but names no earlier backup", last.directory));
        const BackupManifest::Since since = *last.manifest.since;
        for (const Link& link : links_) {
            if (link.manifest.id == since.id)
                return fail(StoreErrorKind::kCorrupt,
                            fmt::format("{} comes after itself", link.directory));
        }
        for (const std::string& directory : earlier_) {
            if (auto taken = take(directory, since.id); !taken || *taken) return outcome(taken);
        }
        if (auto taken = take(since.path, since.id); !taken || *taken) return outcome(taken);
        const std::string beside = parent_of(last.directory);
        if (auto names = files_.list(beside)) {
            std::sort(names->begin(), names->end());
            for (const std::string& name : *names) {
                auto taken = take(beside == "/" ? "/" + name : beside + "/" + name, since.id);
                if (!taken || *taken) return outcome(taken);
            }
        }
        return fail(StoreErrorKind::kNotFound,
                    fmt::format("{} needs an earlier backup that was at {} (id {}); it is not "
                                "there any more, say where it is",
                                last.directory, since.path, since.id));
    }

    static Result<void> outcome(const Result<bool>& taken) {
        if (!taken) return tl::unexpected(taken.error());
        return {};
    }

    // Whether the backup with that id is there; what is no backup, or a damaged one, is another.
    Result<bool> take(const std::string& directory, const std::string& id) {
        auto manifest = read_manifest(files_, directory);
        if (!manifest || manifest->id != id) return false;
        const BackupManifest& newest = links_.front().manifest;
        if (manifest->fence_owner != newest.fence_owner || manifest->store_seq > newest.store_seq)
            return fail(StoreErrorKind::kCorrupt,
                        fmt::format("{} is not an earlier backup of the same store", directory));
        links_.push_back({directory, std::move(*manifest)});
        return true;
    }

    template <class Item, class Find>
    Result<std::string> locate(const Item& item, const std::string& path, const Find& find) {
        for (const Link& link : links_) {
            const Item* here = find(link.manifest);
            if (here == nullptr || here->bytes != item.bytes || here->crc32c != item.crc32c)
                return fail(StoreErrorKind::kCorrupt,
                            fmt::format("{} should have {} as {} has it", link.directory, path,
                                        links_.front().directory));
            if (here->place == Place::kHere) return fmt::format("{}/{}", link.directory, path);
        }
        return fail(StoreErrorKind::kCorrupt, fmt::format("no backup has {}", path));
    }

    FileSystem& files_;
    const std::vector<std::string>& earlier_;
    std::vector<Link> links_;
};

}  // namespace

Result<BackupChain> read_chain(FileSystem& file_system, const std::string& backup,
                               const std::vector<std::string>& earlier) {
    ChainReader reader(file_system, earlier);
    if (auto read = reader.read(backup); !read) return tl::unexpected(read.error());
    return reader.chain();
}

}  // namespace tidemark::storage
