// A file system that can only be read: whatever asks to change something is refused. Not a public
// header.
#pragma once

#include "storage/file_system.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tidemark::storage {

// `files` must outlive it. Any thread.
class ReadOnlyFiles : public FileSystem {
  public:
    explicit ReadOnlyFiles(FileSystem& files) : files_(files) {}

    IoResult<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
    IoResult<void> rename(const std::string& from, const std::string& to) override;
    IoResult<void> rename_new(const std::string& from, const std::string& to) override;
    IoResult<std::uint64_t> copy_range(const File& from, File& to, std::uint64_t offset,
                                       std::uint64_t length) override;
    IoResult<void> unlink(const std::string& path) override;
    IoResult<void> link(const std::string& from, const std::string& to) override;
    IoResult<void> make_directory(const std::string& path) override;
    IoResult<void> remove_directory(const std::string& path) override;
    IoResult<std::vector<std::string>> list(const std::string& directory) override;
    IoResult<void> sync_directory(const std::string& directory) override;
    IoResult<std::optional<Status>> status(const std::string& path) override;
    IoResult<void> make_read_only(const std::string& path) override;
    IoResult<std::uint64_t> free_bytes(const std::string& path) override;
    IoResult<std::unique_ptr<LockedFile>> lock(const std::string& path) override;

  private:
    FileSystem& files_;
};

}  // namespace tidemark::storage
