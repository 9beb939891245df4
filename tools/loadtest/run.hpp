// A whole run: threads, clients, ramp, warm-up, measured time, the checks at the end, the result.
//
// run_scenario() blocks. Its clients live on threads of their own; the caller's thread looks at
// them once a second and tells `observer`.
#pragma once

#include "tools/loadtest/connector.hpp"
#include "tools/loadtest/result.hpp"
#include "tools/loadtest/scenario.hpp"
#include "tools/loadtest/user_pattern.hpp"

#include <tl/expected.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tidemark::loadtest {

struct RunOptions {
    UserPattern users;
    std::string password;
    // Each for the scenario's own where it is not given.
    std::optional<std::uint64_t> connections;
    std::optional<double> rate;  // iterations a second of all groups together
    bool is_closed = false;      // no rate at all
    std::optional<std::chrono::microseconds> warmup;
    std::optional<std::chrono::microseconds> duration;
    // Ends after so many iterations; the duration is then only a limit.
    std::optional<std::uint64_t> iterations;
    unsigned threads = 1;
    double ramp_per_second = 0;  // clients made ready; 0: as fast as it goes
    std::chrono::seconds patience{60};
    std::uint64_t seed = 1;
    std::int64_t server_pid = 0;  // 0: none
    std::string shell_command;    // of the step "shell"
    std::string label;
    ServerAddress server;  // for the result
    std::string version;
    // Set from a signal handler or another thread: the run ends early, in order.
    const std::atomic<bool>* stop = nullptr;
};

// Told how the run goes; called on the thread of run_scenario().
class RunObserver {
  public:
    virtual ~RunObserver() = default;
    virtual void preparing(std::uint64_t ready, std::uint64_t clients) = 0;
    virtual void passed(const Second& second) = 0;
    virtual void checking() = 0;
};

// The error is a sentence: the run could not begin.
[[nodiscard]] tl::expected<Result, std::string> run_scenario(const Scenario& scenario,
                                                             const RunOptions& options,
                                                             Connector& connector,
                                                             RunObserver* observer);

}  // namespace tidemark::loadtest
