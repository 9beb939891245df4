// Accounts by name, for authentication and delivery: a point read of the store, which is warm for
// whoever logs in at all (measured at a few microseconds; a hop to a worker costs more). What was
// read is remembered until account_changed(), which is called once a change is committed and before
// it is answered. Any thread.
//
// Which accounts have imported hashes is remembered: read once by scan(), kept up by
// account_changed().
#pragma once

#include "actors/auth/auth_service.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace tidemark::actors {

class CredentialStore final : public CredentialSource {
  public:
    explicit CredentialStore(const storage::Store& store) : store_(store) {}

    // Reads all accounts once; blocking, before anybody logs in.
    storage::Result<void> scan();

    std::optional<AccountCredentials> find(std::string_view name) const override;
    bool has_legacy_hashes() const override {
        return legacy_count_.load(std::memory_order_relaxed) != 0;
    }
    void account_changed(std::uint64_t account_id) override;

  private:
    std::optional<AccountCredentials> read(std::string_view name) const;

    const storage::Store& store_;
    // Held while an account is read, so that the answers of two changes are taken in their order.
    std::mutex mutex_;
    std::unordered_set<std::uint64_t> legacy_;
    std::atomic<std::size_t> legacy_count_{0};

    mutable std::mutex known_mutex_;
    // By name, and the names by id. `changes_` tells a reader that what it read may be old.
    mutable std::unordered_map<std::string, AccountCredentials> known_;
    mutable std::unordered_map<std::uint64_t, std::string> names_;
    std::uint64_t changes_ = 0;
};

}  // namespace tidemark::actors
