// RFC 7162 §3.1.4 – §3.1.6, §3.1.9, §3.1.10: MODSEQ and CHANGEDSINCE in FETCH, MODSEQ in SEARCH.
#include "tests/actors/condstore/sync_box.hpp"

using namespace tidemark::test;

namespace {

std::string text(std::uint64_t number) {
    return std::to_string(number);
}

}  // namespace

TEST_CASE(
    "CHANGEDSINCE answers for what is above it, with MODSEQ, by number and by uid (§3.1.4.1)") {
    in_each_kind(4, [](SyncBox& box, const Kind& kind) {
        box.remove("1");
        box.change("3", "+FLAGS (\\Seen)");
        auto client = box.open(kind);
        client.ok("FETCH 1 MODSEQ");  // enabled, so that all kinds answer alike
        const auto modseq = box.modseq(3);
        for (const auto& [since, is_told] :
             {std::pair{modseq - 1, true}, std::pair{modseq, false}}) {
            const std::string modifier = " (CHANGEDSINCE " + text(since) + ")";
            const std::string line = is_told ? flags_line(kCondstore, 2, 3, "\\Seen", modseq) : "";
            CHECK(told(client.ok("UID FETCH 1:* (FLAGS)" + modifier)) == line);
            CHECK(told(client.ok("UID FETCH 3 FLAGS" + modifier)) == line);
            CHECK(told(client.ok("FETCH 1:3 (UID FLAGS)" + modifier)) == line);
            CHECK(told(client.ok("FETCH 1,3 (UID FLAGS)" + modifier)).empty());
        }
        CHECK(with_prefix(client.ok("FETCH 1:* UID (CHANGEDSINCE 0)"), "* ").size() == 3);
        CHECK(client.ok("FETCH 1:* UID (CHANGEDSINCE 9223372036854775807)").size() == 1);
        client.bad("FETCH 1:* UID (CHANGEDSINCE 9223372036854775808)");
        client.bad("FETCH 1:* UID (CHANGEDSINCE)");
        client.bad("FETCH 1:* UID (CHANGEDSINCE 1 CHANGEDSINCE 1)");
    });
}

TEST_CASE(
    "MODSEQ is answered when asked for; UID and MODSEQ are not added otherwise (§3.1.4.2, "
    "§3.2.4)") {
    in_each_kind(2, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        CHECK(told(client.ok("FETCH 2 FLAGS")) == "* 2 FETCH (FLAGS ())");
        CHECK(told(client.ok("UID FETCH 2 FLAGS")) == "* 2 FETCH (UID 2 FLAGS ())");
        const std::string modseq = "MODSEQ (" + text(box.modseq(2)) + ")";
        CHECK(mentions({told(client.ok("FETCH 2 MODSEQ"))}, "* 2 FETCH (" + modseq + ")"));
        CHECK(told(client.ok("UID FETCH 2 (MODSEQ)")) == "* 2 FETCH (UID 2 " + modseq + ")");
        // Enabled now, and still only what is asked for.
        CHECK(told(client.ok("FETCH 2 FLAGS")) == "* 2 FETCH (FLAGS ())");
    });
}

TEST_CASE("VANISHED is a modifier of UID FETCH, with CHANGEDSINCE, after ENABLE QRESYNC (§3.2.6)") {
    in_each_kind(2, [](SyncBox& box, const Kind& kind) {
        auto client = box.open(kind);
        client.bad("FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)");
        client.bad("FETCH 1 FLAGS (VANISHED)");
        client.bad("UID FETCH 1 FLAGS (VANISHED)");
        for (const char* order : {"UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
                                  "UID FETCH 1 FLAGS (VANISHED CHANGEDSINCE 1)"}) {
            kind.vanished ? client.ok(order) : client.bad(order);
        }
    });
}

TEST_CASE("SEARCH MODSEQ finds what is at or above it and tells the highest (§3.1.5, §3.1.6)") {
    in_each_kind(3, [](SyncBox& box, const Kind& kind) {
        box.remove("1");
        box.change("2", "+FLAGS (\\Seen)");
        auto client = box.open(kind);
        client.ok("FETCH 1 MODSEQ");
        const auto high = box.modseq(2);
        const auto low = box.modseq(3);
        REQUIRE(low < high);
        const auto expect = [&](bool by_uid, std::string_view numbers, std::string_view ranges,
                                std::uint64_t modseq) {
            if (!kind.rev2) {
                return "* SEARCH" + (numbers.empty() ? std::string() : " " + std::string(numbers)) +
                       (modseq == 0 ? "" : " (MODSEQ " + text(modseq) + ")");
            }
            return std::string(by_uid ? " UID" : "") +
                   (ranges.empty() ? std::string() : " ALL " + std::string(ranges)) +
                   (modseq == 0 ? "" : " MODSEQ " + text(modseq));
        };
        const auto check = [&](const std::string& command, const std::string& expected) {
            CAPTURE(command);
            const std::string line = told(client.ok(command));
            CHECK((kind.rev2 ? line.substr(line.find(')') + 1) : line) == expected);
        };
        check("SEARCH MODSEQ " + text(low), expect(false, "1 2", "1:2", high));
        check("UID SEARCH MODSEQ " + text(low), expect(true, "2 3", "2:3", high));
        check("SEARCH MODSEQ " + text(high), expect(false, "1", "1", high));
        check("UID SEARCH MODSEQ " + text(high), expect(true, "2", "2", high));
        check("SEARCH MODSEQ " + text(high + 1), expect(false, "", "", 0));
        check("UID SEARCH MODSEQ 9223372036854775807", expect(true, "", "", 0));
        check("SEARCH MODSEQ 0", expect(false, "1 2", "1:2", high));
        // The highest of those found, not of the mailbox.
        check("SEARCH UNSEEN MODSEQ 1", expect(false, "2", "2", low));
        check("SEARCH NOT MODSEQ " + text(high), expect(false, "2", "2", low));
        check("SEARCH OR NOT MODSEQ 1 LARGER 50000", expect(false, "", "", 0));
        // One modseq for all items of a message: the name and type of an entry change nothing.
        for (const char* entry : {"\"/flags/\\\\seen\" all", "\"/flags/\\\\Draft\" priv",
                                  "\"/flags/$MDNSent\" shared"}) {
            check("SEARCH MODSEQ " + std::string(entry) + " " + text(high),
                  expect(false, "1", "1", high));
        }
        client.bad("SEARCH MODSEQ 9223372036854775808");
        client.bad("SEARCH MODSEQ");
        client.bad("SEARCH MODSEQ \"/flags/\\\\seen\" everything 1");
    });
}

TEST_CASE("ESEARCH tells the MODSEQ of what its options name (§3.1.10, RFC 4731 §3.2)") {
    in_each_kind(4, [](SyncBox& box, const Kind& kind) {
        box.change("4", "+FLAGS (\\Seen)");
        box.change("2", "+FLAGS (\\Seen)");
        box.change("1", "+FLAGS (\\Seen)");
        auto client = box.open(kind);
        client.ok("FETCH 1 MODSEQ");
        const auto first = box.modseq(1);
        const auto last = box.modseq(4);
        REQUIRE(last < first);
        for (const char* search : {"SEARCH", "UID SEARCH"}) {
            const auto answer = [&](const std::string& arguments) {
                const std::string line = told(client.ok(search + (" RETURN " + arguments)));
                const auto uid = line.find(" UID");
                return line.substr(uid == std::string::npos ? line.find(')') + 1 : uid + 4);
            };
            CHECK(answer("(MIN) MODSEQ 1") == " MIN 1 MODSEQ " + text(first));
            CHECK(answer("(MAX) MODSEQ 1") == " MAX 4 MODSEQ " + text(last));
            CHECK(answer("(MIN MAX) MODSEQ 1") == " MIN 1 MAX 4 MODSEQ " + text(first));
            CHECK(answer("(COUNT) MODSEQ 1") == " COUNT 4 MODSEQ " + text(first));
            CHECK(mentions({answer("(MAX COUNT) MODSEQ 1")}, " MODSEQ " + text(first)));
            CHECK(answer("() MODSEQ " + text(last)) == " ALL 1:2,4 MODSEQ " + text(first));
            CHECK(answer("(ALL) MODSEQ " + text(last)) == " ALL 1:2,4 MODSEQ " + text(first));
            CHECK(!mentions({answer("(ALL COUNT) MODSEQ 9223372036854775807")}, "MODSEQ"));
            CHECK(!mentions({answer("(ALL) SEEN")}, "MODSEQ"));
        }
        // RFC 4466 §2.6.2: the tag may be quoted or not by the client's parser; it comes as sent.
        client.send("tag.1 SEARCH RETURN (ALL) MODSEQ 1\r\n");
        CHECK(client.until_tagged("tag.1")[0].find("* ESEARCH (TAG \"tag.1\")") == 0);
    });
}

TEST_CASE("SORT and ESORT tell the highest MODSEQ, THREAD none (§3.1.9, §3.1.10)") {
    in_each_kind(3, [](SyncBox& box, const Kind& kind) {
        box.change("2", "+FLAGS (\\Seen)");
        auto client = box.open(kind);
        client.ok("FETCH 1 MODSEQ");
        const auto high = text(box.modseq(2));
        CHECK(told(client.ok("SORT (REVERSE ARRIVAL) UTF-8 MODSEQ " + high)) ==
              "* SORT 2 (MODSEQ " + high + ")");
        CHECK(told(client.ok("UID SORT (ARRIVAL) UTF-8 MODSEQ 1")) ==
              "* SORT 1 2 3 (MODSEQ " + high + ")");
        CHECK(!mentions({told(client.ok("SORT (ARRIVAL) UTF-8 MODSEQ 9223372036854775807"))},
                        "MODSEQ"));
        CHECK(mentions(client.ok("SORT RETURN (COUNT) (ARRIVAL) UTF-8 MODSEQ 1"),
                       " COUNT 3 MODSEQ " + high));
        CHECK(!mentions({told(client.ok("UID THREAD REFERENCES UTF-8 MODSEQ 1"))}, "MODSEQ"));
    });
}

TEST_CASE("a long set of uids is taken in one command (§4)") {
    SyncBox box(3);
    auto client = box.open(kQresync);
    std::string set = "1";
    while (set.size() < 60'000) set += "," + text(2 * set.size());
    CHECK(with_prefix(client.ok("UID FETCH " + set + " (FLAGS) (CHANGEDSINCE 1 VANISHED)"),
                      "* 1 FETCH")
              .size() == 1);
    client.ok("SELECT INBOX (QRESYNC (1 1 " + set.substr(0, 8192) + "0))");
}
