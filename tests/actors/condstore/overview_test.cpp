// RFC 7162: what CONDSTORE and QRESYNC clients are told, each rule with its section.
#include "tests/actors/condstore/sync_box.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using namespace tidemark::test;

namespace {

struct Box : TestServer {
    explicit Box(int messages) {
        add_account("ann");
        auto client = connect("ann");
        for (int i = 0; i < messages; ++i) client.append("INBOX", kSmallMessage);
    }
};

}  // namespace

TEST_CASE("SELECT tells a HIGHESTMODSEQ that is never 0, also of an empty mailbox (§3.1.2.1)") {
    Box box(0);
    auto client = box.connect("ann");
    CHECK(highest_modseq(client.ok("SELECT INBOX")) >= 1);
    CHECK(highest_modseq(client.ok("SELECT Trash")) >= 1);
}

TEST_CASE("MODSEQ is told only to sessions that enabled CONDSTORE (§3.1)") {
    Box box(1);
    auto plain = box.connect("ann");
    auto writer = box.connect("ann");
    plain.ok("SELECT INBOX");
    writer.ok("SELECT INBOX");
    const auto check_plain = [&] {
        const auto told = plain.ok("NOOP");
        REQUIRE(told.size() == 2);
        return told[0].find("MODSEQ") == std::string::npos;
    };
    writer.ok("STORE 1 +FLAGS (a)");
    // FLAGS comes first because there is a new keyword.
    CHECK(with_prefix(plain.ok("NOOP"), "* 1 FETCH")[0].find("MODSEQ") == std::string::npos);
    writer.ok("STORE 1 -FLAGS (a)");
    CHECK(check_plain());
    for (const char* enabling :
         {"ENABLE CONDSTORE", "STATUS INBOX (HIGHESTMODSEQ)", "FETCH 1 MODSEQ", "SEARCH MODSEQ 1",
          "STORE 1 (UNCHANGEDSINCE 1) +FLAGS.SILENT (b)", "SELECT INBOX (CONDSTORE)",
          "FETCH 1 FLAGS (CHANGEDSINCE 1)"}) {
        CAPTURE(enabling);
        auto session = box.connect("ann");
        session.ok("SELECT INBOX");
        session.ok(enabling);
        writer.ok("STORE 1 +FLAGS (a)");
        auto told = with_prefix(session.ok("NOOP"), "* 1 FETCH");
        REQUIRE(!told.empty());
        CHECK(told.back().find("MODSEQ (") != std::string::npos);
        writer.ok("STORE 1 -FLAGS (a)");
    }
}

TEST_CASE("conditional STORE is compare-and-set, MODIFIED names what lost (§3.1.3)") {
    Box box(3);
    auto a = box.connect("ann");
    auto b = box.connect("ann");
    const auto base = highest_modseq(a.ok("SELECT INBOX (CONDSTORE)"));
    b.ok("SELECT INBOX (CONDSTORE)");
    const std::string since = "(UNCHANGEDSINCE " + std::to_string(base) + ")";
    CHECK(a.ok("STORE 2 " + since + " +FLAGS (first)").back().find("MODIFIED") ==
          std::string::npos);
    SUBCASE("by sequence number") {
        const auto answer = b.ok("STORE 1:3 " + since + " +FLAGS (second)");
        CHECK(answer.back().find("[MODIFIED 2]") != std::string::npos);
        CHECK(with_prefix(answer, "* 1 FETCH").size() == 1);
        CHECK(with_prefix(answer, "* 3 FETCH").size() == 1);
    }
    SUBCASE("by uid, silent: the MODSEQ is told all the same") {
        const auto answer = b.ok("UID STORE 1:3 " + since + " +FLAGS.SILENT (second)");
        CHECK(answer.back().find("[MODIFIED 2]") != std::string::npos);
        const auto one = with_prefix(answer, "* 1 FETCH");
        REQUIRE(one.size() == 1);
        CHECK(one[0].find("MODSEQ (") != std::string::npos);
        CHECK(one[0].find("FLAGS") == std::string::npos);
    }
    SUBCASE("UNCHANGEDSINCE 0 fails for everything") {
        CHECK(b.ok("STORE 1:3 (UNCHANGEDSINCE 0) +FLAGS (x)").back().find("[MODIFIED 1:3]") !=
              std::string::npos);
    }
    const auto flags = b.ok("FETCH 2 FLAGS");
    CHECK(with_prefix(flags, "* 2 FETCH")[0].find("second") == std::string::npos);
}

TEST_CASE(
    "a STORE that changes nothing gives no number, tells nobody else, and is answered (§3.1.3)") {
    Box box(1);
    auto a = box.connect("ann");
    auto b = box.connect("ann");
    a.ok("SELECT INBOX (CONDSTORE)");
    const auto before = highest_modseq(b.ok("SELECT INBOX (CONDSTORE)"));
    const auto answer = a.ok("STORE 1 -FLAGS (\\Flagged)");
    CHECK(with_prefix(answer, "* 1 FETCH").size() == 1);
    CHECK(b.ok("NOOP").size() == 1);
    CHECK(highest_modseq(b.ok("STATUS INBOX (HIGHESTMODSEQ)")) == before);
}

TEST_CASE("QRESYNC: SELECT tells what vanished, then what changed (§3.2.5)") {
    Box box(5);
    auto writer = box.connect("ann");
    const auto selected = writer.ok("SELECT INBOX (CONDSTORE)");
    const auto since = highest_modseq(selected);
    const auto validity = uid_validity(selected);
    writer.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted)");
    writer.ok("EXPUNGE");
    writer.ok("UID STORE 5 +FLAGS (\\Flagged)");
    writer.append("INBOX", kSmallMessage);
    auto client = box.connect("ann");
    client.bad("SELECT INBOX (QRESYNC (" + std::to_string(validity) + " 1))");
    CHECK(has_line(client.ok("ENABLE QRESYNC"), "* ENABLED QRESYNC"));
    const std::string parameter = std::to_string(validity) + " " + std::to_string(since);
    SUBCASE("whole mailbox") {
        const auto lines = client.ok("SELECT INBOX (QRESYNC (" + parameter + "))");
        const auto vanished = with_prefix(lines, "* VANISHED");
        REQUIRE(vanished.size() == 1);
        CHECK(vanished[0] == "* VANISHED (EARLIER) 2,4");
        CHECK(with_prefix(lines, "* 3 FETCH (UID 5 FLAGS (\\Flagged").size() == 1);
        CHECK(with_prefix(lines, "* 4 FETCH (UID 6 ").size() == 1);
        CHECK(with_prefix(lines, "* 1 FETCH").empty());
        // RFC 7162 §3.2.5.1: VANISHED before FETCH.
        std::size_t at_vanished = 0;
        std::size_t at_fetch = 0;
        for (std::size_t i = 0; i < lines.size(); ++i) {
            if (lines[i].find("VANISHED") != std::string::npos) at_vanished = i;
            if (at_fetch == 0 && lines[i].find(" FETCH ") != std::string::npos) at_fetch = i;
        }
        CHECK(at_vanished < at_fetch);
    }
    SUBCASE("known uids, and CONDSTORE beside it in any order") {
        const auto lines = client.ok("SELECT INBOX (CONDSTORE QRESYNC (" + parameter + " 1:3,9))");
        CHECK(has_line(lines, "* VANISHED (EARLIER) 2"));
    }
    SUBCASE("another UIDVALIDITY: the parameter is ignored") {
        const auto lines = client.ok("SELECT INBOX (QRESYNC (" + std::to_string(validity + 1) +
                                     " " + std::to_string(since) + "))");
        CHECK(with_prefix(lines, "* VANISHED").empty());
    }
    SUBCASE(
        "UID FETCH with VANISHED names only what was asked for, and * means UIDNEXT-1 (§3.2.6)") {
        client.ok("SELECT INBOX");
        const std::string modifier =
            " (FLAGS) (CHANGEDSINCE " + std::to_string(since) + " VANISHED)";
        CHECK(has_line(client.ok("UID FETCH 1:3" + modifier), "* VANISHED (EARLIER) 2"));
        CHECK(has_line(client.ok("UID FETCH 1:*" + modifier), "* VANISHED (EARLIER) 2,4"));
        CHECK(has_line(client.ok("UID FETCH 1:4294967295" + modifier), "* VANISHED (EARLIER) 2,4"));
        client.bad("FETCH 1:3" + modifier);
    }
    SUBCASE("modseq 0 is taken") {
        client.ok("SELECT INBOX (QRESYNC (" + std::to_string(validity) + " 0))");
    }
}

TEST_CASE("VANISHED (EARLIER) comes before the flags that were waiting to be told (§3.2.6)") {
    Box box(4);
    auto client = box.connect("ann");
    auto other = box.connect("ann");
    client.ok("ENABLE QRESYNC");
    const auto since = highest_modseq(client.ok("SELECT INBOX"));
    other.ok("SELECT INBOX");
    client.ok("UID STORE 2 +FLAGS.SILENT (\\Deleted)");
    client.ok("UID EXPUNGE 2");
    // What the client is told of by this command only: a flag, an expunge and a new message.
    other.ok("NOOP");
    other.ok("UID STORE 1 +FLAGS (\\Seen)");
    other.ok("UID STORE 3 +FLAGS.SILENT (\\Deleted)");
    other.ok("UID EXPUNGE 3");
    other.append("INBOX", kSmallMessage);
    const auto lines =
        client.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE " + std::to_string(since) + " VANISHED)");
    REQUIRE(!lines.empty());
    // Once each: UID 3 is there as far as the client knew.
    CHECK(lines[0] == "* VANISHED (EARLIER) 2");
    CHECK(with_prefix(lines, "* VANISHED (EARLIER)").size() == 1);
    CHECK(has_line(lines, "* VANISHED 3"));
    CHECK(has_line(lines, "* 3 EXISTS"));
    CHECK(with_prefix(lines, "* 3 FETCH").size() == 1);
}

TEST_CASE(
    "VANISHED replaces EXPUNGE once QRESYNC is enabled, HIGHESTMODSEQ comes with the answer "
    "(§3.2.7, §3.2.10)") {
    Box box(3);
    auto client = box.connect("ann");
    auto other = box.connect("ann");
    client.ok("ENABLE QRESYNC");
    client.ok("SELECT INBOX");
    other.ok("SELECT INBOX");
    client.ok("STORE 1:2 +FLAGS.SILENT (\\Deleted)");
    const auto lines = client.ok("UID EXPUNGE 1:2");
    CHECK(has_line(lines, "* VANISHED 1:2"));
    CHECK(with_prefix(lines, "* 1 EXPUNGE").empty());
    const auto told = highest_modseq(lines);
    CHECK(told == highest_modseq(client.ok("STATUS INBOX (HIGHESTMODSEQ)")));
    const auto plain = other.ok("NOOP");
    CHECK(has_line(plain, "* 1 EXPUNGE"));
    CHECK(has_line(plain, "* 2 EXPUNGE"));
    // §3.2.8: never in the answer of CLOSE.
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
    CHECK(client.ok("CLOSE").back().find("HIGHESTMODSEQ") == std::string::npos);
}

TEST_CASE("while an expunge is held back no modseq is told that would hide it (§3.1, design §4)") {
    Box box(3);
    auto writer = box.connect("ann");
    auto reader = box.connect("ann");
    writer.ok("SELECT INBOX");
    reader.ok("ENABLE QRESYNC");
    const auto selected = reader.ok("SELECT INBOX");
    const auto known = highest_modseq(selected);
    writer.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
    writer.ok("EXPUNGE");
    writer.ok("UID STORE 3 +FLAGS (\\Flagged)");
    std::uint64_t told = known;
    for (const char* command : {"FETCH 3 (FLAGS MODSEQ)", "STORE 3 +FLAGS (\\Seen)",
                                "SEARCH MODSEQ 1", "FETCH 1:3 MODSEQ"}) {
        CAPTURE(command);
        for (const auto& line : reader.ok(command)) {
            CHECK(line.find("VANISHED") == std::string::npos);
            for (auto at = line.find("MODSEQ "); at != std::string::npos;
                 at = line.find("MODSEQ ", at + 1)) {
                const auto digits = line.find_first_of("0123456789", at);
                if (digits != std::string::npos)
                    told = std::max<std::uint64_t>(told, std::stoull(line.substr(digits)));
            }
        }
    }
    // It drops here and comes back with the highest modseq that it was told.
    auto back = box.connect("ann");
    back.ok("ENABLE QRESYNC");
    const auto resync = back.ok("SELECT INBOX (QRESYNC (" + std::to_string(uid_validity(selected)) +
                                " " + std::to_string(told) + "))");
    CHECK(has_line(resync, "* VANISHED (EARLIER) 1"));
    // And the session that stayed is told at the next command that allows it.
    CHECK(has_line(reader.ok("NOOP"), "* VANISHED 1"));
}

TEST_CASE(
    "SEARCH MODSEQ and ESEARCH tell the highest modseq of what they found (§3.1.5, §3.1.10)") {
    Box box(3);
    auto client = box.connect("ann");
    client.ok("SELECT INBOX");
    const auto fetched = with_prefix(client.ok("FETCH 1:3 MODSEQ"), "* ");
    CHECK(fetched[0].find("HIGHESTMODSEQ") != std::string::npos);  // enabled late
    const auto modseq_of = [&](int i) { return number_after(fetched[i + 1], "MODSEQ ("); };
    CHECK(has_line(client.ok("SEARCH MODSEQ " + std::to_string(modseq_of(1))),
                   "* SEARCH 2 3 (MODSEQ " + std::to_string(modseq_of(2)) + ")"));
    CHECK(has_line(client.ok("SEARCH MODSEQ 9223372036854775807"), "* SEARCH"));
    const auto lines = client.ok("SEARCH RETURN (MIN) MODSEQ \"/flags/\\\\seen\" all 1");
    REQUIRE(with_prefix(lines, "* ESEARCH").size() == 1);
    CHECK(lines[0].find("MIN 1") != std::string::npos);
    CHECK(lines[0].find("MODSEQ " + std::to_string(modseq_of(0))) != std::string::npos);
}

TEST_CASE("HIGHESTMODSEQ never decreases, over restart and power cut") {
    Box box(2);
    std::uint64_t before = 0;
    {
        auto client = box.connect("ann");
        client.ok("SELECT INBOX");
        client.ok("STORE 1:2 +FLAGS.SILENT (\\Deleted)");
        client.ok("EXPUNGE");
        before = highest_modseq(client.ok("STATUS INBOX (HIGHESTMODSEQ)"));
    }
    SUBCASE("restart") {
        box.restart();
    }
    SUBCASE("power cut") {
        box.crash(3);
    }
    auto client = box.connect("ann");
    CHECK(highest_modseq(client.ok("SELECT INBOX")) >= before);
    client.ok("CREATE other");
    client.append("INBOX", kSmallMessage);
    CHECK(highest_modseq(client.ok("STATUS INBOX (HIGHESTMODSEQ)")) > before);
}

TEST_CASE(
    "below the log's horizon the answer is exact for the uids that the client names (§3.2.5.1)") {
    Box box(6);
    std::uint64_t since = 0;
    std::uint64_t validity = 0;
    {
        auto client = box.connect("ann");
        const auto selected = client.ok("SELECT INBOX (CONDSTORE)");
        since = highest_modseq(selected);
        validity = uid_validity(selected);
        client.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted)");
        client.ok("EXPUNGE");
        client.ok("LOGOUT");
        CHECK(client.at_end());
    }
    box.clock.advance(std::chrono::hours(1));
    // The first pass folds, so that the second may drop what the pages hold.
    for (int pass = 0; pass < 2; ++pass) box.maintain(box.clock.wall_microseconds());
    std::size_t entries = 0;
    const auto id = tidemark::storage::MailboxId{1};
    REQUIRE(box.server()
                .store()
                .changes_since(tidemark::storage::AccountId{1}, id, 0,
                               [&entries](auto, const auto&) { return ++entries > 0; })
                .has_value());
    REQUIRE(entries == 0);
    SUBCASE("at once") {}
    SUBCASE("after a restart") {
        box.restart();
    }
    auto client = box.connect("ann");
    client.ok("ENABLE QRESYNC");
    const std::string parameter = std::to_string(validity) + " " + std::to_string(since);
    CHECK(has_line(client.ok("SELECT INBOX (QRESYNC (" + parameter + " 1:3,6,9))"),
                   "* VANISHED (EARLIER) 2"));
    // Without known uids: everything that is not there.
    CHECK(has_line(client.ok("SELECT INBOX (QRESYNC (" + parameter + "))"),
                   "* VANISHED (EARLIER) 2,4"));
    // Message 6 is at 4 now, but 1 is where it was: nothing up to it can have gone (§3.2.5.2).
    CHECK(has_line(client.ok("SELECT INBOX (QRESYNC (" + parameter + " 1:6 (1,3 1,3)))"),
                   "* VANISHED (EARLIER) 2,4"));
    CHECK(highest_modseq(client.ok("STATUS INBOX (HIGHESTMODSEQ)")) > since);
}
