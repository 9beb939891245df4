#include "tools/loadtest/summary.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark::loadtest {

namespace {

// A thread this busy answers late; and a thread that comes to its timers this late measures
// itself. Both are what one sees long before figures are wrong by more than a tenth.
constexpr double kBusy = 0.90;
constexpr std::uint64_t kLateUs = 10'000;

}  // namespace

unsigned CommandNames::index(const std::string& name) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) return static_cast<unsigned>(found - names_.begin());
    names_.push_back(name);
    is_bad_.push_back(false);
    return static_cast<unsigned>(names_.size() - 1);
}

void SecondSum::add(Recorder& recorder, double cpu_share) {
    auto& commands = recorder.commands();
    for (std::size_t i = 0; i < commands.size(); ++i) {
        commands_[i].merge(commands[i].second);
        commands[i].second.reset();
    }
    connections_ += recorder.connections;
    errors_ += std::exchange(recorder.errors_in_second, 0);
    wrong_ += recorder.wrong_answers;
    cpu_ = std::max(cpu_, cpu_share);
    lag_us_ = std::max(lag_us_, std::exchange(recorder.lag_in_second_us, 0));
}

Second SecondSum::to_second(const CommandNames& names) const {
    Second second;
    second.connections = connections_;
    second.errors = errors_;
    second.wrong = wrong_;
    second.harness_cpu = cpu_;
    second.harness_lag_us = lag_us_;
    for (unsigned i = 0; i < commands_.size(); ++i) {
        const Histogram& one = commands_[i];
        if (one.count() == 0) continue;
        second.commands[names.name(i)] = {static_cast<double>(one.count()), one.percentile(0.5),
                                          one.percentile(0.99), one.max()};
    }
    return second;
}

void sum_up(const std::vector<const Recorder*>& recorders, const CommandNames& names,
            double measured_seconds, Result& result) {
    Histogram lag;
    std::vector<Histogram> sums(names.size());
    std::vector<std::array<std::uint64_t, kErrorKinds>> errors(names.size());
    for (const Recorder* recorder : recorders) {
        const auto& commands = const_cast<Recorder*>(recorder)->commands();
        for (std::size_t i = 0; i < names.size(); ++i) {
            sums[i].merge(commands[i].measured);
            for (std::size_t k = 0; k < kErrorKinds; ++k) errors[i][k] += commands[i].errors[k];
        }
        lag.merge(recorder->lag);
        result.checks.answers += recorder->answers;
        result.checks.bodies += recorder->bodies;
        result.checks.wrong += recorder->wrong_answers;
        for (const auto& text : recorder->examples) {
            if (result.checks.examples.size() < Recorder::kExamplesMax)
                result.checks.examples.push_back(text);
        }
    }
    for (unsigned i = 0; i < names.size(); ++i) {
        CommandFigures figures;
        figures.name = names.name(i);
        figures.count = sums[i].count();
        for (std::size_t k = 0; k < kErrorKinds; ++k) {
            if (errors[i][k] > 0)
                figures.errors[std::string(name_of(static_cast<ErrorKind>(k)))] = errors[i][k];
        }
        if (figures.count == 0 && figures.errors.empty()) continue;
        if (measured_seconds > 0)
            figures.per_second = static_cast<double>(figures.count) / measured_seconds;
        figures.latency = sums[i].latency();
        figures.histogram = sums[i].buckets();
        result.commands.push_back(std::move(figures));
    }
    result.harness.lag_p99_us = lag.percentile(0.99);
    result.harness.lag_max_us = lag.max();
    double cpu = 0;
    std::size_t counted = 0;
    for (const Second& second : result.seconds) {
        if (second.t < 0) continue;
        result.harness.cpu_max = std::max(result.harness.cpu_max, second.harness_cpu);
        cpu += second.harness_cpu;
        ++counted;
    }
    if (counted > 0) result.harness.cpu_mean = cpu / static_cast<double>(counted);
}

void decide(const CommandNames& names, std::uint64_t errors_allowed,
            std::uint64_t clients_not_ready, Result& result) {
    Verdict& verdict = result.verdict;
    const auto fail = [&verdict](std::string reason) {
        verdict.ok = false;
        verdict.reasons.push_back(std::move(reason));
    };
    if (result.checks.wrong > 0) fail(fmt::format("{} wrong answers", result.checks.wrong));
    std::uint64_t errors = 0;
    for (unsigned i = 0; i < names.size(); ++i) {
        const CommandFigures* figures = result.command(names.name(i));
        if (figures != nullptr && !names.is_bad(i)) errors += figures->error_count();
    }
    if (errors > errors_allowed)
        fail(fmt::format("{} errors, {} are allowed", errors, errors_allowed));
    if (clients_not_ready > 0) fail(fmt::format("{} clients did not get ready", clients_not_ready));
    if (result.harness.cpu_mean > kBusy) {
        verdict.harness_was_bottleneck = true;
        verdict.reasons.push_back(fmt::format(
            "the harness's busiest thread used {:.0f} % of a core: give it --threads, or a machine "
            "of its own",
            result.harness.cpu_mean * 100));
    }
    if (result.harness.lag_p99_us > kLateUs) {
        verdict.harness_was_bottleneck = true;
        verdict.reasons.push_back(
            fmt::format("the harness came {:.1f} ms too late to one in a hundred of its timers",
                        static_cast<double>(result.harness.lag_p99_us) / 1000));
    }
}

}  // namespace tidemark::loadtest
