#pragma once

// A few threads for what would hold up a network thread: password hashing, SEARCH TEXT, SORT of
// large mailboxes, file reads that miss the page cache.
//
// Bounded: a full queue answers WorkError::queue_full at once. Three priorities; heavy work never
// takes the last thread, so that logins go on while searches run. Within a priority, first come
// first served. A job works on values it owns or immutable snapshots; it must not touch anything of
// a core.

#include "actors/awaitable.hpp"
#include "actors/core.hpp"
#include "actors/waiter.hpp"

#include <tl/expected.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidemark::actors {

enum class WorkPriority : std::uint8_t {
    interactive,  // somebody waits and it is short: password checks, reads of one message
    heavy,        // searches, sorting, threading
    background,   // verification, compaction
};
inline constexpr std::size_t kWorkPriorities = 3;

enum class WorkError : std::uint8_t {
    queue_full,
    cancelled,  // the task was cancelled before the job began, or the pool has stopped
};

// Set when the task that waits for a running job is cancelled; long jobs look at it now and then.
class WorkCancelled {
  public:
    [[nodiscard]] bool requested() const { return flag_.load(std::memory_order_relaxed); }
    void request() { flag_.store(true, std::memory_order_relaxed); }

  private:
    std::atomic<bool> flag_{false};
};

class WorkerPool {
  public:
    // `jobs_max` bounds what waits in each priority.
    WorkerPool(unsigned threads, std::size_t jobs_max);
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // Runs `function()` or `function(const WorkCancelled&)` on a pool thread and returns its result
    // on the core that called. `function` is destroyed on that core too. An exception from it is
    // thrown at the caller.
    template <class F>
    [[nodiscard]] auto run(WorkPriority priority, F function);

    // Finishes what runs, answers what waits with `cancelled`, joins. Idempotent.
    void stop();

    [[nodiscard]] std::size_t queued() const;

  private:
    struct Job {
        WorkerPool* pool = nullptr;
        Job* previous = nullptr;
        Job* next = nullptr;
        void (*call)(Job&) = nullptr;
        Core* home = nullptr;
        WorkPriority priority{};
        enum class State : std::uint8_t { queued, running, done, dropped } state = State::queued;
        WorkCancelled cancelled;
        std::exception_ptr failure;
        Waiter waiter;  // home thread
    };
    template <class F>
    struct JobOf;
    struct Queue {
        Job* first = nullptr;
        Job* last = nullptr;
        std::size_t count = 0;
        std::size_t running = 0;
    };

    template <class F, class R>
    [[nodiscard]] Awaitable<tl::expected<R, WorkError>> run_job(WorkPriority priority, F function);
    [[nodiscard]] std::optional<WorkError> submit(Job& job);
    static void on_cancel(void* job);
    void work();
    Job* take_locked();
    void unlink_locked(Job& job);

    const std::size_t jobs_max_;
    std::size_t slow_running_max_ = 1;
    std::size_t background_running_max_ = 1;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::array<Queue, kWorkPriorities> queues_;
    bool stopped_ = false;
    std::vector<std::thread> threads_;
};

// What run() gives back: the function's result, or why it did not run.
template <class F>
struct WorkerPool::JobOf : Job {
    static constexpr bool kTakesFlag = std::is_invocable_v<F&, const WorkCancelled&>;
    static auto invoke(F& function, const WorkCancelled& cancelled) {
        if constexpr (kTakesFlag) {
            return function(cancelled);
        } else {
            return function();
        }
    }
    using R = decltype(invoke(std::declval<F&>(), std::declval<const WorkCancelled&>()));

    explicit JobOf(F f) : function(std::move(f)) { call = &JobOf::execute; }
    static void execute(Job& job) {
        auto& self = static_cast<JobOf&>(job);
        if constexpr (std::is_void_v<R>) {
            invoke(self.function, self.cancelled);
        } else {
            self.result.emplace(invoke(self.function, self.cancelled));
        }
    }

    F function;
    std::conditional_t<std::is_void_v<R>, bool, std::optional<R>> result{};
};

template <class F>
auto WorkerPool::run(WorkPriority priority, F function) {
    return run_job<F, typename JobOf<F>::R>(priority, std::move(function));
}

template <class F, class R>
Awaitable<tl::expected<R, WorkError>> WorkerPool::run_job(WorkPriority priority, F function) {
    JobOf<F> job(std::move(function));
    job.priority = priority;
    job.home = Core::current();
    if (auto refused = submit(job)) co_return tl::unexpected(*refused);
    co_await job.waiter.suspend(&WorkerPool::on_cancel, &job);
    if (job.state == Job::State::dropped) co_return tl::unexpected(WorkError::cancelled);
    if (job.failure) std::rethrow_exception(job.failure);
    if constexpr (std::is_void_v<R>) {
        co_return tl::expected<void, WorkError>();
    } else {
        co_return std::move(*job.result);
    }
}

}  // namespace tidemark::actors
