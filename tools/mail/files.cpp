#include "tools/mail/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace tidemark::tools {

namespace {

class Descriptor {
  public:
    explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
    ~Descriptor() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return descriptor_; }
    bool close() { return ::close(std::exchange(descriptor_, -1)) == 0; }

  private:
    int descriptor_;
};

bool write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace

std::string error_text(const std::string& path, int error) {
    return fmt::format("{}: {}", path, std::generic_category().message(error));
}

ReadFile read_file(const std::string& path, std::uint64_t bytes_max) {
    // Not blocking, so that a FIFO by that name can not stop us.
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat about{};
    if (file.get() < 0 || fstat(file.get(), &about) != 0) {
        const auto kind = errno == ENOENT ? ReadFileError::kNotFound : ReadFileError::kFailed;
        return {kind, error_text(path, errno), 0};
    }
    if (!S_ISREG(about.st_mode)) return {ReadFileError::kFailed, path + ": is no file", 0};
    const auto size = static_cast<std::uint64_t>(about.st_size);
    if (size > bytes_max)
        return {ReadFileError::kTooLarge, fmt::format("{}: {} bytes are too many", path, size), 0};
    ReadFile result{ReadFileError::kNone, std::string(size, '\0'), about.st_mtim.tv_sec};
    std::size_t done = 0;
    while (done < result.text.size()) {
        const ssize_t got = read(file.get(), result.text.data() + done, result.text.size() - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return {ReadFileError::kFailed, error_text(path, errno), 0};
        if (got == 0) break;  // it became shorter
        done += static_cast<std::size_t>(got);
    }
    result.text.resize(done);
    return result;
}

MailResult<void> write_file(const std::string& path, std::string_view bytes, std::int64_t mtime) {
    Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.get() < 0) return tl::unexpected(error_text(path, errno));
    const timespec times[2] = {{mtime, 0}, {mtime, 0}};
    if (!write_all(file.get(), bytes) || futimens(file.get(), times) != 0 ||
        fdatasync(file.get()) != 0 || !file.close()) {
        const int error = errno;
        unlink(path.c_str());
        return tl::unexpected(error_text(path, error));
    }
    return {};
}

MailResult<void> replace_file(const std::string& path, std::string_view bytes) {
    const std::string next = path + ".new";
    Descriptor file(open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (file.get() < 0) return tl::unexpected(error_text(next, errno));
    if (!write_all(file.get(), bytes) || fdatasync(file.get()) != 0 || !file.close() ||
        rename(next.c_str(), path.c_str()) != 0) {
        return tl::unexpected(error_text(path, errno));
    }
    return {};
}

}  // namespace tidemark::tools
