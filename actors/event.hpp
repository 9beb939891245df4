#pragma once

// A signal for one waiting coroutine, sticky: set() before wait() is not lost, several set() are
// one. Home thread only; to signal from another thread, post to the core first.

#include "actors/waiter.hpp"

namespace tidemark::actors {

class Event {
  public:
    void set() {
        set_ = true;
        waiter_.resume();
    }
    [[nodiscard]] bool is_set() const { return set_; }
    void clear() { set_ = false; }

    // True: the event was set (and is cleared by this). False: the task was cancelled.
    [[nodiscard]] Awaitable<bool> wait() {
        if (!set_) co_await waiter_.suspend();
        co_return std::exchange(set_, false);
    }

  private:
    Waiter waiter_;
    bool set_ = false;
};

}  // namespace tidemark::actors
