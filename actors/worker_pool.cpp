#include "actors/worker_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <cassert>

namespace tidemark::actors {

WorkerPool::WorkerPool(unsigned threads, std::size_t jobs_max) : jobs_max_(jobs_max) {
    threads = std::max(threads, 1U);
    // What is not interactive never takes the last thread, background work not more than half of
    // them.
    slow_running_max_ = std::max(threads - 1, 1U);
    background_running_max_ = std::max(threads / 2, 1U);
    for (unsigned index = 0; index < threads; ++index) {
        threads_.emplace_back([this, index] {
            pthread_setname_np(pthread_self(), ("work-" + std::to_string(index)).c_str());
            work();
        });
    }
}

WorkerPool::~WorkerPool() {
    stop();
}

std::size_t WorkerPool::queued() const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const Queue& queue : queues_) count += queue.count;
    return count;
}

std::optional<WorkError> WorkerPool::submit(Job& job) {
    assert(job.home != nullptr && "run() is called outside a core");
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return WorkError::cancelled;
        Queue& queue = queues_[static_cast<std::size_t>(job.priority)];
        if (queue.count >= jobs_max_) return WorkError::queue_full;
        job.pool = this;
        job.previous = queue.last;
        (queue.last != nullptr ? queue.last->next : queue.first) = &job;
        queue.last = &job;
        ++queue.count;
    }
    changed_.notify_one();
    return std::nullopt;
}

void WorkerPool::unlink_locked(Job& job) {
    Queue& queue = queues_[static_cast<std::size_t>(job.priority)];
    (job.previous != nullptr ? job.previous->next : queue.first) = job.next;
    (job.next != nullptr ? job.next->previous : queue.last) = job.previous;
    job.previous = job.next = nullptr;
    --queue.count;
}

WorkerPool::Job* WorkerPool::take_locked() {
    const auto allowed = [this](WorkPriority priority) {
        if (priority == WorkPriority::interactive) return true;
        const std::size_t heavy = queues_[static_cast<std::size_t>(WorkPriority::heavy)].running;
        const std::size_t background =
            queues_[static_cast<std::size_t>(WorkPriority::background)].running;
        if (heavy + background >= slow_running_max_) return false;
        return priority == WorkPriority::heavy || background < background_running_max_;
    };
    for (std::size_t priority = 0; priority < kWorkPriorities; ++priority) {
        Queue& queue = queues_[priority];
        if (queue.first == nullptr || !allowed(static_cast<WorkPriority>(priority))) continue;
        Job* job = queue.first;
        unlink_locked(*job);
        job->state = Job::State::running;
        ++queue.running;
        return job;
    }
    return nullptr;
}

void WorkerPool::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        Job* job = take_locked();
        if (job == nullptr) {
            if (stopped_) return;
            changed_.wait(lock);
            continue;
        }
        lock.unlock();
        try {
            job->call(*job);
        } catch (...) {
            job->failure = std::current_exception();
        }
        lock.lock();
        job->state = Job::State::done;
        --queues_[static_cast<std::size_t>(job->priority)].running;
        // A priority that was held back may run now, and a notify_one of its own went to nobody.
        if (queues_[1].count + queues_[2].count > 0) changed_.notify_one();
        lock.unlock();
        // After this post the job may be gone.
        job->home->post([job] { job->waiter.resume_now(); });
        lock.lock();
    }
}

void WorkerPool::on_cancel(void* context) {
    auto& job = *static_cast<Job*>(context);
    WorkerPool& pool = *job.pool;
    const std::lock_guard lock(pool.mutex_);
    if (job.state == Job::State::queued) {
        pool.unlink_locked(job);
        job.state = Job::State::dropped;
        job.waiter.resume();
    } else {
        job.cancelled.request();
    }
}

void WorkerPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        for (Queue& queue : queues_) {
            while (Job* job = queue.first) {
                unlink_locked(*job);
                job->state = Job::State::dropped;
                job->home->post([job] { job->waiter.resume_now(); });
            }
        }
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

}  // namespace tidemark::actors
