#pragma once

#include "actors/auth/limits.hpp"
#include "actors/auth/password.hpp"
#include "actors/clock.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace tidemark::actors {

// Remembers "this password was verified for this account with these credentials", so that a client
// that logs in for every page it shows costs microseconds instead of a password hash.
//
// Holds no password: an entry is a 256-bit hash, keyed with a key made at start that never leaves
// the process, of account id, stored credentials and password. Changed credentials therefore never
// hit. Entries live for a TTL from the verification (a hit does not extend it); a full set of slots
// drops its oldest.
//
// Any thread. Sharded; a shard's mutex is held for one probe of kWays slots and never across a
// suspension.
class VerifiedCache {
  public:
    explicit VerifiedCache(std::size_t entries_max = kVerifiedCacheEntriesMax,
                           std::chrono::seconds ttl = kVerifiedCacheTtl);

    [[nodiscard]] bool contains(std::uint64_t account_id, const StoredPassword& stored,
                                const SecretString& password, SteadyTime now) const;
    void insert(std::uint64_t account_id, const StoredPassword& stored,
                const SecretString& password, SteadyTime now);
    // Forgets everything about the account: password changed, account disabled or removed.
    void invalidate(std::uint64_t account_id);
    void clear();

    // Tells equal passwords tried for an account name from different ones, within this process.
    [[nodiscard]] std::uint64_t fingerprint(std::string_view account,
                                            const SecretString& password) const;

  private:
    static constexpr std::size_t kWays = 8;
    static constexpr std::size_t kShards = 16;
    using Key = std::array<std::uint8_t, 32>;
    struct Slot {
        Key key{};
        std::uint64_t account_id = 0;
        SteadyTime verified_at{};
        bool used = false;
    };
    struct Shard {
        mutable std::mutex mutex;
        std::vector<Slot> slots;
    };
    struct Place {
        std::size_t shard;
        std::size_t first_slot;
    };

    [[nodiscard]] Key key_of(std::uint64_t account_id, const StoredPassword& stored,
                             const SecretString& password) const;
    [[nodiscard]] Place place_of(const Key& key) const;
    [[nodiscard]] bool fresh(const Slot& slot, SteadyTime now) const;

    std::chrono::seconds ttl_;
    Key process_key_{};
    std::size_t sets_per_shard_;
    std::unique_ptr<std::array<Shard, kShards>> shards_;
};

}  // namespace tidemark::actors
