#include "actors/auth/login_delay.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::actors;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

const PeerNetwork kHome = PeerNetwork::from_v4(0xC0000201);
const PeerNetwork kAway = PeerNetwork::from_v4(0xC0000202);

// Each with another password.
milliseconds fail(LoginDelay& delay, const PeerNetwork& peer, std::string_view account,
                  SteadyTime now) {
    return delay.record_failure(peer, account, 0, now);
}

PeerNetwork v6(std::array<std::uint8_t, 16> address) {
    return PeerNetwork::from_v6(address);
}

}  // namespace

TEST_CASE("peers are told apart by IPv4 address and by IPv6 network") {
    CHECK(PeerNetwork().is_local());
    CHECK(kHome != kAway);
    CHECK(kHome == PeerNetwork::from_v4(0xC0000201));
    CHECK(v6({0x20, 1, 0xD, 0xB8, 0, 0, 0, 1, 1, 1}) == v6({0x20, 1, 0xD, 0xB8, 0, 0, 0, 1, 2, 2}));
    CHECK(v6({0x20, 1, 0xD, 0xB8, 0, 0, 0, 1}) != v6({0x20, 1, 0xD, 0xB8, 0, 0, 0, 2}));
    CHECK(v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xC0, 0, 2, 1}) == kHome);
    CHECK(v6({0, 0, 0, 0, 0xC0, 0, 2, 1}) != kHome);
}

TEST_CASE("the first failures are free, then the wait doubles up to its maximum") {
    LoginDelay delay;
    SteadyTime now = 1h;
    for (std::uint32_t i = 0; i <= kLoginFailuresFree; ++i)
        CHECK(fail(delay, kHome, "bob", now) == 0ms);
    milliseconds expected = kLoginDelayFirst;
    for (int i = 0; i < 20; ++i) {
        // The wait of the answer before is over.
        now += 30s;
        CHECK(fail(delay, kHome, "name" + std::to_string(i), now) == expected);
        expected = std::min(expected * 2, kLoginDelayAddressMax);
    }
}

TEST_CASE("an account is delayed from everywhere, but less than an address") {
    LoginDelay delay;
    for (std::uint32_t i = 0; i < 50; ++i) {
        (void)fail(delay, PeerNetwork::from_v4(i), "bob", 1h);
    }
    CHECK(delay.record_success(kHome, "ann", 1h) == 0ms);
    CHECK(delay.record_success(kHome, "bob", 1h) == kLoginDelayAccountMax);
    // The owner is in: the account is forgiven.
    CHECK(delay.record_success(kHome, "bob", 1h) == 0ms);
}

TEST_CASE("a success waits as long as a failure would and does not forgive the address") {
    LoginDelay delay;
    for (int i = 0; i < 6; ++i) (void)fail(delay, kHome, "bob" + std::to_string(i), 1h);
    LoginDelay same;
    for (int i = 0; i < 6; ++i) (void)fail(same, kHome, "bob" + std::to_string(i), 1h);
    const milliseconds success = delay.record_success(kHome, "mallory", 2h - 59min);
    CHECK(success > 0ms);
    CHECK(success == fail(same, kHome, "mallory", 2h - 59min));
    CHECK(fail(delay, kHome, "bob", 2h - 58min) > 0ms);
}

TEST_CASE("answers to one address queue, and too long a queue is refused") {
    LoginDelay delay;
    for (int i = 0; i < 5; ++i) (void)fail(delay, kHome, "bob" + std::to_string(i), 1h);
    milliseconds last{0};
    int answered = 0;
    while (!delay.refuses(kHome, 1h)) {
        const milliseconds wait = fail(delay, kHome, "name" + std::to_string(answered), 1h);
        CHECK(wait > 0ms);
        CHECK(wait >= last);
        CHECK(wait <= kLoginWaitMax);
        last = wait;
        REQUIRE(++answered < 20);
    }
    CHECK_FALSE(delay.refuses(kAway, 1h));
    CHECK_FALSE(delay.refuses(PeerNetwork(), 1h));
    // However many attempts were under way, the address gets its next turn.
    for (int i = 0; i < 1000; ++i) CHECK(fail(delay, kHome, "x", 1h) <= kLoginWaitMax);
    CHECK(delay.refuses(kHome, 1h + kLoginWaitMax - 1s));
    CHECK_FALSE(delay.refuses(kHome, 1h + kLoginWaitMax));
}

TEST_CASE("failures are forgotten one by one") {
    LoginDelay delay;
    for (std::uint32_t i = 0; i < kLoginFailuresFree + 2; ++i) (void)fail(delay, kHome, "bob", 1h);
    CHECK(delay.record_success(kHome, "ann", 1h + 59s) == kLoginDelayFirst * 2);
    CHECK(delay.record_success(kHome, "ann", 1h + 60s + 30s) == kLoginDelayFirst);
    CHECK(delay.record_success(kHome, "ann", 1h + 120s) == 0ms);
    CHECK(delay.record_success(kHome, "ann", 24h) == 0ms);
}

TEST_CASE("the same wrong password again is one failure") {
    LoginDelay delay;
    for (int i = 0; i < 100; ++i) CHECK(delay.record_failure(kHome, "bob", 42, 1h) == 0ms);
    for (std::uint64_t i = 0; i < 10; ++i) (void)delay.record_failure(kHome, "bob", 100 + i, 1h);
    CHECK(delay.record_success(kHome, "bob", 1h) > 0ms);
}

TEST_CASE("local peers are delayed by account only") {
    LoginDelay delay;
    for (int i = 0; i < 50; ++i)
        CHECK(fail(delay, PeerNetwork(), "bob" + std::to_string(i), 1h) == 0ms);
    for (int i = 0; i < 50; ++i) (void)fail(delay, PeerNetwork(), "bob", 1h);
    CHECK(delay.record_success(PeerNetwork(), "bob", 1h) == kLoginDelayAccountMax);
}

TEST_CASE("the table is bounded and drops what was touched longest ago") {
    LoginDelay delay(100);
    for (int i = 0; i < 10; ++i) (void)fail(delay, kHome, "bob", 1h);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        (void)fail(delay, PeerNetwork::from_v4(i), "name" + std::to_string(i), 1h);
        // Keeps bob's entry and its address fresh.
        if (i % 20 == 0) (void)fail(delay, kHome, "bob", 1h);
        CHECK(delay.entries() <= 100);
    }
    CHECK(delay.record_success(kAway, "bob", 1h) == kLoginDelayAccountMax);
    CHECK(delay.record_success(kAway, "name1", 1h) == 0ms);
}
