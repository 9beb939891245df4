// check-sync over a whole run: it finds nothing in the true server, over restarts and lost power
// too, and finds what a wrong one does, with the right rule and a transcript that can be read.
#include "tests/tools/check_sync/wrong_server.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

using namespace tidemark::test;
namespace check_sync = tidemark::check_sync;

namespace {

check_sync::Outcome check(TestServer& server, Lie lie, std::uint64_t seed,
                          std::function<bool()> restart = {}) {
    check_sync::Settings settings;
    settings.operations = 1200;
    settings.operations_per_phase = 600;
    settings.seed = seed;
    settings.settling = std::chrono::milliseconds(50);
    LyingConnector connector(server, lie);
    const check_sync::Login login{"ann", "secret"};
    std::ostringstream progress;
    return check_sync::run(settings, connector, login, progress, std::move(restart));
}

// The part of the report that shows the rule.
std::string shown(const std::string& report, const std::string& rule) {
    const auto begin = report.find("VIOLATION " + rule + " (RFC ");
    if (begin == std::string::npos) return {};
    return report.substr(begin, report.find("\n\n", begin) - begin);
}

void finds(const check_sync::Outcome& outcome, const std::string& rule, int lines_max = 16) {
    CAPTURE(outcome.failure);
    CAPTURE(outcome.report);
    const std::string text = shown(outcome.report, rule);
    CHECK(!text.empty());
    CHECK(std::count(text.begin(), text.end(), '\n') <= lines_max);
}

// Which of the sessions' commands meet is up to the threads, so one run may give a lie no occasion.
constexpr std::uint64_t kRunsMax = 10;

void finds_lie(TestServer& server, Lie lie, std::uint64_t seed, const std::string& rule,
               int lines_max = 16) {
    check_sync::Outcome outcome;
    for (std::uint64_t run = 0; run < kRunsMax && shown(outcome.report, rule).empty(); ++run)
        outcome = check(server, lie, seed + 100 * run);
    finds(outcome, rule, lines_max);
}

struct Ann : TestServer {
    Ann() { add_account("ann"); }
};

}  // namespace

TEST_CASE("check-sync finds nothing in the true server, restarted and without power") {
    Ann server;
    SUBCASE("restarted") {
        const auto outcome = check(server, Lie::none, 1, [&server] {
            server.restart();
            return true;
        });
        CHECK(outcome.could_run);
        CHECK(outcome.report == "");
    }
    SUBCASE("without power") {
        const auto outcome = check(server, Lie::none, 2, [&server] {
            server.crash(7);
            return true;
        });
        CHECK(outcome.could_run);
        CHECK(outcome.report == "");
    }
}

TEST_CASE("check-sync finds each lie of a wrong server") {
    Ann server;
    SUBCASE("HIGHESTMODSEQ goes back") {
        finds_lie(server, Lie::highest_modseq_goes_back, 3, "highest-modseq-decreased");
    }
    SUBCASE("VANISHED names a live message") {
        finds_lie(server, Lie::vanished_names_the_living, 4, "vanished-live-message");
    }
    SUBCASE("an expunge is lost for a QRESYNC client") {
        finds_lie(server, Lie::expunge_is_lost, 5, "cache-differs");
    }
    SUBCASE("two conditional STOREs win") {
        finds_lie(server, Lie::every_conditional_store_wins, 6, "two-compare-and-swap-won");
    }
    SUBCASE("no order of the STOREs explains who won") {
        finds_lie(server, Lie::every_conditional_store_wins, 10, "no-order-of-changes", 60);
    }
    SUBCASE("a UID is given again") {
        finds_lie(server, Lie::uid_is_given_again, 7, "uid-reused");
    }
    SUBCASE("flags are pushed out of order") {
        finds_lie(server, Lie::flags_are_pushed_out_of_order, 8, "modseq-went-back");
    }
    SUBCASE("an acknowledged message is lost over a restart") {
        // The restart forgets the last messages of each mailbox, which no client asked for.
        const auto outcome = check(server, Lie::none, 9, [&server] {
            server.restart();
            auto forgetful = server.connect("ann");
            for (const char* mailbox : {"check-sync-1", "check-sync-2"}) {
                forgetful.ok(std::string("SELECT ") + mailbox);
                forgetful.ok("UID STORE 1:* +FLAGS.SILENT (\\Deleted)");
                forgetful.ok("EXPUNGE");
            }
            return true;
        });
        finds(outcome, "message-lost");
    }
}
