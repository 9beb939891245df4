#include "actors/auth/login_delay.hpp"

#include "actors/auth/digest.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace tidemark::actors {
namespace {

using std::chrono::milliseconds;

// Kinds 0 to 2 are PeerNetwork's.
constexpr std::uint8_t kAccountKind = 3;
// Counting further would not delay more, but would keep a forgetful client delayed for longer.
constexpr std::uint32_t kFailuresMax = 16;

std::array<std::uint8_t, 16> random_seed() {
    initialise_sodium();
    std::array<std::uint8_t, 16> seed;
    randombytes_buf(seed.data(), seed.size());
    return seed;
}

std::uint64_t keyed_hash(const std::array<std::uint8_t, 16>& seed, const void* bytes,
                         std::size_t size) {
    std::uint64_t hash = 0;
    static_assert(crypto_shorthash_BYTES == sizeof hash && crypto_shorthash_KEYBYTES == 16);
    crypto_shorthash(reinterpret_cast<std::uint8_t*>(&hash),
                     static_cast<const std::uint8_t*>(bytes), size, seed.data());
    return hash;
}

milliseconds delay_after(std::uint32_t failures, milliseconds delay_max) {
    if (failures <= kLoginFailuresFree) return milliseconds{0};
    const std::uint32_t doublings = std::min<std::uint32_t>(failures - kLoginFailuresFree - 1, 16);
    return std::min(kLoginDelayFirst * (1U << doublings), delay_max);
}

}  // namespace

PeerNetwork PeerNetwork::from_v4(std::uint32_t address_host_order) {
    PeerNetwork network;
    network.kind_ = Kind::v4;
    network.bits_ = address_host_order;
    return network;
}

PeerNetwork PeerNetwork::from_v6(std::span<const std::uint8_t, 16> address) {
    static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    const auto big_endian = [address](std::size_t from, std::size_t count) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < count; ++i) value = value << 8 | address[from + i];
        return value;
    };
    if (std::equal(kMapped.begin(), kMapped.end(), address.begin())) {
        return from_v4(static_cast<std::uint32_t>(big_endian(12, 4)));
    }
    PeerNetwork network;
    network.kind_ = Kind::v6_64;
    network.bits_ = big_endian(0, 8);
    return network;
}

std::size_t LoginDelay::KeyHash::operator()(const Key& key) const {
    std::array<std::uint8_t, sizeof key.bits + 1> bytes;
    std::memcpy(bytes.data(), &key.bits, sizeof key.bits);
    bytes.back() = key.kind;
    return keyed_hash(seed, bytes.data(), bytes.size());
}

LoginDelay::LoginDelay(std::size_t entries_max)
    : entries_max_(std::max<std::size_t>(entries_max, 2)),
      seed_(random_seed()),
      entries_(0, KeyHash{seed_}) {}

bool LoginDelay::refuses(const PeerNetwork& peer, SteadyTime now) const {
    if (peer.is_local()) return false;
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(Key{peer.bits(), peer.kind()});
    return found != entries_.end() && found->second.busy_until > now + kLoginWaitMax;
}

milliseconds LoginDelay::record_failure(const PeerNetwork& peer, std::string_view account,
                                        std::uint64_t attempt, SteadyTime now) {
    const Key account_entry = account_key(account);
    const std::lock_guard lock(mutex_);
    const milliseconds wait = wait_for(peer, account_entry, now);
    if (!peer.is_local()) count(Key{peer.bits(), peer.kind()}, attempt, now);
    count(account_entry, attempt, now);
    return wait;
}

milliseconds LoginDelay::record_success(const PeerNetwork& peer, std::string_view account,
                                        SteadyTime now) {
    const Key account_entry = account_key(account);
    const std::lock_guard lock(mutex_);
    const milliseconds wait = wait_for(peer, account_entry, now);
    erase(account_entry);
    return wait;
}

std::size_t LoginDelay::entries() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

LoginDelay::Key LoginDelay::account_key(std::string_view account) const {
    return {keyed_hash(seed_, account.data(), account.size()), kAccountKind};
}

void LoginDelay::forget(Entry& entry, SteadyTime now) {
    const auto forgotten = (now - entry.counted_at) / kLoginFailureForgetting;
    if (forgotten <= 0) return;
    entry.counted_at += forgotten * std::chrono::duration_cast<SteadyTime>(kLoginFailureForgetting);
    entry.failures -= static_cast<std::uint32_t>(std::min<std::int64_t>(forgotten, entry.failures));
    if (entry.failures == 0) entry.last_attempt = 0;
}

milliseconds LoginDelay::wait_for(const PeerNetwork& peer, const Key& account, SteadyTime now) {
    milliseconds wait{0};
    if (const auto found = entries_.find(account); found != entries_.end()) {
        forget(found->second, now);
        wait = delay_after(found->second.failures, kLoginDelayAccountMax);
    }
    if (peer.is_local()) return wait;
    const auto found = entries_.find(Key{peer.bits(), peer.kind()});
    if (found == entries_.end()) return wait;
    Entry& entry = found->second;
    forget(entry, now);
    const milliseconds delay = delay_after(entry.failures, kLoginDelayAddressMax);
    if (delay.count() == 0) return wait;
    // Attempts that began before the first of them failed may be many: the queue they make has an
    // end all the same.
    entry.busy_until =
        std::min<SteadyTime>(std::max(entry.busy_until, now) + delay, now + 2 * kLoginWaitMax);
    return std::clamp(std::chrono::ceil<milliseconds>(entry.busy_until - now), wait, kLoginWaitMax);
}

void LoginDelay::count(const Key& key, std::uint64_t attempt, SteadyTime now) {
    auto found = entries_.find(key);
    if (found == entries_.end()) {
        if (entries_.size() >= entries_max_) erase(ages_.front());
        ages_.push_back(key);
        found = entries_.emplace(key, Entry{}).first;
        found->second.age = std::prev(ages_.end());
        found->second.counted_at = now;
    } else {
        ages_.splice(ages_.end(), ages_, found->second.age);
    }
    Entry& entry = found->second;
    forget(entry, now);
    if (attempt != 0 && attempt == entry.last_attempt) return;
    entry.last_attempt = attempt;
    entry.failures = std::min(entry.failures + 1, kFailuresMax);
    // The newest failure is remembered for the whole time.
    entry.counted_at = now;
}

void LoginDelay::erase(Key key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    ages_.erase(found->second.age);
    entries_.erase(found);
}

}  // namespace tidemark::actors
