#include "storage/migrate/linked_copy.hpp"

#include "storage/format_file.hpp"
#include "storage/keys.hpp"
#include "storage/segments.hpp"
#include "storage/verify/database.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <map>

namespace tidemark::storage {
namespace {

Result<void> copy_database(const std::string& from, const std::string& to, FileCopier& copier) {
    FileSystem& files = copier.files();
    if (auto made = files.make_directory(to); !made)
        return tl::unexpected(store_error(made.error()));
    const auto names = files.list(from);
    if (!names) return tl::unexpected(store_error(names.error()));
    for (const std::string& name : *names) {
        if (name == "LOCK" || name.starts_with("LOG")) continue;
        const std::string path = from + "/" + name;
        const auto status = files.status(path);
        if (!status) return tl::unexpected(store_error(status.error()));
        if (!*status || (*status)->directory) continue;
        // RocksDB goes on writing to its logs and manifest; a table never changes.
        const auto done = name.ends_with(".sst")
                              ? copier.link_or_copy(path, to + "/" + name, (*status)->size)
                              : copier.copy(path, to + "/" + name, (*status)->size);
        if (!done) return done;
    }
    const auto synced = files.sync_directory(to);
    if (!synced) return tl::unexpected(store_error(synced.error()));
    return {};
}

Result<std::map<SegmentId, SegmentRecord>> segments_of(const std::string& database,
                                                       FileSystem& files) {
    const auto opened = Database::open(database, files);
    if (!opened) return tl::unexpected(opened.error());
    std::map<SegmentId, SegmentRecord> segments;
    const auto scanned =
        (*opened)->scan_prefix(Family::kMeta, keys::segments(),
                               [&](std::string_view key, std::string_view value) -> Result<bool> {
                                   const auto id = keys::segment_of(key);
                                   const auto record = decode_segment(value);
                                   if (!record) return tl::unexpected(record.error());
                                   if (id) segments[*id] = *record;
                                   return true;
                               });
    if (!scanned) return tl::unexpected(scanned.error());
    return segments;
}

Result<void> copy_mail(const std::string& from, const std::string& to,
                       const std::map<SegmentId, SegmentRecord>& segments, FileCopier& copier) {
    FileSystem& files = copier.files();
    if (auto made = files.make_directory(to); !made)
        return tl::unexpected(store_error(made.error()));
    const SegmentDirectory source(from, files, 1);
    const SegmentDirectory copy(to, files, 1);
    for (const auto& [id, record] : segments) {
        // One that is not sealed is appended to, and cut off at a start.
        const auto done =
            record.sealed ? copier.link_or_copy(source.path_of(id), copy.path_of(id), record.bytes)
                          : copier.copy(source.path_of(id), copy.path_of(id), record.bytes);
        if (!done) return done;
    }
    const auto synced = files.sync_directory(to);
    if (!synced) return tl::unexpected(store_error(synced.error()));
    return {};
}

Result<void> copy_all(const std::string& from, const std::string& to, FileCopier& copier) {
    FileSystem& files = copier.files();
    const auto format = read_format_number(from, files);
    if (!format) return tl::unexpected(format.error());
    const std::string database = "/" + database_name(*format);
    const auto segments = segments_of(from + database, files);
    if (!segments) return tl::unexpected(segments.error());
    // The format comes last: without it this is no data directory.
    return copy_database(from + database, to + database, copier)
        .and_then([&] { return copy_mail(from + "/mail", to + "/mail", *segments, copier); })
        .and_then([&] { return write_format_number(to, *format, files); });
}

}  // namespace

Result<CopyCounts> make_linked_copy(const std::string& from, const std::string& to,
                                    FileSystem& files) {
    const auto lock = files.lock_shared(from + "/lock");
    if (!lock) {
        if (lock.error().code != EAGAIN) return tl::unexpected(store_error(lock.error()));
        return fail(StoreErrorKind::kLocked, fmt::format("{} is in use by another process", from));
    }
    const auto made = files.make_directory(to);
    if (!made) {
        if (made.error().code != EEXIST) return tl::unexpected(store_error(made.error()));
        return fail(StoreErrorKind::kExists, fmt::format("{} exists already", to));
    }
    FileCopier copier(files, {});
    if (auto copied = copy_all(from, to, copier); !copied) {
        static_cast<void>(remove_tree(files, to));
        return tl::unexpected(copied.error());
    }
    return copier.counts();
}

}  // namespace tidemark::storage
