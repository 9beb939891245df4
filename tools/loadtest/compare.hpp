// Two servers, one after the other, again and again: A B A B ... in one run, so that what slows the
// machine down meets both.
#pragma once

#include "tools/loadtest/comparison.hpp"
#include "tools/loadtest/run.hpp"

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace tidemark::loadtest {

struct Side {
    Connector* connector = nullptr;
    RunOptions options;  // its label is the side's name
    // Before each of its runs, not measured: a restart, perhaps, after which `server_pid` is
    // another. Gives back what went wrong, or nothing.
    std::function<std::string(RunOptions&)> before;
};

struct CompareOptions {
    std::size_t pairs = kPairsWanted;
    // Set from a signal handler or another thread: ends after the run that is under way; its pair
    // is left out if it is not whole.
    const std::atomic<bool>* stop = nullptr;
    // What is about to run; called on the thread of compare_scenarios().
    std::function<void(const std::string&)> announce;
};

// Blocks. A scenario that can not run, on either side, has the reason and no further pairs; the
// others are run all the same.
[[nodiscard]] Comparison compare_scenarios(const std::vector<Scenario>& scenarios, Side a, Side b,
                                           const CompareOptions& options, RunObserver* observer);

}  // namespace tidemark::loadtest
