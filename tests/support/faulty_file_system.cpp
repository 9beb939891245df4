#include "tests/support/faulty_file_system.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

namespace tidemark::testing {

using storage::IoError;
using storage::IoResult;
using Operation = FaultyFileSystem::Operation;

namespace {

// One thing done to a file since its last sync.
struct Change {
    bool truncation = false;
    std::uint64_t offset = 0;  // or the new size
    std::string bytes;
};

void replay(std::string& data, const Change& change, std::size_t bytes_max = std::string::npos) {
    if (change.truncation) {
        data.resize(change.offset);
        return;
    }
    const std::string_view bytes = std::string_view(change.bytes).substr(0, bytes_max);
    if (bytes.empty()) return;
    if (data.size() < change.offset + bytes.size()) data.resize(change.offset + bytes.size());
    std::memcpy(data.data() + change.offset, bytes.data(), bytes.size());
}

struct Inode {
    std::string data;
    std::string durable;
    std::vector<Change> unsynced;
    std::uint64_t allocated = 0;
    bool read_only = false;
    unsigned names = 0;

    std::uint64_t footprint() const { return std::max<std::uint64_t>(data.size(), allocated); }
};
using InodePtr = std::shared_ptr<Inode>;
using Names = std::map<std::string, InodePtr>;

struct NameChange {
    std::string directory;
    std::string removed;  // empty: none
    std::string made;     // empty: none
    InodePtr inode;       // null in a rename of a directory
};

bool is_below(const std::string& path, const std::string& directory) {
    return path == directory || (path.starts_with(directory) && path.size() > directory.size() &&
                                 path[directory.size()] == '/');
}
void move_below(std::string& path, const std::string& from, const std::string& to) {
    if (is_below(path, from)) path.replace(0, from.size(), to);
}

void replay(Names& names, std::set<std::string>& directories, const NameChange& change) {
    if (!change.inode && !change.made.empty()) {
        Names moved;
        for (const auto& [path, inode] : names) {
            std::string now = path;
            move_below(now, change.removed, change.made);
            moved[now] = inode;
        }
        names = std::move(moved);
        std::set<std::string> places;
        for (std::string path : directories) {
            move_below(path, change.removed, change.made);
            places.insert(std::move(path));
        }
        directories = std::move(places);
        return;
    }
    if (!change.removed.empty()) names.erase(change.removed);
    if (!change.made.empty()) names[change.made] = change.inode;
}

std::string normal(const std::string& path) {
    std::string result;
    for (const char c : path) {
        if (c != '/' || result.empty() || result.back() != '/') result.push_back(c);
    }
    if (result.size() > 1 && result.back() == '/') result.pop_back();
    return result;
}

std::string parent(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

tl::unexpected<IoError> error(int code, const std::string& path) {
    return tl::unexpected(IoError{code, path + ": " + std::strerror(code)});
}

struct Failure {
    Operation operation;
    std::string part;
    int code;
    unsigned times;
    unsigned skip;
};

}  // namespace

struct FaultyFileSystem::Disk {
    mutable std::mutex mutex;
    Names names;
    Names durable_names;
    std::vector<NameChange> unsynced_names;
    std::set<std::string> directories = {"/", "."};
    std::set<std::string> durable_directories = directories;
    std::set<std::string> mounts;
    std::set<std::string> locks;
    std::multiset<std::string> shared_locks;
    std::vector<Failure> failures;
    unsigned delivered = 0;
    std::uint64_t capacity = UINT64_MAX;
    std::uint64_t used = 0;
    std::uint64_t operations = 0;
    std::uint64_t power_until = UINT64_MAX;
    std::uint64_t generation = 0;
    bool cold = false;
    std::function<void(const std::string&)> sync_hook;

    // 0, or the code to fail with. Counts operations that change something.
    int begin(Operation operation, const std::string& path, bool changes) {
        if (operations >= power_until) return EIO;
        for (Failure& failure : failures) {
            if (failure.operation != operation || failure.times == 0 ||
                path.find(failure.part) == std::string::npos) {
                continue;
            }
            if (failure.skip > 0) {
                --failure.skip;
                continue;
            }
            --failure.times;
            ++delivered;
            return failure.code;
        }
        if (changes) ++operations;
        return 0;
    }

    std::uint64_t free() const { return used < capacity ? capacity - used : 0; }

    void change_name(NameChange change) {
        if (change.inode || change.made.empty()) {
            if (!change.removed.empty()) drop_name(change.removed);
            if (!change.made.empty()) {
                drop_name(change.made);
                if (change.inode->names++ == 0) used += change.inode->footprint();
            }
        }
        replay(names, directories, change);
        unsynced_names.push_back(std::move(change));
    }
    void drop_name(const std::string& path) {
        const auto found = names.find(path);
        if (found == names.end()) return;
        if (--found->second->names == 0) used -= found->second->footprint();
    }

    // The mount that a path is below.
    std::string file_system_of(const std::string& path) const {
        std::string found;
        for (const std::string& mount : mounts) {
            if (path != mount && is_below(path, mount) && mount.size() > found.size())
                found = mount;
        }
        return found;
    }

    // What is durable behind a rename of a directory that is not yet: under its old name.
    void sync_names(const std::string& directory) {
        std::vector<NameChange> left;
        for (NameChange& change : unsynced_names) {
            if (change.directory != directory) {
                left.push_back(std::move(change));
                continue;
            }
            replay(durable_names, durable_directories, change);
            if (change.inode || change.made.empty()) continue;
            // Earlier changes below it now happen under the new name.
            for (NameChange& earlier : left) {
                for (std::string* path : {&earlier.directory, &earlier.removed, &earlier.made})
                    move_below(*path, change.removed, change.made);
            }
        }
        unsynced_names = std::move(left);
    }

    void forget_process() {
        ++generation;
        locks.clear();
        shared_locks.clear();
        failures.clear();
        capacity = UINT64_MAX;
        power_until = UINT64_MAX;
    }

    // Runs something that changes the size of a file.
    template <class Body>
    void resize(Inode& inode, Body body) {
        if (inode.names > 0) used -= inode.footprint();
        body();
        if (inode.names > 0) used += inode.footprint();
    }
};

namespace {

using Disk = FaultyFileSystem::Disk;

class MemoryFile final : public storage::File {
  public:
    MemoryFile(std::shared_ptr<Disk> disk, InodePtr inode, std::string path, bool writable)
        : disk_(std::move(disk)),
          inode_(std::move(inode)),
          path_(std::move(path)),
          writable_(writable),
          generation_(disk_->generation) {}

    using File::write_at;
    IoResult<void> write_at(std::uint64_t offset,
                            std::span<const std::string_view> pieces) override {
        const std::lock_guard lock(disk_->mutex);
        if (const int code = begin(Operation::kWrite, true)) return error(code, path_);
        Change change{false, offset, {}};
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
        disk_->resize(*inode_, [&] { replay(inode_->data, change); });
        inode_->unsynced.push_back(std::move(change));
        if (full) return error(ENOSPC, path_);
        return {};
    }
    IoResult<std::size_t> read_at(std::uint64_t offset, char* buffer,
                                  std::size_t size) const override {
        const std::lock_guard lock(disk_->mutex);
        if (const int code = disk_->begin(Operation::kRead, path_, false))
            return error(code, path_);
        if (generation_ != disk_->generation) return error(EIO, path_);
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
        if (const int code = begin(Operation::kSync, true)) return error(code, path_);
        for (const Change& change : inode_->unsynced) replay(inode_->durable, change);
        inode_->unsynced.clear();
        return {};
    }
    IoResult<void> sync() override { return sync_data(); }
    IoResult<void> truncate(std::uint64_t size) override {
        const std::lock_guard lock(disk_->mutex);
        if (const int code = begin(Operation::kTruncate, true)) return error(code, path_);
        disk_->resize(*inode_, [&] {
            inode_->data.resize(size);
            inode_->allocated = 0;
        });
        inode_->unsynced.push_back({true, size, {}});
        return {};
    }
    IoResult<void> allocate(std::uint64_t offset, std::uint64_t length) override {
        const std::lock_guard lock(disk_->mutex);
        if (const int code = begin(Operation::kAllocate, true)) return error(code, path_);
        const std::uint64_t before = inode_->footprint();
        if (offset + length > before && offset + length - before > disk_->free())
            return error(ENOSPC, path_);
        disk_->resize(*inode_,
                      [&] { inode_->allocated = std::max(inode_->allocated, offset + length); });
        return {};
    }
    IoResult<void> close() override {
        const std::lock_guard lock(disk_->mutex);
        if (generation_ != disk_->generation) return error(EIO, path_);
        if (const int code = disk_->begin(Operation::kClose, path_, false))
            return error(code, path_);
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

    std::shared_ptr<Disk> disk_;
    InodePtr inode_;
    std::string path_;
    bool writable_;
    std::uint64_t generation_;
};

class MemoryLock final : public storage::LockedFile {
  public:
    MemoryLock(std::shared_ptr<Disk> disk, std::string path, bool shared)
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
    std::shared_ptr<Disk> disk_;
    std::string path_;
    bool shared_;
    std::uint64_t generation_;
};

}  // namespace

FaultyFileSystem::FaultyFileSystem() : disk_(std::make_shared<Disk>()) {}
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
    std::mt19937_64 random(seed);
    const auto survivors = [&](std::size_t count) {
        return seed == 0 ? 0 : random() % (count + 1);
    };
    const std::size_t kept = survivors(disk_->unsynced_names.size());
    std::set<InodePtr> inodes;
    for (const auto& [path, inode] : disk_->names) inodes.insert(inode);
    for (const auto& [path, inode] : disk_->durable_names) inodes.insert(inode);
    for (const NameChange& change : disk_->unsynced_names) {
        if (change.inode) inodes.insert(change.inode);
    }
    for (std::size_t i = 0; i < kept; ++i)
        replay(disk_->durable_names, disk_->durable_directories, disk_->unsynced_names[i]);
    disk_->unsynced_names.clear();
    disk_->names = disk_->durable_names;
    disk_->directories = disk_->durable_directories;
    for (const InodePtr& inode : inodes) {
        const std::size_t whole = survivors(inode->unsynced.size());
        for (std::size_t i = 0; i < whole; ++i) replay(inode->durable, inode->unsynced[i]);
        if (seed != 0 && whole < inode->unsynced.size() && !inode->unsynced[whole].truncation) {
            const Change& torn = inode->unsynced[whole];
            replay(inode->durable, torn, random() % (torn.bytes.size() + 1));
        }
        inode->unsynced.clear();
        inode->data = inode->durable;
        inode->allocated = 0;
        inode->names = 0;
    }
    disk_->used = 0;
    for (const auto& [path, inode] : disk_->names) {
        if (inode->names++ == 0) disk_->used += inode->footprint();
    }
    disk_->forget_process();
}
void FaultyFileSystem::restart_after_kill() {
    const std::lock_guard lock(disk_->mutex);
    disk_->forget_process();
}
void FaultyFileSystem::mount(const std::string& directory) {
    const std::lock_guard lock(disk_->mutex);
    disk_->directories.insert(normal(directory));
    disk_->durable_directories.insert(normal(directory));
    disk_->mounts.insert(normal(directory));
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
    const auto found = disk_->names.find(normal(path));
    if (found == disk_->names.end()) throw std::runtime_error("no such file: " + path);
    return found->second->data;
}
void FaultyFileSystem::replace_contents(const std::string& path, std::string bytes) {
    const std::lock_guard lock(disk_->mutex);
    InodePtr& inode = disk_->names[normal(path)];
    if (!inode) {
        inode = std::make_shared<Inode>();
        inode->names = 1;
    } else {
        disk_->used -= inode->footprint();
    }
    inode->data = inode->durable = std::move(bytes);
    inode->unsynced.clear();
    disk_->used += inode->footprint();
    disk_->durable_names[normal(path)] = inode;
}
void FaultyFileSystem::flip(const std::string& path, std::uint64_t offset, char mask) {
    std::string bytes = contents(path);
    bytes.at(offset) = static_cast<char>(bytes.at(offset) ^ mask);
    replace_contents(path, std::move(bytes));
}
bool FaultyFileSystem::is_read_only(const std::string& path) const {
    const std::lock_guard lock(disk_->mutex);
    const auto found = disk_->names.find(normal(path));
    return found != disk_->names.end() && found->second->read_only;
}

IoResult<std::unique_ptr<storage::File>> FaultyFileSystem::open(const std::string& raw_path,
                                                                Mode mode) {
    const std::string path = normal(raw_path);
    const std::lock_guard lock(disk_->mutex);
    const bool creates = mode == Mode::kCreateNew || mode == Mode::kCreateOrTruncate;
    if (const int code = disk_->begin(Operation::kOpen, path, creates)) return error(code, path);
    const auto found = disk_->names.find(path);
    InodePtr inode = found == disk_->names.end() ? nullptr : found->second;
    if (!inode && !creates) return error(ENOENT, path);
    if (inode && mode == Mode::kCreateNew) return error(EEXIST, path);
    if (inode && mode != Mode::kRead && inode->read_only) return error(EACCES, path);
    if (!inode) {
        if (!disk_->directories.contains(parent(path))) return error(ENOENT, path);
        inode = std::make_shared<Inode>();
        disk_->change_name({parent(path), "", path, inode});
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
    return rename_locked(normal(from), normal(to), true);
}
IoResult<void> FaultyFileSystem::rename_new(const std::string& from, const std::string& to) {
    const std::lock_guard lock(disk_->mutex);
    return rename_locked(normal(from), normal(to), false);
}
IoResult<void> FaultyFileSystem::rename_locked(const std::string& from, const std::string& to,
                                               bool replaces) {
    if (const int code = disk_->begin(Operation::kRename, from, true)) return error(code, from);
    if (disk_->file_system_of(from) != disk_->file_system_of(to)) return error(EXDEV, from);
    if (disk_->directories.contains(to) || (!replaces && disk_->names.contains(to)))
        return error(EEXIST, to);
    if (disk_->directories.contains(from)) {
        disk_->change_name({parent(to), from, to, nullptr});
        return {};
    }
    const auto found = disk_->names.find(from);
    if (found == disk_->names.end()) return error(ENOENT, from);
    disk_->change_name({parent(to), from, to, found->second});
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
    const std::string path = normal(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (const int code = disk_->begin(Operation::kUnlink, path, true)) return error(code, path);
    if (!disk_->names.contains(path)) return error(ENOENT, path);
    disk_->change_name({parent(path), path, "", nullptr});
    return {};
}

IoResult<void> FaultyFileSystem::link(const std::string& raw_from, const std::string& raw_to) {
    const std::string from = normal(raw_from);
    const std::string to = normal(raw_to);
    const std::lock_guard lock(disk_->mutex);
    if (const int code = disk_->begin(Operation::kLink, to, true)) return error(code, to);
    const auto found = disk_->names.find(from);
    if (found == disk_->names.end()) return error(ENOENT, from);
    if (disk_->names.contains(to)) return error(EEXIST, to);
    if (!disk_->directories.contains(parent(to))) return error(ENOENT, to);
    if (disk_->file_system_of(from) != disk_->file_system_of(to)) return error(EXDEV, to);
    disk_->change_name({parent(to), "", to, found->second});
    return {};
}

IoResult<void> FaultyFileSystem::make_directory(const std::string& raw_path) {
    const std::string path = normal(raw_path);
    const std::lock_guard lock(disk_->mutex);
    const bool there = disk_->directories.contains(path);
    if (const int code = disk_->begin(Operation::kMakeDirectory, path, !there))
        return error(code, path);
    if (there) return error(EEXIST, path);
    if (!disk_->directories.contains(parent(path))) return error(ENOENT, path);
    disk_->directories.insert(path);
    disk_->durable_directories.insert(path);
    return {};
}

IoResult<void> FaultyFileSystem::remove_directory(const std::string& raw_path) {
    const std::string path = normal(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (const int code = disk_->begin(Operation::kRemoveDirectory, path, true))
        return error(code, path);
    for (const auto& [name, inode] : disk_->names) {
        if (parent(name) == path) return error(ENOTEMPTY, path);
    }
    for (const std::string& name : disk_->directories) {
        if (name != path && parent(name) == path) return error(ENOTEMPTY, path);
    }
    if (disk_->directories.erase(path) == 0) return error(ENOENT, path);
    disk_->durable_directories.erase(path);
    return {};
}

IoResult<std::vector<std::string>> FaultyFileSystem::list(const std::string& raw_path) {
    const std::string path = normal(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (!disk_->directories.contains(path)) return error(ENOENT, path);
    std::vector<std::string> children;
    for (const auto& [name, inode] : disk_->names) {
        if (parent(name) == path) children.push_back(name.substr(path.size() + 1));
    }
    for (const std::string& name : disk_->directories) {
        if (name != path && parent(name) == path)
            children.push_back(name.substr(path.size() + (path == "/" ? 0 : 1)));
    }
    return children;
}

IoResult<void> FaultyFileSystem::sync_directory(const std::string& raw_path) {
    const std::string path = normal(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (const int code = disk_->begin(Operation::kSyncDirectory, path, true))
        return error(code, path);
    disk_->sync_names(path);
    return {};
}

IoResult<std::optional<storage::FileSystem::Status>> FaultyFileSystem::status(
    const std::string& raw_path) {
    const std::string path = normal(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (disk_->operations >= disk_->power_until) return error(EIO, path);
    if (disk_->directories.contains(path)) return std::optional(Status{0, true, 0});
    const auto found = disk_->names.find(path);
    if (found == disk_->names.end()) return std::optional<Status>{};
    return std::optional(Status{found->second->data.size(), false, 0});
}

IoResult<void> FaultyFileSystem::make_read_only(const std::string& raw_path) {
    const std::string path = normal(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (disk_->operations >= disk_->power_until) return error(EIO, path);
    const auto found = disk_->names.find(path);
    if (found == disk_->names.end()) return error(ENOENT, path);
    found->second->read_only = true;
    return {};
}

IoResult<std::uint64_t> FaultyFileSystem::free_bytes(const std::string&) {
    const std::lock_guard lock(disk_->mutex);
    return disk_->free();
}

IoResult<std::unique_ptr<storage::LockedFile>> FaultyFileSystem::lock(const std::string& raw_path) {
    const std::string path = normal(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (disk_->operations >= disk_->power_until) return error(EIO, path);
    if (disk_->shared_locks.contains(path)) return error(EAGAIN, path);
    if (!disk_->locks.insert(path).second) return error(EAGAIN, path);
    return std::make_unique<MemoryLock>(disk_, path, false);
}

IoResult<std::unique_ptr<storage::LockedFile>> FaultyFileSystem::lock_shared(
    const std::string& raw_path) {
    const std::string path = normal(raw_path);
    const std::lock_guard lock(disk_->mutex);
    if (disk_->locks.contains(path)) return error(EAGAIN, path);
    disk_->shared_locks.insert(path);
    return std::make_unique<MemoryLock>(disk_, path, true);
}

}  // namespace tidemark::testing
