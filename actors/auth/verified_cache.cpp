#include "actors/auth/verified_cache.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace tidemark::actors {
namespace {

// Each field goes in with its length, so that no two different inputs give the same bytes.
void add(crypto_generichash_state& state, std::string_view field) {
    const std::uint64_t size = field.size();
    std::array<std::uint8_t, sizeof size> prefix;
    std::memcpy(prefix.data(), &size, sizeof size);
    crypto_generichash_update(&state, prefix.data(), prefix.size());
    crypto_generichash_update(&state, reinterpret_cast<const std::uint8_t*>(field.data()),
                              field.size());
}

std::uint64_t word(const std::array<std::uint8_t, 32>& key, std::size_t index) {
    std::uint64_t value = 0;
    std::memcpy(&value, key.data() + index * sizeof value, sizeof value);
    return value;
}

}  // namespace

VerifiedCache::VerifiedCache(std::size_t entries_max, std::chrono::seconds ttl)
    : ttl_(ttl),
      sets_per_shard_(std::max<std::size_t>(1, entries_max / (kShards * kWays))),
      shards_(std::make_unique<std::array<Shard, kShards>>()) {
    initialise_sodium();
    randombytes_buf(process_key_.data(), process_key_.size());
    for (Shard& shard : *shards_) shard.slots.resize(sets_per_shard_ * kWays);
}

bool VerifiedCache::contains(std::uint64_t account_id, const StoredPassword& stored,
                             const SecretString& password, SteadyTime now) const {
    const Key key = key_of(account_id, stored, password);
    const Place place = place_of(key);
    const Shard& shard = (*shards_)[place.shard];
    const std::lock_guard lock(shard.mutex);
    for (std::size_t way = 0; way < kWays; ++way) {
        const Slot& slot = shard.slots[place.first_slot + way];
        if (fresh(slot, now) && slot.key == key) return true;
    }
    return false;
}

void VerifiedCache::insert(std::uint64_t account_id, const StoredPassword& stored,
                           const SecretString& password, SteadyTime now) {
    const Key key = key_of(account_id, stored, password);
    const Place place = place_of(key);
    Shard& shard = (*shards_)[place.shard];
    const std::lock_guard lock(shard.mutex);
    Slot* const first = shard.slots.data() + place.first_slot;
    Slot* target = std::find_if(first, first + kWays,
                                [&](const Slot& slot) { return slot.used && slot.key == key; });
    if (target == first + kWays) {
        target = std::min_element(first, first + kWays, [](const Slot& left, const Slot& right) {
            if (left.used != right.used) return !left.used;
            return left.verified_at < right.verified_at;
        });
    }
    *target = Slot{key, account_id, now, true};
}

void VerifiedCache::invalidate(std::uint64_t account_id) {
    // Rare (a password changed), so that looking at every slot is better than an index to maintain.
    for (Shard& shard : *shards_) {
        const std::lock_guard lock(shard.mutex);
        for (Slot& slot : shard.slots) {
            if (slot.used && slot.account_id == account_id) slot = Slot{};
        }
    }
}

void VerifiedCache::clear() {
    for (Shard& shard : *shards_) {
        const std::lock_guard lock(shard.mutex);
        std::fill(shard.slots.begin(), shard.slots.end(), Slot{});
    }
}

std::uint64_t VerifiedCache::fingerprint(std::string_view account,
                                         const SecretString& password) const {
    crypto_generichash_state state;
    crypto_generichash_init(&state, process_key_.data(), process_key_.size(), kSha256Bytes);
    add(state, "attempt");
    add(state, account);
    add(state, password.view());
    Key key;
    crypto_generichash_final(&state, key.data(), key.size());
    sodium_memzero(&state, sizeof state);
    return word(key, 0);
}

VerifiedCache::Key VerifiedCache::key_of(std::uint64_t account_id, const StoredPassword& stored,
                                         const SecretString& password) const {
    crypto_generichash_state state;
    crypto_generichash_init(&state, process_key_.data(), process_key_.size(), kSha256Bytes);
    add(state, "verified");
    add(state, {reinterpret_cast<const char*>(&account_id), sizeof account_id});
    if (const auto* credentials = std::get_if<Credentials>(&stored)) {
        add(state, credentials->salt);
        add(state, {reinterpret_cast<const char*>(&credentials->iterations),
                    sizeof credentials->iterations});
        add(state, as_view(credentials->stored_key));
    } else {
        add(state, std::get<LegacyHash>(stored).hash);
    }
    add(state, password.view());
    Key key;
    crypto_generichash_final(&state, key.data(), key.size());
    sodium_memzero(&state, sizeof state);
    return key;
}

VerifiedCache::Place VerifiedCache::place_of(const Key& key) const {
    return {word(key, 0) % kShards, word(key, 1) % sets_per_shard_ * kWays};
}

bool VerifiedCache::fresh(const Slot& slot, SteadyTime now) const {
    return slot.used && now - slot.verified_at < ttl_;
}

}  // namespace tidemark::actors
