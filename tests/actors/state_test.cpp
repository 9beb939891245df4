// States, enabling and logging in; IMAP4rev2 beside IMAP4rev1; what happens when stored bytes are
// damaged, memory is short or a client does not read.
#include "protocol/base64.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

using namespace tidemark::test;
using tidemark::protocol::base64_encode;

TEST_CASE("AUTHENTICATE takes PLAIN and LOGIN, with and without an initial response") {
    TestServer server;
    server.add_account("ann");
    const std::string plain = base64_encode(std::string("\0ann\0secret", 11));
    SUBCASE("PLAIN with an initial response (RFC 4959)") {
        auto client = server.connect();
        client.ok("AUTHENTICATE PLAIN " + plain);
        client.ok("SELECT INBOX");
    }
    SUBCASE("PLAIN, asked for") {
        auto client = server.connect();
        client.send("t AUTHENTICATE PLAIN\r\n");
        CHECK(client.line() == "+ ");
        client.send(plain + "\r\n");
        CHECK(client.until_tagged("t").back().find("t OK") == 0);
    }
    SUBCASE("LOGIN") {
        auto client = server.connect();
        client.send("t AUTHENTICATE LOGIN\r\n");
        CHECK(client.line() == "+ " + base64_encode("Username:"));
        client.send(base64_encode("ann") + "\r\n");
        CHECK(client.line() == "+ " + base64_encode("Password:"));
        client.send(base64_encode("secret") + "\r\n");
        CHECK(client.until_tagged("t").back().find("t OK") == 0);
    }
    SUBCASE("cancelled, no base64, an unknown mechanism") {
        auto client = server.connect();
        client.send("t AUTHENTICATE PLAIN\r\n");
        client.line();
        client.send("*\r\n");
        CHECK(client.until_tagged("t").back().find("t BAD") == 0);
        client.bad("AUTHENTICATE PLAIN !!!");
        client.no("AUTHENTICATE GSSAPI");
        client.ok("LOGIN ann secret");
    }
}

TEST_CASE("capabilities are told for the state, ENABLE lists only what it turned on (RFC 5161)") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect();
    CHECK(client.ok("CAPABILITY")[0].find("AUTH=PLAIN") != std::string::npos);
    CHECK(client.ok("CAPABILITY")[0].find("QRESYNC") == std::string::npos);
    client.login("ann");
    CHECK(client.ok("CAPABILITY")[0].find(" QRESYNC") != std::string::npos);
    CHECK(has_line(client.ok("ENABLE CONDSTORE X-NOT-KNOWN"), "* ENABLED CONDSTORE"));
    CHECK(has_line(client.ok("ENABLE QRESYNC UTF8=ACCEPT"), "* ENABLED QRESYNC UTF8=ACCEPT"));
    CHECK(has_line(client.ok("NAMESPACE"), "* NAMESPACE ((\"\" \"/\")) NIL NIL"));
    CHECK(with_prefix(client.ok("ID NIL"), "* ID (").size() == 1);
}

TEST_CASE("UNAUTHENTICATE goes back to the beginning with everything forgotten (RFC 8437)") {
    TestServer server;
    server.add_account("ann");
    server.add_account("bob");
    auto client = server.connect("ann");
    client.append("INBOX", kSmallMessage);
    client.ok("ENABLE QRESYNC");
    client.ok("SELECT INBOX");
    client.ok("UNAUTHENTICATE");
    client.bad("SELECT INBOX");
    client.login("bob");
    client.bad("FETCH 1 FLAGS");
    CHECK(has_line(client.ok("SELECT INBOX"), "* 0 EXISTS"));
    client.bad("SELECT INBOX (QRESYNC (1 1))");
}

TEST_CASE(
    "IMAP4rev2 leaves RECENT out, answers SEARCH with ESEARCH and SELECT with LIST (RFC 9051 App. "
    "E)") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    client.append("INBOX", kSmallMessage);
    CHECK(has_line(client.ok("ENABLE IMAP4rev2"), "* ENABLED IMAP4rev2"));
    const auto selected = client.ok("SELECT inbox");
    CHECK(with_prefix(selected, "* 1 RECENT").empty());
    CHECK(has_line(selected, "* LIST () \"/\" INBOX"));
    CHECK(client.ok("FETCH 1 FLAGS")[0] == "* 1 FETCH (FLAGS ())");
    CHECK(with_prefix(client.ok("SEARCH ALL"), "* ESEARCH (TAG ").size() == 1);
    client.ok(
        "CREATE \"gr\xC3\xBC\xC3\x9F"
        "e\"");
    CHECK(has_line(client.ok("LIST \"\" gr*"),
                   "* LIST (\\HasNoChildren) \"/\" \"gr\xC3\xBC\xC3\x9F"
                   "e\""));
    auto old = server.connect("ann");
    CHECK(has_line(old.ok("LIST \"\" gr*"), "* LIST (\\HasNoChildren) \"/\" gr&APwA3w-e"));
}

TEST_CASE("\\Recent is given to one session only, without EXAMINE taking it (RFC 3501 §2.3.2)") {
    TestServer server;
    server.add_account("ann");
    auto writer = server.connect("ann");
    writer.append("INBOX", kSmallMessage);
    auto looker = server.connect("ann");
    CHECK(has_line(looker.ok("EXAMINE INBOX"), "* 1 RECENT"));
    auto first = server.connect("ann");
    CHECK(has_line(first.ok("SELECT INBOX"), "* 1 RECENT"));
    auto second = server.connect("ann");
    CHECK(has_line(second.ok("SELECT INBOX"), "* 0 RECENT"));
    CHECK(has_line(second.ok("STATUS INBOX (RECENT)"), "* STATUS INBOX (RECENT 0)"));
}

TEST_CASE("damaged bytes are never sent: NO [SERVERBUG], counted, and the others are still read") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    client.append("INBOX", kSmallMessage);
    client.append("INBOX", "Subject: whole\r\n\r\nStill here.\r\n");
    std::string segment;
    for (int i = 1; i < 10 && segment.empty(); ++i) {
        const std::string path = "/data/mail/0000000" + std::to_string(i) + ".seg";
        const std::string bytes = server.files.contents(path);
        const auto at = bytes.find("Text of the message");
        if (at == std::string::npos) continue;
        server.files.flip(path, at);
        segment = path;
    }
    REQUIRE(!segment.empty());
    client.ok("SELECT INBOX");
    const auto answer = client.no("FETCH 1:2 BODY.PEEK[]");
    CHECK(answer.back().find("NO [SERVERBUG]") == 0);
    CHECK(with_prefix(answer, "* 1 FETCH").empty());
    REQUIRE(with_prefix(answer, "* 2 FETCH").size() == 1);
    CHECK(with_prefix(answer, "* 2 FETCH")[0].find("Still here.") != std::string::npos);
    CHECK(server.server().context().counters.damaged_messages == 1);
}

TEST_CASE(
    "accounts that nobody uses are unloaded when memory is short, and come back as they were") {
    TestServer::Options options;
    options.threads = 1;
    options.account_memory_bytes_max = 1;  // nothing unused may stay
    TestServer server(options);
    for (const char* name : {"a", "b", "c"}) {
        server.add_account(name);
        auto client = server.connect(name);
        client.append("INBOX", kSmallMessage, "\\Flagged");
        client.ok("LOGOUT");
        CHECK(client.at_end());
    }
    server.maintain(0);
    auto& accounts = server.server().context().on(server.server().cores()[0]).accounts;
    CHECK(accounts.loaded() == 0);
    auto client = server.connect("a");
    client.ok("SELECT INBOX");
    CHECK(client.ok("FETCH 1 FLAGS")[0].find("\\Flagged") != std::string::npos);
}

TEST_CASE("a client that does not read holds up nobody else") {
    TestServer server;
    server.add_account("ann");
    auto slow = server.connect("ann");
    const std::string body(200'000, 'x');
    for (int i = 0; i < 8; ++i) slow.append("INBOX", "Subject: big\r\n\r\n" + body);
    slow.ok("SELECT INBOX");
    // 1.6 MB of answer into a pipe of 64 KiB that is not read.
    slow.send("s FETCH 1:* BODY.PEEK[]\r\n");
    auto other = server.connect("ann");
    other.ok("SELECT INBOX");
    other.ok("STORE 1:* +FLAGS (\\Seen)");
    CHECK(other.ok("FETCH 8 BODY.PEEK[]")[0].size() > body.size());
    const auto lines = slow.until_tagged("s");
    CHECK(with_prefix(lines, "* 8 FETCH").size() >= 1);
    CHECK(lines.back().find("s OK") == 0);
}

TEST_CASE("large messages are sent in pieces, whole or in part, and checked all the same") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    std::string message = "Subject: large\r\n\r\n";
    for (int i = 0; message.size() < 3'000'000; ++i)
        message += "line " + std::to_string(i) + "\r\n";
    client.append("INBOX", message);
    client.ok("SELECT INBOX");
    CHECK(client.ok("FETCH 1 (UID RFC822.SIZE BODY.PEEK[] ENVELOPE)")[0].find(message) !=
          std::string::npos);
    CHECK(client.ok("FETCH 1 RFC822")[0].find(message) != std::string::npos);
    CHECK(client.ok("FETCH 1 BODY.PEEK[]<2000000.500000>")[0].find(
              "BODY[]<2000000> {500000}\r\n" + message.substr(2'000'000, 500'000)) !=
          std::string::npos);
    CHECK(client.ok("FETCH 1 BODY.PEEK[]<5000000.10>")[0].find("BODY[]<5000000> {0}") !=
          std::string::npos);
    SUBCASE("damaged: nothing of it is sent") {
        const std::string path = "/data/mail/00000001.seg";
        const auto at = server.files.contents(path).find("line 100000\r\n");
        REQUIRE(at != std::string::npos);
        server.files.flip(path, at);
        auto other = server.connect("ann");
        other.ok("SELECT INBOX");
        const auto answer = other.no("FETCH 1 BODY.PEEK[]");
        CHECK(answer.size() == 1);
        CHECK(answer.back().find("NO [SERVERBUG]") == 0);
    }
}
