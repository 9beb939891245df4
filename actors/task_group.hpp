#pragma once

// Owns the coroutines that an actor starts: nothing in the server is detached.
//
// spawn() starts a child in a later turn of the core. cancel() ends the present wait of every child
// and all their later waits (they return "cancelled"); children that are spawned afterwards start
// cancelled. join() waits until no child is left. Destroying a group with live children is a bug
// (checked). An exception that escapes a child is caught here and given to `on_failure`; without
// one it is logged as an error. Home thread only.

#include "actors/awaitable.hpp"
#include "actors/core.hpp"
#include "actors/waiter.hpp"

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>

namespace tidemark::actors {

class TaskGroup {
  public:
    using OnFailure = std::function<void(std::exception_ptr)>;

    explicit TaskGroup(Core& core, OnFailure on_failure = {});
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    void spawn(Awaitable<void> task);
    void cancel();
    [[nodiscard]] bool cancelled() const { return cancelled_; }
    [[nodiscard]] std::size_t size() const { return count_; }

    // One caller at a time. Not itself ended by cancellation: a join that gave up would leave
    // children behind.
    [[nodiscard]] Awaitable<void> join();

  private:
    struct Child;
    static asio::awaitable<asio::detail::awaitable_thread_entry_point, Executor> run(
        std::unique_ptr<Child> child, Awaitable<void> task);
    void finished(Child& child, std::exception_ptr failure);

    Core& core_;
    OnFailure on_failure_;
    Child* first_ = nullptr;
    std::size_t count_ = 0;
    bool cancelled_ = false;
    Waiter joiner_;
};

}  // namespace tidemark::actors
