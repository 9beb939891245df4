// What several parts of imap_bench measure with.
#pragma once

#include "tools/bench/bench_clients.hpp"
#include "tools/bench/bench_server.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::bench {

inline double run_seconds(SinkClient& client, std::string_view command) {
    const Stopwatch watch;
    client.run(command);
    return watch.seconds();
}

// 0 <= share < 1, of values that need not be sorted and are not none.
inline double percentile(std::vector<double> values, double share) {
    const auto at =
        values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size()));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

inline double median(std::vector<double> values) {
    return percentile(std::move(values), 0.5);
}

// Processor time of the network threads for one run, the median of several.
template <class Client>
double cpu_ns_each(BenchServer& server, Client& client, std::string_view command, unsigned count,
                   unsigned times) {
    std::vector<double> seconds;
    seconds.reserve(times);
    for (unsigned i = 0; i < times; ++i) {
        const double before = server.core_cpu_seconds();
        client.run(command);
        seconds.push_back(server.core_cpu_seconds() - before);
    }
    return median(std::move(seconds)) * 1e9 / count;
}

// The value after `name` in the answer to STATUS INBOX.
inline std::string status_value(SinkClient& client, const std::string& name) {
    client.run("STATUS INBOX (" + name + ")");
    const std::string text = client.tail();
    const auto at = text.find('(' + name + ' ');
    if (at == std::string::npos) fail("STATUS", text);
    const auto first = at + name.size() + 2;
    return text.substr(first, text.find(')', first) - first);
}

}  // namespace tidemark::bench
