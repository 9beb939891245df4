#pragma once

// A core that a test drives by hand, with a clock that stands still until told.

#include "actors/clock.hpp"
#include "actors/core.hpp"
#include "actors/task_group.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace tidemark::test {

class TestCore {
  public:
    TestCore() = default;
    ~TestCore() {
        tasks.cancel();
        const bool ended = core.run_until([this] { return tasks.size() == 0; });
        CHECK_MESSAGE(ended, "a task did not end after its cancellation");
    }
    TestCore(const TestCore&) = delete;
    TestCore& operator=(const TestCore&) = delete;

    // Starts `task` and lets everything happen that can without time passing.
    void spawn(actors::Awaitable<void> task) {
        tasks.spawn(std::move(task));
        core.run_until_idle();
    }

    // Runs `task` to its end, also with other threads taking part, and returns its result.
    template <class T>
    T run(actors::Awaitable<T> task) {
        std::optional<T> result;
        tasks.spawn(store(std::move(task), &result));
        const bool ended = core.run_until([this, &result] { return result || failed_; });
        REQUIRE_MESSAGE(ended, "the task did not end");
        REQUIRE_MESSAGE(result.has_value(), failure_text_);
        return std::move(*result);
    }
    void run(actors::Awaitable<void> task) { run(with_value(std::move(task))); }

    void advance(std::chrono::microseconds by) {
        clock.advance(by);
        core.run_until_idle();
    }

    actors::ManualClock clock;
    actors::Core core{0, clock};
    actors::TaskGroup tasks{core, [this](std::exception_ptr failure) { note(failure); }};

  private:
    template <class T>
    static actors::Awaitable<void> store(actors::Awaitable<T> task, std::optional<T>* result) {
        result->emplace(co_await std::move(task));
    }
    static actors::Awaitable<bool> with_value(actors::Awaitable<void> task) {
        co_await std::move(task);
        co_return true;
    }
    void note(const std::exception_ptr& failure) {
        failed_ = true;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            failure_text_ = error.what();
        }
    }

    bool failed_ = false;
    std::string failure_text_ = "a task threw";
};

}  // namespace tidemark::test
