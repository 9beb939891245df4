#include "actors/timing_wheel.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <random>
#include <vector>

using namespace tidemark::actors;
using namespace std::chrono_literals;

namespace {

struct Probe {
    TimingWheel* wheel = nullptr;
    SteadyTime now{};
    SteadyTime due{};
    int fired = 0;
    SteadyTime fired_at{};
    Timer timer = Timer::calling<&Probe::on_timer>(this);
    const SteadyTime* clock = nullptr;

    void on_timer() {
        ++fired;
        if (clock != nullptr) fired_at = *clock;
    }
};

struct Rearming {
    TimingWheel* wheel;
    SteadyTime now;
    int left;
    int fired = 0;
    Timer timer = Timer::calling<&Rearming::on_timer>(this);
    void on_timer() {
        ++fired;
        if (--left > 0) wheel->arm(timer, now, 0s);
    }
};

struct DisarmsOther {
    Timer* other = nullptr;
    int fired = 0;
    Timer timer = Timer::calling<&DisarmsOther::on_timer>(this);
    void on_timer() {
        ++fired;
        other->disarm();
    }
};

}  // namespace

TEST_CASE("a timer fires once, not before it is due") {
    TimingWheel wheel(0s);
    Probe probe;
    wheel.arm(probe.timer, 0s, 1s);
    CHECK(probe.timer.armed());
    wheel.advance(999ms);
    CHECK(probe.fired == 0);
    wheel.advance(1s);
    CHECK(probe.fired == 1);
    CHECK_FALSE(probe.timer.armed());
    wheel.advance(100s);
    CHECK(probe.fired == 1);
    CHECK(wheel.armed_count() == 0);
}

TEST_CASE("a disarmed or destroyed timer does not fire") {
    TimingWheel wheel(0s);
    Probe kept;
    auto gone = std::make_unique<Probe>();
    wheel.arm(kept.timer, 0s, 1s);
    wheel.arm(gone->timer, 0s, 1s);
    kept.timer.disarm();
    gone.reset();
    CHECK(wheel.armed_count() == 0);
    CHECK_FALSE(wheel.next_wake().has_value());
    wheel.advance(10s);
    CHECK(kept.fired == 0);
}

TEST_CASE("arming again moves the deadline") {
    TimingWheel wheel(0s);
    Probe probe;
    wheel.arm(probe.timer, 0s, 1s);
    wheel.arm(probe.timer, 0s, 30min);
    CHECK(wheel.armed_count() == 1);
    wheel.advance(29min);
    CHECK(probe.fired == 0);
    wheel.advance(30min);
    CHECK(probe.fired == 1);
}

TEST_CASE("a callback may arm its own timer and disarm one that is due with it") {
    TimingWheel wheel(0s);
    Rearming rearming{&wheel, 0s, 3};
    wheel.arm(rearming.timer, 0s, 0s);
    // Each arming is at least one tick ahead, so a callback cannot keep the thread.
    wheel.advance(TimingWheel::kTick);
    CHECK(rearming.fired == 1);
    wheel.advance(1s);
    CHECK(rearming.fired == 3);

    DisarmsOther first;
    DisarmsOther second;
    first.other = &second.timer;
    second.other = &first.timer;
    wheel.arm(first.timer, 1s, 1s);
    wheel.arm(second.timer, 1s, 1s);
    wheel.advance(3s);
    CHECK(first.fired + second.fired == 1);
}

TEST_CASE("an overlong delay is cut to the wheel's range instead of firing early") {
    TimingWheel wheel(0s);
    Probe probe;
    wheel.arm(probe.timer, 0s, 24h * 365);
    wheel.advance(TimingWheel::kDelayMax - TimingWheel::kTick);
    CHECK(probe.fired == 0);
    wheel.advance(TimingWheel::kDelayMax + TimingWheel::kTick);
    CHECK(probe.fired == 1);
}

TEST_CASE("the wheel agrees with a sorted list over random timers, steps and ranges") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    SteadyTime now = std::chrono::microseconds(random() % 1'000'000'000);
    TimingWheel wheel(now);
    std::deque<Probe> probes(300);
    for (Probe& probe : probes) probe.clock = &now;
    for (int step = 0; step < 2000; ++step) {
        Probe& probe = probes[random() % probes.size()];
        if (random() % 4 == 0) {
            probe.timer.disarm();
        } else {
            const int magnitude = static_cast<int>(random() % 9);
            std::int64_t range = 100'000;
            for (int i = 0; i < magnitude; ++i) range *= 6;
            probe.fired = 0;
            probe.due = now + SteadyTime(static_cast<std::int64_t>(random()) % range);
            wheel.arm(probe.timer, now, probe.due - now);
        }
        const auto wake = wheel.next_wake();
        if (random() % 3 == 0 && wake) {
            // Nothing is due before next_wake says so.
            const SteadyTime before = *wake - SteadyTime(1);
            if (before > now) {
                now = before;
                const std::size_t armed = wheel.armed_count();
                wheel.advance(now);
                CHECK(wheel.armed_count() == armed);
            }
        } else {
            now += SteadyTime(random() % (random() % 50 == 0 ? 4'000'000'000U : 400'000U));
            wheel.advance(now);
        }
        for (Probe& one : probes) {
            if (one.timer.armed()) {
                // Not fired: at most one tick late.
                CHECK(now < one.due + 2 * TimingWheel::kTick);
            } else if (one.fired > 0) {
                CHECK(one.fired == 1);
                CHECK(one.fired_at >= one.due);
            }
        }
    }
}
