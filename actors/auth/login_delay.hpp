#pragma once

#include "actors/auth/limits.hpp"
#include "actors/clock.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>

namespace tidemark::actors {

// Where a login attempt comes from, as far as delays are concerned: an IPv4 address, or the /64 of
// an IPv6 address (a single host has a whole /64 to itself). An IPv4-mapped address counts as IPv4.
// Default constructed: a local peer (Unix socket), which is never delayed by address.
class PeerNetwork {
  public:
    PeerNetwork() = default;
    static PeerNetwork from_v4(std::uint32_t address_host_order);
    static PeerNetwork from_v6(std::span<const std::uint8_t, 16> address);

    [[nodiscard]] bool is_local() const { return kind_ == Kind::local; }
    friend bool operator==(const PeerNetwork&, const PeerNetwork&) = default;
    [[nodiscard]] std::uint64_t bits() const { return bits_; }
    [[nodiscard]] std::uint8_t kind() const { return static_cast<std::uint8_t>(kind_); }

  private:
    enum class Kind : std::uint8_t { local, v4, v6_64 };
    Kind kind_ = Kind::local;
    std::uint64_t bits_ = 0;
};

// Makes guessing passwords slow without locking anybody out.
//
// Each address and each account name has a count of failures, which one failure leaves every
// kLoginFailureForgetting. Beyond kLoginFailuresFree the answer to an attempt waits, longer with
// each failure, up to a maximum, whether the attempt succeeds or not (else silence would tell that
// it failed). Answers to one address queue behind each other, so that many connections guess no
// faster than one; an account's delay does not queue, as that would let strangers lock its owner
// out. The same wrong password again (a forgotten client) is one failure.
//
// Pure but for the table: time comes in and must not go back. Any thread; the mutex is held for two
// look-ups and never across a suspension. When the table is full the entry that was touched longest
// ago goes.
class LoginDelay {
  public:
    explicit LoginDelay(std::size_t entries_max = kLoginDelayEntriesMax);

    // Before an attempt: whether the answers that this address already waits for take longer than
    // kLoginWaitMax. The attempt is turned away then without a look at the password.
    [[nodiscard]] bool refuses(const PeerNetwork& peer, SteadyTime now) const;

    // After an attempt: how long its answer has to wait, 0 to kLoginWaitMax. Both give the same
    // wait in the same state. `attempt` tells equal passwords for an account from different ones,
    // for example a keyed hash; 0 when that is unknown (SCRAM).
    [[nodiscard]] std::chrono::milliseconds record_failure(const PeerNetwork& peer,
                                                           std::string_view account,
                                                           std::uint64_t attempt, SteadyTime now);
    // Forgives the account. The address keeps its failures: else an attacker's own account would
    // reset them.
    [[nodiscard]] std::chrono::milliseconds record_success(const PeerNetwork& peer,
                                                           std::string_view account,
                                                           SteadyTime now);

    [[nodiscard]] std::size_t entries() const;

  private:
    using Seed = std::array<std::uint8_t, 16>;
    // An address or, as a hash of the name, an account.
    struct Key {
        std::uint64_t bits = 0;
        std::uint8_t kind = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };
    // Seeded, so that nobody can aim at another's entry or bucket.
    struct KeyHash {
        Seed seed;
        std::size_t operator()(const Key& key) const;
    };
    struct Entry {
        std::uint32_t failures = 0;
        std::uint64_t last_attempt = 0;
        // From when on failures are forgotten, one each kLoginFailureForgetting.
        SteadyTime counted_at{};
        // Addresses only: when the last answer in the queue goes out.
        SteadyTime busy_until{};
        std::list<Key>::iterator age{};
    };

    [[nodiscard]] Key account_key(std::string_view account) const;
    static void forget(Entry& entry, SteadyTime now);
    // The following need mutex_.
    std::chrono::milliseconds wait_for(const PeerNetwork& peer, const Key& account, SteadyTime now);
    void count(const Key& key, std::uint64_t attempt, SteadyTime now);
    void erase(Key key);

    const std::size_t entries_max_;
    const Seed seed_;
    mutable std::mutex mutex_;
    std::list<Key> ages_;  // touched longest ago first
    std::unordered_map<Key, Entry, KeyHash> entries_;
};

}  // namespace tidemark::actors
