// Whole sessions over the in-memory stream: what a client sees of the base protocol.
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

using namespace tidemark::test;

TEST_CASE("a client logs in, stores a message, reads it back byte for byte and deletes it") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    client.append("INBOX", kSmallMessage, "\\Seen $Work");
    auto selected = client.ok("SELECT INBOX");
    CHECK(has_line(selected, "* 1 EXISTS"));
    CHECK(has_line(selected, "* 1 RECENT"));
    auto fetched = client.ok("FETCH 1 (UID FLAGS RFC822.SIZE BODY.PEEK[])");
    REQUIRE(fetched.size() == 2);
    CHECK(fetched[0].find("UID 1 FLAGS (\\Seen $Work \\Recent)") != std::string::npos);
    CHECK(fetched[0].find("RFC822.SIZE " + std::to_string(kSmallMessage.size())) !=
          std::string::npos);
    CHECK(fetched[0].find(kSmallMessage) != std::string::npos);
    client.ok("STORE 1 +FLAGS (\\Deleted)");
    auto expunged = client.ok("EXPUNGE");
    CHECK(has_line(expunged, "* 1 EXPUNGE"));
    CHECK(client.ok("FETCH 1:* FLAGS").size() >= 1);
}

TEST_CASE("what was acknowledged is there after a restart and after a power cut") {
    TestServer server;
    server.add_account("ann");
    {
        auto client = server.connect("ann");
        client.append("INBOX", kSmallMessage);
        client.ok("CREATE Work/Projects");
        client.ok("SELECT INBOX");
        client.ok("STORE 1 FLAGS (\\Flagged custom)");
    }
    SUBCASE("restart") {
        server.restart();
    }
    SUBCASE("power cut") {
        server.crash(7);
    }
    auto client = server.connect("ann");
    client.ok("SELECT INBOX");
    auto fetched = client.ok("FETCH 1 (FLAGS BODY.PEEK[])");
    CHECK(fetched[0].find("\\Flagged custom") != std::string::npos);
    CHECK(fetched[0].find(kSmallMessage) != std::string::npos);
    CHECK(!with_prefix(client.ok("LIST \"\" Work/*"), "* LIST").empty());
}

TEST_CASE("commands are refused in the wrong state") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect();
    client.bad("SELECT INBOX");
    client.bad("FETCH 1 FLAGS");
    client.no("LOGIN ann wrong");
    client.login("ann");
    client.bad("LOGIN ann secret");
    client.bad("FETCH 1 FLAGS");
    client.ok("LOGOUT");
    CHECK(client.at_end());
}

TEST_CASE("pipelined commands are all answered, in order") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect();
    client.send("x1 LOGIN ann secret\r\nx2 SELECT INBOX\r\nx3 NOOP\r\nx4 LOGOUT\r\n");
    CHECK(client.until_tagged("x1").back().find("x1 OK") == 0);
    CHECK(client.until_tagged("x2").back().find("x2 OK [READ-WRITE]") == 0);
    CHECK(client.until_tagged("x3").back().find("x3 OK") == 0);
    CHECK(client.until_tagged("x4").back().find("x4 OK") == 0);
}

TEST_CASE("another session's changes are told: EXISTS, flags, EXPUNGE") {
    TestServer server;
    server.add_account("ann");
    auto writer = server.connect("ann");
    auto reader = server.connect("ann");
    writer.append("INBOX", kSmallMessage);
    writer.append("INBOX", kSmallMessage);
    writer.ok("SELECT INBOX");
    reader.ok("SELECT INBOX");
    writer.append("INBOX", kSmallMessage);
    CHECK(has_line(reader.ok("NOOP"), "* 3 EXISTS"));
    writer.ok("STORE 2 +FLAGS.SILENT (\\Answered)");
    auto told = reader.ok("NOOP");
    CHECK(with_prefix(told, "* 2 FETCH (UID 2 FLAGS (\\Answered").size() == 1);
    writer.ok("STORE 1 +FLAGS (\\Deleted)");
    writer.ok("EXPUNGE");
    CHECK(has_line(reader.ok("NOOP"), "* 1 EXPUNGE"));
    CHECK(reader.ok("NOOP").size() == 1);
}

TEST_CASE("an expunge is not told during FETCH, STORE or SEARCH by sequence number") {
    TestServer server;
    server.add_account("ann");
    auto writer = server.connect("ann");
    for (int i = 0; i < 3; ++i) writer.append("INBOX", kSmallMessage);
    auto reader = server.connect("ann");
    writer.ok("SELECT INBOX");
    reader.ok("SELECT INBOX");
    writer.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
    writer.ok("EXPUNGE");
    for (const char* command : {"FETCH 3 FLAGS", "STORE 3 +FLAGS (\\Flagged)", "SEARCH ALL"}) {
        CAPTURE(command);
        CHECK(with_prefix(reader.ok(command), "* 1 EXPUNGE").empty());
    }
    CHECK(has_line(reader.ok("UID SEARCH ALL"), "* 1 EXPUNGE"));
}

TEST_CASE("IDLE is told of changes as they happen") {
    TestServer server;
    server.add_account("ann");
    auto writer = server.connect("ann");
    auto idler = server.connect("ann");
    idler.ok("SELECT INBOX");
    idler.send("i IDLE\r\n");
    CHECK(idler.line().front() == '+');
    writer.append("INBOX", kSmallMessage);
    CHECK(idler.line() == "* 1 EXISTS");
    CHECK(idler.line() == "* 1 RECENT");
    idler.send("DONE\r\n");
    CHECK(idler.until_tagged("i").back().find("i OK") == 0);
}

TEST_CASE("a message that another session expunged can be fetched until its expunge is told") {
    TestServer server;
    server.add_account("ann");
    auto reader = server.connect("ann");
    reader.append("INBOX", kSmallMessage);
    reader.ok("SELECT INBOX");
    auto other = server.connect("ann");
    other.ok("SELECT INBOX");
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
    other.ok("EXPUNGE");
    // RFC 9051 §7.5.1: no EXPUNGE during FETCH.
    const auto fetched = reader.ok("FETCH 1 (BODY.PEEK[] ENVELOPE)");
    CHECK(with_prefix(fetched, "* 1 EXPUNGE").empty());
    CHECK(fetched[0].find(kSmallMessage) != std::string::npos);
    CHECK(fetched[0].find("<1@example.org>\")") != std::string::npos);
    CHECK(has_line(reader.ok("NOOP"), "* 1 EXPUNGE"));
}
