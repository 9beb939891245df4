// The whole server in this process on a real directory, and what the benchmarks ask of it:
// accounts, filled mailboxes, processor time. Everything that fails ends the program: a benchmark
// has nothing to save.
#pragma once

#include "actors/server.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tidemark::bench {

inline constexpr std::string_view kPassword = "secret";

[[noreturn]] void fail(std::string_view what, std::string_view detail = {});

struct BenchServerOptions {
    std::string directory = "build/bench-data";
    bool keep_directory = false;  // go on with what is there
    bool tls = false;
    unsigned threads = 2;
    // Bodies of expunged messages are garbage at once, so that compaction has work.
    bool forget_expunged = false;
};

class BenchServer {
  public:
    explicit BenchServer(BenchServerOptions options);
    ~BenchServer();

    // "user0" … with the password kPassword; before start().
    void add_accounts(unsigned count);
    void start();
    // In order, and the same directory again.
    void restart();
    void stop();

    // Runs a task on a core and waits for its end.
    void run_on(actors::Core& core, std::function<actors::Awaitable<void>()> task);
    // Messages into INBOX through the account's actor, `batch` to a record. `make(n)` gives the
    // text of message n.
    void fill(std::string_view user, unsigned count, unsigned batch,
              const std::function<std::string(unsigned)>& make);

    // What the network threads have used so far, kernel included.
    double core_cpu_seconds();
    // The port of "imap" or "imaps" on 127.0.0.1.
    std::uint16_t port(std::string_view kind = "imap") const;
    storage::StoreStatistics statistics() { return server_->store().statistics(); }
    actors::Server& server() { return *server_; }

  private:
    void open();

    BenchServerOptions options_;
    actors::SystemClock clock_;
    std::unique_ptr<actors::Server> server_;
};

// A message of about `bytes` with the headers that mail programs write; `number` is in subject and
// message-id.
std::string make_message(unsigned number, std::size_t bytes);

inline std::string user_name(unsigned number) {
    return "user" + std::to_string(number);
}

class Stopwatch {
  public:
    double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tidemark::bench
