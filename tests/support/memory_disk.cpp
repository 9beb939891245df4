#include "tests/support/memory_disk.hpp"

#include <cerrno>
#include <cstring>
#include <random>
#include <string_view>
#include <utility>

namespace tidemark::testing {

namespace {

bool is_below(const std::string& path, const std::string& directory) {
    return path == directory || (path.starts_with(directory) && path.size() > directory.size() &&
                                 path[directory.size()] == '/');
}
void move_below(std::string& path, const std::string& from, const std::string& to) {
    if (is_below(path, from)) path.replace(0, from.size(), to);
}

}  // namespace

void FileChange::apply(std::string& data, std::size_t bytes_max) const {
    if (truncation) {
        data.resize(offset);
        return;
    }
    const std::string_view piece = std::string_view(bytes).substr(0, bytes_max);
    if (piece.empty()) return;
    if (data.size() < offset + piece.size()) data.resize(offset + piece.size());
    std::memcpy(data.data() + offset, piece.data(), piece.size());
}

void NameChange::apply(Names& names, std::set<std::string>& directories) const {
    if (!inode && !made.empty()) {
        Names moved;
        for (const auto& [path, node] : names) {
            std::string now = path;
            move_below(now, removed, made);
            moved[now] = node;
        }
        names = std::move(moved);
        std::set<std::string> places;
        for (std::string path : directories) {
            move_below(path, removed, made);
            places.insert(std::move(path));
        }
        directories = std::move(places);
        return;
    }
    if (!removed.empty()) names.erase(removed);
    if (!made.empty()) names[made] = inode;
}

std::string normal_path(const std::string& path) {
    std::string result;
    for (const char c : path) {
        if (c != '/' || result.empty() || result.back() != '/') result.push_back(c);
    }
    if (result.size() > 1 && result.back() == '/') result.pop_back();
    return result;
}

tl::unexpected<storage::IoError> disk_error(int code, const std::string& path) {
    return tl::unexpected(storage::IoError{code, path + ": " + std::strerror(code)});
}

int MemoryDisk::begin(DiskOperation operation, const std::string& path, bool changes) {
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

void MemoryDisk::change_name(NameChange change) {
    if (change.inode || change.made.empty()) {
        if (!change.removed.empty()) drop_name(change.removed);
        if (!change.made.empty()) {
            drop_name(change.made);
            if (change.inode->names++ == 0) used += change.inode->footprint();
        }
    }
    change.apply(names, directories);
    unsynced_names.push_back(std::move(change));
}

void MemoryDisk::drop_name(const std::string& path) {
    const auto found = names.find(path);
    if (found == names.end()) return;
    if (--found->second->names == 0) used -= found->second->footprint();
}

std::string MemoryDisk::file_system_of(const std::string& path) const {
    std::string found;
    for (const std::string& mount : mounts) {
        if (path != mount && is_below(path, mount) && mount.size() > found.size()) found = mount;
    }
    return found;
}

void MemoryDisk::sync_names(const std::string& directory) {
    std::vector<NameChange> left;
    for (NameChange& change : unsynced_names) {
        if (change.directory != directory) {
            left.push_back(std::move(change));
            continue;
        }
        change.apply(durable_names, durable_directories);
        if (change.inode || change.made.empty()) continue;
        // Earlier changes below it now happen under the new name.
        for (NameChange& earlier : left) {
            for (std::string* path : {&earlier.directory, &earlier.removed, &earlier.made})
                move_below(*path, change.removed, change.made);
        }
    }
    unsynced_names = std::move(left);
}

void MemoryDisk::restart(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto survivors = [&](std::size_t count) {
        return seed == 0 ? 0 : random() % (count + 1);
    };
    const std::size_t kept = survivors(unsynced_names.size());
    std::set<InodePtr> inodes;
    for (const auto& [path, inode] : names) inodes.insert(inode);
    for (const auto& [path, inode] : durable_names) inodes.insert(inode);
    for (const NameChange& change : unsynced_names) {
        if (change.inode) inodes.insert(change.inode);
    }
    for (std::size_t i = 0; i < kept; ++i)
        unsynced_names[i].apply(durable_names, durable_directories);
    unsynced_names.clear();
    names = durable_names;
    directories = durable_directories;
    for (const InodePtr& inode : inodes) {
        const std::size_t whole = survivors(inode->unsynced.size());
        for (std::size_t i = 0; i < whole; ++i) inode->unsynced[i].apply(inode->durable);
        if (seed != 0 && whole < inode->unsynced.size() && !inode->unsynced[whole].truncation) {
            const FileChange& torn = inode->unsynced[whole];
            torn.apply(inode->durable, random() % (torn.bytes.size() + 1));
        }
        inode->unsynced.clear();
        inode->data = inode->durable;
        inode->allocated = 0;
        inode->names = 0;
    }
    used = 0;
    for (const auto& [path, inode] : names) {
        if (inode->names++ == 0) used += inode->footprint();
    }
    forget_process();
}

void MemoryDisk::forget_process() {
    ++generation;
    locks.clear();
    shared_locks.clear();
    failures.clear();
    capacity = UINT64_MAX;
    power_until = UINT64_MAX;
}

}  // namespace tidemark::testing
