#include "tools/loadtest/process_use.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidemark::loadtest {

namespace {

struct Stat {
    pid_t parent = 0;
    std::uint64_t ticks = 0;
};

std::optional<Stat> read_stat(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    if (!std::getline(file, text)) return std::nullopt;
    // The name may hold anything; its closing parenthesis is the last.
    const auto close = text.rfind(')');
    if (close == std::string::npos) return std::nullopt;
    std::istringstream fields(text.substr(close + 1));
    Stat stat;
    std::string ignored;
    fields >> ignored >> stat.parent;                      // fields 3 and 4
    for (unsigned i = 5; i <= 13; ++i) fields >> ignored;  // to cmajflt
    for (unsigned i = 14; i <= 17; ++i) {                  // utime, stime, cutime, cstime
        std::uint64_t ticks = 0;
        fields >> ticks;
        stat.ticks += ticks;
    }
    return fields ? std::optional(stat) : std::nullopt;
}

std::optional<std::uint64_t> read_pss(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("Pss:")) continue;
        return std::stoull(line.substr(4)) * 1024;
    }
    return std::nullopt;
}

std::vector<pid_t> all_processes() {
    std::vector<pid_t> result;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (failure == std::errc{} && end == name.data() + name.size()) result.push_back(pid);
    }
    return result;
}

}  // namespace

std::optional<ProcessUse> process_use(pid_t root, bool with_memory) {
    std::unordered_map<pid_t, Stat> stats;
    std::unordered_map<pid_t, std::vector<pid_t>> children;
    for (const pid_t pid : all_processes()) {
        const auto stat = read_stat(pid);
        if (!stat) continue;
        stats[pid] = *stat;
        children[stat->parent].push_back(pid);
    }
    if (!stats.contains(root)) return std::nullopt;
    ProcessUse use;
    std::uint64_t ticks = 0;
    if (with_memory) use.pss_bytes = 0;
    std::vector<pid_t> left{root};
    while (!left.empty()) {
        const pid_t pid = left.back();
        left.pop_back();
        ++use.processes;
        ticks += stats[pid].ticks;
        if (use.pss_bytes) {
            // A process may have ended since it was listed; the root's memory must be readable.
            const auto pss = read_pss(pid);
            if (pss) *use.pss_bytes += *pss;
            if (!pss && pid == root) use.pss_bytes.reset();
        }
        for (const pid_t child : children[pid]) left.push_back(child);
    }
    use.cpu_seconds = static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    return use;
}

}  // namespace tidemark::loadtest
