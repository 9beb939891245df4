// RFC 7162 §3.1, §3.1.3, §3.1.11, §3.1.12: STORE and the conditional STORE.
#include "tests/actors/condstore/sync_box.hpp"

using namespace tidemark::test;

namespace {

std::string since(std::uint64_t modseq) {
    return "(UNCHANGEDSINCE " + std::to_string(modseq) + ") ";
}
std::string modseq_line(unsigned seq, unsigned uid, std::uint64_t modseq) {
    return "* " + std::to_string(seq) + " FETCH (UID " + std::to_string(uid) + " MODSEQ (" +
           std::to_string(modseq) + "))";
}
constexpr std::uint64_t kModseqMax = 9223372036854775807;

}  // namespace

TEST_CASE(
    "every STORE that changes something has a modseq of its own, each above the last (§3.1)") {
    SyncBox box(3);
    auto a = box.open(kCondstore);
    auto b = box.open(kPlain);
    std::uint64_t last = box.highest();
    for (int i = 0; i < 5; ++i) {
        a.ok("STORE 1 +FLAGS.SILENT (k" + std::to_string(i) + ")");
        CHECK(box.modseq(1) > last);
        last = box.modseq(1);
        b.ok("UID STORE 1:3 -FLAGS.SILENT (k" + std::to_string(i) + ")");
        CHECK(box.modseq(1) > last);
        last = box.modseq(1);
        CHECK(box.highest() == last);
    }
}

TEST_CASE("the messages of one command share its modseq; others keep theirs (§3.1)") {
    SyncBox box(4);
    auto client = box.open(kCondstore);
    const auto untouched = box.modseq(4);
    CHECK(told(client.ok("STORE 1:3 +FLAGS.SILENT (\\Seen)")) ==
          modseq_line(1, 1, box.modseq(3)) + "\n" + modseq_line(2, 2, box.modseq(3)) + "\n" +
              modseq_line(3, 3, box.modseq(3)));
    CHECK(box.modseq(4) == untouched);
}

TEST_CASE("APPEND, COPY and MOVE give new messages a modseq above all others (§3.1)") {
    SyncBox box(2);
    box.change("1:2", "+FLAGS (\\Seen)");
    auto client = box.open(kCondstore);
    auto last = box.highest();
    client.append("INBOX", kSmallMessage);
    CHECK(box.modseq(3) > last);
    last = box.highest();
    CHECK(box.modseq(3) == last);
    client.ok("COPY 1 INBOX");
    CHECK(box.modseq(4) > last);
    last = box.highest();
    client.ok("UID MOVE 2 INBOX");
    CHECK(box.modseq(5) > last);
    CHECK(box.modseq(5) == box.highest());
}

TEST_CASE(
    "setting a flag that is set, clearing one that is not: no modseq, told to the issuer only "
    "(§3.1.11)") {
    in_each_kind(1, [](SyncBox& box, const Kind& kind) {
        box.change("1", "FLAGS (\\Seen k)");
        auto client = box.open(kind);
        auto other = box.open(kCondstore);
        const auto before = box.highest();
        for (const char* how : {"+FLAGS (\\Seen)", "-FLAGS (\\Flagged)", "FLAGS (k \\Seen)",
                                "-FLAGS (unknown)", "+FLAGS ()"}) {
            CAPTURE(how);
            const auto line = flags_line(kind, 1, 1, "\\Seen k", before);
            CHECK(told(client.ok("STORE 1 " + std::string(how))) == line);
            CHECK(told(client.ok("UID STORE 1 " + std::string(how))) == line);
            CHECK(box.highest() == before);
            CHECK(told(other.ok("NOOP")).empty());
        }
        // A FETCH that would set \Seen where it is set.
        client.ok("FETCH 1 BODY[]");
        CHECK(box.highest() == before);
        CHECK(told(other.ok("NOOP")).empty());
    });
}

TEST_CASE(
    "a conditional STORE is done where the modseq is low enough, by number and by uid (§3.1.3)") {
    for (const bool by_uid : {false, true}) {
        in_each_kind(3, [by_uid](SyncBox& box, const Kind& kind) {
            auto client = box.open(kind);
            const std::string store = by_uid ? "UID STORE " : "STORE ";
            const auto lines = client.ok(store + "1:3 " + since(box.highest()) + "+FLAGS (\\Seen)");
            const auto modseq = box.modseq(1);
            std::string expected;
            if (!kind.modseq)
                expected =
                    "* OK [HIGHESTMODSEQ " + std::to_string(modseq - 1) + "] condstore enabled\n";
            for (unsigned i = 1; i <= 3; ++i) {
                expected += flags_line(kCondstore, i, i, "\\Seen", modseq) + (i < 3 ? "\n" : "");
            }
            CHECK(told(lines) == expected);
            CHECK(lines.back().find("OK stored") == 0);
        });
    }
}

TEST_CASE("MODIFIED names what failed, as the command named it; the rest is done (§3.1.3)") {
    for (const bool by_uid : {false, true}) {
        in_each_kind(9, [by_uid](SyncBox& box, const Kind& kind) {
            box.remove("1");  // numbers and uids differ
            auto client = box.open(kind);
            const auto known = box.highest();
            box.change("4,6:7", "+FLAGS (\\Answered)");
            const std::string command =
                (by_uid ? "UID STORE 8,3,4:7,7 " : "STORE 7,2,3:6,6 ") + since(known);
            const auto lines = client.ok(command + "+FLAGS.SILENT (\\Deleted)");
            CHECK(lines.back().find(by_uid ? "OK [MODIFIED 4,6:7] " : "OK [MODIFIED 3,5:6] ") == 0);
            // §3.1.3, Example 10: the others' changes are told as well, so that no FETCH is needed.
            const auto text = told(lines);
            for (const unsigned uid : {4U, 6U, 7U}) {
                CHECK(mentions(
                    {text}, flags_line(kCondstore, uid - 1, uid, "\\Answered", box.modseq(uid))));
            }
            for (const unsigned uid : {3U, 5U, 8U}) {
                CHECK(mentions({text}, modseq_line(uid - 1, uid, box.modseq(uid))));
            }
            // §6.4.6 of RFC 9051 and Example 9: the retry with what was told succeeds.
            const auto again = client.ok((by_uid ? "UID STORE 4 " : "STORE 3 ") +
                                         since(box.modseq(4)) + "+FLAGS.SILENT (\\Deleted)");
            CHECK(again.back().find("MODIFIED") == std::string::npos);
            CHECK(told(again) == modseq_line(3, 4, box.modseq(4)));
        });
    }
}

TEST_CASE("a message named twice does not fail because of its own change (§3.1.3)") {
    SyncBox box(9);
    auto client = box.open(kCondstore);
    CHECK(client.ok("STORE 7,3:9 " + since(box.highest()) + "+FLAGS.SILENT (\\Deleted)")
              .back()
              .find("MODIFIED") == std::string::npos);
    CHECK(client.ok("UID STORE 7,3:9,7 " + since(box.highest()) + "-FLAGS.SILENT (\\Deleted)")
              .back()
              .find("MODIFIED") == std::string::npos);
}

TEST_CASE(
    "a silent conditional STORE is answered with the MODSEQ also where nothing changed (§3.1.3)") {
    for (const bool by_uid : {false, true}) {
        in_each_kind(2, [by_uid](SyncBox& box, const Kind& kind) {
            box.change("2", "+FLAGS (\\Seen)");
            auto client = box.open(kind);
            const std::string store = by_uid ? "UID STORE " : "STORE ";
            const auto before = box.modseq(2);
            const auto lines =
                client.ok(store + "1:2 " + since(box.highest()) + "+FLAGS.SILENT (\\Seen)");
            CHECK(box.modseq(2) == before);
            CHECK(mentions({told(lines)}, modseq_line(1, 1, box.modseq(1))));
            CHECK(mentions({told(lines)}, modseq_line(2, 2, before)));
            CHECK(!mentions({told(lines)}, "FLAGS"));
        });
    }
}

TEST_CASE("UNCHANGEDSINCE 0 fails for every message, and is no error (§3.1.3)") {
    for (const char* command : {"STORE 1:3 ", "UID STORE 1:3 "}) {
        SyncBox box(3);
        auto client = box.open(kPlain);
        // One modseq a message: a keyword that it never had is no reason to change it (Example 8
        // speaks of servers with one modseq for each item).
        for (const char* how : {"+FLAGS.SILENT ($MDNSent)", "-FLAGS (\\Seen)", "FLAGS (\\Seen)"}) {
            const auto lines = client.ok(command + since(0) + how);
            CHECK(lines.back().find("OK [MODIFIED 1:3] ") == 0);
            CHECK(!mentions(lines, "\\Seen"));
        }
        CHECK(told(client.ok("FETCH 1 (UID FLAGS MODSEQ)")) ==
              flags_line(kCondstore, 1, 1, "", box.modseq(1)));
    }
}

TEST_CASE("UNCHANGEDSINCE takes values up to 2^63-1 and no more (§7)") {
    SyncBox box(1);
    auto client = box.open(kCondstore);
    CHECK(told(client.ok("STORE 1 " + since(kModseqMax) + "+FLAGS.SILENT (\\Seen)")) ==
          modseq_line(1, 1, box.modseq(1)));
    client.bad("STORE 1 (UNCHANGEDSINCE 9223372036854775808) +FLAGS (x)");
    client.bad("STORE 1 (UNCHANGEDSINCE 18446744073709551615) +FLAGS (x)");
    client.bad("STORE 1 (UNCHANGEDSINCE) +FLAGS (x)");
    client.bad("STORE 1 (UNCHANGEDSINCE -1) +FLAGS (x)");
    client.bad("STORE 1 (UNCHANGEDSINCE 1) (UNCHANGEDSINCE 1) +FLAGS (x)");
    client.bad("STORE 1 () +FLAGS (x)");
}

TEST_CASE(
    "of two sessions that start from one modseq one wins, whatever flags they set (§3.1.3, design "
    "§4)") {
    // deviation of §3.1.12's SHOULD: what another session did to other flags fails the STORE too.
    // A value of UNCHANGEDSINCE stands for one state of the message, so that clients can use a
    // message as a lock with a keyword for each of them.
    for (const char* second : {"+FLAGS (claimed-b)", "-FLAGS (claimed-a)", "FLAGS (claimed-b)"}) {
        SyncBox box(1);
        auto a = box.open(kCondstore);
        auto b = box.open(kCondstore);
        const auto known = box.highest();
        CHECK(a.ok("STORE 1 " + since(known) + "+FLAGS (claimed-a)").back().find("OK stored") == 0);
        const auto lost = b.ok("STORE 1 " + since(known) + second);
        CHECK(lost.back().find("OK [MODIFIED 1] ") == 0);
        CHECK(mentions({told(lost)}, flags_line(kCondstore, 1, 1, "claimed-a", box.modseq(1))));
        CHECK(b.ok("STORE 1 " + since(box.modseq(1)) + "+FLAGS (next)").back().find("OK stored") ==
              0);
    }
}

TEST_CASE(
    "expunged messages in a conditional STORE: NO by number, left out by uid (§3.1.3, Example "
    "11)") {
    SyncBox box(4);
    auto client = box.open(kCondstore);
    const auto known = box.highest();
    box.remove("3:4");
    SUBCASE("by number: what exists is changed, and the answer says that some is gone") {
        const auto lines = client.no("STORE 1:4 " + since(known) + "+FLAGS.SILENT (\\Seen)");
        CHECK(lines.back().find("NO [EXPUNGEISSUED]") == 0);
        CHECK(!mentions(lines, "EXPUNGE\r"));
        CHECK(with_prefix(lines, "* 1 FETCH").size() == 1);
        CHECK(with_prefix(lines, "* 3 EXPUNGE").empty());
        CHECK(has_line(client.ok("NOOP"), "* 3 EXPUNGE"));
    }
    SUBCASE("by uid") {
        const auto lines = client.ok("UID STORE 1:4 " + since(known) + "+FLAGS.SILENT (\\Seen)");
        CHECK(with_prefix(lines, "* 3 EXPUNGE").size() == 1);
    }
    CHECK(told(client.ok("FETCH 1:2 (UID FLAGS MODSEQ)")) ==
          flags_line(kCondstore, 1, 1, "\\Seen", box.modseq(1)) + "\n" +
              flags_line(kCondstore, 2, 2, "\\Seen", box.modseq(2)));
}

TEST_CASE(
    "a conditional STORE on a uid that is not there is OK and answers nothing (RFC 9051 §6.4.9)") {
    SyncBox box(2);
    auto client = box.open(kQresync);
    const auto before = box.highest();
    CHECK(told(client.ok("UID STORE 3:99 " + since(before) + "+FLAGS (\\Seen)")).empty());
    CHECK(box.highest() == before);
}

TEST_CASE(
    "STORE answers with MODSEQ once CONDSTORE is enabled, silent ones with nothing else (§3.1.3, "
    "§3.2.4)") {
    for (const bool by_uid : {false, true}) {
        in_each_kind(2, [by_uid](SyncBox& box, const Kind& kind) {
            auto client = box.open(kind);
            const std::string store = by_uid ? "UID STORE 2 " : "STORE 2 ";
            const auto loud = client.ok(store + "+FLAGS (\\Seen)");
            CHECK(told(loud) == flags_line(kind, 2, 2, "\\Seen", box.modseq(2)));
            const auto silent = client.ok(store + "+FLAGS.SILENT (\\Flagged)");
            CHECK(told(silent) == (kind.modseq ? modseq_line(2, 2, box.modseq(2)) : ""));
        });
    }
}

TEST_CASE(
    "a silent STORE over flags that another session changed meanwhile tells the flags (§3.1.3)") {
    in_each_kind(1, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        box.change("1", "+FLAGS (\\Flagged)");
        CHECK(told(client.ok("STORE 1 +FLAGS.SILENT (\\Seen)")) ==
              flags_line(kind, 1, 1, "\\Flagged \\Seen", box.modseq(1)));
    });
}

TEST_CASE("a FETCH that sets \\Seen tells flags, uid and modseq (§3.2.4)") {
    in_each_kind(1, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        auto other = box.open(kCondstore);
        const auto before = box.highest();
        const auto lines = client.ok("FETCH 1 BODY[TEXT]");
        CHECK(box.modseq(1) > before);
        CHECK(has_line({told({lines[lines.size() - 2]})},
                       flags_line(kind, 1, 1, "\\Seen", box.modseq(1))));
        CHECK(told(other.ok("NOOP")) == flags_line(kCondstore, 1, 1, "\\Seen", box.modseq(1)));
    });
}
