#pragma once

// Time as the server sees it. Nothing else in actors/ asks the operating system for the time, so
// that tests own it. All members may be called from any thread.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace tidemark::actors {

// A point on the monotonic clock, counted from an arbitrary start.
using SteadyTime = std::chrono::microseconds;

class Clock {
  public:
    virtual ~Clock() = default;
    // Microseconds since 1970-01-01 00:00 UTC.
    [[nodiscard]] virtual std::int64_t wall_microseconds() const = 0;
    // Never goes back.
    [[nodiscard]] virtual SteadyTime steady() const = 0;
    // A manual clock moves only when told; cores then arm no real timer but listen for on_advance.
    [[nodiscard]] virtual bool is_manual() const { return false; }
    // The listener runs on the thread that advances the clock. Returns a handle for stop_listening.
    virtual std::uint64_t listen(std::function<void()> on_advance);
    virtual void stop_listening(std::uint64_t handle);
};

class SystemClock final : public Clock {
  public:
    [[nodiscard]] std::int64_t wall_microseconds() const override;
    [[nodiscard]] SteadyTime steady() const override;
};

class ManualClock final : public Clock {
  public:
    // 2024-01-01 00:00:00 UTC
    static constexpr std::int64_t kDefaultStart = 1'704'067'200'000'000;

    explicit ManualClock(std::int64_t wall_start_microseconds = kDefaultStart);
    [[nodiscard]] std::int64_t wall_microseconds() const override;
    [[nodiscard]] SteadyTime steady() const override;
    [[nodiscard]] bool is_manual() const override { return true; }
    std::uint64_t listen(std::function<void()> on_advance) override;
    void stop_listening(std::uint64_t handle) override;

    // Moves both clocks forward and tells the cores, which fire what is due in their next turn.
    void advance(std::chrono::microseconds by);

  private:
    std::atomic<std::int64_t> wall_microseconds_;
    std::atomic<std::int64_t> steady_microseconds_{0};
    std::mutex mutex_;
    std::map<std::uint64_t, std::function<void()>> listeners_;
    std::uint64_t next_handle_ = 1;
};

}  // namespace tidemark::actors
