// One client of a scenario: does its group's steps, times them and compares what comes with what
// must come.
//
// Lives on one thread of the run. Timing: a step counts from when it is begun; the first one of an
// iteration that had a time to begin at counts from that time, however late it was.
#pragma once

#include "tools/loadtest/imap_client.hpp"
#include "tools/loadtest/lmtp_client.hpp"
#include "tools/loadtest/message_pool.hpp"
#include "tools/loadtest/scenario.hpp"
#include "tools/loadtest/step_text.hpp"
#include "tools/loadtest/user_pattern.hpp"

#include <asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tidemark::loadtest {

// What all clients of a run share, on every thread.
struct RunState {
    const UserPattern* users = nullptr;
    std::string password;
    const MessagePool* pool = nullptr;
    std::string shell_command;
    std::uint32_t run_id = 0;
    std::uint64_t seed = 0;
    bool has_literal_plus = false;
    bool has_literal_minus = false;
    bool has_multiappend = false;
    std::atomic<std::uint64_t> next_message{0};
    std::atomic<std::uint64_t> next_recipient{0};
    std::atomic<bool> is_stopping{false};
    std::int64_t end_us = 0;  // when the last iteration begins at the latest
    // Iterations that may still begin; negative: no limit.
    std::atomic<std::int64_t> iterations_left{-1};
    bool is_limited = false;
    // By account, for those in whose INBOX a client idles. Made before the threads begin.
    std::vector<std::unique_ptr<PushSlot>> pushes;
};

// When the iterations of a group on one thread begin.
class Arrivals {
  public:
    Arrivals(double rate, bool is_poisson, std::uint64_t seed)
        : interval_us_(1e6 / rate), is_poisson_(is_poisson), random_(seed) {}
    void start(std::int64_t at) { next_us_ = static_cast<double>(at); }
    std::int64_t next();

  private:
    double interval_us_;
    bool is_poisson_;
    double next_us_ = 0;
    std::mt19937_64 random_;
};

struct IndexedStep {
    Step step;
    unsigned command = 0;  // in the Recorder
};
struct IndexedGroup {
    Group group;
    std::vector<IndexedStep> setup;
    std::vector<IndexedStep> steps;
};

class Worker {
  public:
    Worker(ThreadState& thread, RunState& run, const IndexedGroup& group, std::uint64_t client);
    ~Worker();

    // True: the steps of the setup went well, within a few tries.
    [[nodiscard]] actors::Awaitable<bool> prepare();
    // Iterates until the run ends. `arrivals` null: one iteration after the other.
    [[nodiscard]] actors::Awaitable<void> work(Arrivals* arrivals);
    // Ends pauses and IDLE; the run is stopping.
    void wake();
    void close();
    // After the run: what was announced to this client is compared with what was sent.
    [[nodiscard]] actors::Awaitable<void> check_pushes();

  private:
    using Timer =
        asio::basic_waitable_timer<std::chrono::steady_clock,
                                   asio::wait_traits<std::chrono::steady_clock>, actors::Executor>;

    [[nodiscard]] actors::Awaitable<bool> perform_all(const std::vector<IndexedStep>* steps,
                                                      std::int64_t intended_us);
    [[nodiscard]] actors::Awaitable<ErrorKind> perform(const IndexedStep* step,
                                                       std::int64_t start_us);
    [[nodiscard]] actors::Awaitable<ErrorKind> connect();
    [[nodiscard]] actors::Awaitable<ErrorKind> log_in();
    [[nodiscard]] actors::Awaitable<ErrorKind> command(const IndexedStep* step);
    [[nodiscard]] actors::Awaitable<ErrorKind> append(const Step* step);
    [[nodiscard]] actors::Awaitable<ErrorKind> append_some(const Step* step, unsigned count);
    [[nodiscard]] actors::Awaitable<ErrorKind> deliver(const Step* step);
    [[nodiscard]] actors::Awaitable<ErrorKind> idle(const IndexedStep* step, std::int64_t start_us);
    [[nodiscard]] actors::Awaitable<ErrorKind> dribble(const Step* step);
    [[nodiscard]] actors::Awaitable<ErrorKind> shell();
    [[nodiscard]] actors::Awaitable<void> sleep_until(std::int64_t at_us);
    void check(const Step& step, std::uint64_t named);
    TextValues values() const;
    std::uint64_t pick_recipient();
    PushSlot* push_slot(std::uint64_t account) const;
    bool takes_iteration();

    ThreadState& thread_;
    RunState& run_;
    const IndexedGroup& group_;
    std::uint64_t client_;
    std::uint64_t account_;
    std::string user_;
    std::mt19937_64 random_;
    ImapClient imap_;
    std::unique_ptr<LmtpClient> lmtp_;
    Timer timer_;
    std::uint64_t iteration_ = 0;
    std::uint64_t old_modseq_ = 0;
    std::uint64_t old_uidnext_ = 0;
    bool is_idler_ = false;
};

}  // namespace tidemark::loadtest
