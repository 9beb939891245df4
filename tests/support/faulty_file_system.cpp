#include "tests/support/faulty_file_system.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <set>
#include <stdexcept>
#include <vector>

namespace tidemark::testing {

using storage::IoResult;
using Operation = FaultyFileSystem::Operation;

namespace {

class MemoryFile final : public storage::File {
  public:
    MemoryFile(std::shared_ptr<MemoryDisk> disk, InodePtr inode, std::string path, bool writable)
        : disk_(std::move(disk)),
          inode_(std::move(inode)),
          path_(std::move(path)),
          writable_(writable),
          generation_(disk_->generation) {}

    using File::write_at;
    IoResult<void> write_at(std::uint64_t offset,
                            std::span<const std::string_view> pieces) override {
        const std::lock_guard lock(disk_->mutex);
        if (const int code = begin(Operation::kWrite, true)) return disk_error(code, path_);
        FileChange change{false, offset, {}};
        for (const std::string_view piece : pieces) change.bytes.append(piece);
        const std::uint64_t before = inode_->footprint();
        const std::uint64_t end = offset + change.bytes.size();
        bool full = false;
        if (end > before && end - before > disk_->free()) {
            // What fits is written, as a disk does it.
            const std::uint64_t fits = before + disk_->free();
            change.bytes.resize(fits > offset ? fits - offset : 0);
            full = true;
        }
        disk_->resize(*inode_, [&] { change.apply(inode_->data); });
        inode_->unsynced.push_back(std::move(change));
        if (full) return disk_error(ENOSPC, path_);
        return {};
    }
    IoResult<std::size_t> read_at(std::uint64_t offset, char* buffer,
                                  std::size_t size) const override {
        const std::lock_guard lock(disk_->mutex);
        if (const int code = disk_->begin(Operation::kRead, path_, false))
            return disk_error(code, path_);
        if (generation_ != disk_->generation) return disk_error(EIO, path_);
        if (offset >= inode_->data.size()) return std::size_t{0};
        const std::size_t got = std::min<std::size_t>(size, inode_->data.size() - offset);
        inode_->data.copy(buffer, got, offset);
        return got;
    }
    IoResult<std::optional<std::size_t>> try_read_at(std::uint64_t offset, char* buffer,
                                                     std::size_t size) const override {
        {
            const std::lock_guard lock(disk_->mutex);
            if (disk_->cold) return std::optional<std::size_t>{};
        }
        return read_at(offset, buffer, size).map([](std::size_t got) {
            return std::optional(got);
        });
    }
    IoResult<void> sync_data() override {
        std::function<void(const std::string&)> hook;
        {
            const std::lock_guard lock(disk_->mutex);
            hook = disk_->sync_hook;
        }
        if (hook) hook(path_);
        const std::lock_guard lock(disk_->mutex);
        if (const int code = begin(Operation::kSync, true)) return disk_error(code, path_);
        for (const FileChange& change : inode_->unsynced) change.apply(inode_->durable);
        inode_->unsynced.clear();
        return {};
    }
    IoResult<void> sync() override { return sync_data(); }
    IoResult<void> truncate(std::uint64_t size) override {
        const std::lock_guard lock(disk_->mutex);
        if (const int code = begin(Operation::kTruncate, true)) return disk_error(code, path_);
        disk_->resize(*inode_, [&] {
            inode_->data.resize(size);
            inode_->allocated = 0;
        });
        inode_->unsynced.push_back({true, size, {}});
        return {};
    }
    IoResult<void> allocate(std::uint64_t offset, std::uint64_t length) override {
        const std::lock_guard lock(disk_->mutex);
        if (const int code = begin(Operation::kAllocate, true)) return disk_error(code, path_);
        const std::uint64_t before = inode_->footprint();
        if (offset + length > before && offset + length - before > disk_->free())
            return disk_error(ENOSPC, path_);
        disk_->resize(*inode_,
                      [&] { inode_->allocated = std::max(inode_->allocated, offset + length); });
        return {};
    }
    IoResult<void> close() override {
        const std::lock_guard lock(disk_->mutex);
        if (generation_ != disk_->generation) return disk_error(EIO, path_);
        if (const int code = disk_->begin(Operation::kClose, path_, false))
            return disk_error(code, path_);
        return {};
    }
    IoResult<std::uint64_t> size() const override {
        const std::lock_guard lock(disk_->mutex);
        return std::uint64_t{inode_->data.size()};
    }

  private:
    int begin(Operation operation, bool changes) {
        if (generation_ != disk_->generation) return EIO;
        if (!writable_) return EBADF;
        return disk_->begin(operation, path_, changes);
    }

    std::shared_ptr<MemoryDisk> disk_;
    InodePtr inode_;
    std::string path_;
    bool writable_;
    std::uint64_t generation_;
};

class MemoryLock final : public storage::LockedFile {
  public:
    MemoryLock(std::shared_ptr<MemoryDisk> disk, std::string path, bool shared)
        : disk_(std::move(disk)),
          path_(std::move(path)),
          shared_(shared),
          generation_(disk_->generation) {}
    MemoryLock(const MemoryLock&) = delete;
    MemoryLock& operator=(const MemoryLock&) = delete;
    ~MemoryLock() override {
        const std::lock_guard lock(disk_->mutex);
        if (generation_ != disk_->generation) return;
        if (!shared_) {
            disk_->locks.erase(path_);
        } else if (const auto found = disk_->shared_locks.find(path_);
                   found != disk_->shared_locks.end()) {
            disk_->shared_locks.erase(found);
        }
    }

  private:
    std::shared_ptr<MemoryDisk> disk_;
    std::string path_;
    bool shared_;
    std::uint64_t generation_;
};

}  // namespace

FaultyFileSystem::FaultyFileSystem() : disk_(std::make_shared<MemoryDisk>()) {}
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::cut_power_after(std::uint64_t operations) {
    const std::lock_guard lock(disk_->mutex);
    disk_->power_until = disk_->operations + operations;
}
bool FaultyFileSystem::power_is_off() const {
    const std::lock_guard lock(disk_->mutex);
    return disk_->operations >= disk_->power_until;
}
std::uint64_t FaultyFileSystem::operations() const {
    const std::lock_guard lock(disk_->mutex);
    return disk_->operations;
}

void FaultyFileSystem::restart(std::uint64_t seed) {
    const std::lock_guard lock(disk_->mutex);
    disk_->restart(seed);
}
void FaultyFileSystem::restart_after_kill() {
    const std::lock_guard lock(disk_->mutex);
    disk_->forget_process();
}
void FaultyFileSystem::mount(const std::string& directory) {
    const std::lock_guard lock(disk_->mutex);
    disk_->directories.insert(normal_path(directory));
    disk_->durable_directories.insert(normal_path(directory));
    disk_->mounts.insert(normal_path(directory));
}

void FaultyFileSystem::fail(Operation operation, std::string part, int code, unsigned times,
                            unsigned skip) {
    const std::lock_guard lock(disk_->mutex);
    disk_->failures.push_back({operation, std::move(part), code, times, skip});
}
void FaultyFileSystem::clear_failures() {
    const std::lock_guard lock(disk_->mutex);
    disk_->failures.clear();
}
unsigned FaultyFileSystem::failures() const {
    const std::lock_guard lock(disk_->mutex);
    return disk_->delivered;
}
void FaultyFileSystem::set_capacity(std::uint64_t bytes) {
    const std::lock_guard lock(disk_->mutex);
    disk_->capacity = bytes;
}
std::uint64_t FaultyFileSystem::used_bytes() const {
    const std::lock_guard lock(disk_->mutex);
    return disk_->used;
}
void FaultyFileSystem::set_cold(bool cold) {
    const std::lock_guard lock(disk_->mutex);
    disk_->cold = cold;
}
void FaultyFileSystem::on_sync(std::function<void(const std::string&)> hook) {
    const std::lock_guard lock(disk_->mutex);
    disk_->sync_hook = std::move(hook);
}

std::string FaultyFileSystem::contents(const std::string& path) const {
    const std::lock_guard lock(disk_->mutex);
    const auto found = disk_->names.find(normal_path(path));
    if (found == disk_->names.end()) throw std::runtime_error("no such file: " + path);
    return found->second->data;
}
void FaultyFileSystem::replace_contents(const std::string& path, std::string bytes) {
    const std::lock_guard lock(disk_->mutex);
    InodePtr& inode = disk_->names[normal_path(path)];
    if (!inode) {
        inode = std::make_shared<Inode>();
        inode->names = 1;
    } else {
        disk_->used -= inode->footprint();
    }
    inode->data = inode->durable = std::move(bytes);
    inode->unsynced.clear();
    disk_->used += inode->footprint();
    disk_->durable_names[normal_path(path)] = inode;
}
void FaultyFileSystem::copy_from(const FaultyFileSystem& other) {
    const std::scoped_lock lock(disk_->mutex, other.disk_->mutex);
    disk_->directories = disk_->durable_directories = other.disk_->directories;
    disk_->names.clear();
    disk_->unsynced_names.clear();
    disk_->used = 0;
    for (const auto& [path, from] : other.disk_->names) {
        auto inode = std::make_shared<Inode>();
        inode->data = inode->durable = from->data;
        inode->read_only = from->read_only;
        inode->names = 1;
        disk_->used += inode->footprint();
        disk_->names[path] = std::move(inode);
    }
    disk_->durable_names = disk_->names;
}
void FaultyFileSystem::flip(const std::string& path, std::uint64_t offset, char mask) {
    std::string bytes = contents(path);
    bytes.at(offset) = static_cast<char>(bytes.at(offset) ^ mask);
    replace_contents(path, std::move(bytes));
}
bool FaultyFileSystem::is_read_only(const std::string& path) const {
    const std::lock_guard lock(disk_->mutex);
    const auto found = disk_->names.find(normal_path(path));
    return found != disk_->names.end() && found->second->read_only;
}

IoResult<std::unique_ptr<storage::File>> FaultyFileSystem::open(const std::string& raw_path,
                                                                Mode mode) {
    const std::string path = normal_path(raw_path);
    const std::lock_guard lock(disk_->mutex);
    const bool creates = mode == Mode::kCreateNew || mode == Mode::kCreateOrTruncate;
    if (const int code = disk_->begin(Operation::kOpen, path, creates))
        return disk_error(code, path);
    const auto found = disk_->names.find(path);
    InodePtr inode = found == disk_->names.end() ? nullptr : found->second;
    if (!inode && !creates) return disk_error(ENOENT, path);
    if (inode && mode == Mode::kCreateNew) return disk_error(EEXIST, path);
    if (inode && mode != Mode::kRead && inode->read_only) return disk_error(EACCES, path);
    if (!inode) {
        if (!disk_->directories.contains(storage::parent_of(path))) return disk_error(ENOENT, path);
        inode = std::make_shared<Inode>();
        disk_->change_name({storage::parent_of(path), "", path, inode});
    } else if (mode == Mode::kCreateOrTruncate) {
        disk_->resize(*inode, [&] {
            inode->data.clear();
            inode->allocated = 0;
        });
        inode->unsynced.push_back({true, 0, {}});
    }
    return std::make_unique<MemoryFile>(disk_, std::move(inode), path, mode != Mode::kRead);
}

IoResult<void> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(disk_->mutex);
    return rename_locked(normal_path(from), normal_path(to), true);
}
IoResult<void> FaultyFileSystem::rename_new(const std::string& from, const std::string& to) {
    const std::lock_guard lock(disk_->mutex);
    return rename_locked(normal_path(from), normal_path(to), false);
}
IoResult<void> FaultyFileSystem::rename_locked(const std::string& from, const std::string& to,
                                               bool replaces) {
    if (const int code = disk_->begin(Operation::kRename, from, true))
        return disk_error(code, from);
    if (disk_->file_system_of(from) != disk_->file_system_of(to)) return disk_error(EXDEV, from);
    if (disk_->directories.contains(to) || (!replaces && disk_->names.contains(to)))
        return disk_error(EEXIST, to);
    if (disk_->directories.contains(from)) {
        disk_->change_name({storage::parent_of(to), from, to, nullptr});
        return {};
    }
    const auto found = disk_->names.find(from);
    if (found == disk_->names.end()) return disk_error(ENOENT, from);
    disk_->change_name({storage::parent_of(to), from, to, found->second});
    return {};
}

IoResult<std::uint64_t> FaultyFileSystem::copy_range(const storage::File& from, storage::File& to,
                                                     std::uint64_t offset, std::uint64_t length) {
    std::string buffer(std::min<std::uint64_t>(length, 64u << 10), '\0');
    const auto got = from.read_at(offset, buffer.data(), buffer.size());
    if (!got) return tl::unexpected(got.error());
    const std::string_view bytes = std::string_view(buffer).substr(0, *got);
    if (bytes.empty()) return std::uint64_t{0};
    return to.write_at(offset, std::span(&bytes, 1)).map([&] { return std::uint64_t{*got}; });
}

IoResult<void> FaultyFileSystem::unlink(const std::string& raw_path) {
    const std::string path = normal_path(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (const int code = disk_->begin(Operation::kUnlink, path, true))
        return disk_error(code, path);
    if (!disk_->names.contains(path)) return disk_error(ENOENT, path);
    disk_->change_name({storage::parent_of(path), path, "", nullptr});
    return {};
}

IoResult<void> FaultyFileSystem::link(const std::string& raw_from, const std::string& raw_to) {
    const std::string from = normal_path(raw_from);
    const std::string to = normal_path(raw_to);
    const std::lock_guard lock(disk_->mutex);
    if (const int code = disk_->begin(Operation::kLink, to, true)) return disk_error(code, to);
    const auto found = disk_->names.find(from);
    if (found == disk_->names.end()) return disk_error(ENOENT, from);
    if (disk_->names.contains(to)) return disk_error(EEXIST, to);
    if (!disk_->directories.contains(storage::parent_of(to))) return disk_error(ENOENT, to);
    if (disk_->file_system_of(from) != disk_->file_system_of(to)) return disk_error(EXDEV, to);
    disk_->change_name({storage::parent_of(to), "", to, found->second});
    return {};
}

IoResult<void> FaultyFileSystem::make_directory(const std::string& raw_path) {
    const std::string path = normal_path(raw_path);
    const std::lock_guard lock(disk_->mutex);
    const bool there = disk_->directories.contains(path);
    if (const int code = disk_->begin(Operation::kMakeDirectory, path, !there))
        return disk_error(code, path);
    if (there) return disk_error(EEXIST, path);
    if (!disk_->directories.contains(storage::parent_of(path))) return disk_error(ENOENT, path);
    disk_->directories.insert(path);
    disk_->durable_directories.insert(path);
    return {};
}

IoResult<void> FaultyFileSystem::remove_directory(const std::string& raw_path) {
    const std::string path = normal_path(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (const int code = disk_->begin(Operation::kRemoveDirectory, path, true))
        return disk_error(code, path);
    for (const auto& [name, inode] : disk_->names) {
        if (storage::parent_of(name) == path) return disk_error(ENOTEMPTY, path);
    }
    for (const std::string& name : disk_->directories) {
        if (name != path && storage::parent_of(name) == path) return disk_error(ENOTEMPTY, path);
    }
    if (disk_->directories.erase(path) == 0) return disk_error(ENOENT, path);
    disk_->durable_directories.erase(path);
    return {};
}

IoResult<std::vector<std::string>> FaultyFileSystem::list(const std::string& raw_path) {
    const std::string path = normal_path(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (!disk_->directories.contains(path)) return disk_error(ENOENT, path);
    std::vector<std::string> children;
    for (const auto& [name, inode] : disk_->names) {
        if (storage::parent_of(name) == path) children.push_back(name.substr(path.size() + 1));
    }
    for (const std::string& name : disk_->directories) {
        if (name != path && storage::parent_of(name) == path)
            children.push_back(name.substr(path.size() + (path == "/" ? 0 : 1)));
    }
    return children;
}

IoResult<void> FaultyFileSystem::sync_directory(const std::string& raw_path) {
    const std::string path = normal_path(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (const int code = disk_->begin(Operation::kSyncDirectory, path, true))
        return disk_error(code, path);
    disk_->sync_names(path);
    return {};
}

IoResult<std::optional<storage::FileSystem::Status>> FaultyFileSystem::status(
    const std::string& raw_path) {
    const std::string path = normal_path(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (disk_->operations >= disk_->power_until) return disk_error(EIO, path);
    if (disk_->directories.contains(path)) return std::optional(Status{0, true, 0});
    const auto found = disk_->names.find(path);
    if (found == disk_->names.end()) return std::optional<Status>{};
    return std::optional(Status{found->second->data.size(), false, 0});
}

IoResult<void> FaultyFileSystem::make_read_only(const std::string& raw_path) {
    const std::string path = normal_path(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (disk_->operations >= disk_->power_until) return disk_error(EIO, path);
    const auto found = disk_->names.find(path);
    if (found == disk_->names.end()) return disk_error(ENOENT, path);
    found->second->read_only = true;
    return {};
}

IoResult<std::uint64_t> FaultyFileSystem::free_bytes(const std::string&) {
    const std::lock_guard lock(disk_->mutex);
    return disk_->free();
}

IoResult<std::unique_ptr<storage::LockedFile>> FaultyFileSystem::lock(const std::string& raw_path) {
    const std::string path = normal_path(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (disk_->operations >= disk_->power_until) return disk_error(EIO, path);
    if (disk_->shared_locks.contains(path)) return disk_error(EAGAIN, path);
    if (!disk_->locks.insert(path).second) return disk_error(EAGAIN, path);
    return std::make_unique<MemoryLock>(disk_, path, false);
}

IoResult<std::unique_ptr<storage::LockedFile>> FaultyFileSystem::lock_shared(
    const std::string& raw_path) {
    const std::string path = normal_path(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (disk_->locks.contains(path)) return disk_error(EAGAIN, path);
    disk_->shared_locks.insert(path);
    return std::make_unique<MemoryLock>(disk_, path, true);
}

}  // namespace tidemark::testing
