// Files into a backup, by link where that works and by copy where it does not, and directory trees
// out of the way. One thread at a time; blocking.
#pragma once

#include "storage/file_system.hpp"
#include "storage/types.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace tidemark::storage {

struct CopyCounts {
    std::uint64_t links = 0;
    std::uint64_t linked_bytes = 0;
    std::uint64_t copies = 0;
    std::uint64_t copied_bytes = 0;
};

struct CopyPace {
    std::uint64_t bytes_per_second_max = 0;          // of copies; 0: unbounded
    std::function<std::chrono::microseconds()> now;  // may be empty without a bound
    // Waits and says whether to go on; called between pieces, with 0 when there is nothing to wait
    // for. Empty: always go on.
    std::function<bool(std::chrono::microseconds)> pause;
};

class FileCopier {
  public:
    // `on_bytes` is told how many were linked or copied, after each link and each piece of a copy.
    FileCopier(FileSystem& file_system, CopyPace pace,
               std::function<void(std::uint64_t)> on_bytes = {})
        : file_system_(file_system), pace_(std::move(pace)), on_bytes_(std::move(on_bytes)) {}

    // False where links can not be made (another file system, too many links, a file system without
    // them); kExists when `to` exists. The file must have `bytes` bytes.
    Result<bool> try_link(const std::string& from, const std::string& to, std::uint64_t bytes);
    // The first `bytes` bytes of `from` into a new file, synced and closed.
    Result<void> copy(const std::string& from, const std::string& to, std::uint64_t bytes);
    Result<void> link_or_copy(const std::string& from, const std::string& to, std::uint64_t bytes);

    // A wish to stop, as an error.
    Result<void> go_on(std::chrono::microseconds wait = {});
    const CopyCounts& counts() const { return counts_; }
    FileSystem& files() const { return file_system_; }

  private:
    Result<void> copy_pieces(const File& from, File& to, std::uint64_t bytes,
                             const std::string& name);

    FileSystem& file_system_;
    CopyPace pace_;
    std::function<void(std::uint64_t)> on_bytes_;
    CopyCounts counts_;
    std::optional<std::chrono::microseconds> began_;
    std::uint64_t paced_bytes_ = 0;
};

// A new file with these bytes, synced and closed.
Result<void> write_whole_file(FileSystem& file_system, const std::string& path,
                              std::string_view bytes);
Result<std::string> read_whole_file(FileSystem& file_system, const std::string& path,
                                    std::uint64_t bytes_max);
// Of the whole file.
Result<std::uint32_t> file_crc32c(FileSystem& file_system, const std::string& path);

// Removes a directory with all that is in it; nothing to do when it does not exist. A manifest goes
// first, so that what is left of a failed removal is no backup.
IoResult<void> remove_tree(FileSystem& file_system, const std::string& directory);

}  // namespace tidemark::storage
