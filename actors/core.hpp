#pragma once

// One thread of the server: an io_context with everything that lives on it.
//
// A Core is run by exactly one thread: start()/join() give it one of its own, or a test drives it
// by hand with run_until_idle() and run_until(). Objects on a core are touched only by that thread;
// from elsewhere, post().

#include "actors/awaitable.hpp"
#include "actors/clock.hpp"
#include "actors/timing_wheel.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace tidemark::actors {

class Core {
  public:
    Core(unsigned index, Clock& clock);
    ~Core();
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    [[nodiscard]] Executor executor() { return context_.get_executor(); }
    [[nodiscard]] asio::io_context& context() { return context_; }
    [[nodiscard]] Clock& clock() const { return clock_; }
    [[nodiscard]] unsigned index() const { return index_; }

    // The core whose thread this is, or null.
    [[nodiscard]] static Core* current();
    [[nodiscard]] bool on_this_thread() const { return current() == this; }

    // Runs `f` on the core's thread in a later turn. From any thread; `f` may be move-only.
    template <class F>
    void post(F&& f) {
        asio::post(context_, std::forward<F>(f));
    }

    // Home thread. Timers fire on the home thread.
    void arm(Timer& timer, std::chrono::microseconds delay);
    [[nodiscard]] TimingWheel& timers() { return wheel_; }

    // True: the time has passed. False: the task was cancelled.
    [[nodiscard]] Awaitable<bool> sleep(std::chrono::microseconds delay);

    // A thread of its own. stop() lets it end once no work is left; stop_now() abandons what is
    // left.
    void start();
    void stop();
    void stop_now();
    void join();

    // By hand, for tests. run_until_idle: until nothing more can happen without time or other
    // threads. run_until: also waits for other threads; false if `done` does not become true within
    // `patience` (real time, a guard against a hanging test, never part of what is tested).
    void run_until_idle();
    bool run_until(const std::function<bool()>& done,
                   std::chrono::seconds patience = std::chrono::seconds(30));

  private:
    void fire_timers();
    void schedule_wake();

    Clock& clock_;
    unsigned index_;
    // Before the context: coroutines that die with it still disarm their timers.
    TimingWheel wheel_;
    asio::io_context context_{1};
    asio::executor_work_guard<Executor> work_;
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, Executor>
        wake_timer_;
    std::optional<SteadyTime> wake_at_;
    std::uint64_t clock_listener_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

class CoreSet {
  public:
    CoreSet(unsigned count, Clock& clock);
    ~CoreSet();

    [[nodiscard]] std::size_t size() const { return cores_.size(); }
    [[nodiscard]] Core& operator[](std::size_t index) { return *cores_[index]; }
    // The home of whatever has this hash (accounts).
    [[nodiscard]] Core& for_hash(std::uint64_t hash) { return *cores_[hash % cores_.size()]; }

    void start();
    void stop();
    void join();

  private:
    std::vector<std::unique_ptr<Core>> cores_;
};

}  // namespace tidemark::actors
