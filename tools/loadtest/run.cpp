#include "tools/loadtest/run.hpp"

#include "actors/task_group.hpp"
#include "tools/loadtest/census.hpp"
#include "tools/loadtest/load_thread.hpp"
#include "tools/loadtest/process_use.hpp"
#include "tools/loadtest/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>
#include <thread>
#include <utility>

namespace tidemark::loadtest {

namespace {

constexpr std::chrono::milliseconds kGlance{20};  // how often the main thread looks
// Memory is looked at as often as costs less than this share of the time.
constexpr double kMemoryShare = 0.05;
// A message that was acknowledged last may take so long to be announced.
constexpr std::chrono::milliseconds kPushGrace{1500};

class Run {
  public:
    Run(const Scenario& scenario, const RunOptions& options, Connector& connector,
        RunObserver* observer)
        : scenario_(scenario), options_(options), connector_(connector), observer_(observer) {
        state_.users = &options.users;
        state_.password = options.password;
        state_.pool = &pool_;
        state_.shell_command = options.shell_command;
        state_.seed = options.seed;
        // Told apart from earlier runs on the same mailboxes, whatever the seed.
        state_.run_id = static_cast<std::uint32_t>(
            static_cast<std::uint64_t>(now_us()) * 0x9e3779b97f4a7c15 >> 32);
        warmup_ = options.warmup.value_or(scenario.warmup);
        duration_ = options.duration.value_or(scenario.duration);
    }

    tl::expected<Result, std::string> run() {
        if (scenario_.needs_lmtp() && !connector_.has_lmtp())
            return tl::unexpected(fmt::format(
                "the scenario {} delivers over LMTP; say where with --lmtp", scenario_.name));
        index_groups();
        make_threads();
        const auto probed = probe();
        if (!probed) {
            end_threads();
            return tl::unexpected(probed.error());
        }
        make_workers();
        sample_before();
        const bool is_ready = prepare();
        if (is_ready) {
            load();
            check();
        }
        end_threads();
        if (!is_ready) return tl::unexpected(not_ready());
        return result();
    }

  private:
    // --- before -------------------------------------------------------------------------------

    void index_groups() {
        std::vector<std::uint64_t> counts = client_counts();
        double rates = 0;
        for (const Group& group : scenario_.groups) rates += group.rate;
        for (std::size_t i = 0; i < scenario_.groups.size(); ++i) {
            Group group = scenario_.groups[i];
            if (options_.is_closed) {
                group.rate = 0;
            } else if (options_.rate) {
                // A scenario without rates: all of it goes to the first group.
                group.rate = rates > 0 ? group.rate / rates * *options_.rate
                             : i == 0  ? *options_.rate
                                       : 0;
            }
            IndexedGroup indexed;
            indexed.setup = index_steps(group.setup, group);
            indexed.steps = index_steps(group.steps, group);
            group.clients = counts[i];
            clients_ += counts[i];
            is_open_ = is_open_ || group.rate > 0;
            rate_ += group.rate;
            indexed.group = std::move(group);
            groups_.push_back(std::move(indexed));
        }
        push_command_ = names_.index("PUSH");
        push_last_command_ = names_.index("PUSH to the last");
    }

    std::vector<IndexedStep> index_steps(const std::vector<Step>& steps, const Group& group) {
        std::vector<IndexedStep> result;
        for (const Step& step : steps) {
            const std::string name = group.is_bad ? "bad: " + step.as : step.as;
            result.push_back({step, names_.index(name)});
            if (group.is_bad) names_.set_bad(result.back().command);
            if (step.kind == StepKind::append || step.kind == StepKind::deliver)
                pool_.add(options_.seed, step.size);
        }
        return result;
    }

    std::vector<std::uint64_t> client_counts() const {
        std::uint64_t left = options_.connections.value_or(scenario_.connections);
        double shares = 0;
        for (const Group& group : scenario_.groups) {
            if (!group.clients) {
                shares += group.share;
            } else {
                left -= std::min(left, *group.clients);
            }
        }
        std::vector<std::uint64_t> counts;
        for (const Group& group : scenario_.groups) {
            const double part = shares > 0 ? group.share / shares : 0;
            counts.push_back(group.clients.value_or(std::max<std::uint64_t>(
                1, static_cast<std::uint64_t>(std::llround(part * static_cast<double>(left))))));
        }
        return counts;
    }

    void make_threads() {
        for (unsigned i = 0; i < std::max(options_.threads, 1U); ++i) {
            threads_.push_back(std::make_unique<LoadThread>(i, names_.size(), connector_));
            ThreadState& thread = threads_.back()->state();
            thread.patience = options_.patience;
            thread.push_command = push_command_;
            thread.push_last_command = push_last_command_;
            threads_.back()->start();
        }
    }

    // One login, to learn what the server can do and whether it lets us in at all.
    tl::expected<void, std::string> probe() {
        Probe found;
        threads_[0]->call([this, &found](LoadThread& thread) {
            return probe_server(&thread.state(), &state_, &found);
        });
        greeting_ = found.greeting;
        if (!found.error.empty()) return tl::unexpected(found.error);
        threads_[0]->state().recorder->answers = 0;
        return {};
    }

    void make_workers() {
        const bool has_idlers = std::any_of(groups_.begin(), groups_.end(), [](const auto& group) {
            return std::any_of(group.steps.begin(), group.steps.end(),
                               [](const auto& one) { return one.step.kind == StepKind::idle; });
        });
        std::uint64_t client = 0;
        for (const IndexedGroup& group : groups_) {
            const bool idles = has_idlers && std::any_of(group.steps.begin(), group.steps.end(),
                                                         [](const auto& one) {
                                                             return one.step.kind == StepKind::idle;
                                                         });
            for (std::uint64_t i = 0; i < *group.group.clients; ++i) {
                // Accounts are counted within the group, so that every group begins with the first.
                threads_[client++ % threads_.size()]->add(state_, group, i);
                if (!idles) continue;
                const std::uint64_t account =
                    group.group.accounts == Accounts::first ? 0 : i % state_.users->size();
                if (state_.pushes.size() <= account) state_.pushes.resize(account + 1);
                if (!state_.pushes[account]) state_.pushes[account] = std::make_unique<PushSlot>();
            }
            for (auto& thread : threads_)
                thread->add_arrivals(group, threads_.size(), options_.seed);
        }
    }

    bool prepare() {
        const double ramp = options_.ramp_per_second / static_cast<double>(threads_.size());
        for (auto& thread : threads_) thread->begin_preparing(ramp);
        for (;;) {
            std::uint64_t ready = 0;
            bool is_done = true;
            for (auto& thread : threads_) {
                ready += thread->ready();
                is_done = is_done && thread->is_idle();
            }
            if (observer_ != nullptr) observer_->preparing(ready, clients_);
            if (is_done) {
                ready_ = ready;
                for (auto& thread : threads_) open_ += thread->state().recorder->connections;
                return ready > 0 && !should_stop();
            }
            if (should_stop()) stop_workers();
            std::this_thread::sleep_for(kGlance);
        }
    }

    std::string not_ready() {
        if (should_stop()) return "interrupted before all clients were ready";
        std::string why;
        for (unsigned i = 0; i < names_.size(); ++i) {
            for (std::size_t kind = 0; kind < kErrorKinds; ++kind) {
                std::uint64_t count = 0;
                for (auto& thread : threads_)
                    count += thread->state().recorder->commands()[i].errors[kind];
                if (count > 0)
                    why += fmt::format(" {} {} times: {};", names_.name(i), count,
                                       name_of(static_cast<ErrorKind>(kind)));
            }
        }
        return "no client got ready:" + why;
    }

    // --- the load -----------------------------------------------------------------------------

    bool should_stop() const { return options_.stop != nullptr && *options_.stop; }

    void sample_before() {
        if (options_.server_pid == 0) return;
        before_ = process_use(static_cast<pid_t>(options_.server_pid));
    }

    void stop_workers() {
        state_.is_stopping = true;
        for (auto& thread : threads_) thread->wake();
    }

    void load() {
        if (options_.server_pid != 0) {
            ready_use_ = process_use(static_cast<pid_t>(options_.server_pid));
            last_use_ = ready_use_;
        }
        if (options_.iterations) {
            state_.is_limited = true;
            state_.iterations_left = static_cast<std::int64_t>(*options_.iterations);
        }
        start_wall_ = std::time(nullptr);
        start_us_ = now_us();
        measure_from_us_ = start_us_ + warmup_.count();
        state_.end_us = measure_from_us_ + duration_.count();
        if (warmup_.count() == 0) set_measuring(true);
        for (auto& thread : threads_) thread->begin_working(start_us_);
        std::int64_t next_second = start_us_ + 1'000'000;
        while (!all_idle()) {
            std::this_thread::sleep_for(std::min<std::chrono::microseconds>(
                kGlance,
                std::chrono::microseconds(std::max<std::int64_t>(next_second - now_us(), 1000))));
            const std::int64_t now = now_us();
            if (!is_measuring_ && !state_.is_stopping && now >= measure_from_us_)
                set_measuring(true);
            if (now >= next_second) {
                take_second(now);
                next_second += 1'000'000;
            }
            if ((now >= state_.end_us || should_stop()) && !state_.is_stopping) end_measuring();
        }
        if (!state_.is_stopping) end_measuring();
        if (seconds_.empty()) take_second(now_us());
    }

    bool all_idle() const {
        return std::all_of(threads_.begin(), threads_.end(),
                           [](const auto& thread) { return thread->is_idle(); });
    }

    void set_measuring(bool is_on) {
        is_measuring_ = is_on;
        for (auto& thread : threads_) thread->set_measuring(is_on);
        const std::int64_t now = now_us();
        (is_on ? measured_from_us_ : measured_to_us_) = now;
        if (options_.server_pid == 0) return;
        const auto use = process_use(static_cast<pid_t>(options_.server_pid), !is_on);
        (is_on ? measured_use_from_ : measured_use_to_) = use;
    }

    void end_measuring() {
        if (!is_measuring_) set_measuring(true);
        set_measuring(false);
        stop_workers();
    }

    void take_second(std::int64_t now) {
        SecondSum sum(names_.size());
        for (auto& thread : threads_) thread->harvest(sum);
        Second second = sum.to_second(names_);
        second.t = static_cast<double>(now - measure_from_us_) / 1e6;
        sample_server(now, second);
        seconds_.push_back(second);
        if (observer_ != nullptr) observer_->passed(second);
    }

    void sample_server(std::int64_t now, Second& second) {
        if (options_.server_pid == 0) return;
        const bool with_memory = now >= next_memory_us_;
        const auto use = process_use(static_cast<pid_t>(options_.server_pid), with_memory);
        if (!use) return;
        if (last_use_) second.server_cpu_seconds = use->cpu_seconds - last_use_->cpu_seconds;
        second.server_pss_bytes = use->pss_bytes;
        if (use->pss_bytes) pss_peak_ = std::max(pss_peak_, *use->pss_bytes);
        if (with_memory) {
            const auto cost = static_cast<double>(now_us() - now);
            next_memory_us_ = now + static_cast<std::int64_t>(cost / kMemoryShare);
        }
        last_use_ = use;
    }

    // --- after --------------------------------------------------------------------------------

    void await_pushes() {
        const std::int64_t end = now_us() + std::chrono::microseconds(kPushGrace).count();
        while (now_us() < end &&
               !std::all_of(state_.pushes.begin(), state_.pushes.end(),
                            [](const auto& slot) { return !slot || slot->is_all_told(); }))
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }

    void check() {
        if (observer_ != nullptr) observer_->checking();
        if (!state_.pushes.empty()) {
            await_pushes();
            for (auto& thread : threads_) {
                thread->call([](LoadThread& one) { return one.check_pushes(); });
            }
        }
        for (auto& thread : threads_) thread->close_clients();
        if (scenario_.removes_messages()) return;  // what was delivered need not be there
        CensusPlan plan;
        plan.users = state_.users;
        plan.password = state_.password;
        plan.run_id = state_.run_id;
        for (auto& thread : threads_) {
            for (auto& [name, accounts] : thread->state().recorder->delivered) {
                for (auto& [account, ids] : accounts) {
                    auto& all = plan.delivered[name][account];
                    all.insert(all.end(), ids.begin(), ids.end());
                }
            }
        }
        threads_[0]->call(
            [&plan](LoadThread& thread) { return take_census(&thread.state(), &plan); });
        checked_messages_ = plan.messages;
    }

    void end_threads() {
        for (auto& thread : threads_) thread->stop();
    }

    Result result() {
        Result result;
        result.version = options_.version;
        result.label = options_.label;
        result.scenario = scenario_.name;
        result.server = options_.server;
        result.server.greeting = greeting_;
        result.start = utc_text(start_wall_);
        const double measured = static_cast<double>(measured_to_us_ - measured_from_us_) / 1e6;
        result.settings = {is_open_ ? "open" : "closed",
                           rate_,
                           clients_,
                           static_cast<double>(warmup_.count()) / 1e6,
                           measured,
                           static_cast<unsigned>(threads_.size()),
                           options_.users.text(),
                           options_.seed};
        result.machine = describe_machine();
        result.seconds = std::move(seconds_);
        std::vector<const Recorder*> recorders;
        recorders.reserve(threads_.size());
        for (auto& thread : threads_) recorders.push_back(thread->state().recorder);
        sum_up(recorders, names_, measured, result);
        result.checks.messages = checked_messages_;
        use_of_server(result);
        for (auto& thread : threads_) {
            result.harness.cpu_seconds += thread->cpu_seconds();
        }
        decide(names_, scenario_.errors_allowed, clients_ - ready_, result);
        return result;
    }

    void use_of_server(Result& result) const {
        if (!before_ || !ready_use_ || !measured_use_from_ || !measured_use_to_) return;
        ServerUse use;
        use.pid = options_.server_pid;
        use.processes = measured_use_to_->processes;
        use.cpu_seconds = measured_use_to_->cpu_seconds - measured_use_from_->cpu_seconds;
        std::uint64_t operations = 0;
        for (const CommandFigures& command : result.commands) {
            if (!command.name.starts_with("PUSH")) operations += command.count;
        }
        if (operations > 0)
            use.cpu_us_per_operation = use.cpu_seconds * 1e6 / static_cast<double>(operations);
        use.pss_bytes_before = before_->pss_bytes.value_or(0);
        use.pss_bytes_end = measured_use_to_->pss_bytes.value_or(0);
        const std::uint64_t ready = ready_use_->pss_bytes.value_or(0);
        use.pss_bytes_peak = std::max({pss_peak_, use.pss_bytes_end, ready});
        use.connections = open_;
        if (open_ > 0)
            use.bytes_per_connection =
                (static_cast<double>(ready) - static_cast<double>(use.pss_bytes_before)) /
                static_cast<double>(open_);
        result.server_use = use;
    }

    const Scenario& scenario_;
    const RunOptions& options_;
    Connector& connector_;
    RunObserver* observer_;
    CommandNames names_;
    MessagePool pool_;
    RunState state_;
    std::vector<IndexedGroup> groups_;
    std::chrono::microseconds warmup_{};
    std::chrono::microseconds duration_{};
    std::uint64_t clients_ = 0;
    std::uint64_t ready_ = 0;
    // Connections of those; clients that connect anew for each iteration have none yet.
    std::uint64_t open_ = 0;
    bool is_open_ = false;
    double rate_ = 0;
    unsigned push_command_ = 0;
    unsigned push_last_command_ = 0;
    std::string greeting_;
    std::int64_t start_wall_ = 0;
    std::int64_t start_us_ = 0;
    std::int64_t measure_from_us_ = 0;
    std::int64_t measured_from_us_ = 0;
    std::int64_t measured_to_us_ = 0;
    bool is_measuring_ = false;
    std::vector<Second> seconds_;
    std::optional<ProcessUse> before_;
    std::optional<ProcessUse> ready_use_;
    std::optional<ProcessUse> last_use_;
    std::optional<ProcessUse> measured_use_from_;
    std::optional<ProcessUse> measured_use_to_;
    std::uint64_t pss_peak_ = 0;
    std::int64_t next_memory_us_ = 0;
    std::uint64_t checked_messages_ = 0;
    std::vector<std::unique_ptr<LoadThread>> threads_;
};

}  // namespace

tl::expected<Result, std::string> run_scenario(const Scenario& scenario, const RunOptions& options,
                                               Connector& connector, RunObserver* observer) {
    Run run(scenario, options, connector, observer);
    return run.run();
}

}  // namespace tidemark::loadtest
