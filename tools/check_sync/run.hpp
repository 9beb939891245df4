// A whole run: makes the mailboxes, lets the sessions work phase by phase, after each phase lets
// everything come to rest, counts the mailboxes and has the checkers decide about what was said.
#pragma once

#include "tools/check_sync/check_compare_and_swap.hpp"
#include "tools/check_sync/check_modseqs.hpp"
#include "tools/check_sync/check_order.hpp"
#include "tools/check_sync/check_state.hpp"
#include "tools/check_sync/check_uids.hpp"
#include "tools/check_sync/session.hpp"

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace tidemark::check_sync {

struct Outcome {
    bool could_run = false;
    std::string failure;  // why not
    std::vector<Violation> violations;
    std::string report;   // of the violations
    std::string summary;  // what was done and what could not be checked
};

// Blocks until the run is over; the sessions live on a core of this thread. `progress` gets a line
// a phase. `restart` takes the server down and up again; empty: never.
[[nodiscard]] Outcome run(const Settings& settings, Connector& connector, const Login& login,
                          std::ostream& progress, std::function<bool()> restart);

// All checkers over one history.
class Judge {
  public:
    explicit Judge(const History& history);
    void run() { replay.run(); }

    Replay replay;
    VersionChecker& versions;
    HighestModSeqChecker& highest;
    CompareAndSwapChecker& swaps;
    UidChecker& uids;
    StateChecker& state;
    OrderChecker& order;
};

}  // namespace tidemark::check_sync
