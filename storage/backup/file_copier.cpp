#include "storage/backup/file_copier.hpp"

#include "storage/backup/manifest.hpp"
#include "storage/crc32c.hpp"
#include "storage/limits.hpp"
#include "storage/segments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace tidemark::storage {
namespace {

StoreError copy_error(const IoError& error) {
    return store_error(error, error.code == EEXIST ? StoreErrorKind::kExists : StoreErrorKind::kIo);
}

// EPERM: a file system that has no links, or a kernel that protects files from being linked.
bool says_no_links(const IoError& error) {
    return error.code == EXDEV || error.code == EMLINK || error.code == EPERM ||
           error.code == EOPNOTSUPP || error.code == ENOSYS;
}

tl::unexpected<StoreError> wrong_length(const std::string& path, std::uint64_t got,
                                        std::uint64_t bytes) {
    return fail(StoreErrorKind::kCorrupt,
                fmt::format("{} has {} bytes in place of {}", path, got, bytes));
}

}  // namespace

Result<void> FileCopier::go_on(std::chrono::microseconds wait) {
    if (pace_.pause && !pace_.pause(wait))
        return fail(StoreErrorKind::kUnavailable, "it was given up");
    return {};
}

Result<bool> FileCopier::try_link(const std::string& from, const std::string& to,
                                  std::uint64_t bytes) {
    if (auto wanted = go_on(); !wanted) return tl::unexpected(wanted.error());
    if (auto linked = file_system_.link(from, to); !linked) {
        if (says_no_links(linked.error())) return false;
        return tl::unexpected(copy_error(linked.error()));
    }
    const auto status = file_system_.status(to);
    if (!status) return tl::unexpected(copy_error(status.error()));
    const std::uint64_t size = *status ? (*status)->size : 0;
    if (size != bytes) return wrong_length(from, size, bytes);
    ++counts_.links;
    counts_.linked_bytes += bytes;
    if (on_bytes_) on_bytes_(bytes);
    return true;
}

Result<void> FileCopier::copy_pieces(const File& from, File& to, std::uint64_t bytes,
                                     const std::string& name) {
    if (pace_.now && !began_) began_ = pace_.now();
    for (std::uint64_t done = 0; done < bytes;) {
        std::chrono::microseconds wait{};
        if (pace_.bytes_per_second_max > 0 && began_) {
            const std::chrono::microseconds due(
                static_cast<std::int64_t>(static_cast<double>(paced_bytes_) * 1e6 /
                                          static_cast<double>(pace_.bytes_per_second_max)));
            wait = std::max(due - (pace_.now() - *began_), std::chrono::microseconds(0));
        }
        if (auto wanted = go_on(wait); !wanted) return wanted;
        const auto got =
            file_system_.copy_range(from, to, done, std::min(kBackupPieceBytes, bytes - done));
        if (!got) return tl::unexpected(copy_error(got.error()));
        if (*got == 0) return wrong_length(name, done, bytes);
        done += *got;
        paced_bytes_ += *got;
        if (on_bytes_) on_bytes_(*got);
    }
    return {};
}

Result<void> FileCopier::copy(const std::string& from, const std::string& to, std::uint64_t bytes) {
    const auto source = file_system_.open(from, FileSystem::Mode::kRead);
    if (!source) return tl::unexpected(copy_error(source.error()));
    auto target = file_system_.open(to, FileSystem::Mode::kCreateNew);
    if (!target) return tl::unexpected(copy_error(target.error()));
    // Nothing can not be reserved (EINVAL).
    if (auto reserved = bytes == 0 ? IoResult<void>() : (*target)->allocate(0, bytes); !reserved)
        return tl::unexpected(copy_error(reserved.error()));
    if (auto copied = copy_pieces(**source, **target, bytes, from); !copied) return copied;
    const auto size = (*target)->size();
    if (!size) return tl::unexpected(copy_error(size.error()));
    if (*size != bytes) return wrong_length(to, *size, bytes);
    const auto done = (*target)->sync().and_then([&] { return (*target)->close(); });
    if (!done) return tl::unexpected(copy_error(done.error()));
    ++counts_.copies;
    counts_.copied_bytes += bytes;
    return {};
}

Result<void> FileCopier::link_or_copy(const std::string& from, const std::string& to,
                                      std::uint64_t bytes) {
    const auto linked = try_link(from, to, bytes);
    if (!linked) return tl::unexpected(linked.error());
    if (*linked) return {};
    return copy(from, to, bytes);
}

Result<void> write_whole_file(FileSystem& file_system, const std::string& path,
                              std::string_view bytes) {
    auto file = file_system.open(path, FileSystem::Mode::kCreateNew);
    if (!file) return tl::unexpected(copy_error(file.error()));
    const auto done =
        (*file)->write_at(0, bytes).and_then([&] { return (*file)->sync(); }).and_then([&] {
            return (*file)->close();
        });
    if (!done) return tl::unexpected(copy_error(done.error()));
    return {};
}

Result<std::string> read_whole_file(FileSystem& file_system, const std::string& path,
                                    std::uint64_t bytes_max) {
    const auto file = file_system.open(path, FileSystem::Mode::kRead);
    if (!file) return tl::unexpected(copy_error(file.error()));
    const auto size = (*file)->size();
    if (!size) return tl::unexpected(copy_error(size.error()));
    if (*size > bytes_max) return fail(StoreErrorKind::kLimit, fmt::format("{} is too long", path));
    std::string bytes(*size, '\0');
    const auto got = (*file)->read_at(0, bytes.data(), bytes.size());
    if (!got) return tl::unexpected(copy_error(got.error()));
    if (*got != *size) return wrong_length(path, *got, *size);
    return bytes;
}

Result<std::uint32_t> file_crc32c(FileSystem& file_system, const std::string& path) {
    const auto file = file_system.open(path, FileSystem::Mode::kRead);
    if (!file) return tl::unexpected(copy_error(file.error()));
    std::string buffer(kReadPieceBytes, '\0');
    std::uint32_t crc = 0;
    for (std::uint64_t at = 0;;) {
        const auto got = (*file)->read_at(at, buffer.data(), buffer.size());
        if (!got) return tl::unexpected(copy_error(got.error()));
        crc = crc32c(std::string_view(buffer).substr(0, *got), crc);
        at += *got;
        if (*got < buffer.size()) return crc;
    }
}

IoResult<void> remove_tree(FileSystem& file_system, const std::string& directory) {
    const auto status = file_system.status(directory);
    if (!status) return tl::unexpected(status.error());
    if (!*status) return {};
    if (!(*status)->directory) return file_system.unlink(directory);
    // Directories in the order in which they were found: each behind the one that it is in.
    std::vector<std::string> found{directory};
    for (std::size_t i = 0; i < found.size(); ++i) {
        const std::string here = found[i];
        auto names = file_system.list(here);
        if (!names) return tl::unexpected(names.error());
        const auto manifest = std::find(names->begin(), names->end(), kManifestFile);
        if (manifest != names->end()) std::iter_swap(names->begin(), manifest);
        for (const std::string& name : *names) {
            const std::string path = here + "/" + name;
            const auto one = file_system.status(path);
            if (!one) return tl::unexpected(one.error());
            if (*one && (*one)->directory) {
                found.push_back(path);
                continue;
            }
            if (auto removed = file_system.unlink(path); !removed) return removed;
            if (name == kManifestFile) {
                if (auto synced = file_system.sync_directory(here); !synced) return synced;
            }
        }
    }
    for (auto path = found.rbegin(); path != found.rend(); ++path) {
        if (auto removed = file_system.remove_directory(*path); !removed) return removed;
    }
    return {};
}

}  // namespace tidemark::storage
