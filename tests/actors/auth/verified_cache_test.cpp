#include "actors/auth/verified_cache.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

using namespace tidemark::actors;
using namespace std::chrono_literals;

namespace {

StoredPassword stored(std::string salt) {
    return Credentials{std::move(salt), 4096, {}, {}};
}
SecretString secret(std::string_view text) {
    return SecretString(text);
}

}  // namespace

TEST_CASE("a verified password is remembered for its account, credentials and text only") {
    VerifiedCache cache;
    cache.insert(7, stored("salt"), secret("pw"), 0s);
    CHECK(cache.contains(7, stored("salt"), secret("pw"), 1s));
    CHECK_FALSE(cache.contains(8, stored("salt"), secret("pw"), 1s));
    CHECK_FALSE(cache.contains(7, stored("tlas"), secret("pw"), 1s));
    CHECK_FALSE(cache.contains(7, stored("saltp"), secret("w"), 1s));
    CHECK_FALSE(cache.contains(7, stored("salt"), secret("pw "), 1s));
    CHECK_FALSE(cache.contains(7, LegacyHash{LegacyScheme::crypt, "salt"}, secret("pw"), 1s));
}

TEST_CASE("a verified password is forgotten after its time, hits or not") {
    VerifiedCache cache(16, 10s);
    cache.insert(7, stored("salt"), secret("pw"), 100s);
    CHECK(cache.contains(7, stored("salt"), secret("pw"), 109s));
    CHECK_FALSE(cache.contains(7, stored("salt"), secret("pw"), 110s));
    cache.insert(7, stored("salt"), secret("pw"), 110s);
    CHECK(cache.contains(7, stored("salt"), secret("pw"), 119s));
}

TEST_CASE("invalidation forgets the account and nothing else") {
    VerifiedCache cache;
    cache.insert(7, stored("a"), secret("pw"), 0s);
    cache.insert(7, stored("b"), secret("pw"), 0s);
    cache.insert(8, stored("a"), secret("pw"), 0s);
    cache.invalidate(7);
    CHECK_FALSE(cache.contains(7, stored("a"), secret("pw"), 1s));
    CHECK_FALSE(cache.contains(7, stored("b"), secret("pw"), 1s));
    CHECK(cache.contains(8, stored("a"), secret("pw"), 1s));
    cache.clear();
    CHECK_FALSE(cache.contains(8, stored("a"), secret("pw"), 1s));
}

TEST_CASE("a full cache drops the oldest and keeps the newest") {
    VerifiedCache cache(1, 1h);
    for (std::uint64_t account = 0; account < 10'000; ++account) {
        cache.insert(account, stored("s"), secret("pw"), std::chrono::seconds(account / 10));
        CHECK(
            cache.contains(account, stored("s"), secret("pw"), std::chrono::seconds(account / 10)));
    }
    std::size_t kept = 0;
    for (std::uint64_t account = 0; account < 10'000; ++account) {
        if (cache.contains(account, stored("s"), secret("pw"), 1000s)) {
            ++kept;
            // 128 slots: what is still there is young.
            CHECK(account > 9'000);
        }
    }
    CHECK(kept > 0);
    CHECK(kept <= 128);
}

TEST_CASE("fingerprints tell passwords apart and are of this process only") {
    const VerifiedCache cache;
    const VerifiedCache other;
    CHECK(cache.fingerprint("bob", secret("pw")) == cache.fingerprint("bob", secret("pw")));
    CHECK(cache.fingerprint("bob", secret("pw")) != cache.fingerprint("bob", secret("px")));
    CHECK(cache.fingerprint("bob", secret("pw")) != cache.fingerprint("bobp", secret("w")));
    CHECK(cache.fingerprint("bob", secret("pw")) != other.fingerprint("bob", secret("pw")));
}

TEST_CASE("the cache may be used by all threads at once") {
    VerifiedCache cache(256, 1h);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (std::uint64_t thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&cache, &wrong, thread] {
            for (std::uint64_t i = 0; i < 500; ++i) {
                const std::uint64_t account = thread * 1000 + i % 20;
                cache.insert(account, stored("s"), secret("pw"), 0s);
                if (cache.contains(account, stored("s"), secret("no"), 0s)) ++wrong;
                if (i % 50 == 0) cache.invalidate(account);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
}
