#include "actors/worker_pool.hpp"

#include "actors/task_group.hpp"
#include "tests/support/test_core.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

using namespace tidemark::actors;
using namespace tidemark::test;

namespace {

// Holds pool threads until the test lets them go.
class Gate {
  public:
    void pass() {
        std::unique_lock lock(mutex_);
        ++inside_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void wait_inside(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this, count] { return inside_ >= count; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int inside_ = 0;
    bool open_ = false;
};

struct Rig {
    explicit Rig(unsigned threads, std::size_t jobs_max = 100) : pool(threads, jobs_max) {}
    TestCore test;
    WorkerPool pool;
    std::string log;
};

Awaitable<void> hold(Rig* rig, Gate* gate, WorkPriority priority, std::string name) {
    const auto done = co_await rig->pool.run(priority, [gate] { gate->pass(); });
    rig->log += done ? name : "(" + name + ")";
}

Awaitable<void> note(Rig* rig, WorkPriority priority, std::string name) {
    const auto done = co_await rig->pool.run(priority, [name] { return name + "."; });
    rig->log += done ? *done : "(" + name + ")";
}

Awaitable<bool> runs_elsewhere(Rig* rig) {
    const auto thread = co_await rig->pool.run(WorkPriority::interactive,
                                               [] { return std::this_thread::get_id(); });
    co_return thread && *thread != std::this_thread::get_id() && rig->test.core.on_this_thread();
}

Awaitable<std::string> catches(Rig* rig) {
    try {
        static_cast<void>(co_await rig->pool.run(
            WorkPriority::heavy, []() -> int { throw std::runtime_error("in the job"); }));
    } catch (const std::runtime_error& error) {
        co_return error.what();
    }
    co_return "no exception";
}

Awaitable<void> until_cancelled(Rig* rig, Gate* started) {
    const auto result =
        co_await rig->pool.run(WorkPriority::heavy, [started](const WorkCancelled& cancelled) {
            started->pass();
            while (!cancelled.requested()) std::this_thread::yield();
            return 7;
        });
    rig->log += result && *result == 7 ? "stopped early" : "?";
}

}  // namespace

TEST_CASE("a job runs on a pool thread and its result comes back to the core") {
    Rig rig(2);
    CHECK(rig.test.run(runs_elsewhere(&rig)));
}

TEST_CASE("an exception of a job is thrown at its caller") {
    Rig rig(1);
    CHECK(rig.test.run(catches(&rig)) == "in the job");
}

TEST_CASE("a full queue refuses at once") {
    Gate gate;
    Rig rig(1, 1);
    rig.test.spawn(hold(&rig, &gate, WorkPriority::heavy, "a"));
    gate.wait_inside(1);
    rig.test.spawn(note(&rig, WorkPriority::heavy, "b"));
    CHECK(rig.pool.queued() == 1);
    rig.test.spawn(note(&rig, WorkPriority::heavy, "c"));
    CHECK(rig.log == "(c)");
    gate.open();
    CHECK(rig.test.core.run_until([&] { return rig.log.size() == 6; }));
    CHECK(rig.log == "(c)ab.");
}

TEST_CASE("interactive jobs go before heavy ones and find a thread while heavy ones run") {
    Gate gate;
    Rig rig(2);
    rig.test.spawn(hold(&rig, &gate, WorkPriority::heavy, "a"));
    gate.wait_inside(1);
    rig.test.spawn(note(&rig, WorkPriority::heavy, "b"));
    rig.test.spawn(note(&rig, WorkPriority::background, "c"));
    rig.test.spawn(note(&rig, WorkPriority::interactive, "d"));
    CHECK(rig.test.core.run_until([&] { return rig.log == "d."; }));
    CHECK(rig.pool.queued() == 2);  // the second heavy job does not take the last thread
    gate.open();
    CHECK(rig.test.core.run_until([&] { return rig.log.size() == 7; }));
}

TEST_CASE("a job that has not begun is dropped when its task is cancelled") {
    Gate gate;
    Rig rig(1);
    rig.test.spawn(hold(&rig, &gate, WorkPriority::interactive, "a"));
    gate.wait_inside(1);
    TaskGroup group(rig.test.core);
    group.spawn(note(&rig, WorkPriority::interactive, "b"));
    rig.test.core.run_until_idle();
    group.cancel();
    rig.test.core.run_until_idle();
    CHECK(rig.log == "(b)");
    CHECK(rig.pool.queued() == 0);
    gate.open();
}

TEST_CASE("a running job is told about the cancellation and its task waits for it") {
    Gate gate;
    Rig rig(1);
    gate.open();
    TaskGroup group(rig.test.core);
    group.spawn(until_cancelled(&rig, &gate));
    rig.test.core.run_until_idle();
    gate.wait_inside(1);
    CHECK(rig.log.empty());
    group.cancel();
    CHECK(rig.test.core.run_until([&] { return !rig.log.empty(); }));
    CHECK(rig.log == "stopped early");
}

TEST_CASE("stopping finishes what runs and answers what waits") {
    Gate gate;
    Rig rig(1);
    rig.test.spawn(hold(&rig, &gate, WorkPriority::heavy, "a"));
    gate.wait_inside(1);
    rig.test.spawn(note(&rig, WorkPriority::heavy, "b"));
    std::thread opener([&gate] { gate.open(); });
    rig.pool.stop();
    opener.join();
    rig.test.core.run_until_idle();
    CHECK(rig.log.find("(b)") != std::string::npos);
    CHECK(rig.log.find('a') != std::string::npos);
    rig.log.clear();
    rig.test.spawn(note(&rig, WorkPriority::heavy, "c"));
    CHECK(rig.log == "(c)");
}
