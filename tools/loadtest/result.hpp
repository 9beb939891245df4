// What a run found, as values and as JSON: written by `loadtest run`, read by `loadtest report` and
// `loadtest compare`.
//
// The file is one object. Times of day are UTC, "2026-01-31T12:00:00Z"; latencies are microseconds;
// `t` counts seconds from the start of the measured time, so warm-up has negative ones.
//
//   format      1
//   version     of the program that measured
//   label       what --label named the server; may be empty
//   scenario    its name
//   server      {address, transport: "plain"|"tls"|"starttls", lmtp, greeting}
//   start       when the load began
//   settings    {loop: "open"|"closed", rate (iterations/s, 0 when closed), connections,
//                warmup_seconds, duration_seconds, threads, users, seed}
//   machine     {system, processor, cores, memory_bytes, build}
//   commands    [{name, count, errors: {kind: count}, per_second,
//                 latency_us: {p50, p90, p99, p999, max, mean}, histogram: [[value_us, count]...]}]
//               measured time only. `value_us` is the highest value of its bucket; buckets are
//               log-linear with three significant digits (histogram.hpp) and ascend.
//   seconds     [{t, connections, errors, wrong, server_cpu_seconds, server_pss_bytes,
//                 harness_cpu, harness_lag_us, commands: {name: {rate, p50, p99, max}}}]
//               one for each second, warm-up included; server_* are null where nothing was sampled.
//               server_cpu_seconds are those used within the second. harness_cpu is the busiest
//               thread's share of one core. A command that did not end in the second is absent.
//   server_use  null without --server-pid, else {pid, processes, cpu_seconds, cpu_us_per_operation,
//               pss_bytes_before, pss_bytes_peak, pss_bytes_end, connections,
//               bytes_per_connection}; the difference is from before the first connection to
//               after the last one was ready, before the load began. `connections` are those that
//               were open then: 0 where clients connect anew each time.
//   harness     {cpu_max, cpu_mean, lag_p99_us, lag_max_us, cpu_seconds}
//   checks      {answers, bodies, messages, wrong, examples: [text...]}: answers looked at, bodies
//               compared by hash, messages looked for at the end, and what was not as it must be
//   verdict     {ok, harness_was_bottleneck, reasons: [text...]}
//   figures     [{name, unit: "us"|"bytes"|"/s"..., more_is_better, value}], may be absent: what
//   another
//               program measured in a way of its own, so that it can be among the results of this
//               one
//
// Readers ignore members that they do not know; a change of meaning raises `format`.
#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::loadtest {

inline constexpr unsigned kResultFormat = 1;

struct Bucket {
    std::uint64_t value_us = 0;
    std::uint64_t count = 0;
    friend bool operator==(const Bucket&, const Bucket&) = default;
};

struct Latency {
    std::uint64_t p50_us = 0;
    std::uint64_t p90_us = 0;
    std::uint64_t p99_us = 0;
    std::uint64_t p999_us = 0;
    std::uint64_t max_us = 0;
    double mean_us = 0;
};

struct CommandFigures {
    std::string name;                             // as the scenario names the step: "FETCH FLAGS"
    std::uint64_t count = 0;                      // that ended well
    std::map<std::string, std::uint64_t> errors;  // by kind: "no", "bad", "closed", "timeout" ...
    double per_second = 0;
    Latency latency;
    std::vector<Bucket> histogram;

    std::uint64_t error_count() const;
};

struct CommandSecond {
    double rate = 0;
    std::uint64_t p50_us = 0;
    std::uint64_t p99_us = 0;
    std::uint64_t max_us = 0;
};

struct Second {
    double t = 0;
    std::uint64_t connections = 0;
    std::uint64_t errors = 0;
    std::uint64_t wrong = 0;
    std::optional<double> server_cpu_seconds;
    std::optional<std::uint64_t> server_pss_bytes;
    double harness_cpu = 0;
    std::uint64_t harness_lag_us = 0;
    std::map<std::string, CommandSecond> commands;
};

struct ServerAddress {
    std::string address;
    std::string transport = "plain";
    std::string lmtp;
    std::string greeting;
};

struct RunSettings {
    std::string loop = "closed";
    double rate = 0;
    std::uint64_t connections = 0;
    double warmup_seconds = 0;
    double duration_seconds = 0;
    unsigned threads = 1;
    std::string users;
    std::uint64_t seed = 0;
};

struct Machine {
    std::string system;
    std::string processor;
    unsigned cores = 0;
    std::uint64_t memory_bytes = 0;
    std::string build;  // of this program: "release", "debug"
};

struct ServerUse {
    std::int64_t pid = 0;
    std::uint64_t processes = 0;
    double cpu_seconds = 0;
    double cpu_us_per_operation = 0;
    std::uint64_t pss_bytes_before = 0;
    std::uint64_t pss_bytes_peak = 0;
    std::uint64_t pss_bytes_end = 0;
    std::uint64_t connections = 0;
    double bytes_per_connection = 0;
};

struct HarnessUse {
    double cpu_max = 0;
    double cpu_mean = 0;
    double cpu_seconds = 0;
    std::uint64_t lag_p99_us = 0;
    std::uint64_t lag_max_us = 0;
};

struct Checks {
    std::uint64_t answers = 0;
    std::uint64_t bodies = 0;
    std::uint64_t messages = 0;
    std::uint64_t wrong = 0;
    std::vector<std::string> examples;  // of what was wrong, the first few
};

struct Verdict {
    bool ok = true;
    bool harness_was_bottleneck = false;
    std::vector<std::string> reasons;
};

struct Figure {
    std::string name;
    std::string unit;
    bool more_is_better = false;
    double value = 0;
};

struct Result {
    std::string version;
    std::string label;
    std::string scenario;
    ServerAddress server;
    std::string start;
    RunSettings settings;
    Machine machine;
    std::vector<CommandFigures> commands;
    std::vector<Second> seconds;
    std::optional<ServerUse> server_use;
    HarnessUse harness;
    Checks checks;
    Verdict verdict;
    std::vector<Figure> figures;

    // Null: no such command.
    const CommandFigures* command(std::string_view name) const;
};

[[nodiscard]] std::string encode_result(const Result& result);
// The error is a sentence: no JSON, another format, a member that is missing or of the wrong kind.
[[nodiscard]] tl::expected<Result, std::string> decode_result(std::string_view text);

// This machine and this build.
[[nodiscard]] Machine describe_machine();
// "2026-01-31T12:00:00Z"
[[nodiscard]] std::string utc_text(std::int64_t unix_seconds);

}  // namespace tidemark::loadtest
