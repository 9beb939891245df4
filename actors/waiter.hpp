#pragma once

// One suspended coroutine, held without an allocation and without a coroutine frame of its own.
//
// This is what every wait of the runtime is built from (events, inboxes, replies, streams, sleeps).
// It uses the function form of awaitable's await_transform, which Asio keeps for its own
// use_awaitable; the version is pinned (1.22.1). Going through async_initiate instead would add one
// frame (about 200 bytes) to every idle session.
//
// Thread: everything happens on the home thread of the waiting coroutine.
// Lifetime: a Waiter outlives the wait; destroying it while somebody waits is a bug (checked).
// Cancellation: a task that was cancelled (TaskGroup::cancel) is woken at once, and every later
// wait of that task ends at once too; the waiter then says was_cancelled().

#include "actors/awaitable.hpp"

#include <asio/post.hpp>

#include <cassert>
#include <optional>
#include <utility>

namespace tidemark::actors {

class Waiter {
    using Frame = asio::detail::awaitable_frame_base<Executor>;
    using Thread = asio::detail::awaitable_thread<Executor>;

  public:
    // Runs when the task is cancelled during the wait, instead of resume(); it must lead to
    // resume() later.
    using CancelHook = void (*)(void* context);

    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() { assert(!waiting()); }

    [[nodiscard]] bool waiting() const { return resumption_.has_value(); }
    [[nodiscard]] bool was_cancelled() const { return cancelled_; }

    // `co_await waiter.suspend();` returns after resume(), resume_now() or a cancellation.
    [[nodiscard]] auto suspend(CancelHook hook = nullptr, void* context = nullptr) {
        return [this, hook, context](Frame* frame) { return hold(frame, hook, context); };
    }

    // Lets the coroutine go on in a later turn of its io_context; nothing of it runs inside this
    // call.
    void resume() {
        if (!resumption_) return;
        Resumption ready = std::move(*resumption_);
        resumption_.reset();
        const Executor executor = ready.get_executor();
        asio::post(executor, std::move(ready));
    }

    // Runs the coroutine inside this call, which may destroy the Waiter: only as the last act of a
    // completion handler.
    void resume_now() {
        if (!resumption_) return;
        Resumption ready = std::move(*resumption_);
        resumption_.reset();
        ready();
    }

  private:
    class Resumption : public Thread {
      public:
        Resumption(Thread&& thread, Frame* frame) : Thread(std::move(thread)), frame_(frame) {}
        void operator()() {
            frame_->attach_thread(this);
            frame_->clear_cancellation_slot();
            this->pump();
        }

      private:
        Frame* frame_;
    };

    struct OnCancel {
        Waiter* waiter;
        CancelHook hook;
        void* context;
        void operator()(asio::cancellation_type) const {
            waiter->cancelled_ = true;
            if (hook != nullptr) {
                hook(context);
            } else {
                waiter->resume();
            }
        }
    };

    Thread* hold(Frame* frame, CancelHook hook, void* context) {
        assert(!waiting());
        Thread* thread = frame->detach_thread();
        auto state = thread->get_cancellation_state();
        cancelled_ = state.cancelled() != asio::cancellation_type::none;
        auto slot = state.slot();
        resumption_.emplace(std::move(*thread), frame);
        if (cancelled_) {
            OnCancel{this, hook, context}(asio::cancellation_type::terminal);
        } else if (slot.is_connected()) {
            slot.emplace<OnCancel>(OnCancel{this, hook, context});
        }
        return nullptr;
    }

    std::optional<Resumption> resumption_;
    bool cancelled_ = false;
};

}  // namespace tidemark::actors
