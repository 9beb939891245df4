#pragma once

#include "actors/auth/limits.hpp"

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
// Pure but for the table: time comes in. Any thread; the mutex is held for two hash look-ups. When
// the table is full the entry that was touched longest ago goes.
class LoginDelay {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit LoginDelay(std::size_t entries_max = kLoginDelayEntriesMax);

    struct Decision {
        // Turned away without a look at the password: the queue of this address is longer than
        // kLoginWaitMax.
        bool refused = false;
        // How long the answer has to wait, 0 to kLoginWaitMax.
        std::chrono::milliseconds wait{0};
    };
    // Before an attempt. Takes its place in the queue of the address.
    [[nodiscard]] Decision begin(const PeerNetwork& peer, std::string_view account, TimePoint now);
    // `attempt` tells equal passwords from different ones, for example a keyed hash; 0 when unknown
    // (SCRAM).
    void record_failure(const PeerNetwork& peer, std::string_view account, std::uint64_t attempt,
                        TimePoint now);
    // Forgives the account. The address keeps its failures: else an attacker's own account would
    // reset them.
    void record_success(const PeerNetwork& peer, std::string_view account, TimePoint now);

    [[nodiscard]] std::size_t entries() const;

  private:
    // Accounts are keyed by a hash of the name: with a random seed, so that nobody can aim at
    // another's entry.
    struct Key {
        std::uint64_t bits = 0;
        std::uint8_t kind = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct KeyHash {
        std::uint64_t seed;
        std::size_t operator()(const Key& key) const;
    };
    struct Entry {
        std::uint32_t failures = 0;
        std::uint64_t last_attempt = 0;
        TimePoint counted_at{};
        // Addresses only: when the last answer in the queue goes out.
        TimePoint busy_until{};
        std::list<Key>::iterator age{};
    };

    [[nodiscard]] Key account_key(std::string_view account) const;
    static void forget(Entry& entry, TimePoint now);
    Entry& touch(const Key& key, TimePoint now);
    Entry* find(const Key& key, TimePoint now);

    const std::size_t entries_max_;
    const std::uint64_t seed_;
    mutable std::mutex mutex_;
    std::list<Key> ages_;  // least recently touched first
    std::unordered_map<Key, Entry, KeyHash> entries_;
};

}  // namespace tidemark::actors
