#include "storage/verify/backup_source.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace tidemark::storage {

ChainFiles::ChainFiles(FileSystem& disk, std::string directory, const BackupChain& chain)
    : ReadOnlyFiles(disk), directory_(std::move(directory)), directories_{""} {
    for (const BackupChain::Item& item : chain.items) {
        places_.emplace(item.path, item.from);
        for (std::size_t slash = item.path.find('/'); slash != std::string::npos;
             slash = item.path.find('/', slash + 1)) {
            directories_.insert(item.path.substr(0, slash));
        }
    }
}

std::optional<std::string> ChainFiles::inside(const std::string& path) const {
    if (path == directory_ || path == directory_ + "/") return "";
    const std::string prefix = directory_ + "/";
    if (!path.starts_with(prefix)) return std::nullopt;
    std::string rest = path.substr(prefix.size());
    while (rest.ends_with('/')) rest.pop_back();
    return rest;
}

IoResult<std::unique_ptr<File>> ChainFiles::open(const std::string& path, Mode mode) {
    const std::optional<std::string> name = inside(path);
    if (!name) return ReadOnlyFiles::open(path, mode);
    const auto place = places_.find(*name);
    if (place == places_.end())
        return tl::unexpected(IoError{ENOENT, fmt::format("the manifest does not name {}", path)});
    return ReadOnlyFiles::open(place->second, mode);
}

IoResult<std::vector<std::string>> ChainFiles::list(const std::string& directory) {
    const std::optional<std::string> name = inside(directory);
    if (!name) return ReadOnlyFiles::list(directory);
    if (!directories_.contains(*name)) {
        return tl::unexpected(
            IoError{ENOENT, fmt::format("the manifest names nothing in {}", directory)});
    }
    const std::string prefix = name->empty() ? "" : *name + "/";
    std::set<std::string> names;
    for (auto at = places_.lower_bound(prefix);
         at != places_.end() && at->first.starts_with(prefix); ++at) {
        const std::string_view rest = std::string_view(at->first).substr(prefix.size());
        names.emplace(rest.substr(0, rest.find('/')));
    }
    return std::vector<std::string>(names.begin(), names.end());
}

IoResult<std::optional<FileSystem::Status>> ChainFiles::status(const std::string& path) {
    const std::optional<std::string> name = inside(path);
    if (!name) return ReadOnlyFiles::status(path);
    if (directories_.contains(*name)) {
        Status status;
        status.directory = true;
        return status;
    }
    const auto place = places_.find(*name);
    if (place == places_.end()) return std::optional<Status>();
    return ReadOnlyFiles::status(place->second);
}

std::vector<BackupChain::Item> BackupSource::items(const std::string& directory) const {
    if (chain) return chain->items;
    std::vector<BackupChain::Item> items;
    if (!manifest) return items;
    const auto add = [&](std::string path, const auto& one) {
        if (one.place != BackupManifest::Place::kHere) return;
        BackupChain::Item item;
        item.from = fmt::format("{}/{}", directory, path);
        item.path = std::move(path);
        item.bytes = one.bytes;
        item.crc32c = one.crc32c;
        items.push_back(std::move(item));
    };
    for (const BackupManifest::Segment& segment : manifest->segments)
        add(segment_path(segment.id), segment);
    for (const BackupManifest::File& file : manifest->files) add(file.path, file);
    return items;
}

Result<std::optional<BackupSource>> find_backup(const std::string& directory,
                                                const std::vector<std::string>& earlier,
                                                FileSystem& disk) {
    const auto there = disk.status(fmt::format("{}/{}", directory, kManifestFile));
    if (!there) {
        if (there.error().code == ENOTDIR) return std::nullopt;
        return tl::unexpected(StoreError{StoreErrorKind::kIo, there.error().text});
    }
    if (!*there) return std::nullopt;
    const auto is_fault = [](const StoreError& error) {
        return error.kind != StoreErrorKind::kTooNew && error.kind != StoreErrorKind::kIo;
    };
    BackupSource backup;
    backup.disk = &disk;
    Result<BackupManifest> manifest = read_manifest(disk, directory);
    if (!manifest) {
        if (!is_fault(manifest.error())) return tl::unexpected(manifest.error());
        backup.fault = manifest.error().detail;
        return std::optional<BackupSource>(std::move(backup));
    }
    backup.manifest = std::move(*manifest);
    Result<BackupChain> chain = read_chain(disk, directory, earlier);
    if (chain) {
        backup.chain = std::move(*chain);
        backup.files = std::make_unique<ChainFiles>(disk, directory, *backup.chain);
    } else if (is_fault(chain.error())) {
        backup.fault = chain.error().detail;
    } else {
        return tl::unexpected(chain.error());
    }
    return std::optional<BackupSource>(std::move(backup));
}

}  // namespace tidemark::storage
