#include "storage/file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace tidemark::storage {
namespace {

constexpr mode_t kFileMode = 0600;      // mail is private to the server's user
constexpr mode_t kReadOnlyMode = 0400;  // sealed segments
constexpr mode_t kDirectoryMode = 0700;
constexpr std::size_t kCopyBytes = 256u << 10;  // at once, where the kernel can not copy
constexpr std::size_t kVectorMax = 256;         // pieces a system call; below the kernel's IOV_MAX

tl::unexpected<IoError> io_error(int code, std::string_view what, const std::string& path) {
    std::string text(what);
    text += ' ';
    text += path;
    text += ": ";
    text += std::generic_category().message(code);
    return tl::unexpected<IoError>(IoError{code, std::move(text)});
}

class PosixFile final : public File {
  public:
    PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;
    ~PosixFile() override {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    int descriptor() const { return descriptor_; }

    using File::write_at;
    IoResult<void> write_at(std::uint64_t offset,
                            std::span<const std::string_view> pieces) override {
        std::size_t index = 0;
        std::size_t done = 0;  // of pieces[index]
        while (index < pieces.size()) {
            std::array<iovec, kVectorMax> vectors;
            int count = 0;
            for (std::size_t i = index; i < pieces.size() && count < static_cast<int>(kVectorMax);
                 ++i) {
                const std::string_view piece = pieces[i].substr(i == index ? done : 0);
                vectors[static_cast<std::size_t>(count++)] = {const_cast<char*>(piece.data()),
                                                              piece.size()};
            }
            const ssize_t written =
                ::pwritev(descriptor_, vectors.data(), count, static_cast<off_t>(offset));
            if (written < 0) {
                if (errno == EINTR) continue;
                return io_error(errno, "write", path_);
            }
            offset += static_cast<std::uint64_t>(written);
            std::size_t left = static_cast<std::size_t>(written);
            bool moved = false;
            while (index < pieces.size() && left >= pieces[index].size() - done) {
                left -= pieces[index].size() - done;
                done = 0;
                ++index;
                moved = true;
            }
            done += left;
            if (written == 0 && !moved) return io_error(EIO, "write", path_);
        }
        return {};
    }

    IoResult<std::size_t> read_at(std::uint64_t offset, char* buffer,
                                  std::size_t size) const override {
        std::size_t done = 0;
        while (done < size) {
            const ssize_t got =
                ::pread(descriptor_, buffer + done, size - done, static_cast<off_t>(offset + done));
            if (got < 0) {
                if (errno == EINTR) continue;
                return io_error(errno, "read", path_);
            }
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        return done;
    }

    IoResult<std::optional<std::size_t>> try_read_at(std::uint64_t offset, char* buffer,
                                                     std::size_t size) const override {
        std::size_t done = 0;
        while (done < size) {
            const iovec vector{buffer + done, size - done};
            const ssize_t got =
                ::preadv2(descriptor_, &vector, 1, static_cast<off_t>(offset + done), RWF_NOWAIT);
            if (got < 0) {
                if (errno == EINTR) continue;
                // EOPNOTSUPP: a file system without the flag; the caller then reads where it may
                // block.
                if (errno == EAGAIN || errno == EOPNOTSUPP) return std::optional<std::size_t>{};
                return io_error(errno, "read", path_);
            }
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        return std::optional<std::size_t>{done};
    }

    IoResult<void> sync_data() override {
        // No retry on EINTR or anything else: after a failed sync the kernel may have dropped the
        // dirty pages and a second call would report success for bytes that are gone.
        if (::fdatasync(descriptor_) != 0) return io_error(errno, "fdatasync", path_);
        return {};
    }
    IoResult<void> sync() override {
        if (::fsync(descriptor_) != 0) return io_error(errno, "fsync", path_);
        return {};
    }
    IoResult<void> truncate(std::uint64_t size) override {
        if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0)
            return io_error(errno, "truncate", path_);
        return {};
    }
    IoResult<void> allocate(std::uint64_t offset, std::uint64_t length) override {
        int result = 0;
        do {
            result = ::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                                 static_cast<off_t>(length));
        } while (result != 0 && errno == EINTR);
        if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
            return io_error(errno, "allocate", path_);
        return {};
    }
    IoResult<std::uint64_t> size() const override {
        struct stat info{};
        if (::fstat(descriptor_, &info) != 0) return io_error(errno, "stat", path_);
        return static_cast<std::uint64_t>(info.st_size);
    }

    IoResult<void> close() override {
        const int descriptor = std::exchange(descriptor_, -1);
        // Closed whatever it says, EINTR included.
        if (::close(descriptor) != 0 && errno != EINTR) return io_error(errno, "close", path_);
        return {};
    }

  private:
    int descriptor_;
    std::string path_;
};

// What copy_file_range(2) answers where it can not do it: then the bytes pass through here.
bool is_unsupported(int code) {
    return code == EXDEV || code == EINVAL || code == ENOSYS || code == EOPNOTSUPP;
}

class PosixLock final : public LockedFile {
  public:
    explicit PosixLock(int descriptor) : descriptor_(descriptor) {}
    PosixLock(const PosixLock&) = delete;
    PosixLock& operator=(const PosixLock&) = delete;
    ~PosixLock() override { ::close(descriptor_); }

  private:
    int descriptor_;
};

int open_flags(FileSystem::Mode mode) {
    switch (mode) {
        case FileSystem::Mode::kRead:
            return O_RDONLY;
        case FileSystem::Mode::kReadWrite:
            return O_RDWR;
        case FileSystem::Mode::kCreateNew:
            return O_RDWR | O_CREAT | O_EXCL;
        case FileSystem::Mode::kCreateOrTruncate:
            return O_RDWR | O_CREAT | O_TRUNC;
    }
    return O_RDONLY;
}

class PosixFileSystem final : public FileSystem {
  public:
    explicit PosixFileSystem(CopyFileRange copy_file_range) : copy_file_range_(copy_file_range) {}

    bool native() const override { return true; }

    IoResult<std::unique_ptr<File>> open(const std::string& path, Mode mode) override {
        const int descriptor = ::open(path.c_str(), open_flags(mode) | O_CLOEXEC, kFileMode);
        if (descriptor < 0) return io_error(errno, "open", path);
        return std::make_unique<PosixFile>(descriptor, path);
    }
    IoResult<void> rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0) return io_error(errno, "rename", from);
        return {};
    }
    IoResult<void> rename_new(const std::string& from, const std::string& to) override {
        if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
            return {};
        if (errno != EINVAL && errno != ENOSYS) return io_error(errno, "rename", from);
        // A file system without the flag: nothing better than to look first.
        const auto there = status(to);
        if (!there) return tl::unexpected(there.error());
        if (*there) return io_error(EEXIST, "rename", to);
        return rename(from, to);
    }
    IoResult<std::uint64_t> copy_range(const File& from, File& to, std::uint64_t offset,
                                       std::uint64_t length) override {
        const auto& source = dynamic_cast<const PosixFile&>(from);
        const auto& target = dynamic_cast<const PosixFile&>(to);
        auto from_offset = static_cast<off_t>(offset);
        auto to_offset = static_cast<off_t>(offset);
        ssize_t done = 0;
        do {
            done = copy_file_range_(source.descriptor(), &from_offset, target.descriptor(),
                                    &to_offset, length, 0);
        } while (done < 0 && errno == EINTR);
        if (done >= 0) return static_cast<std::uint64_t>(done);
        if (!is_unsupported(errno)) return io_error(errno, "copy", "a file");
        std::string buffer(std::min<std::uint64_t>(length, kCopyBytes), '\0');
        const auto got = from.read_at(offset, buffer.data(), buffer.size());
        if (!got) return tl::unexpected(got.error());
        const std::string_view bytes = std::string_view(buffer).substr(0, *got);
        if (auto written = to.write_at(offset, std::span(&bytes, 1)); !written)
            return tl::unexpected(written.error());
        return *got;
    }
    IoResult<void> unlink(const std::string& path) override {
        if (::unlink(path.c_str()) != 0) return io_error(errno, "unlink", path);
        return {};
    }
    IoResult<void> link(const std::string& from, const std::string& to) override {
        if (::link(from.c_str(), to.c_str()) != 0) return io_error(errno, "link", to);
        return {};
    }
    IoResult<void> make_directory(const std::string& path) override {
        if (::mkdir(path.c_str(), kDirectoryMode) != 0) return io_error(errno, "mkdir", path);
        return {};
    }
    IoResult<void> remove_directory(const std::string& path) override {
        if (::rmdir(path.c_str()) != 0) return io_error(errno, "rmdir", path);
        return {};
    }
    IoResult<std::vector<std::string>> list(const std::string& directory) override {
        DIR* stream = ::opendir(directory.c_str());
        if (stream == nullptr) return io_error(errno, "list", directory);
        std::vector<std::string> names;
        errno = 0;
        while (const dirent* entry = ::readdir(stream)) {
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
            errno = 0;
        }
        const int code = errno;
        ::closedir(stream);
        if (code != 0) return io_error(code, "list", directory);
        return names;
    }
    IoResult<void> sync_directory(const std::string& directory) override {
        const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor < 0) return io_error(errno, "open", directory);
        const int code = ::fsync(descriptor) != 0 ? errno : 0;
        ::close(descriptor);
        if (code != 0) return io_error(code, "fsync", directory);
        return {};
    }
    IoResult<std::optional<Status>> status(const std::string& path) override {
        struct stat info{};
        if (::stat(path.c_str(), &info) != 0) {
            if (errno == ENOENT || errno == ENOTDIR) return std::optional<Status>{};
            return io_error(errno, "stat", path);
        }
        return std::optional<Status>(Status{static_cast<std::uint64_t>(info.st_size),
                                            S_ISDIR(info.st_mode), info.st_mtim.tv_sec});
    }
    IoResult<void> make_read_only(const std::string& path) override {
        if (::chmod(path.c_str(), kReadOnlyMode) != 0) return io_error(errno, "chmod", path);
        return {};
    }
    IoResult<std::uint64_t> free_bytes(const std::string& path) override {
        struct statvfs info{};
        if (::statvfs(path.c_str(), &info) != 0) return io_error(errno, "statvfs", path);
        return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    }
    IoResult<std::unique_ptr<LockedFile>> lock(const std::string& path) override {
        const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
        if (descriptor < 0) return io_error(errno, "open", path);
        return take_lock(descriptor, F_WRLCK, path);
    }
    IoResult<std::unique_ptr<LockedFile>> lock_shared(const std::string& path) override {
        const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor < 0 && errno == ENOENT) return std::unique_ptr<LockedFile>();
        if (descriptor < 0) return io_error(errno, "open", path);
        return take_lock(descriptor, F_RDLCK, path);
    }

  private:
    static IoResult<std::unique_ptr<LockedFile>> take_lock(int descriptor, short type,
                                                           const std::string& path) {
        struct flock range{};
        range.l_type = type;
        range.l_whence = SEEK_SET;
        // A lock of the open file, not of the process: a second open in the same process is refused
        // too.
        if (::fcntl(descriptor, F_OFD_SETLK, &range) != 0) {
            const int code = errno == EACCES ? EAGAIN : errno;
            ::close(descriptor);
            return io_error(code, "lock", path);
        }
        return std::make_unique<PosixLock>(descriptor);
    }

    CopyFileRange copy_file_range_;
};

}  // namespace

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

FileSystem& posix_file_system() {
    static PosixFileSystem file_system(::copy_file_range);
    return file_system;
}

std::unique_ptr<FileSystem> make_posix_file_system(CopyFileRange copy_file_range) {
    return std::make_unique<PosixFileSystem>(copy_file_range);
}

}  // namespace tidemark::storage
