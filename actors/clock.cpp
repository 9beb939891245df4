#include "actors/clock.hpp"

#include <utility>

namespace tidemark::actors {

// NOLINTNEXTLINE(performance-unnecessary-value-param): those who override it keep the function.
std::uint64_t Clock::listen(std::function<void()> /*on_advance*/) {
    return 0;
}
void Clock::stop_listening(std::uint64_t /*handle*/) {}

std::int64_t SystemClock::wall_microseconds() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

SteadyTime SystemClock::steady() const {
    return std::chrono::duration_cast<SteadyTime>(
        std::chrono::steady_clock::now().time_since_epoch());
}

ManualClock::ManualClock(std::int64_t wall_start_microseconds)
    : wall_microseconds_(wall_start_microseconds) {}

std::int64_t ManualClock::wall_microseconds() const {
    return wall_microseconds_.load();
}

SteadyTime ManualClock::steady() const {
    return SteadyTime(steady_microseconds_.load());
}

std::uint64_t ManualClock::listen(std::function<void()> on_advance) {
    const std::lock_guard lock(mutex_);
    listeners_.emplace(next_handle_, std::move(on_advance));
    return next_handle_++;
}

void ManualClock::stop_listening(std::uint64_t handle) {
    const std::lock_guard lock(mutex_);
    listeners_.erase(handle);
}

void ManualClock::advance(std::chrono::microseconds by) {
    wall_microseconds_ += by.count();
    steady_microseconds_ += by.count();
    // Under the lock, so that a listener that is being removed does not run afterwards. Listeners
    // only post.
    const std::lock_guard lock(mutex_);
    for (const auto& [handle, listener] : listeners_) listener();
}

}  // namespace tidemark::actors
