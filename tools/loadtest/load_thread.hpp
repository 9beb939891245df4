// One thread of a run with its clients.
//
// Public calls come from the thread of the run, between start() and stop(); they post to the thread
// and, where they give something back, wait for it.
#pragma once

#include "actors/task_group.hpp"
#include "tools/loadtest/summary.hpp"
#include "tools/loadtest/worker.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidemark::loadtest {

class LoadThread {
  public:
    // Clients of one thread that are being made ready at the same time.
    static constexpr unsigned kMakers = 32;

    LoadThread(unsigned index, std::size_t commands, Connector& connector);
    ~LoadThread();
    LoadThread(const LoadThread&) = delete;
    LoadThread& operator=(const LoadThread&) = delete;

    void start();
    // Destroys the clients on their thread and ends it.
    void stop();

    // Before begin_preparing().
    void add(RunState& run, const IndexedGroup& group, std::uint64_t client);
    void add_arrivals(const IndexedGroup& group, std::size_t threads, std::uint64_t seed);

    void begin_preparing(double per_second);
    void begin_working(std::int64_t start_us);
    // No task of begin_preparing() or begin_working() is left.
    bool is_idle() const { return tasks_left_ == 0; }
    std::uint64_t ready() const { return ready_; }

    void wake();
    void set_measuring(bool is_on);
    void harvest(SecondSum& sum);
    void close_clients();
    double cpu_seconds() const { return cpu_seconds_; }

    // Runs a coroutine on the thread to its end.
    void call(const std::function<actors::Awaitable<void>(LoadThread&)>& make);

    // On the thread only, or when it has nothing to do.
    ThreadState& state() { return state_; }
    [[nodiscard]] actors::Awaitable<void> check_pushes();

  private:
    struct Client {
        std::unique_ptr<Worker> worker;
        Arrivals* arrivals = nullptr;
        const IndexedGroup* group = nullptr;
        bool is_ready = false;
    };
    struct GroupArrivals {
        const IndexedGroup* group;
        std::unique_ptr<Arrivals> arrivals;
    };

    // Runs `f` on the thread and waits for it.
    void run_there(const std::function<void()>& f);
    [[nodiscard]] actors::Awaitable<void> make_some(double per_second);
    [[nodiscard]] actors::Awaitable<void> work(Client* client);
    [[nodiscard]] actors::Awaitable<void> watch_lag();
    [[nodiscard]] actors::Awaitable<void> run_call(
        std::function<actors::Awaitable<void>(LoadThread&)> make, std::function<void()> done);

    actors::SystemClock clock_;
    actors::Core core_;
    Recorder recorder_;
    ThreadState state_;
    std::vector<Client> clients_;
    std::vector<GroupArrivals> arrivals_;
    std::size_t next_client_ = 0;
    std::int64_t ramp_next_us_ = 0;
    std::atomic<std::uint64_t> tasks_left_{0};
    std::atomic<std::uint64_t> ready_{0};
    std::atomic<bool> is_ending_{false};
    std::int64_t harvested_us_ = 0;
    double harvested_cpu_ = 0;
    double cpu_seconds_ = 0;
    std::unique_ptr<actors::TaskGroup> tasks_;
};

struct Probe {
    std::string greeting;
    std::string error;  // empty: logged in
};
// Logs in once and learns from CAPABILITY what appends may use.
[[nodiscard]] actors::Awaitable<void> probe_server(ThreadState* thread, RunState* run,
                                                   Probe* probe);

}  // namespace tidemark::loadtest
