// The disk below FaultyFileSystem: what is written, what of it is durable, and which operation is
// to fail next. Everything but the mutex itself is read and changed with `mutex` held.
#pragma once

#include "storage/file_system.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace tidemark::testing {

enum class DiskOperation {
    kOpen,
    kRead,
    kWrite,
    kAllocate,
    kTruncate,
    kSync,
    kSyncDirectory,
    kRename,
    kUnlink,
    kLink,
    kClose,
    kMakeDirectory,
    kRemoveDirectory
};

// One thing done to a file since its last sync.
struct FileChange {
    bool truncation = false;
    std::uint64_t offset = 0;  // or the new size
    std::string bytes;

    // Does it to `data`, of its bytes only the first `bytes_max`.
    void apply(std::string& data, std::size_t bytes_max = std::string::npos) const;
};

struct Inode {
    std::string data;
    std::string durable;
    std::vector<FileChange> unsynced;
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

    void apply(Names& names, std::set<std::string>& directories) const;
};

std::string normal_path(const std::string& path);
tl::unexpected<storage::IoError> disk_error(int code, const std::string& path);

struct MemoryDisk {
    struct Failure {
        DiskOperation operation;
        std::string part;
        int code;
        unsigned times;
        unsigned skip;
    };

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
    int begin(DiskOperation operation, const std::string& path, bool changes);
    std::uint64_t free() const { return used < capacity ? capacity - used : 0; }
    void change_name(NameChange change);
    // The mount that a path is below.
    std::string file_system_of(const std::string& path) const;
    // What is durable behind a rename of a directory that is not yet: under its old name.
    void sync_names(const std::string& directory);
    // The power is back (see FaultyFileSystem::restart).
    void restart(std::uint64_t seed);
    void forget_process();

    // Runs something that changes the size of a file.
    template <class Body>
    void resize(Inode& inode, Body body) {
        if (inode.names > 0) used -= inode.footprint();
        body();
        if (inode.names > 0) used += inode.footprint();
    }

  private:
    void drop_name(const std::string& path);
};

}  // namespace tidemark::testing
