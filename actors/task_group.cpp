#include "actors/task_group.hpp"

#include <asio/cancellation_signal.hpp>
#include <spdlog/spdlog.h>

#include <cassert>
#include <utility>

namespace tidemark::actors {

namespace {

using Thread = asio::detail::awaitable_thread<Executor>;

// Starts the child from the io_context instead of on the stack of whoever spawns it.
class Starter : public Thread {
  public:
    using Thread::Thread;
    void operator()() { launch(); }
};

void log_failure(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        spdlog::error("a task ended with an exception: {}", error.what());
    } catch (...) {
        spdlog::error("a task ended with an unknown exception");
    }
}

}  // namespace

struct TaskGroup::Child {
    TaskGroup* group;
    Child* previous = nullptr;
    Child* next = nullptr;
    asio::cancellation_signal signal;

    explicit Child(TaskGroup* owner) : group(owner) {
        next = group->first_;
        if (next != nullptr) next->previous = this;
        group->first_ = this;
        ++group->count_;
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { leave(); }

    void leave() {
        if (group == nullptr) return;
        if (previous != nullptr) {
            previous->next = next;
        } else {
            group->first_ = next;
        }
        if (next != nullptr) next->previous = previous;
        --group->count_;
        group = nullptr;
    }
};

TaskGroup::TaskGroup(Core& core, OnFailure on_failure)
    : core_(core), on_failure_(std::move(on_failure)) {}

TaskGroup::~TaskGroup() {
    assert(count_ == 0 && "a task outlives its group");
}

asio::awaitable<asio::detail::awaitable_thread_entry_point, Executor> TaskGroup::run(
    std::unique_ptr<Child> child, Awaitable<void> task) {
    std::exception_ptr failure;
    try {
        co_await std::move(task);
    } catch (...) {
        failure = std::current_exception();
    }
    child->group->finished(*child, std::move(failure));
}

void TaskGroup::spawn(Awaitable<void> task) {
    auto child = std::make_unique<Child>(this);
    Child* raw = child.get();
    // The state is created on the child's signal before the child can be cancelled; it remembers
    // the cancellation.
    const asio::cancellation_state state(raw->signal.slot());
    Starter starter(run(std::move(child), std::move(task)), core_.executor(), raw->signal.slot(),
                    state);
    // Cancellation comes as a value out of every wait, not as an exception out of every co_await.
    starter.throw_if_cancelled(false);
    if (cancelled_) raw->signal.emit(asio::cancellation_type::terminal);
    asio::post(core_.executor(), std::move(starter));
}

void TaskGroup::cancel() {
    if (cancelled_) return;
    cancelled_ = true;
    // Waking a child only queues it, so the list stays as it is during the loop.
    for (Child* child = first_; child != nullptr; child = child->next) {
        child->signal.emit(asio::cancellation_type::terminal);
    }
}

void TaskGroup::finished(Child& child, std::exception_ptr failure) {
    child.leave();
    if (failure) {
        if (on_failure_) {
            on_failure_(std::move(failure));
        } else {
            log_failure(failure);
        }
    }
    if (count_ == 0) joiner_.resume();
}

Awaitable<void> TaskGroup::join() {
    while (count_ > 0) co_await joiner_.suspend([](void*) {}, nullptr);
}

}  // namespace tidemark::actors
