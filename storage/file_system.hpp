// What the store needs of a disk, as an interface, so that tests can fail a write, fill the disk or
// cut the power.
//
// Durability is POSIX's: bytes written are safe after File::sync_data() or sync(), a name that was
// made, renamed or removed is safe after sync_directory() of its directory. Nothing is buffered
// here.
//
// Errors are errno values with the operation and path as text. Threads: a FileSystem may be used by
// all threads; a File by several readers together with one writer.
#pragma once

#include <sys/types.h>
#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::storage {

struct IoError {
    int code = 0;  // errno
    std::string text;
};
template <class T>
using IoResult = tl::expected<T, IoError>;

class File {
  public:
    virtual ~File() = default;
    // Writes all pieces one after the other from `offset` on. After an error any part may have been
    // written.
    [[nodiscard]] virtual IoResult<void> write_at(std::uint64_t offset,
                                                  std::span<const std::string_view> pieces) = 0;
    // Reads up to `size` bytes; fewer only at the end of the file.
    [[nodiscard]] virtual IoResult<std::size_t> read_at(std::uint64_t offset, char* buffer,
                                                        std::size_t size) const = 0;
    // The same without waiting for the disk: nullopt when some of the bytes are not in the page
    // cache.
    [[nodiscard]] virtual IoResult<std::optional<std::size_t>> try_read_at(
        std::uint64_t offset, char* buffer, std::size_t size) const = 0;
    [[nodiscard]] virtual IoResult<void> sync_data() = 0;  // contents and length
    [[nodiscard]] virtual IoResult<void> sync() = 0;       // and the other attributes
    [[nodiscard]] virtual IoResult<void> truncate(std::uint64_t size) = 0;
    // Reserves space so that writing there can not fail for want of it; the length stays. Success
    // without effect where the file system can not do it.
    [[nodiscard]] virtual IoResult<void> allocate(std::uint64_t offset, std::uint64_t length) = 0;
    [[nodiscard]] virtual IoResult<std::uint64_t> size() const = 0;
    // Some file systems tell only here that something could not be written. Nothing but the
    // destructor may be called after it; that alone closes too, and tells nothing.
    [[nodiscard]] virtual IoResult<void> close() = 0;

    IoResult<void> write_at(std::uint64_t offset, std::string_view bytes) {
        return write_at(offset, std::span<const std::string_view>(&bytes, 1));
    }
};

// Held while this lives; given back by the kernel when the process dies.
class LockedFile {
  public:
    virtual ~LockedFile() = default;
};

class FileSystem {
  public:
    enum class Mode : std::uint8_t {
        kRead,
        kReadWrite,        // must exist
        kCreateNew,        // must not exist; reading and writing
        kCreateOrTruncate  // reading and writing
    };

    virtual ~FileSystem() = default;
    // True when this is the operating system's files and nothing between: RocksDB then uses its own
    // access to them.
    virtual bool native() const { return false; }

    [[nodiscard]] virtual IoResult<std::unique_ptr<File>> open(const std::string& path,
                                                               Mode mode) = 0;
    [[nodiscard]] virtual IoResult<void> rename(const std::string& from, const std::string& to) = 0;
    // EEXIST when `to` exists, whatever it is.
    [[nodiscard]] virtual IoResult<void> rename_new(const std::string& from,
                                                    const std::string& to) = 0;
    [[nodiscard]] virtual IoResult<void> unlink(const std::string& path) = 0;
    // EEXIST when `to` exists, EXDEV between file systems.
    [[nodiscard]] virtual IoResult<void> link(const std::string& from, const std::string& to) = 0;
    // Copies up to `length` bytes to the same place in `to`, without the bytes passing through the
    // program, or shared with `from`, where the file systems can; the count is 0 only at the end of
    // `from`. Both files are of this file system's making.
    [[nodiscard]] virtual IoResult<std::uint64_t> copy_range(const File& from, File& to,
                                                             std::uint64_t offset,
                                                             std::uint64_t length) = 0;
    [[nodiscard]] virtual IoResult<void> make_directory(const std::string& path) = 0;
    [[nodiscard]] virtual IoResult<void> remove_directory(const std::string& path) = 0;
    // Names without "." and "..", in no order.
    [[nodiscard]] virtual IoResult<std::vector<std::string>> list(const std::string& directory) = 0;
    [[nodiscard]] virtual IoResult<void> sync_directory(const std::string& directory) = 0;

    struct Status {
        std::uint64_t size = 0;
        bool directory = false;
        std::int64_t modified_seconds = 0;
    };
    // nullopt when there is no such file.
    [[nodiscard]] virtual IoResult<std::optional<Status>> status(const std::string& path) = 0;
    // From now on the file can be opened for reading only.
    [[nodiscard]] virtual IoResult<void> make_read_only(const std::string& path) = 0;
    // What an unprivileged program may still write on the file system of `path`, in bytes.
    [[nodiscard]] virtual IoResult<std::uint64_t> free_bytes(const std::string& path) = 0;
    // Creates the file if needed. EAGAIN when it is locked already, by this process or another.
    [[nodiscard]] virtual IoResult<std::unique_ptr<LockedFile>> lock(const std::string& path) = 0;
    // Keeps lock() away and lets other shared ones in; EAGAIN while somebody has lock(). Makes no
    // file: null when there is none, and where reading needs no lock.
    [[nodiscard]] virtual IoResult<std::unique_ptr<LockedFile>> lock_shared(const std::string&) {
        return std::unique_ptr<LockedFile>();
    }
};

FileSystem& posix_file_system();
// As copy_file_range(2), its failures in errno. The kernel's answer depends on the two file systems
// and on its own version, so tests bring their own.
using CopyFileRange = ssize_t (*)(int from, off64_t* from_offset, int to, off64_t* to_offset,
                                  std::size_t length, unsigned flags);
std::unique_ptr<FileSystem> make_posix_file_system(CopyFileRange copy_file_range);

// The directory that a path is in; "." for a name alone.
std::string parent_of(const std::string& path);

}  // namespace tidemark::storage
