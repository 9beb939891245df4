// What one thread of the harness measures, without a lock: latencies and errors by command, wrong
// answers, lag. Touched by its thread only; the run looks into it by posting to the thread.
#pragma once

#include "tools/loadtest/histogram.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tidemark::loadtest {

enum class ErrorKind : std::uint8_t {
    none,
    no,
    bad,
    bye,
    closed,
    timeout,
    refused,  // the connection was not made
    tls,
    temporary,  // LMTP 4xx
    permanent,  // LMTP 5xx
    failed,     // a command of the shell
};
inline constexpr std::size_t kErrorKinds = 11;
std::string_view name_of(ErrorKind kind);

inline std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// Messages that the server has acknowledged: mailbox, account, ids.
using Ledger = std::map<std::string, std::unordered_map<std::uint64_t, std::vector<std::uint64_t>>>;

class Recorder {
  public:
    static constexpr std::size_t kExamplesMax = 10;

    struct Command {
        Histogram measured;
        Histogram second;
        std::array<std::uint64_t, kErrorKinds> errors{};
    };

    explicit Recorder(std::size_t commands) : commands_(commands) {}

    void took(unsigned command, std::int64_t us, std::uint64_t times = 1) {
        const auto value = static_cast<std::uint64_t>(us < 0 ? 0 : us);
        Command& one = commands_[command];
        one.second.record(value, times);
        if (is_measuring) one.measured.record(value, times);
    }
    void failed(unsigned command, ErrorKind kind) {
        ++commands_[command].errors[static_cast<std::size_t>(kind)];
        ++errors_in_second;
    }
    void wrong(std::string text) {
        ++wrong_answers;
        if (examples.size() < kExamplesMax) examples.push_back(std::move(text));
    }

    std::vector<Command>& commands() { return commands_; }

    bool is_measuring = false;
    std::uint64_t connections = 0;  // open now
    std::uint64_t answers = 0;
    std::uint64_t bodies = 0;
    std::uint64_t wrong_answers = 0;
    std::vector<std::string> examples;
    std::uint64_t errors_in_second = 0;
    Histogram lag;
    std::uint64_t lag_in_second_us = 0;
    Ledger delivered;

  private:
    std::vector<Command> commands_;
};

}  // namespace tidemark::loadtest
