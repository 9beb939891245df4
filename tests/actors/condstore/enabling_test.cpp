// RFC 7162 §3.1, §3.1.1, §3.1.2, §3.1.7, §3.1.8, §3.2.2, §3.2.3: who is told modseqs, and from
// when.
#include "tests/actors/condstore/sync_box.hpp"

using namespace tidemark::test;

TEST_CASE("CONDSTORE, QRESYNC and ENABLE are announced; METADATA and ANNOTATE are not (§3.1.1)") {
    SyncBox box(0);
    auto client = box.connect("ann");
    const auto lines = client.ok("CAPABILITY");
    const std::string all = lines[0] + " ";
    for (const char* word : {" CONDSTORE ", " QRESYNC ", " ENABLE "}) {
        CHECK(all.find(word) != std::string::npos);
    }
    // Their changes would have to raise the modseq (§3.2).
    CHECK(all.find("METADATA") == std::string::npos);
    CHECK(all.find("ANNOTATE") == std::string::npos);
}

TEST_CASE("each enabling command makes a session that is told modseqs from then on (§3.1)") {
    for (const char* command :
         {"ENABLE CONDSTORE",
          "ENABLE QRESYNC",
          "ENABLE QRESYNC CONDSTORE",
          "ENABLE CONDSTORE QRESYNC",
          "STATUS INBOX (HIGHESTMODSEQ)",
          "STATUS Trash (HIGHESTMODSEQ)",
          "LIST \"\" Trash RETURN (STATUS (HIGHESTMODSEQ))",
          "FETCH 1 MODSEQ",
          "UID FETCH 1 (FLAGS MODSEQ)",
          "SEARCH MODSEQ 1",
          "UID SEARCH NOT MODSEQ 1",
          "SEARCH OR SEEN (ALL MODSEQ 0)",
          "SORT (DATE) UTF-8 MODSEQ 1",
          "STORE 1 (UNCHANGEDSINCE 1) +FLAGS.SILENT (b)",
          "UID STORE 1 (UNCHANGEDSINCE 9223372036854775807) +FLAGS.SILENT (b)",
          "UID STORE 9 (UNCHANGEDSINCE 0) FLAGS ()",
          "FETCH 1 FLAGS (CHANGEDSINCE 1)",
          "UID FETCH 1:* UID (CHANGEDSINCE 9223372036854775807)",
          "SELECT INBOX (CONDSTORE)",
          "EXAMINE INBOX (CONDSTORE)"}) {
        CAPTURE(command);
        SyncBox box(2);
        auto client = box.open(kPlain);
        box.change("2", "+FLAGS (\\Flagged)");
        CHECK(!mentions(client.ok("NOOP"), "MODSEQ"));
        const auto before = box.highest();
        const auto lines = client.ok(command);
        // §3.1: the first enabling command with a mailbox selected tells HIGHESTMODSEQ, once, and
        // before anything that names a modseq.
        std::size_t tellings = 0;
        bool has_modseq = false;
        for (const auto& line : lines) {
            if (line.find("* OK [HIGHESTMODSEQ ") == 0) {
                ++tellings;
                CHECK(number_after(line, "HIGHESTMODSEQ ") == before);
                CHECK(!has_modseq);
            }
            has_modseq = has_modseq || line.find("MODSEQ (") != std::string::npos;
        }
        CHECK(tellings == 1);
        CHECK(!mentions(client.ok("FETCH 1 MODSEQ"), "HIGHESTMODSEQ"));  // not a second time
        box.change("2", "-FLAGS (\\Flagged)");
        CHECK(told(client.ok("NOOP")).find(flags_line(kCondstore, 2, 2, "", box.modseq(2))) !=
              std::string::npos);
    }
}

TEST_CASE("a command that fails enables nothing (§3.1)") {
    SyncBox box(2);
    auto client = box.open(kPlain);
    client.bad("FETCH 9 MODSEQ");
    client.bad("FETCH 9 FLAGS (CHANGEDSINCE 1)");
    client.bad("FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)");
    client.bad("UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)");
    client.bad("UID FETCH 1 FLAGS (VANISHED)");
    client.bad("STORE 9 (UNCHANGEDSINCE 1) +FLAGS (x)");
    client.bad("STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) +FLAGS (x)");
    client.bad("SEARCH MODSEQ 9223372036854775808");
    client.bad("SEARCH 9 MODSEQ 1");
    client.no("STATUS missing (HIGHESTMODSEQ)");
    client.no("SEARCH CHARSET X-UNKNOWN MODSEQ 1");
    client.bad("SELECT INBOX (QRESYNC (1 1))");
    SUBCASE("too many keywords in a conditional STORE") {
        std::string flags;
        for (int i = 0; i < 80; ++i) flags += (i == 0 ? "k" : " k") + std::to_string(i);
        client.no("STORE 1 (UNCHANGEDSINCE 9223372036854775807) +FLAGS (" + flags + ")");
    }
    SUBCASE("a mailbox opened read-only") {
        client.ok("EXAMINE INBOX");
        client.no("STORE 1 (UNCHANGEDSINCE 1) +FLAGS (x)");
    }
    SUBCASE("SELECT of what is not there") {
        client.no("SELECT missing (CONDSTORE)");
        client.no("EXAMINE missing (CONDSTORE)");
        client.ok("SELECT INBOX");
    }
    box.change("2", "+FLAGS (\\Seen)");
    CHECK(told(client.ok("NOOP")) == flags_line(kPlain, 2, 2, "\\Seen", 0));
}

TEST_CASE(
    "unsolicited FETCH names the modseq in enabled sessions only, by whatever command it comes "
    "(§3.1)") {
    in_each_kind(3, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        for (const char* command :
             {"NOOP", "CHECK", "STORE 1 +FLAGS.SILENT (\\Draft)", "FETCH 1 UID", "UID FETCH 1 UID",
              "SEARCH UID 1", "COPY 1 Trash", "STATUS Trash (MESSAGES)", "EXPUNGE"}) {
            CAPTURE(command);
            box.change("3", "+FLAGS (\\Seen)");
            const auto line = flags_line(kind, 3, 3, "\\Seen", box.modseq(3));
            CHECK(mentions({told(client.ok(command))}, line));
            box.change("3", "-FLAGS (\\Seen)");
            CHECK(told(client.ok("NOOP")) == flags_line(kind, 3, 3, "", box.modseq(3)));
        }
    });
}

TEST_CASE(
    "SELECT and EXAMINE tell HIGHESTMODSEQ in every kind, also of an empty mailbox (§3.1.2)") {
    in_each_kind(2, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind, "");
        for (const char* name : {"INBOX", "Trash"}) {
            for (const char* command : {"SELECT ", "EXAMINE "}) {
                const auto lines = client.ok(std::string(command) + name);
                CHECK(highest_modseq(lines) >= 1);
                CHECK(highest_modseq(lines) == box.highest(name));
                CHECK(!mentions(lines, "NOMODSEQ"));
                std::size_t tellings = 0;
                for (const auto& line : lines) {
                    tellings += line.find("* OK [HIGHESTMODSEQ ") == 0 ? 1 : 0;
                }
                CHECK(tellings == 1);
            }
        }
    });
}

TEST_CASE("SELECT (CONDSTORE) tells modseqs from the snapshot on, with nothing between (§3.1.8)") {
    SyncBox box(1);
    auto client = box.open(kPlain, "");
    const auto since = highest_modseq(client.ok("SELECT INBOX (CONDSTORE)"));
    box.change("1", "+FLAGS (\\Seen)");
    const auto line = told(client.ok("NOOP"));
    CHECK(line == flags_line(kCondstore, 1, 1, "\\Seen", box.modseq(1)));
    CHECK(number_after(line, "MODSEQ (") > since);
    client.bad("SELECT INBOX (CONDSTORE CONDSTORE)");
    client.bad("SELECT INBOX (CONDSTOR)");
    client.bad("SELECT INBOX ()");
}

TEST_CASE("STATUS tells the HIGHESTMODSEQ that SELECT tells, loaded or not (§3.1.7)") {
    in_each_kind(2, [](SyncBox& box, const Kind& kind) {
        box.change("1", "+FLAGS (\\Seen)");
        box.remove("2");
        box.restart();
        auto client = box.open(kind, "");
        const auto told_by_status =
            highest_modseq(client.ok("STATUS INBOX (UIDNEXT HIGHESTMODSEQ MESSAGES)"));
        CHECK(highest_modseq(client.ok("SELECT INBOX")) == told_by_status);
        const auto listed = client.ok("LIST \"\" INBOX RETURN (STATUS (HIGHESTMODSEQ))");
        CHECK(mentions(listed, "(HIGHESTMODSEQ " + std::to_string(told_by_status) + ")"));
    });
}

TEST_CASE("STATUS of the selected mailbox tells what it covers before it tells its number (§3.2)") {
    in_each_kind(3, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        for (const char* command :
             {"STATUS INBOX (HIGHESTMODSEQ)", "LIST \"\" INBOX RETURN (STATUS (HIGHESTMODSEQ))"}) {
            const bool first = command[0] == 'S';
            box.remove(first ? "1" : "2");
            const auto lines = client.ok(command);
            std::size_t gone_at = lines.size();
            std::size_t number_at = 0;
            for (std::size_t i = 0; i < lines.size(); ++i) {
                if (lines[i] == gone_lines(kind, first ? "1" : "2", {1})) gone_at = i;
                if (lines[i].find("* STATUS") == 0) number_at = i;
            }
            CAPTURE(told(lines));
            CHECK(gone_at < number_at);
        }
    });
}

TEST_CASE("ENABLE: every order and spelling, listed once, for the connection only (§3.2.3)") {
    SyncBox box(1);
    auto client = box.connect("ann");
    SUBCASE("QRESYNC enables CONDSTORE as well") {
        CHECK(has_line(client.ok("ENABLE QRESYNC"), "* ENABLED QRESYNC"));
    }
    SUBCASE("both") {
        const auto lines = client.ok("ENABLE CONDSTORE QRESYNC");
        CHECK(mentions(lines, "QRESYNC"));
        CHECK(mentions(lines, "CONDSTORE"));
    }
    SUBCASE("in lower case") {
        CHECK(mentions(client.ok("enable qresync"), "* ENABLED QRESYNC"));
    }
    CHECK(!mentions(client.ok("ENABLE QRESYNC"), "QRESYNC"));
    const auto selected = client.ok("select inbox (qresync (1 1))");
    CHECK(highest_modseq(selected) >= 1);
    auto other = box.connect("ann");
    other.bad("SELECT INBOX (QRESYNC (1 1))");
}

TEST_CASE("ENABLE CONDSTORE alone does not allow what QRESYNC does (§3.2.3)") {
    SyncBox box(2);
    auto client = box.open(kCondstore);
    client.bad("SELECT INBOX (QRESYNC (1 1))");
    client.bad("EXAMINE INBOX (CONDSTORE QRESYNC (1 1))");
    client.bad("UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)");
    box.remove("1");
    CHECK(told(client.ok("NOOP")) == "* 1 EXPUNGE");
}
