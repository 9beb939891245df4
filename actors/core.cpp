#include "actors/core.hpp"

#include "actors/waiter.hpp"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <string>

namespace tidemark::actors {

namespace {

thread_local Core* current_core = nullptr;

class CurrentCore {
  public:
    explicit CurrentCore(Core* core) : previous_(current_core) { current_core = core; }
    ~CurrentCore() { current_core = previous_; }
    CurrentCore(const CurrentCore&) = delete;
    CurrentCore& operator=(const CurrentCore&) = delete;

  private:
    Core* previous_;
};

void resume_waiter(void* waiter) {
    static_cast<Waiter*>(waiter)->resume();
}

}  // namespace

Core::Core(unsigned index, Clock& clock)
    : clock_(clock),
      index_(index),
      wheel_(clock.steady()),
      work_(asio::make_work_guard(context_)),
      wake_timer_(context_.get_executor()) {
    if (clock_.is_manual()) {
        clock_listener_ = clock_.listen([this] { post([this] { fire_timers(); }); });
    }
}

Core::~Core() {
    if (clock_.is_manual()) clock_.stop_listening(clock_listener_);
    assert(!thread_.joinable());
}

Core* Core::current() {
    return current_core;
}

void Core::arm(Timer& timer, std::chrono::microseconds delay) {
    wheel_.arm(timer, clock_.steady(), delay);
    schedule_wake();
}

Awaitable<bool> Core::sleep(std::chrono::microseconds delay) {
    Waiter waiter;
    Timer timer(&resume_waiter, &waiter);
    arm(timer, delay);
    co_await waiter.suspend();
    co_return !waiter.was_cancelled();
}

void Core::fire_timers() {
    wake_at_.reset();
    wheel_.advance(clock_.steady());
    schedule_wake();
}

void Core::schedule_wake() {
    if (clock_.is_manual()) return;
    std::optional<SteadyTime> next = wheel_.next_wake();
    if (!next) return;
    const SteadyTime now = clock_.steady();
    // The pending wait keeps the context alive. While stopping it is kept short, so that the thread
    // ends soon after the last deadline has been disarmed.
    if (stopping_) next = std::min(*next, now + TimingWheel::kTick);
    if (wake_at_ && *wake_at_ <= *next) return;
    wake_at_ = next;
    wake_timer_.expires_after(std::max(*next - now, SteadyTime(0)));
    wake_timer_.async_wait([this](const std::error_code& error) {
        if (!error) fire_timers();
    });
}

void Core::start() {
    thread_ = std::thread([this] {
        const CurrentCore current(this);
        pthread_setname_np(pthread_self(), ("core-" + std::to_string(index_)).c_str());
        context_.run();
    });
}

void Core::stop() {
    post([this] {
        stopping_ = true;
        work_.reset();
        wake_at_.reset();
        wake_timer_.cancel();
        schedule_wake();
    });
}

void Core::stop_now() {
    context_.stop();
}

void Core::join() {
    if (thread_.joinable()) thread_.join();
}

void Core::run_until_idle() {
    const CurrentCore current(this);
    context_.restart();
    while (context_.poll() > 0) {
    }
}

bool Core::run_until(const std::function<bool()>& done, std::chrono::seconds patience) {
    const CurrentCore current(this);
    const auto give_up = std::chrono::steady_clock::now() + patience;
    context_.restart();
    while (true) {
        while (context_.poll() > 0) {
        }
        if (done()) return true;
        if (std::chrono::steady_clock::now() >= give_up) return false;
        // Other threads wake us by posting; the bound is for conditions that change without a post.
        context_.run_one_for(std::chrono::milliseconds(2));
    }
}

CoreSet::CoreSet(unsigned count, Clock& clock) {
    for (unsigned index = 0; index < std::max(count, 1U); ++index) {
        cores_.push_back(std::make_unique<Core>(index, clock));
    }
}

CoreSet::~CoreSet() {
    join();
}

void CoreSet::start() {
    for (auto& core : cores_) core->start();
}

void CoreSet::stop() {
    for (auto& core : cores_) core->stop();
}

void CoreSet::join() {
    for (auto& core : cores_) core->join();
}

}  // namespace tidemark::actors
