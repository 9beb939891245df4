#pragma once

// How actors talk: a bounded Inbox of messages, and a Reply to one request.

#include "actors/awaitable.hpp"
#include "actors/core.hpp"
#include "actors/waiter.hpp"

#include <cassert>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace tidemark::actors {

// A bounded queue into one actor. Producers push from any thread; the consumer is one coroutine on
// the home core. Full is the producer's decision: try_push() leaves the message where it is and
// returns false. After close() nothing more is accepted; what is queued can still be popped. The
// owner keeps the inbox alive until no other thread can push to it (shared_ptr, or joined threads).
template <class Message>
class Inbox {
  public:
    Inbox(Core& home, std::size_t messages_max) : home_(home), messages_max_(messages_max) {}
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;

    // Any thread.
    [[nodiscard]] bool try_push(Message&& message) {
        const std::lock_guard lock(mutex_);
        if (closed_ || queue_.size() - taken_ >= messages_max_) return false;
        queue_.push_back(std::move(message));
        wake_locked();
        return true;
    }
    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        wake_locked();
    }
    [[nodiscard]] bool closed() const {
        const std::lock_guard lock(mutex_);
        return closed_;
    }
    [[nodiscard]] std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return queue_.size() - taken_;
    }

    // Home thread. Everything that waits, oldest first; waits if there is nothing. Empty: closed,
    // or the task was cancelled.
    [[nodiscard]] Awaitable<std::vector<Message>> pop_all() {
        while (start_waiting()) {
            co_await waiter_.suspend();
            if (waiter_.was_cancelled()) break;
        }
        co_return take_all();
    }
    // Home thread. The oldest message; nothing: closed and drained, or the task was cancelled.
    [[nodiscard]] Awaitable<std::optional<Message>> pop() {
        while (start_waiting()) {
            co_await waiter_.suspend();
            if (waiter_.was_cancelled()) break;
        }
        co_return take_one();
    }
    // Home thread, without waiting.
    [[nodiscard]] std::optional<Message> try_pop() { return take_one(); }

  private:
    // Consumer side: true if there is nothing to take and the caller has to suspend.
    bool start_waiting() {
        const std::lock_guard lock(mutex_);
        if (closed_ || queue_.size() > taken_) return false;
        consumer_waits_ = true;
        return true;
    }
    // One wake-up for any number of messages. From another thread the consumer may not have
    // suspended yet or may already have gone on; both are decided on the home thread, where
    // resume() without a waiter does nothing.
    void wake_locked() {
        if (!consumer_waits_) return;
        consumer_waits_ = false;
        if (home_.on_this_thread()) {
            waiter_.resume();
        } else {
            home_.post([this, alive = std::weak_ptr<int>(alive_)] {
                if (!alive.expired()) waiter_.resume();
            });
        }
    }
    std::vector<Message> take_all() {
        const std::lock_guard lock(mutex_);
        consumer_waits_ = false;
        if (taken_ > 0)
            queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(taken_));
        taken_ = 0;
        return std::exchange(queue_, {});
    }
    std::optional<Message> take_one() {
        const std::lock_guard lock(mutex_);
        consumer_waits_ = false;
        if (taken_ == queue_.size()) return std::nullopt;
        std::optional<Message> message(std::move(queue_[taken_++]));
        if (taken_ == queue_.size()) {
            queue_.clear();
            taken_ = 0;
        } else if (taken_ >= kCompactAfter && taken_ * 2 >= queue_.size()) {
            queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(taken_));
            taken_ = 0;
        }
        return message;
    }

    // Messages taken one by one stay at the front of the vector until at least this many, and half
    // of it, are gone: amortised constant time without a deque, whose smallest size is 576 bytes.
    static constexpr std::size_t kCompactAfter = 32;

    Core& home_;
    const std::size_t messages_max_;
    mutable std::mutex mutex_;
    std::vector<Message> queue_;  // [0, taken_) has been moved from
    std::size_t taken_ = 0;
    bool closed_ = false;
    bool consumer_waits_ = false;
    Waiter waiter_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // home thread decides; see wake_locked
};

namespace detail {

template <class T>
struct ReplyState {
    explicit ReplyState(Core& core) : home(core) {}
    Core& home;
    std::mutex mutex;
    std::optional<T> value;
    bool finished = false;
    Waiter waiter;  // home thread
};

}  // namespace detail

// The sending half of a request's answer: give it away inside the request. Move-only, any thread.
// Destroying it without send() answers "nothing", so a dropped request cannot hang its requester.
template <class T>
class ReplyTo {
  public:
    ReplyTo() = default;
    explicit ReplyTo(std::shared_ptr<detail::ReplyState<T>> state) : state_(std::move(state)) {}
    ReplyTo(ReplyTo&&) noexcept = default;
    ReplyTo& operator=(ReplyTo&& other) noexcept {
        finish(std::nullopt);
        state_ = std::move(other.state_);
        return *this;
    }
    ~ReplyTo() { finish(std::nullopt); }

    explicit operator bool() const { return state_ != nullptr; }
    void send(T value) { finish(std::optional<T>(std::move(value))); }

  private:
    void finish(std::optional<T>&& value) {
        if (!state_) return;
        auto state = std::exchange(state_, nullptr);
        {
            const std::lock_guard lock(state->mutex);
            state->value = std::move(value);
            state->finished = true;
        }
        Core& home = state->home;
        if (home.on_this_thread()) {
            state->waiter.resume();
        } else {
            home.post([state = std::move(state)] { state->waiter.resume(); });
        }
    }
    std::shared_ptr<detail::ReplyState<T>> state_;
};

// The waiting half, on the home core of the requester.
//     Reply<Answer> reply(core);
//     if (!account.try_push(Request{…, reply.to()})) …;
//     auto answer = co_await reply.wait();
template <class T>
class Reply {
  public:
    explicit Reply(Core& home) : state_(std::make_shared<detail::ReplyState<T>>(home)) {}
    [[nodiscard]] ReplyTo<T> to() { return ReplyTo<T>(state_); }

    // Nothing: the request was dropped, or this task was cancelled (the answer is then thrown away
    // when it comes).
    [[nodiscard]] Awaitable<std::optional<T>> wait() {
        if (!finished()) co_await state_->waiter.suspend();
        const std::lock_guard lock(state_->mutex);
        co_return std::exchange(state_->value, std::nullopt);
    }

  private:
    [[nodiscard]] bool finished() const {
        const std::lock_guard lock(state_->mutex);
        return state_->finished;
    }
    std::shared_ptr<detail::ReplyState<T>> state_;
};

}  // namespace tidemark::actors
