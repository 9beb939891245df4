// RFC 7162 §3.2, §3.2.5 – §3.2.9, §3.2.11, §5, §6: coming back, expunging, and the log's horizon.
#include "tests/actors/condstore/sync_box.hpp"

using namespace tidemark::test;

namespace {

// What a returning client knows.
struct Known {
    std::uint64_t validity;
    std::uint64_t modseq;
    std::string select(std::string_view rest = "") const {
        return "SELECT INBOX (QRESYNC (" + std::to_string(validity) + " " + std::to_string(modseq) +
               (rest.empty() ? "" : " ") + std::string(rest) + "))";
    }
    std::string fetch(std::string_view uids) const {
        return "UID FETCH " + std::string(uids) + " (FLAGS) (CHANGEDSINCE " +
               std::to_string(modseq) + " VANISHED)";
    }
};
Known know(SyncBox& box) {
    auto client = box.open(kPlain, "");
    const auto lines = client.ok("EXAMINE INBOX");
    return {uid_validity(lines), highest_modseq(lines)};
}
// What the resynchronisation is made of, without what every SELECT tells.
std::string resync(const std::vector<std::string>& lines) {
    std::string result;
    for (const auto& line : lines) {
        if (line.find("* VANISHED") == 0 || line.find(" FETCH (") != std::string::npos)
            result += (result.empty() ? "" : "\n") + line;
    }
    return result;
}
// Nothing of the log before now is left. Twice: the first pass folds, the second may drop.
void pass_horizon(SyncBox& box) {
    box.clock.advance(std::chrono::minutes(5));
    for (int i = 0; i < 2; ++i) {
        box.maintain(box.clock.wall_microseconds() -
                     std::chrono::microseconds(std::chrono::minutes(3)).count());
    }
}

}  // namespace

TEST_CASE("SELECT (QRESYNC) answers as UID FETCH (CHANGEDSINCE VANISHED) does (§3.2.5.1)") {
    SyncBox box(8);
    const Known known = know(box);
    box.remove("2,4:5");
    box.change("7", "+FLAGS (\\Seen)");
    box.change("3", "+FLAGS (\\Answered)");
    auto writer = box.open(kPlain);
    writer.append("INBOX", kSmallMessage);
    writer.ok("NOOP");
    const auto check_all = [&] {
        struct Row {
            const char* uids;
            const char* vanished;
            std::vector<unsigned> told;
        };
        for (const Row& row :
             {Row{"1:9", "2,4:5", {3, 7, 9}}, Row{"1:4", "2,4", {3}}, Row{"1,3", "", {3}},
              Row{"5:6", "5", {}}, Row{"8", "", {}}, Row{"9", "", {9}},
              Row{"10:4294967295", "", {}}, Row{"1:4294967295", "2,4:5", {3, 7, 9}},
              Row{"7,2,4:4", "2,4", {7}}}) {
            CAPTURE(row.uids);
            for (const char* also : {"", " (1 1)"}) {
                auto client = box.open(kQresync, "");
                const auto selected = client.ok(known.select(std::string(row.uids) + also));
                std::string expected = *row.vanished == '\0'
                                           ? ""
                                           : std::string("* VANISHED (EARLIER) ") + row.vanished;
                for (const unsigned uid : row.told) {
                    const unsigned seq = uid == 3 ? 2 : uid - 3;
                    expected += (expected.empty() ? "" : "\n") + flags_line(kQresync, seq, uid,
                                                                            uid == 3 ? "\\Answered"
                                                                            : uid == 7 ? "\\Seen"
                                                                                       : "",
                                                                            box.modseq(uid));
                }
                CHECK(resync(selected) == expected);
                CHECK(resync(client.ok(known.fetch(row.uids))) == expected);
            }
        }
    };
    check_all();
    box.restart();
    check_all();
    box.crash(5);
    check_all();
}

TEST_CASE(
    "without known uids everything that there was is meant; * is UIDNEXT-1 (§3.2.5.1, design §4)") {
    SyncBox box(4);
    const Known known = know(box);
    box.remove("3:4");
    auto client = box.open(kQresync, "");
    CHECK(resync(client.ok(known.select())) == "* VANISHED (EARLIER) 3:4");
    for (const char* uids : {"1:*", "*", "4:*", "*:3"}) {
        CAPTURE(uids);
        const bool all = uids[0] == '1' || uids[1] == ':';
        const std::string expected =
            std::string("* VANISHED (EARLIER) ") + (all && uids[0] != '4' ? "3:4" : "4");
        // "*" is the highest uid that was given out; the last message that is there has not
        // changed.
        CHECK(resync(client.ok(known.fetch(uids))) == expected);
    }
    CHECK(resync(client.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE " + std::to_string(box.highest()) +
                           " VANISHED)"))
              .empty());
}

TEST_CASE("a mailbox that is empty: what was there vanished, what never was did not (§3.2.5.1)") {
    SyncBox box(0);
    Known known = know(box);
    auto client = box.open(kQresync, "");
    CHECK(resync(client.ok(known.select())).empty());
    CHECK(resync(client.ok(known.select("1:100"))).empty());
    CHECK(resync(client.ok(known.fetch("1:*"))).empty());
    CHECK(resync(client.ok(known.fetch("1:4294967295"))).empty());
    client.append("INBOX", kSmallMessage);
    client.ok("NOOP");
    box.remove("1");
    client.ok("NOOP");
    CHECK(resync(client.ok(known.fetch("1:4294967295"))) == "* VANISHED (EARLIER) 1");
    CHECK(resync(client.ok(known.fetch("*"))) == "* VANISHED (EARLIER) 1");
    CHECK(resync(client.ok(known.select())) == "* VANISHED (EARLIER) 1");
    CHECK(resync(client.ok(known.select("1:100"))) == "* VANISHED (EARLIER) 1");
    known.modseq = box.highest();
    CHECK(resync(client.ok(known.select("1:100"))).empty());
}

TEST_CASE("modseq 0 is taken and is told everything, never sent (design §4)") {
    SyncBox box(3);
    Known known = know(box);
    box.remove("2");
    known.modseq = 0;
    auto client = box.open(kQresync, "");
    const std::string expected = "* VANISHED (EARLIER) 2\n" +
                                 flags_line(kQresync, 1, 1, "", box.modseq(1)) + "\n" +
                                 flags_line(kQresync, 2, 3, "", box.modseq(3));
    CHECK(resync(client.ok(known.select())) == expected);
    CHECK(resync(client.ok(known.select("1:3"))) == expected);
    CHECK(resync(client.ok(known.fetch("1:*"))) == expected);
    for (const char* command :
         {"SELECT Trash", "STATUS Trash (HIGHESTMODSEQ)", "SELECT INBOX", "FETCH 1:* MODSEQ"}) {
        for (const auto& line : client.ok(command)) {
            CHECK(line.find("MODSEQ 0") == std::string::npos);
            CHECK(line.find("MODSEQ (0") == std::string::npos);
        }
    }
}

TEST_CASE("a modseq up to 2^63-1 is taken, and nothing is above it (§7)") {
    SyncBox box(2);
    Known known = know(box);
    known.modseq = 9223372036854775807;
    box.remove("1");
    auto client = box.open(kQresync, "");
    CHECK(resync(client.ok(known.select())).empty());
    CHECK(resync(client.ok(known.fetch("1:*"))).empty());
    client.bad("SELECT INBOX (QRESYNC (1 9223372036854775808))");
}

TEST_CASE("a wrong parameter is BAD before anything is opened or closed (§3.2.5)") {
    SyncBox box(2);
    auto client = box.open(kQresync);
    for (const char* parameter :
         {"QRESYNC", "QRESYNC ()", "QRESYNC (1)", "QRESYNC (1 x)", "QRESYNC (1 1 *)",
          "QRESYNC (1 1 1:*)", "QRESYNC (1 1 $)", "QRESYNC (1 1 1:2 (1:* 1:2))",
          "QRESYNC (1 1 1:2 (1:2 1:*))", "QRESYNC (1 1 1:2 (1:2))", "QRESYNC (1 1 0)",
          "QRESYNC (1 1) QRESYNC (1 1)", "QRESYNC 1 1", "QRESYNC (4294967296 1)"}) {
        CAPTURE(parameter);
        const auto lines = client.bad("SELECT Trash (" + std::string(parameter) + ")");
        CHECK(!mentions(lines, "CLOSED"));
        client.ok("FETCH 1 UID");
    }
    client.ok("CLOSE");
    client.bad("SELECT INBOX (QRESYNC (1 1 *))");
    client.bad("FETCH 1 UID");
}

TEST_CASE(
    "CONDSTORE and QRESYNC in any order, in SELECT and EXAMINE, with all that SELECT tells "
    "(§3.2.5)") {
    SyncBox box(3);
    const Known known = know(box);
    box.remove("2");
    auto client = box.open(kQresync, "");
    const std::string parameter =
        "QRESYNC (" + std::to_string(known.validity) + " " + std::to_string(known.modseq) + " 1:3)";
    for (const char* verb : {"SELECT", "EXAMINE"}) {
        for (const std::string& parameters :
             {parameter, "CONDSTORE " + parameter, parameter + " CONDSTORE"}) {
            const auto lines = client.ok(std::string(verb) + " INBOX (" + parameters + ")");
            CHECK(resync(lines) == "* VANISHED (EARLIER) 2");
            CHECK(has_line(lines, "* 2 EXISTS"));
            for (const char* word : {"* FLAGS (", "[PERMANENTFLAGS ", "[UIDNEXT 4]",
                                     "[HIGHESTMODSEQ ", "[UIDVALIDITY "})
                CHECK(mentions(lines, word));
        }
    }
}

TEST_CASE(
    "another UIDVALIDITY: the rest of the parameter is ignored, also after the mailbox was made "
    "again (§3.2.5, §5.3)") {
    SyncBox box(3);
    auto client = box.open(kQresync, "");
    client.ok("CREATE other");
    client.append("other", kSmallMessage);
    const auto lines = client.ok("EXAMINE other");
    const auto validity = uid_validity(lines);
    client.ok("CLOSE");
    client.ok("DELETE other");
    client.ok("CREATE other");
    const auto again = client.ok("SELECT other (QRESYNC (" + std::to_string(validity) + " " +
                                 std::to_string(highest_modseq(lines)) + " 1:9))");
    CHECK(uid_validity(again) != validity);
    CHECK(resync(again).empty());
    Known known = know(box);
    box.remove("1");
    ++known.validity;
    CHECK(resync(client.ok(known.select("1:3 (1 1)"))).empty());
    known.validity = 0;
    CHECK(resync(client.ok(known.select())).empty());
}

TEST_CASE("sequence match data shorten VANISHED below the horizon, never the flags (§3.2.5.2)") {
    SyncBox box(0);
    {
        auto filler = box.open(kPlain, "");
        for (int i = 0; i < 30; ++i) filler.append("INBOX", kSmallMessage);
    }
    const Known known = know(box);
    // As in the RFC's example only every third is left.
    std::string gone;
    for (int uid = 1; uid <= 30; ++uid) {
        if (uid % 3 != 0) gone += (gone.empty() ? "" : ",") + std::to_string(uid);
    }
    box.remove(gone);
    box.change("3", "+FLAGS (\\Seen)");
    pass_horizon(box);
    auto client = box.open(kQresync, "");
    const std::string three = flags_line(kQresync, 1, 3, "\\Seen", box.modseq(3));
    const std::string all = "1:2,4:5,7:8,10:11,13:14,16:17,19:20,22:23,25:26,28:29";
    CHECK(resync(client.ok(known.select())) == "* VANISHED (EARLIER) " + all + "\n" + three);
    CHECK(resync(client.ok(known.select("1:30 (5,10 15,30)"))) == three);
    CHECK(resync(client.ok(known.select("1:30 (5,8,9 15,24,26)"))) ==
          "* VANISHED (EARLIER) 25:26,28:29\n" + three);
    CHECK(resync(client.ok(known.select("(2 6)"))) ==
          "* VANISHED (EARLIER) 7:8,10:11,13:14,16:17,19:20,22:23,25:26,28:29\n" + three);
    // No pair is right, more numbers than messages, lists of different length.
    CHECK(resync(client.ok(known.select("1:30 (5,6 5,6)"))) ==
          "* VANISHED (EARLIER) " + all + "\n" + three);
    CHECK(resync(client.ok(known.select("1:30 (11:4294967295 33)"))) ==
          "* VANISHED (EARLIER) " + all + "\n" + three);
    CHECK(resync(client.ok(known.select("1:30 (1,10 3)"))) ==
          "* VANISHED (EARLIER) 4:5,7:8,10:11,13:14,16:17,19:20,22:23,25:26,28:29\n" + three);
}

TEST_CASE(
    "a horizon of a few minutes: a client that comes later is answered exactly for the uids it "
    "names (§3.2.6)") {
    SyncBox box(10);
    const Known early = know(box);
    box.remove("2:3");
    pass_horizon(box);
    const Known late = know(box);
    box.remove("6");
    box.change("7", "+FLAGS (\\Seen)");
    const auto check = [&] {
        auto client = box.open(kQresync, "");
        const std::string seven = "\n" + flags_line(kQresync, 4, 7, "\\Seen", box.modseq(7));
        // Above the horizon: what the log says. Below it: all that is absent of what is named.
        CHECK(resync(client.ok(late.select("1:10"))) == "* VANISHED (EARLIER) 6" + seven);
        CHECK(resync(client.ok(late.fetch("1:4294967295"))) == "* VANISHED (EARLIER) 6" + seven);
        CHECK(resync(client.ok(early.select("1:10"))) == "* VANISHED (EARLIER) 2:3,6" + seven);
        CHECK(resync(client.ok(early.select("1,3:6,8"))) == "* VANISHED (EARLIER) 3,6");
        CHECK(resync(client.ok(early.fetch("1:4294967295"))) ==
              "* VANISHED (EARLIER) 2:3,6" + seven);
        CHECK(resync(client.ok(early.fetch("3,7:99"))) == "* VANISHED (EARLIER) 3" + seven);
    };
    check();
    box.restart();
    check();
    box.crash(11);
    check();
}

TEST_CASE("the answer follows the ranges, not the numbers that are named (design §4)") {
    SyncBox box(10);
    const Known known{know(box).validity, 1};
    box.remove("2,4,6,8");
    for (const bool past : {false, true}) {
        if (past) pass_horizon(box);
        auto client = box.open(kQresync);
        const auto narrow = resync(client.ok(known.fetch("1:10")));
        const auto wide = resync(client.ok(known.fetch("1:4294967295")));
        CHECK(wide == narrow);
        CHECK(wide.find("* VANISHED (EARLIER) 2,4,6,8\n") == 0);
        // Thousands of them: a walk over four thousand million numbers would not come back.
        for (int i = 0; i < 200; ++i)
            client.send("f UID FETCH 1:4294967295 (FLAGS) (CHANGEDSINCE 1 VANISHED)\r\n");
        for (int i = 0; i < 200; ++i) CHECK(client.until_tagged("f").back().find("f OK") == 0);
        client.ok(known.select("1:4294967295 (1:4294967295 1:4294967295)"));
    }
}

TEST_CASE(
    "EXPUNGE and UID EXPUNGE: one modseq for all, in the tagged OK of enabled sessions (§3.2.7, "
    "§3.2.9)") {
    for (const char* expunge : {"EXPUNGE", "UID EXPUNGE 2:9"}) {
        in_each_kind(5, [expunge](SyncBox& box, const Kind& kind) {
            auto client = box.open(kind);
            const Known known = know(box);
            // Nothing to expunge: no modseq, no code.
            CHECK(client.ok(expunge).back().find("HIGHESTMODSEQ") == std::string::npos);
            CHECK(box.highest() == known.modseq);
            client.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted)");
            const auto before = box.highest();
            const auto lines = client.ok(expunge);
            CHECK(told(lines) == gone_lines(kind, "2,4", {4, 2}));
            CHECK(box.highest() == before + 1);
            if (kind.modseq) {
                CHECK(lines.back().find("OK [HIGHESTMODSEQ " + std::to_string(before + 1) + "] ") ==
                      0);
            } else {
                CHECK(lines.back().find("HIGHESTMODSEQ") == std::string::npos);
            }
            auto back = box.open(kQresync, "");
            CHECK(resync(back.ok(known.select("1:5"))) == "* VANISHED (EARLIER) 2,4");
            CHECK(resync(back.ok("UID FETCH 1:5 (FLAGS) (CHANGEDSINCE " + std::to_string(before) +
                                 " VANISHED)")) == "* VANISHED (EARLIER) 2,4");
            CHECK(resync(back.ok("UID FETCH 1:5 (FLAGS) (CHANGEDSINCE " +
                                 std::to_string(before + 1) + " VANISHED)"))
                      .empty());
        });
    }
}

TEST_CASE(
    "CLOSE: a modseq for what it removes, remembered, and never told in its answer (§3.2.8)") {
    in_each_kind(3, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        auto other = box.open(kind);
        client.ok("STORE 2 +FLAGS.SILENT (\\Deleted)");
        other.ok("NOOP");
        const Known known = know(box);
        const auto lines = client.ok("CLOSE");
        CHECK(told(lines).empty());
        CHECK(lines.back().find("HIGHESTMODSEQ") == std::string::npos);
        CHECK(box.highest() == known.modseq + 1);
        CHECK(told(other.ok("NOOP")) == gone_lines(kind, "2", {2}));
        auto back = box.open(kQresync, "");
        CHECK(resync(back.ok(known.select("1:3"))) == "* VANISHED (EARLIER) 2");
    });
}

TEST_CASE(
    "MOVE: COPYUID, then the messages disappear, with a modseq in both mailboxes (§3.2, RFC 6851 "
    "§4.3)") {
    for (const char* move : {"MOVE 2:3 Trash", "UID MOVE 2:3 Trash"}) {
        in_each_kind(4, [move](SyncBox& box, const Kind& kind) {
            auto client = box.open(kind);
            auto other = box.open(kind);
            const Known known = know(box);
            const auto trash = box.highest("Trash");
            const auto lines = client.ok(move);
            CHECK(lines[0].find("* OK [COPYUID ") == 0);
            CHECK(mentions({told(lines)}, gone_lines(kind, "2:3", {3, 2})));
            CHECK(box.highest() > known.modseq);
            CHECK(box.highest("Trash") > trash);
            CHECK((lines.back().find("OK [HIGHESTMODSEQ " + std::to_string(box.highest()) + "] ") ==
                   0) == kind.modseq);
            CHECK(told(other.ok("NOOP")) == gone_lines(kind, "2:3", {3, 2}));
            auto back = box.open(kQresync, "");
            CHECK(resync(back.ok(known.select("1:4"))) == "* VANISHED (EARLIER) 2:3");
        });
    }
}

TEST_CASE(
    "RENAME of INBOX moves its messages away: they vanish for those who know them (RFC 9051 "
    "§6.3.6)") {
    SyncBox box(2);
    const Known known = know(box);
    auto watcher = box.open(kQresync);
    auto client = box.open(kPlain, "");
    client.ok("RENAME INBOX kept");
    CHECK(told(watcher.ok("NOOP")) == "* VANISHED 1:2");
    auto back = box.open(kQresync, "");
    CHECK(resync(back.ok(known.select("1:2"))) == "* VANISHED (EARLIER) 1:2");
    CHECK(box.highest() > known.modseq);
}

TEST_CASE(
    "CLOSED parts the responses of the old mailbox from those of the new, in every session "
    "(§3.2.11)") {
    in_each_kind(2, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind, "");
        CHECK(!mentions(client.ok("SELECT INBOX"), "CLOSED"));
        for (const char* command :
             {"SELECT Trash", "EXAMINE INBOX", "SELECT INBOX", "SELECT INBOX (CONDSTORE)"}) {
            CAPTURE(command);
            CHECK(client.ok(command)[0].find("* OK [CLOSED] ") == 0);
        }
        CHECK(client.no("SELECT missing")[0].find("* OK [CLOSED] ") == 0);
        CHECK(!mentions(client.ok("SELECT INBOX"), "CLOSED"));
        CHECK(!mentions(client.ok("CLOSE"), "CLOSED"));
        client.ok("SELECT INBOX");
        CHECK(!mentions(client.ok("UNSELECT"), "CLOSED"));
    });
}

TEST_CASE(
    "HIGHESTMODSEQ never decreases, whatever happens to messages, over restart and power cut "
    "(issue 3)") {
    SyncBox box(6);
    std::uint64_t last = box.highest();
    const auto check = [&](bool grows) {
        const auto now = box.highest();
        CHECK(now >= last);
        if (grows) CHECK(now > last);
        auto client = box.connect("ann");
        CHECK(highest_modseq(client.ok("SELECT INBOX")) == now);
        last = now;
    };
    for (unsigned round = 1; round <= 3; ++round) {
        box.change("1:6", "+FLAGS (k" + std::to_string(round) + ")");
        check(true);
        box.remove(std::to_string(2 * round - 1) + ":" + std::to_string(2 * round));
        check(true);
        round == 2 ? box.crash(round) : box.restart();
        check(false);
        if (round == 3) pass_horizon(box);
        check(false);
    }
    // Empty now, with the highest modseq not that of any message.
    box.restart();
    check(false);
    auto client = box.connect("ann");
    client.append("INBOX", kSmallMessage);
    check(true);
}
