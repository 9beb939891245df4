#include "actors/core.hpp"

#include "actors/event.hpp"
#include "actors/task_group.hpp"
#include "tests/support/test_core.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <stdexcept>

using namespace tidemark::actors;
using namespace tidemark::test;
using namespace std::chrono_literals;

namespace {

Awaitable<void> sleep_and_note(Core* core, std::chrono::microseconds delay, int* outcome) {
    *outcome = co_await core->sleep(delay) ? 1 : -1;
}

Awaitable<void> wait_and_note(Event* event, int* outcome) {
    *outcome = co_await event->wait() ? 1 : -1;
}

Awaitable<void> wait_twice(Event* event, int* outcome) {
    co_await event->wait();
    *outcome = co_await event->wait() ? 1 : -1;
}

Awaitable<void> throwing() {
    throw std::runtime_error("on purpose");
    co_return;
}

Awaitable<void> join_and_note(TaskGroup* group, bool* joined) {
    co_await group->join();
    *joined = true;
}

Awaitable<void> count_alive(Event* event, std::shared_ptr<int> token) {
    co_await event->wait();
    static_cast<void>(token);
}

}  // namespace

TEST_CASE("what is posted runs on the core, in order") {
    TestCore test;
    std::string order;
    test.core.post([&] { order += test.core.on_this_thread() ? "a" : "?"; });
    test.core.post([&order, owned = std::make_unique<int>(1)] { order += "b"; });
    CHECK(order.empty());
    CHECK(Core::current() == nullptr);
    test.core.run_until_idle();
    CHECK(order == "ab");
}

TEST_CASE("a sleep ends when the clock has passed it and not before") {
    TestCore test;
    int outcome = 0;
    test.spawn(sleep_and_note(&test.core, 5s, &outcome));
    test.advance(4900ms);
    CHECK(outcome == 0);
    test.advance(100ms);
    CHECK(outcome == 1);
}

TEST_CASE("a cancelled task wakes from its sleep and from every later wait") {
    TestCore test;
    int slept = 0;
    int waited = 0;
    Event event;
    test.spawn(sleep_and_note(&test.core, 1h, &slept));
    test.spawn(wait_twice(&event, &waited));
    test.tasks.cancel();
    test.core.run_until_idle();
    CHECK(slept == -1);
    CHECK(waited == -1);
    CHECK(test.core.timers().armed_count() == 0);

    SUBCASE("and a task that is spawned afterwards starts cancelled") {
        int late = 0;
        test.spawn(wait_and_note(&event, &late));
        CHECK(late == -1);
    }
}

TEST_CASE("an event set before the wait is not lost and is consumed by one wait") {
    TestCore test;
    Event event;
    int outcome = 0;
    event.set();
    event.set();
    test.spawn(wait_and_note(&event, &outcome));
    CHECK(outcome == 1);
    outcome = 0;
    test.spawn(wait_and_note(&event, &outcome));
    CHECK(outcome == 0);
    event.set();
    CHECK(outcome == 0);  // the waiter runs in a later turn, not inside set()
    test.core.run_until_idle();
    CHECK(outcome == 1);
}

TEST_CASE("join returns when the last child has ended and its state is gone") {
    TestCore test;
    TaskGroup group(test.core);
    Event event;
    auto token = std::make_shared<int>(0);
    group.spawn(count_alive(&event, token));
    bool joined = false;
    test.spawn(join_and_note(&group, &joined));
    CHECK_FALSE(joined);
    CHECK(token.use_count() == 2);
    CHECK(group.size() == 1);

    SUBCASE("because it finished") {
        event.set();
    }
    SUBCASE("because the group was cancelled") {
        group.cancel();
    }
    test.core.run_until_idle();
    CHECK(joined);
    CHECK(token.use_count() == 1);
    CHECK(group.size() == 0);
}

TEST_CASE("join of an empty group returns at once, and cancelling the joiner does not end a join") {
    TestCore test;
    bool joined = false;
    {
        TaskGroup group(test.core);
        test.spawn(join_and_note(&group, &joined));
        CHECK(joined);
    }
    TaskGroup group(test.core);
    TaskGroup joiners(test.core);
    Event event;
    int outcome = 0;
    joined = false;
    group.spawn(wait_and_note(&event, &outcome));
    joiners.spawn(join_and_note(&group, &joined));
    joiners.cancel();
    test.core.run_until_idle();
    CHECK_FALSE(joined);
    event.set();
    test.core.run_until_idle();
    CHECK(joined);
    CHECK(outcome == 1);
}

TEST_CASE("an exception of one child goes to the callback and leaves the others alone") {
    TestCore test;
    std::string caught;
    TaskGroup group(test.core, [&caught](const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
    });
    Event event;
    int outcome = 0;
    group.spawn(throwing());
    group.spawn(wait_and_note(&event, &outcome));
    test.core.run_until_idle();
    CHECK(caught == "on purpose");
    CHECK(group.size() == 1);
    event.set();
    test.core.run_until_idle();
    CHECK(outcome == 1);
}

TEST_CASE("a set of cores runs on threads of its own and ends when no work is left") {
    SystemClock clock;
    CoreSet cores(2, clock);
    CHECK(&cores.for_hash(5) == &cores[1]);
    cores.start();
    std::atomic<int> on_home{0};
    for (unsigned index = 0; index < 2; ++index) {
        cores[index].post([&, index] { on_home += cores[index].on_this_thread() ? 1 : 0; });
    }
    cores.stop();
    cores.join();
    CHECK(on_home == 2);
}

TEST_CASE("timers fire by the system clock on a running core, and stop waits for the armed ones") {
    SystemClock clock;
    Core core(0, clock);
    std::atomic<int> outcome{0};
    std::unique_ptr<TaskGroup> group;
    int result = 0;
    core.post([&] {
        group = std::make_unique<TaskGroup>(core);
        group->spawn(sleep_and_note(&core, 1ms, &result));
    });
    core.start();
    core.stop();
    core.join();
    CHECK(result == 1);
    CHECK(group->size() == 0);
    static_cast<void>(outcome);
}
