// Each rule of check-sync with a history that breaks it and nothing else, and next to it one that
// does not: the proof that the checkers can fail, and that they do not without a reason.
#include "tests/tools/check_sync/history_text.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::test;

namespace {

// Session `name` selects a mailbox with UIDs 1 and 2 at MODSEQ 10 and 11 and knows it.
std::string knows(const std::string& name, bool has_qresync = false) {
    std::string text = name + " (connect)\n";
    if (has_qresync) {
        text += name + " C: e ENABLE QRESYNC\n" + name + " S: * ENABLED QRESYNC\n" + name +
                " S: e OK enabled\n";
    }
    return text + name + " C: s SELECT box (CONDSTORE)\n" +  //
           name + " S: * 2 EXISTS\n" +                       //
           name + " S: * OK [UIDVALIDITY 7] x\n" +           //
           name + " S: * OK [UIDNEXT 3] x\n" +               //
           name + " S: * OK [HIGHESTMODSEQ 11] x\n" +        //
           name + " S: s OK [READ-WRITE] selected\n" +       //
           name + " C: f UID FETCH 1:* (UID FLAGS MODSEQ)\n" + name +
           " S: * 1 FETCH (UID 1 FLAGS () MODSEQ (10))\n" + name +
           " S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (11))\n" + name + " S: f OK fetched\n";
}

// It goes away and comes back.
std::string returns(const std::string& name, const std::string& answer, int exists = 2,
                    int highest = 20, const std::string& known = "1:2") {
    return name + " (close)\n" + name + " (connect)\n" + name + " C: e ENABLE QRESYNC\n" + name +
           " S: * ENABLED QRESYNC\n" + name + " S: e OK enabled\n" +  //
           name + " C: q SELECT box (QRESYNC (7 11 " + known + "))\n" + name + " S: * " +
           std::to_string(exists) + " EXISTS\n" + name + " S: * OK [UIDVALIDITY 7] x\n" + name +
           " S: * OK [HIGHESTMODSEQ " + std::to_string(highest) + "] x\n" + answer + name +
           " S: q OK [READ-WRITE] selected\n";
}

}  // namespace

TEST_CASE("a history without a fault breaks no rule") {
    CHECK(broken_rules(knows("a") + knows("b", true)) == "");
    CHECK(broken_rules(knows("a", true) + returns("a",
                                                  "a S: * VANISHED (EARLIER) 1\n"
                                                  "a S: * 1 FETCH (UID 2 FLAGS () MODSEQ (20))\n",
                                                  1)) == "");
}

TEST_CASE("a response that is no response is found") {
    CHECK(broken_rules("a (connect)\n"
                       "a C: 1 NOOP\n"
                       "a S: * 1 FETCH (UID\n"
                       "a S: 1 OK\n") == "malformed-response");
}

TEST_CASE("BAD is found") {
    CHECK(broken_rules("a (connect)\n"
                       "a C: 1 NOOP\n"
                       "a S: 1 BAD what?\n") == "unexpected-answer");
}

TEST_CASE("EXISTS that goes down is found") {
    CHECK(broken_rules(knows("a") + "a C: n NOOP\na S: * 1 EXISTS\na S: n OK\n") ==
          "exists-decreased");
    CHECK(broken_rules(knows("a") +
                       "a C: n NOOP\na S: * 1 EXPUNGE\na S: * 1 EXISTS\na S: n OK\n") == "");
}

TEST_CASE("a sequence number beyond the count is found") {
    CHECK(broken_rules(knows("a") +
                       "a C: n NOOP\na S: * 3 FETCH (UID 9 FLAGS () MODSEQ (12))\na S: n OK\n") ==
          "unknown-sequence-number");
    CHECK(broken_rules(knows("a") + "a C: n NOOP\na S: * 3 EXPUNGE\na S: n OK\n") ==
          "unknown-sequence-number");
}

TEST_CASE("UIDs that do not ascend are found") {
    CHECK(broken_rules(knows("a") + "a C: n NOOP\na S: * 3 EXISTS\n"
                                    "a S: * 3 FETCH (UID 2 FLAGS () MODSEQ (12))\na S: n OK\n") ==
          "uid-not-ascending");
}

TEST_CASE("EXPUNGE during FETCH with sequence numbers is found, during UID FETCH it is not") {
    CHECK(broken_rules(knows("a") + "a C: n FETCH 1 (FLAGS)\na S: * 1 EXPUNGE\na S: n OK\n") ==
          "expunge-in-wrong-place");
    CHECK(broken_rules(knows("a", true) +
                       "a C: n STORE 1 FLAGS ()\na S: * VANISHED 1\na S: n OK\n") ==
          "expunge-in-wrong-place");
    CHECK(broken_rules(knows("a") + "a C: n UID FETCH 1 (FLAGS)\na S: * 1 EXPUNGE\na S: n OK\n") ==
          "");
}

TEST_CASE("EXPUNGE after ENABLE QRESYNC is found, and VANISHED without it") {
    CHECK(broken_rules(knows("a", true) + "a C: n NOOP\na S: * 1 EXPUNGE\na S: n OK\n") ==
          "expunge-after-qresync");
    CHECK(broken_rules(knows("a") + "a C: n NOOP\na S: * VANISHED 1\na S: n OK\n") ==
          "vanished-without-qresync");
}

TEST_CASE("VANISHED of what the session can not see is found") {
    CHECK(broken_rules(knows("a", true) + "a C: n NOOP\na S: * VANISHED 5\na S: n OK\n") ==
          "vanished-unknown-uid");
    CHECK(broken_rules(knows("a", true) + "a C: n NOOP\na S: * VANISHED 1:3\na S: n OK\n") ==
          "vanished-unknown-uid");
    // A message that was only counted.
    CHECK(broken_rules(knows("a", true) +
                       "a C: n NOOP\na S: * 3 EXISTS\na S: * VANISHED 5\na S: n OK\n") == "");
}

TEST_CASE("VANISHED (EARLIER) that nobody asked for is found") {
    CHECK(
        broken_rules(knows("a", true) + "a C: n NOOP\na S: * VANISHED (EARLIER) 1\na S: n OK\n") ==
        "vanished-earlier-in-wrong-place");
}

TEST_CASE("VANISHED (EARLIER) of a UID that was not asked for is found") {
    CHECK(broken_rules(knows("a", true) + returns("a", "a S: * VANISHED (EARLIER) 1,9\n", 1)) ==
          "vanished-not-asked-for");
    CHECK(broken_rules(knows("a", true) + "a C: n UID FETCH 1 (FLAGS) (CHANGEDSINCE 5 VANISHED)\n"
                                          "a S: * VANISHED (EARLIER) 9\na S: n OK\n") ==
          "vanished-not-asked-for");
}

TEST_CASE("VANISHED (EARLIER) behind a FETCH is found") {
    CHECK(broken_rules(knows("a", true) + returns("a",
                                                  "a S: * 1 FETCH (UID 2 FLAGS () MODSEQ (20))\n"
                                                  "a S: * VANISHED (EARLIER) 1\n",
                                                  1)) == "vanished-after-fetch");
}

TEST_CASE("a message that was told to be gone and is there later is found") {
    const std::string gone = knows("a", true) + "a C: n NOOP\na S: * VANISHED 1\na S: n OK\n";
    CHECK(broken_rules(gone + knows("b")) == "vanished-live-message");
    // A session that selected it before may not have been told.
    CHECK(broken_rules(knows("b") + gone +
                       "b C: f UID FETCH 1 (UID FLAGS MODSEQ)\n"
                       "b S: * 1 FETCH (UID 1 FLAGS () MODSEQ (10))\nb S: f OK\n") == "");
    CHECK(broken_rules(knows("a", true) + knows("c", true) +
                       returns("a", "a S: * VANISHED (EARLIER) 1\n", 1, 11) + knows("b")) ==
          "vanished-live-message");
}

TEST_CASE("SELECT over a selected mailbox without CLOSED is found") {
    const std::string other =
        "a S: * 0 EXISTS\na S: * OK [UIDVALIDITY 8] x\n"
        "a S: * OK [HIGHESTMODSEQ 1] x\na S: o OK selected\n";
    CHECK(broken_rules(knows("a") + "a C: o SELECT other\na S: * OK [CLOSED] x\n" + other) == "");
    CHECK(broken_rules(knows("a") + "a C: o SELECT other\n" + other).find("no-closed-code") !=
          std::string::npos);
}

TEST_CASE("unsolicited FETCH without MODSEQ or UID is found once it was enabled") {
    CHECK(broken_rules(knows("a") + "a C: n NOOP\na S: * 1 FETCH (FLAGS ())\na S: n OK\n") ==
          "fetch-without-modseq");
    CHECK(broken_rules(knows("a", true) +
                       "a C: n NOOP\na S: * 1 FETCH (FLAGS () MODSEQ (12))\na S: n OK\n") ==
          "fetch-without-uid");
    CHECK(broken_rules(knows("a") +
                       "a C: n NOOP\na S: * 1 FETCH (FLAGS () MODSEQ (12))\na S: n OK\n") == "");
}

TEST_CASE("a mod-sequence of 0 is found") {
    CHECK(broken_rules(knows("a") + "a C: n UID FETCH 1 (UID FLAGS MODSEQ)\n"
                                    "a S: * 1 FETCH (UID 1 MODSEQ (0))\na S: n OK\n") != "");
    CHECK(broken_rules("a (connect)\na C: s SELECT box (CONDSTORE)\na S: * 0 EXISTS\n"
                       "a S: * OK [UIDVALIDITY 7] x\na S: * OK [HIGHESTMODSEQ 0] x\na S: s OK\n") !=
          "");
}

TEST_CASE("a message whose mod-sequence goes back is found") {
    CHECK(broken_rules(
              knows("a") +
              "a C: n NOOP\na S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (9))\na S: n OK\n") ==
          "modseq-went-back");
}

TEST_CASE("two states with one mod-sequence are found, also in two sessions") {
    CHECK(broken_rules(knows("a") + knows("b") +
                       "a C: n NOOP\na S: * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (12))\na S: n OK\n"
                       "b C: n NOOP\nb S: * 1 FETCH (UID 1 FLAGS (\\Draft) MODSEQ (12))\n"
                       "b S: n OK\n") == "modseq-of-two-states");
}

TEST_CASE("HIGHESTMODSEQ that decreases is found") {
    const std::string status =
        "c (connect)\nc C: t STATUS box (UIDVALIDITY HIGHESTMODSEQ)\n"
        "c S: * STATUS box (UIDVALIDITY 7 HIGHESTMODSEQ ";
    CHECK(broken_rules(knows("a") + status + "10)\nc S: t OK\n") == "highest-modseq-decreased");
    CHECK(broken_rules(knows("a") + status + "11)\nc S: t OK\n") == "");
    // Both were under way at the same time: nothing says which came first.
    CHECK(broken_rules("c (connect)\nc C: t STATUS box (UIDVALIDITY HIGHESTMODSEQ)\n" + knows("a") +
                       "c S: * STATUS box (UIDVALIDITY 7 HIGHESTMODSEQ 10)\nc S: t OK\n") == "");
    // Another mailbox of the same name.
    CHECK(broken_rules(knows("a") +
                       "c (connect)\nc C: t STATUS box (UIDVALIDITY HIGHESTMODSEQ)\n"
                       "c S: * STATUS box (UIDVALIDITY 8 HIGHESTMODSEQ 1)\nc S: t OK\n") == "");
    SUBCASE("below the mod-sequence of a message") {
        CHECK(broken_rules(knows("a") +
                           "a C: n NOOP\na S: * 1 FETCH (UID 1 FLAGS () MODSEQ (15))\na S: n OK\n" +
                           status + "12)\nc S: t OK\n") == "highest-modseq-below-message");
    }
}

TEST_CASE("two conditional STOREs that win from one state are found") {
    const auto set = [](const std::string& session, const std::string& change,
                        const std::string& answer) {
        return session + " C: c UID STORE 1 (UNCHANGEDSINCE 10) " + change + "\n" + session +
               " S: * 1 FETCH (UID 1 MODSEQ (" + answer + "))\n" + session + " S: c OK\n";
    };
    const std::string both = knows("a") + knows("b");
    CHECK(broken_rules(both + set("a", "+FLAGS.SILENT (lock)", "12") +
                       set("b", "+FLAGS.SILENT (lock)", "13")) == "two-compare-and-swap-won");
    CHECK(broken_rules(both + set("a", "+FLAGS.SILENT (lock)", "12") +
                       set("b", "FLAGS.SILENT (other)", "13")) == "two-compare-and-swap-won");
    // RFC 7162 §3.1.12 allows this.
    CHECK(broken_rules(both + set("a", "+FLAGS.SILENT (lock)", "12") +
                       set("b", "+FLAGS.SILENT (other)", "13")) == "");
    CHECK(broken_rules(both + set("a", "+FLAGS.SILENT (lock)", "12") +
                       "b C: c UID STORE 1 (UNCHANGEDSINCE 10) +FLAGS.SILENT (lock)\n"
                       "b S: c OK [MODIFIED 1] no\n") == "");
}

TEST_CASE("a conditional STORE that wins from a state that was replaced is found") {
    CHECK(broken_rules(knows("a") + knows("b") +
                       "a C: n UID STORE 1 +FLAGS (lock)\n"
                       "a S: * 1 FETCH (UID 1 FLAGS (lock) MODSEQ (12))\na S: n OK\n"
                       "b C: c UID STORE 1 (UNCHANGEDSINCE 10) +FLAGS.SILENT (lock)\n"
                       "b S: * 1 FETCH (UID 1 MODSEQ (13))\nb S: c OK\n") ==
          "compare-and-swap-on-stale-state");
}

namespace {

// At rest; UID 1 has these flags.
std::string rest(const std::string& name, const std::string& flags, const std::string& modseq) {
    return name + " (connect)\n" + name + " C: s SELECT box (CONDSTORE)\n" + name +
           " S: * 2 EXISTS\n" + name + " S: * OK [UIDVALIDITY 7] x\n" + name +
           " S: * OK [UIDNEXT 3] x\n" + name + " S: * OK [HIGHESTMODSEQ " +
           (modseq == "10" ? "11" : modseq) + "] x\n" + name + " S: s OK [READ-WRITE] x\n" + name +
           " C: f UID FETCH 1:* (UID FLAGS MODSEQ)\n" + name + " S: * 1 FETCH (UID 1 FLAGS (" +
           flags + ") MODSEQ (" + modseq + "))\n" + name +
           " S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (11))\n" + name + " S: f OK x\n" + name +
           " (census)\n(quiet)\n";
}

}  // namespace

TEST_CASE("STOREs that no order explains are found, with no more of them than it takes") {
    // Session a knows no mod-sequences and is told none: only the order shows what is wrong.
    const std::string both =
        "a (connect)\na C: s SELECT box\na S: * 2 EXISTS\na S: * OK [UIDVALIDITY 7] x\n"
        "a S: s OK [READ-WRITE] x\na C: f FETCH 1:* (UID FLAGS)\na S: * 1 FETCH (UID 1 FLAGS ())\n"
        "a S: * 2 FETCH (UID 2 FLAGS (\\Seen))\na S: f OK x\n" +
        knows("b") + rest("one", "", "10");
    const std::string lock = "a C: c UID STORE 1 +FLAGS.SILENT (lock)\n";
    const std::string swap =
        "b C: c UID STORE 1 (UNCHANGEDSINCE 10) +FLAGS.SILENT (lock)\n"
        "b S: * 1 FETCH (UID 1 MODSEQ (13))\nb S: c OK\n";
    const std::string refused =
        "b C: c UID STORE 1 (UNCHANGEDSINCE 10) +FLAGS.SILENT (lock)\nb S: c OK [MODIFIED 1] no\n";
    const std::string locked = rest("two", "lock", "13");
    SUBCASE("the change ended before the conditional STORE began") {
        WrittenHistory history(both + "a C: d UID STORE 1 +FLAGS.SILENT (\\Draft)\na S: d OK\n" +
                               lock + "a S: c OK\n" + swap + rest("two", "lock \\Draft", "13"));
        CHECK(history.broken() == "no-order-of-changes");
        INFO(history.report());
        // Two STOREs and the two lines that told the base; the one of \Draft does not matter.
        CHECK(history.report().find("these 2 STOREs of UID 1 of box ") != std::string::npos);
        CHECK(history.report().find("Draft") == std::string::npos);
    }
    SUBCASE("they overlap, or another took the lock off between them, or it is refused") {
        CHECK(broken_rules(both + lock + swap + "a S: c OK\n" + locked) == "");
        CHECK(broken_rules(both + lock +
                           "a S: c OK\na C: u UID STORE 1 -FLAGS.SILENT (lock)\n"
                           "a S: u OK\n" +
                           swap + locked) == "");
        CHECK(broken_rules(both + lock + "a S: c OK\n" + refused + rest("two", "lock", "12")) ==
              "");
    }
    SUBCASE("the connection ended before the answer: it may not have been done") {
        CHECK(broken_rules(both + lock + "a (close)\n" + swap + locked) == "");
    }
    SUBCASE("the state at rest is one that none of the last changes left") {
        CHECK(broken_rules(both + lock +
                           "a S: c OK\na C: u UID STORE 1 FLAGS.SILENT (other)\n"
                           "a S: u OK\n" +
                           rest("two", "lock other", "13")) == "change-lost, no-order-of-changes");
    }
}

TEST_CASE("a change with a mod-sequence that was told before is found") {
    CHECK(broken_rules(knows("a") + "a C: c UID STORE 1 (UNCHANGEDSINCE 10) +FLAGS.SILENT (lock)\n"
                                    "a S: * 1 FETCH (UID 1 MODSEQ (11))\na S: c OK\n") ==
          "modseq-not-above-told");
}

TEST_CASE("a resynchronisation that leaves something out is found") {
    SUBCASE("an expunge") {
        CHECK(broken_rules(knows("a", true) + returns("a", "", 1)) == "cache-differs");
    }
    SUBCASE("an expunge, with a new message in its place") {
        CHECK(broken_rules(knows("a", true) + returns("a", "", 2) +
                           "a C: f UID FETCH 1:* (UID FLAGS MODSEQ)\n"
                           "a S: * 1 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (11))\n"
                           "a S: * 2 FETCH (UID 3 FLAGS () MODSEQ (20))\na S: f OK\n") ==
              "cache-differs");
    }
    SUBCASE("a change of flags") {
        CHECK(broken_rules(knows("a", true) + returns("a", "") +
                           "a C: f UID FETCH 1:* (UID FLAGS MODSEQ)\n"
                           "a S: * 1 FETCH (UID 1 FLAGS (\\Draft) MODSEQ (15))\na S: f OK\n") ==
              "cache-differs");
    }
    SUBCASE("a change after HIGHESTMODSEQ is none") {
        CHECK(broken_rules(knows("a", true) + returns("a", "") +
                           "a C: f UID FETCH 1:* (UID FLAGS MODSEQ)\n"
                           "a S: * 1 FETCH (UID 1 FLAGS (\\Draft) MODSEQ (21))\na S: f OK\n") ==
              "");
    }
}

TEST_CASE(
    "an expunge held back under a higher mod-sequence is found when the client returns (§6)") {
    // The FETCH says 21, so the client believes that it knows everything up to 21.
    const std::string held = knows("a", true) +
                             "a C: n STORE 2 +FLAGS (x)\n"
                             "a S: * 2 FETCH (UID 2 FLAGS (\\Seen x) MODSEQ (21))\n";
    const std::string back =
        "a (close)\na (connect)\na C: e ENABLE QRESYNC\n"
        "a S: * ENABLED QRESYNC\na S: e OK\n";
    const auto select = [](int since) {
        return "a C: q SELECT box (QRESYNC (7 " + std::to_string(since) +
               " 1:2))\na S: * 1 EXISTS\na S: * OK [UIDVALIDITY 7] x\n"
               "a S: * OK [HIGHESTMODSEQ 21] x\n";
    };
    CHECK(broken_rules(held + "a S: n OK\n" + back + select(21) + "a S: q OK\n") ==
          "cache-differs");
    // What the RFC wants instead.
    CHECK(broken_rules(held + "a S: n OK [HIGHESTMODSEQ 19] an expunge is held back\n" + back +
                       select(19) +
                       "a S: * VANISHED (EARLIER) 1\n"
                       "a S: * 1 FETCH (UID 2 FLAGS (\\Seen x) MODSEQ (21))\na S: q OK\n") == "");
}

TEST_CASE("a client that left with messages it had only counted is placed by the numbers") {
    // Message 3 was counted and never fetched; the flag of message 1 is what the client knew last.
    const std::string left = knows("a", true) +
                             "a C: n NOOP\na S: * 3 EXISTS\n"
                             "a S: * 1 FETCH (UID 1 FLAGS (x) MODSEQ (13))\na S: n OK\n"
                             "a (close)\na (connect)\na C: e ENABLE QRESYNC\n"
                             "a S: * ENABLED QRESYNC\na S: e OK\n"
                             "a C: q SELECT box (QRESYNC (7 13 1:2))\na S: * 4 EXISTS\n"
                             "a S: * OK [UIDVALIDITY 7] x\na S: * OK [HIGHESTMODSEQ 14] x\n";
    CHECK(broken_rules(left + "a S: * 4 FETCH (UID 4 FLAGS () MODSEQ (14))\na S: q OK\n") == "");
    CHECK(broken_rules(left + "a S: * 2 FETCH (UID 4 FLAGS () MODSEQ (14))\na S: q OK\n") ==
          "cache-differs");
}

TEST_CASE("a CONDSTORE client that is not told of a change is found") {
    const std::string back =
        knows("a") +
        "a (close)\na (connect)\na C: q SELECT box (CONDSTORE)\na S: * 2 EXISTS\n"
        "a S: * OK [UIDVALIDITY 7] x\na S: * OK [HIGHESTMODSEQ 20] x\na S: q OK\n"
        "a C: c UID FETCH 1:* (FLAGS) (CHANGEDSINCE 11)\na S: c OK\n"
        "a C: u UID SEARCH ALL\na S: * SEARCH 1 2\na S: u OK\n"
        "a C: f UID FETCH 1:* (UID FLAGS MODSEQ)\n";
    CHECK(broken_rules(back + "a S: * 1 FETCH (UID 1 FLAGS (\\Draft) MODSEQ (15))\na S: f OK\n") ==
          "cache-differs");
    CHECK(broken_rules(back + "a S: * 1 FETCH (UID 1 FLAGS () MODSEQ (10))\na S: f OK\n") == "");
}

TEST_CASE("UIDs that are given again are found") {
    const auto copy = [](const std::string& tag, const std::string& target) {
        return "a C: " + tag + " UID COPY 1 box\na S: " + tag + " OK [COPYUID 7 1 " + target +
               "] x\n";
    };
    CHECK(broken_rules(knows("a") + copy("c", "3") + copy("d", "4")) == "");
    CHECK(broken_rules(knows("a") + copy("c", "3") + copy("d", "3")) == "uid-reused");
    CHECK(broken_rules(knows("a") + copy("c", "2")) == "uid-reused");
    CHECK(broken_rules("c (connect)\nc C: t STATUS box (UIDVALIDITY UIDNEXT)\n"
                       "c S: * STATUS box (UIDVALIDITY 7 UIDNEXT 9)\nc S: t OK\n"
                       "a (connect)\na C: s SELECT other\na S: * 1 EXISTS\n"
                       "a S: * OK [UIDVALIDITY 8] x\na S: s OK\n" +
                       copy("c", "8")) == "uid-reused");
}

TEST_CASE("UIDNEXT below a UID that was told is found") {
    CHECK(broken_rules(knows("a") + "c (connect)\nc C: t STATUS box (UIDVALIDITY UIDNEXT)\n"
                                    "c S: * STATUS box (UIDVALIDITY 7 UIDNEXT 2)\nc S: t OK\n") ==
          "uid-next-too-low");
}

TEST_CASE("when all is quiet, a cache that differs from the mailbox is found") {
    const std::string truth = knows("count") + "count (census)\n(quiet)\n";
    CHECK(broken_rules(knows("a") + "a (settled)\n" + truth) == "");
    SUBCASE("a message too many") {
        CHECK(broken_rules(knows("a") +
                           "a C: n NOOP\na S: * 3 EXISTS\n"
                           "a S: * 3 FETCH (UID 3 FLAGS () MODSEQ (11))\na S: n OK\na (settled)\n"
                           "count (connect)\ncount C: s SELECT box (CONDSTORE)\n"
                           "count S: * 2 EXISTS\ncount S: * OK [UIDVALIDITY 7] x\n"
                           "count S: * OK [HIGHESTMODSEQ 12] x\ncount S: s OK\n"
                           "count C: f UID FETCH 1:* (UID FLAGS MODSEQ)\n"
                           "count S: * 1 FETCH (UID 1 FLAGS () MODSEQ (10))\n"
                           "count S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (11))\n"
                           "count S: f OK\ncount (census)\n(quiet)\n") == "cache-differs");
    }
    SUBCASE("other flags, told without mod-sequences") {
        CHECK(broken_rules("a (connect)\na C: s SELECT box\na S: * 2 EXISTS\n"
                           "a S: * OK [UIDVALIDITY 7] x\na S: s OK\n"
                           "a C: f UID FETCH 1:* (UID FLAGS)\n"
                           "a S: * 1 FETCH (UID 1 FLAGS ())\n"
                           "a S: * 2 FETCH (UID 2 FLAGS ())\na S: f OK\na (settled)\n" +
                           truth) == "cache-differs");
    }
}

TEST_CASE("an acknowledged change that is not there is found, over a restart too") {
    const std::string truth = "(restarted)\n" + knows("count") + "count (census)\n(quiet)\n";
    const std::string before =
        "a (connect)\na C: s SELECT box\na S: * 2 EXISTS\n"
        "a S: * OK [UIDVALIDITY 7] x\na S: s OK\n"
        "a C: f UID FETCH 1:* (UID FLAGS)\na S: * 1 FETCH (UID 1 FLAGS ())\n"
        "a S: * 2 FETCH (UID 2 FLAGS (\\Seen))\na S: f OK\n";
    CHECK(broken_rules(before + "a C: t UID STORE 1 +FLAGS (x)\na S: t OK\n" + truth) ==
          "change-lost");
    CHECK(broken_rules(before + "a C: t UID STORE 2 FLAGS ()\na S: t OK\n" + truth) ==
          "change-lost");
    CHECK(broken_rules(before + "a C: t UID STORE 2 -FLAGS (\\Seen)\na S: t OK\n" + truth) ==
          "change-lost");
    SUBCASE("not if the answer was never seen") {
        CHECK(broken_rules(before + "a C: t UID STORE 1 +FLAGS (x)\na (close)\n" + truth) == "");
    }
    SUBCASE("not if another session changed it at the same time") {
        CHECK(broken_rules(before +
                           "b (connect)\nb C: s SELECT box\nb S: * 2 EXISTS\n"
                           "b S: * OK [UIDVALIDITY 7] x\nb S: s OK\n"
                           "a C: t UID STORE 1 +FLAGS (x)\nb C: t UID STORE 1 -FLAGS (x)\n"
                           "b S: t OK\na S: t OK\n" +
                           truth) == "");
    }
}

TEST_CASE("an acknowledged message that is not there is found") {
    const std::string truth = knows("count") + "count (census)\n(quiet)\n";
    // Between two quiet moments: UID 2 was there.
    const std::string later =
        "count (close)\ncount (connect)\ncount C: s SELECT box (CONDSTORE)\n"
        "count S: * 1 EXISTS\ncount S: * OK [UIDVALIDITY 7] x\n"
        "count S: * OK [HIGHESTMODSEQ 12] x\ncount S: s OK\n"
        "count C: f UID FETCH 1:* (UID FLAGS MODSEQ)\n"
        "count S: * 1 FETCH (UID 1 FLAGS () MODSEQ (10))\n"
        "count S: f OK\ncount (census)\n(quiet)\n";
    CHECK(broken_rules(truth + later) == "message-lost");
    WrittenHistory refused(truth + "a (connect)\na C: d DELETE box\na S: d NO in use\n" + later);
    CHECK(refused.broken() == "message-lost");
    CHECK(refused.report().find("a DELETE of the mailbox was refused") != std::string::npos);
    CHECK(refused.report().find("d NO in use") != std::string::npos);
    CHECK(broken_rules(truth +
                       "a (connect)\na C: s SELECT box\na S: * 2 EXISTS\n"
                       "a S: * OK [UIDVALIDITY 7] x\na S: s OK\n"
                       "a C: t UID STORE 2 +FLAGS (\\Deleted)\na S: t OK\n"
                       "a C: e EXPUNGE\na S: * 2 EXPUNGE\na S: e OK\n" +
                       later) == "");
}

TEST_CASE("a violation is shown with its rule, its section and the lines that matter") {
    WrittenHistory history(knows("a") + knows("b") +
                           "c (connect)\nc C: t STATUS box (UIDVALIDITY HIGHESTMODSEQ)\n"
                           "c S: * STATUS box (UIDVALIDITY 7 HIGHESTMODSEQ 10)\nc S: t OK done\n");
    history.broken();
    const std::string& text = history.report();
    CHECK(text.find("VIOLATION highest-modseq-decreased (RFC 7162 §3.1.2.1, §3.2), 1 time") == 0);
    CHECK(text.find("C: s SELECT box (CONDSTORE)") != std::string::npos);
    CHECK(text.find("S: * OK [HIGHESTMODSEQ 11] x") != std::string::npos);
    CHECK(text.find("S: * STATUS box (UIDVALIDITY 7 HIGHESTMODSEQ 10)") != std::string::npos);
    CHECK(text.find("FETCH") == std::string::npos);
}
