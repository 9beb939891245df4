#include "storage/verify/read_only_files.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace tidemark::storage {
namespace {

tl::unexpected<IoError> refused(const std::string& path) {
    return tl::unexpected(IoError{EROFS, fmt::format("{} is only being read", path)});
}

}  // namespace

IoResult<std::unique_ptr<File>> ReadOnlyFiles::open(const std::string& path, Mode mode) {
    if (mode != Mode::kRead) return refused(path);
    return files_.open(path, mode);
}
IoResult<void> ReadOnlyFiles::rename(const std::string& from, const std::string&) {
    return refused(from);
}
IoResult<void> ReadOnlyFiles::rename_new(const std::string& from, const std::string&) {
    return refused(from);
}
// Nobody has a file of this that could be written to.
IoResult<std::uint64_t> ReadOnlyFiles::copy_range(const File&, File&, std::uint64_t,
                                                  std::uint64_t) {
    return refused("the copy");
}
IoResult<void> ReadOnlyFiles::unlink(const std::string& path) {
    return refused(path);
}
IoResult<void> ReadOnlyFiles::link(const std::string&, const std::string& to) {
    return refused(to);
}
IoResult<void> ReadOnlyFiles::make_directory(const std::string& path) {
    return refused(path);
}
IoResult<void> ReadOnlyFiles::remove_directory(const std::string& path) {
    return refused(path);
}
IoResult<std::vector<std::string>> ReadOnlyFiles::list(const std::string& directory) {
    return files_.list(directory);
}
// Nothing was changed, so all of it is durable.
IoResult<void> ReadOnlyFiles::sync_directory(const std::string&) {
    return {};
}
IoResult<std::optional<FileSystem::Status>> ReadOnlyFiles::status(const std::string& path) {
    return files_.status(path);
}
IoResult<void> ReadOnlyFiles::make_read_only(const std::string& path) {
    return refused(path);
}
IoResult<std::uint64_t> ReadOnlyFiles::free_bytes(const std::string& path) {
    return files_.free_bytes(path);
}
// A lock would make its file.
IoResult<std::unique_ptr<LockedFile>> ReadOnlyFiles::lock(const std::string& path) {
    return refused(path);
}

}  // namespace tidemark::storage
