#pragma once

// The deadlines of one core: a hierarchical timing wheel with O(1) arm and disarm and no
// allocation.
//
// A Timer is a member of whatever has the deadline; destroying it disarms it. Resolution is kTick:
// a timer never fires early and at most one tick late (plus what the thread is busy with). Home
// thread only.

#include "actors/clock.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tidemark::actors {

class TimingWheel;

class Timer {
  public:
    using Callback = void (*)(void* context);

    Timer(Callback callback, void* context) : callback_(callback), context_(context) {}
    // Timer::calling<&Session::on_idle>(this)
    template <auto Method, class Object>
    [[nodiscard]] static Timer calling(Object* object) {
        return Timer([](void* context) { (static_cast<Object*>(context)->*Method)(); }, object);
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { disarm(); }

    [[nodiscard]] bool armed() const { return wheel_ != nullptr; }
    void disarm();

  private:
    friend class TimingWheel;
    Timer* previous_ = nullptr;
    Timer* next_ = nullptr;
    TimingWheel* wheel_ = nullptr;
    std::uint64_t due_tick_ = 0;
    std::uint8_t level_ = 0;
    Callback callback_;
    void* context_;
};

class TimingWheel {
  public:
    // Protocol deadlines are seconds to half an hour; a tenth of a second is exact enough and lets
    // one wake-up serve many sessions.
    static constexpr SteadyTime kTick = std::chrono::milliseconds(100);

    explicit TimingWheel(SteadyTime now);
    ~TimingWheel();
    TimingWheel(const TimingWheel&) = delete;
    TimingWheel& operator=(const TimingWheel&) = delete;

    // (Re)arms. Delays of more than kDelayMax are cut to it.
    void arm(Timer& timer, SteadyTime now, SteadyTime delay);

    // Fires everything due at `now`. A callback may arm and disarm any timer and destroy its own.
    void advance(SteadyTime now);

    // When advance() has to be called next; nothing if no timer is armed. May be early (cascading),
    // never late.
    [[nodiscard]] std::optional<SteadyTime> next_wake() const;
    [[nodiscard]] std::size_t armed_count() const { return armed_count_; }

    static constexpr unsigned kSlotBits = 6;
    static constexpr unsigned kSlots = 1U << kSlotBits;
    static constexpr unsigned kLevels = 4;
    // 64^4 ticks of 100 ms are 19 days.
    static constexpr SteadyTime kDelayMax = kTick * ((1LL << (kSlotBits * kLevels)) - 2 * kSlots);

  private:
    friend class Timer;
    struct Level {
        std::array<Timer*, kSlots> slots{};
        std::uint64_t occupied = 0;  // bit per slot
    };

    void insert(Timer& timer);
    void unlink(Timer& timer);
    void cascade(unsigned level);
    void fire_slot(unsigned slot);

    std::array<Level, kLevels> levels_;
    std::uint64_t current_tick_;  // everything due at or before it has fired
    std::size_t armed_count_ = 0;
};

}  // namespace tidemark::actors
