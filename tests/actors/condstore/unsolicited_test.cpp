// RFC 7162 §3.2, §3.2.4, §3.2.10, §6 and design §4: what sessions are told of others' changes,
// when, and in which order.
#include "tests/actors/condstore/sync_box.hpp"

#include <set>

using namespace tidemark::test;

namespace {

std::uint64_t highest_number(const std::vector<std::string>& lines) {
    std::uint64_t highest = 0;
    for (const auto& line : lines) {
        for (auto at = line.find("MODSEQ "); at != std::string::npos;
             at = line.find("MODSEQ ", at + 1)) {
            const auto digits = line.find_first_of("0123456789", at);
            if (digits != std::string::npos)
                highest = std::max<std::uint64_t>(highest, std::stoull(line.substr(digits)));
        }
    }
    return highest;
}

}  // namespace

TEST_CASE("expunges are told by NOOP, CHECK, IDLE and every uid command (§3.2.10)") {
    in_each_kind(4, [](SyncBox& box, const Kind& kind) {
        for (const char* command :
             {"NOOP", "CHECK", "UID FETCH 4 UID", "UID STORE 4 +FLAGS.SILENT (x)",
              "UID SEARCH UID 4", "UID SEARCH ALL", "UID SORT (DATE) UTF-8 ALL", "EXPUNGE",
              "STATUS Trash (MESSAGES)", "UID COPY 4 Trash"}) {
            CAPTURE(command);
            auto client = box.open(kind);
            client.append("INBOX", kSmallMessage);
            client.ok("NOOP");
            const auto uid = number_after(client.ok("STATUS INBOX (UIDNEXT)")[0], "UIDNEXT ") - 1;
            box.remove(std::to_string(uid));
            CHECK(!client.has_input());  // no command is in progress
            CHECK(mentions({told(client.ok(command))}, gone_lines(kind, std::to_string(uid), {5})));
            CHECK(told(client.ok("NOOP")).empty());
        }
        auto idler = box.open(kind);
        idler.send("i IDLE\r\n");
        CHECK(idler.line().front() == '+');
        box.change("4", "+FLAGS (\\Seen)");
        CHECK(told({idler.line()}) == flags_line(kind, 4, 4, "\\Seen x", box.modseq(4)));
        auto other = box.open(kPlain);
        other.ok("UID STORE 2:3 +FLAGS.SILENT (\\Deleted)");
        for (int i = 0; i < 2; ++i) CHECK(idler.line().find("FETCH (UID ") != std::string::npos);
        other.ok("UID EXPUNGE 2:3");
        CHECK(idler.line() == (kind.vanished ? "* VANISHED 2:3" : "* 3 EXPUNGE"));
        if (!kind.vanished) CHECK(idler.line() == "* 2 EXPUNGE");
        idler.send("DONE\r\ni2 NOOP\r\n");  // design §4: pipelined with DONE
        CHECK(idler.until_tagged("i").size() == 1);
        CHECK(idler.until_tagged("i2").size() == 1);
    });
}

TEST_CASE(
    "no expunge while message numbers are meant: FETCH, STORE, SEARCH, SORT, THREAD, and uid "
    "searches with numbers among their criteria (§3.2.10.2)") {
    in_each_kind(4, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        box.remove("1");
        for (const char* command :
             {"FETCH 4 UID", "STORE 4 +FLAGS.SILENT (x)", "SEARCH ALL", "SORT (DATE) UTF-8 ALL",
              "THREAD REFERENCES UTF-8 ALL", "UID SEARCH 4", "UID SEARCH NOT 1:3",
              "UID SEARCH OR SEEN (4 ALL)", "UID SORT (DATE) UTF-8 4",
              "UID THREAD REFERENCES UTF-8 4"}) {
            CAPTURE(command);
            const auto lines = client.ok(command);
            CHECK(!mentions(lines, "VANISHED"));
            CHECK(!mentions(lines, "EXPUNGE"));
            if (std::string(command).find("UID S") == 0) CHECK(mentions({lines[0]}, "4"));
        }
        // The message can still be read until then.
        CHECK(mentions(client.ok("FETCH 1 (UID BODY.PEEK[TEXT])"), "Text of the message."));
        // What follows is the true modseq of the STORE, which was not told meanwhile.
        CHECK(told(client.ok("NOOP")).find(gone_lines(kind, "1", {1})) == 0);
    });
}

TEST_CASE("a message that came and went before it was told is never told (§3.2.10.2)") {
    in_each_kind(2, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        auto other = box.open(kPlain);
        other.append("INBOX", kSmallMessage);
        other.ok("NOOP");
        box.remove("3");
        CHECK(told(client.ok("NOOP")).empty());
        other.append("INBOX", kSmallMessage);
        box.remove("2");
        // One that was told goes, one that was not told comes: each by itself.
        CHECK(told(client.ok("NOOP")) == gone_lines(kind, "2", {2}) + "\n* 2 EXISTS");
    });
}

TEST_CASE("after VANISHED no EXISTS is needed, and numbers have moved (§3.2.10.2)") {
    in_each_kind(5, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        box.remove("2,4");
        CHECK(told(client.ok("NOOP")) == gone_lines(kind, "2,4", {4, 2}));
        CHECK(mentions(client.ok("FETCH 3 UID"), "* 3 FETCH (UID 5"));
        client.bad("FETCH 4 UID");
    });
}

TEST_CASE(
    "VANISHED and VANISHED (EARLIER) are separate responses, EARLIER before any FETCH (§3.2.10)") {
    SyncBox box(5);
    const auto since = box.highest();
    box.remove("2");
    auto client = box.open(kQresync);
    box.remove("4");
    box.change("5", "+FLAGS (\\Seen)");
    const auto lines =
        client.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE " + std::to_string(since) + " VANISHED)");
    REQUIRE(with_prefix(lines, "* VANISHED").size() == 2);
    CHECK(has_line(lines, "* VANISHED (EARLIER) 2"));
    CHECK(has_line(lines, "* VANISHED 4"));
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
        if (lines[i].find("FETCH") != std::string::npos) {
            CHECK(lines[i + 1].find("(EARLIER)") == std::string::npos);
        }
    }
}

TEST_CASE(
    "nothing that is told hides an expunge that is held back; NOOP tells all of it (§3.2, §6, "
    "design §4)") {
    in_each_kind(4, [](SyncBox& box, const Kind& kind) {
        auto client = box.connect("ann");
        if (*kind.enable != '\0') client.ok(kind.enable);
        const auto selected = client.ok("SELECT INBOX");
        box.remove("1");
        box.change("3", "+FLAGS (\\Flagged)");
        auto other = box.open(kPlain);
        other.append("INBOX", kSmallMessage);
        const auto gone_at = box.highest() - 2;
        std::uint64_t highest = highest_modseq(selected);
        for (const char* command :
             {"FETCH 1:4 (FLAGS MODSEQ)", "STORE 3 +FLAGS (\\Seen)", "SEARCH MODSEQ 1",
              "STORE 2 (UNCHANGEDSINCE 9223372036854775807) +FLAGS.SILENT (x)",
              "FETCH 1:4 UID (CHANGEDSINCE 1)", "SORT (DATE) UTF-8 MODSEQ 1",
              "FETCH 4 BODY[TEXT]"}) {
            CAPTURE(command);
            const auto lines = client.ok(command);
            CHECK(!mentions(lines, "EXPUNGE"));
            CHECK(!mentions(lines, "VANISHED"));
            highest = std::max(highest, highest_number(lines));
        }
        CHECK(highest < gone_at);
        auto back = box.open(kQresync, "");
        const auto resync =
            back.ok("SELECT INBOX (QRESYNC (" + std::to_string(uid_validity(selected)) + " " +
                    std::to_string(highest) + " 1:4))");
        CHECK(has_line(resync, "* VANISHED (EARLIER) 1"));
        for (const unsigned uid : {2U, 3U, 4U})
            CHECK(mentions(resync, "FETCH (UID " + std::to_string(uid) + " "));
        // With the expunge come the true modseqs, and a compare-and-set with them succeeds.
        const auto noop = client.ok("NOOP");
        CHECK(mentions({told(noop)}, gone_lines(kind, "1", {1})));
        const auto third = with_prefix(noop, "* 2 FETCH (UID 3 ");
        REQUIRE(third.size() == 1);
        CHECK(number_after(third[0], "MODSEQ (") == box.modseq(3));
        CHECK(client.ok("STORE 2 (UNCHANGEDSINCE " + std::to_string(box.modseq(3)) + ") +FLAGS (y)")
                  .back()
                  .find("OK stored") == 0);
    });
}

TEST_CASE(
    "a session that enables late, while an expunge is held back, starts below it (§3.1, §3.2)") {
    SyncBox box(3);
    auto client = box.open(kPlain);
    const auto known = box.highest();
    box.remove("1");
    const auto lines = client.ok("FETCH 3 MODSEQ");
    CHECK(highest_modseq(lines) == known);
    // ENABLE may tell of it, and then in the new form and after ENABLED.
    const auto enabled = client.ok("ENABLE QRESYNC");
    CHECK(told(enabled).find("* ENABLED QRESYNC\n* VANISHED 1") == 0);
}

TEST_CASE(
    "changes are told in the order of their modseqs, which is that of their commits (issue 3)") {
    in_each_kind(4, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        const unsigned order[] = {3, 1, 4, 2};
        std::string expected;
        for (const unsigned uid : order) box.change(std::to_string(uid), "+FLAGS (\\Seen)");
        for (const unsigned uid : order) {
            expected += (expected.empty() ? "" : "\n") +
                        flags_line(kind, uid, uid, "\\Seen", box.modseq(uid));
        }
        CHECK(told(client.ok("NOOP")) == expected);
    });
}

TEST_CASE(
    "many writers at once: modseqs are distinct, grow in each session, and are pushed in order "
    "(§3.1)") {
    constexpr unsigned kWriters = 4;
    constexpr unsigned kStores = 25;
    SyncBox box(kWriters);
    auto idler = box.open(kCondstore);
    idler.send("i IDLE\r\n");
    CHECK(idler.line().front() == '+');
    std::vector<ImapClient> writers;
    writers.reserve(kWriters);
    for (unsigned i = 0; i < kWriters; ++i) writers.push_back(box.open(kCondstore));
    for (unsigned n = 0; n < kStores; ++n) {
        for (unsigned i = 0; i < kWriters; ++i) {
            writers[i].send("s" + std::to_string(n) + " UID STORE " + std::to_string(i + 1) +
                            (n % 2 == 0 ? " +" : " -") + "FLAGS.SILENT (\\Seen)\r\n");
        }
    }
    std::set<std::uint64_t> modseqs;
    for (unsigned i = 0; i < kWriters; ++i) {
        std::uint64_t last = 0;
        for (unsigned n = 0; n < kStores; ++n) {
            for (const auto& line : writers[i].until_tagged("s" + std::to_string(n))) {
                if (line.find("(UID " + std::to_string(i + 1) + " ") == std::string::npos) continue;
                const auto modseq = number_after(line, "MODSEQ (");
                CHECK(modseq > last);
                last = modseq;
                CHECK(modseqs.insert(modseq).second);
            }
        }
    }
    CHECK(modseqs.size() == kWriters * kStores);
    // The last change of the mailbox ends what the idler is pushed.
    std::uint64_t pushed = 0;
    while (pushed < *modseqs.rbegin()) {
        const auto modseq = number_after(idler.line(), "MODSEQ (");
        CHECK(modseq > pushed);
        pushed = modseq;
    }
    CHECK(box.highest() == *modseqs.rbegin());
}

TEST_CASE(
    "STATUS (HIGHESTMODSEQ) while others write covers all that was acknowledged before (§3.1.7)") {
    SyncBox box(2);
    auto writer = box.open(kCondstore);
    auto asker = box.open(kCondstore, "");
    std::uint64_t last = 0;
    for (unsigned n = 0; n < 40; ++n) {
        const auto lines = writer.ok(std::string("STORE 1:2 ") + (n % 2 == 0 ? "+" : "-") +
                                     "FLAGS.SILENT (\\Seen)");
        writer.send("p NOOP\r\nq STORE 1 FLAGS.SILENT (k)\r\n");
        const auto status = highest_modseq(asker.ok("STATUS INBOX (HIGHESTMODSEQ)"));
        CHECK(status >= number_after(lines[0], "MODSEQ ("));
        CHECK(status >= last);
        last = status;
        writer.until_tagged("q");
    }
}
