// A file system in memory that can fail an operation, fill up, or lose its power and forget what
// was not synced; for the segments and for RocksDB alike.
//
// The model of a crash is strict: a file keeps what was synced and, by chance, a prefix of the
// writes after that, the last of them perhaps in part; a name that was made, renamed or removed
// without a sync of its directory is kept or not, in the order in which the names were changed.
// Making and removing directories is durable at once, renaming one is not. Any thread.
#pragma once

#include "storage/file_system.hpp"
#include "tests/support/memory_disk.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tidemark::testing {

class FaultyFileSystem final : public storage::FileSystem {
  public:
    using Operation = DiskOperation;

    FaultyFileSystem();
    ~FaultyFileSystem() override;

    // After this many more operations that change something, all fail with EIO and change nothing.
    void cut_power_after(std::uint64_t operations);
    void cut_power() { cut_power_after(0); }
    bool power_is_off() const;
    // How many operations have changed something so far.
    std::uint64_t operations() const;
    // Power is back: files and names as after a crash. `seed` decides what unsynced changes
    // survived; 0: none. Files that were open before only give EIO, locks are free, failures and
    // the capacity's limit are gone.
    void restart(std::uint64_t seed);

    // As after a kill of the process: everything that was written is there, and again files that
    // were open before only give EIO, locks are free, failures and limits are gone.
    void restart_after_kill();
    // Everything below this directory is another file system: links and renames across give EXDEV.
    void mount(const std::string& directory);

    // The next `times` operations of this kind on paths that contain `part` give `code`; the first
    // `skip` are let through.
    void fail(Operation operation, std::string part, int code, unsigned times = ~0u,
              unsigned skip = 0);
    void clear_failures();
    // How many times a failure was delivered.
    unsigned failures() const;
    // The disk's size. What is used may be more: then it is simply full.
    void set_capacity(std::uint64_t bytes);
    std::uint64_t used_bytes() const;
    // While set, nothing is in the page cache.
    void set_cold(bool cold);
    // Called at the start of every sync of a file, without a lock held; for tests that must be
    // inside a round.
    void on_sync(std::function<void(const std::string& path)> hook);

    std::string contents(const std::string& path) const;
    void replace_contents(const std::string& path, std::string bytes);  // durable at once
    // All files and directories of another one, durable at once; its own are gone.
    void copy_from(const FaultyFileSystem& other);
    void flip(const std::string& path, std::uint64_t offset, char mask = 1);
    bool is_read_only(const std::string& path) const;

    storage::IoResult<std::unique_ptr<storage::File>> open(const std::string& path,
                                                           Mode mode) override;
    storage::IoResult<void> rename(const std::string& from, const std::string& to) override;
    storage::IoResult<void> rename_new(const std::string& from, const std::string& to) override;
    storage::IoResult<std::uint64_t> copy_range(const storage::File& from, storage::File& to,
                                                std::uint64_t offset,
                                                std::uint64_t length) override;
    storage::IoResult<void> unlink(const std::string& path) override;
    storage::IoResult<void> link(const std::string& from, const std::string& to) override;
    storage::IoResult<void> make_directory(const std::string& path) override;
    storage::IoResult<void> remove_directory(const std::string& path) override;
    storage::IoResult<std::vector<std::string>> list(const std::string& directory) override;
    storage::IoResult<void> sync_directory(const std::string& directory) override;
    storage::IoResult<std::optional<Status>> status(const std::string& path) override;
    storage::IoResult<void> make_read_only(const std::string& path) override;
    storage::IoResult<std::uint64_t> free_bytes(const std::string& path) override;
    storage::IoResult<std::unique_ptr<storage::LockedFile>> lock(const std::string& path) override;
    storage::IoResult<std::unique_ptr<storage::LockedFile>> lock_shared(
        const std::string& path) override;

  private:
    storage::IoResult<void> rename_locked(const std::string& from, const std::string& to,
                                          bool replaces);

    std::shared_ptr<MemoryDisk> disk_;
};

}  // namespace tidemark::testing
