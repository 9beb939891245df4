#include "tools/loadtest/load_thread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <future>
#include <utility>

namespace tidemark::loadtest {

namespace {

constexpr std::int64_t kLagProbeUs = 5'000;

using CoreTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, actors::Executor>;

double thread_cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

LoadThread::LoadThread(unsigned index, std::size_t commands, Connector& connector)
    : core_(index, clock_), recorder_(commands) {
    state_.core = &core_;
    state_.recorder = &recorder_;
    state_.connector = &connector;
}

LoadThread::~LoadThread() {
    stop();
}

void LoadThread::run_there(const std::function<void()>& f) {
    std::promise<void> done;
    core_.post([&f, &done] {
        f();
        done.set_value();
    });
    done.get_future().wait();
}

void LoadThread::start() {
    core_.start();
    run_there([this] {
        tasks_ = std::make_unique<actors::TaskGroup>(core_);
        harvested_us_ = now_us();
        tasks_->spawn(watch_lag());
    });
}

void LoadThread::stop() {
    if (!tasks_) return;
    is_ending_ = true;
    struct Ending {
        static actors::Awaitable<void> run(LoadThread* thread, std::promise<void>* done) {
            // Not a child of the group that it waits for.
            while (thread->tasks_->size() > 1)
                static_cast<void>(co_await thread->core_.sleep(std::chrono::milliseconds(20)));
            thread->cpu_seconds_ = thread_cpu_seconds();
            done->set_value();
        }
    };
    std::promise<void> done;
    core_.post([this, &done] { tasks_->spawn(Ending::run(this, &done)); });
    done.get_future().wait();
    // The last child ends in a later turn than its last line.
    for (bool is_over = false; !is_over;)
        run_there([this, &is_over] { is_over = tasks_->size() == 0; });
    run_there([this] {
        clients_.clear();
        tasks_.reset();
    });
    core_.stop();
    core_.join();
}

void LoadThread::add(RunState& run, const IndexedGroup& group, std::uint64_t client) {
    clients_.push_back(
        {std::make_unique<Worker>(state_, run, group, client), nullptr, &group, false});
}

void LoadThread::add_arrivals(const IndexedGroup& group, std::size_t threads, std::uint64_t seed) {
    if (group.group.rate <= 0) return;
    const bool has_clients =
        std::any_of(clients_.begin(), clients_.end(),
                    [&group](const Client& one) { return one.group == &group; });
    if (!has_clients) return;
    // A group with fewer clients than threads lives on some of them only.
    const auto shared = std::min<std::size_t>(threads, *group.group.clients);
    auto arrivals = std::make_unique<Arrivals>(group.group.rate / static_cast<double>(shared),
                                               group.group.is_poisson, seed + core_.index());
    for (Client& client : clients_) {
        if (client.group == &group) client.arrivals = arrivals.get();
    }
    arrivals_.push_back({&group, std::move(arrivals)});
}

void LoadThread::begin_preparing(double per_second) {
    tasks_left_ = kMakers;
    core_.post([this, per_second] {
        ramp_next_us_ = now_us();
        for (unsigned i = 0; i < kMakers; ++i) tasks_->spawn(make_some(per_second));
    });
}

actors::Awaitable<void> LoadThread::make_some(double per_second) {
    CoreTimer timer(core_.executor());
    while (next_client_ < clients_.size()) {
        Client& client = clients_[next_client_++];
        if (per_second > 0) {
            ramp_next_us_ += static_cast<std::int64_t>(1e6 / per_second);
            const std::int64_t delay = ramp_next_us_ - now_us();
            if (delay > 0) {
                timer.expires_after(std::chrono::microseconds(delay));
                static_cast<void>(co_await timer.async_wait(actors::as_result));
            }
        }
        client.is_ready = co_await client.worker->prepare();
        if (client.is_ready) ++ready_;
    }
    --tasks_left_;
}

void LoadThread::begin_working(std::int64_t start_us) {
    tasks_left_ = clients_.size();
    core_.post([this, start_us] {
        harvested_us_ = start_us;
        harvested_cpu_ = thread_cpu_seconds();
        for (GroupArrivals& one : arrivals_) one.arrivals->start(start_us);
        for (Client& client : clients_) tasks_->spawn(work(&client));
    });
}

actors::Awaitable<void> LoadThread::work(Client* client) {
    if (client->is_ready) co_await client->worker->work(client->arrivals);
    --tasks_left_;
}

void LoadThread::wake() {
    run_there([this] {
        for (Client& client : clients_) client.worker->wake();
    });
}

void LoadThread::set_measuring(bool is_on) {
    run_there([this, is_on] { recorder_.is_measuring = is_on; });
}

void LoadThread::harvest(SecondSum& sum) {
    run_there([this, &sum] {
        const std::int64_t now = now_us();
        const double cpu = thread_cpu_seconds();
        const double elapsed =
            static_cast<double>(std::max<std::int64_t>(now - harvested_us_, 1)) / 1e6;
        sum.add(recorder_, (cpu - harvested_cpu_) / elapsed);
        harvested_us_ = now;
        harvested_cpu_ = cpu;
    });
}

void LoadThread::close_clients() {
    run_there([this] {
        for (Client& client : clients_) client.worker->close();
    });
}

actors::Awaitable<void> LoadThread::watch_lag() {
    CoreTimer timer(core_.executor());
    while (!is_ending_) {
        const std::int64_t due = now_us() + kLagProbeUs;
        timer.expires_after(std::chrono::microseconds(kLagProbeUs));
        static_cast<void>(co_await timer.async_wait(actors::as_result));
        const auto late = static_cast<std::uint64_t>(std::max<std::int64_t>(now_us() - due, 0));
        recorder_.lag_in_second_us = std::max(recorder_.lag_in_second_us, late);
        if (recorder_.is_measuring) recorder_.lag.record(late);
    }
}

actors::Awaitable<void> LoadThread::run_call(
    std::function<actors::Awaitable<void>(LoadThread&)> make, std::function<void()> done) {
    co_await make(*this);
    done();
}

void LoadThread::call(const std::function<actors::Awaitable<void>(LoadThread&)>& make) {
    std::promise<void> done;
    core_.post(
        [this, &make, &done] { tasks_->spawn(run_call(make, [&done] { done.set_value(); })); });
    done.get_future().wait();
}

actors::Awaitable<void> LoadThread::check_pushes() {
    for (Client& client : clients_) co_await client.worker->check_pushes();
}

actors::Awaitable<void> probe_server(ThreadState* thread, RunState* run, Probe* probe) {
    ImapClient client(*thread);
    ErrorKind error = co_await client.open();
    if (error != ErrorKind::none) {
        probe->error = fmt::format("cannot connect: {}", name_of(error));
        co_return;
    }
    probe->greeting = client.greeting();
    std::string login = "LOGIN ";
    write_quoted(run->users->name(0), login);
    login += ' ';
    write_quoted(run->password, login);
    thread->out = fmt::format("T{} {}\r\n", client.begin(), login);
    error = co_await client.send();
    if (error == ErrorKind::none) error = co_await client.finish();
    if (error != ErrorKind::none) {
        probe->error = fmt::format("{} cannot log in: {}", run->users->name(0),
                                   error == ErrorKind::no ? client.last_text() : name_of(error));
        co_return;
    }
    std::string capabilities;
    client.on_untagged = [&capabilities](std::string_view text) {
        if (text.starts_with("CAPABILITY")) capabilities = fmt::format("{} ", text);
    };
    thread->out = fmt::format("T{} CAPABILITY\r\n", client.begin());
    error = co_await client.send();
    if (error == ErrorKind::none) error = co_await client.finish();
    client.on_untagged = nullptr;
    const auto can = [&capabilities](std::string_view name) {
        return capabilities.find(fmt::format(" {} ", name)) != std::string::npos;
    };
    run->has_literal_plus = can("LITERAL+");
    run->has_literal_minus = can("LITERAL-");
    run->has_multiappend = can("MULTIAPPEND");
}

}  // namespace tidemark::loadtest
