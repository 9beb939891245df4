// A full disk, seen by clients: nothing is taken that is not stored, reading and deleting go on.
#include "tests/support/memory_peer.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

using namespace tidemark::test;
namespace actors = tidemark::actors;

namespace {

// The server looks at the disk every few rounds. False: it never found it full.
bool append_until_refused(ImapClient& client, std::string& answer) {
    for (int i = 0; i < 40; ++i) {
        answer = client.run("APPEND Drafts {5+}\r\nhello").back();
        if (answer.find("OK") != 0) return true;
    }
    return false;
}

std::string deliver(TestServer& server, const std::string& to) {
    actors::Core& core = server.server().cores()[0];
    auto [theirs, ours] = actors::MemoryStream::make_pair(core, core);
    server.server().attach_lmtp(core, std::move(theirs));
    MemoryPeer peer(std::move(ours));
    REQUIRE(peer.send("LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<" + to + ">\r\nDATA\r\n"));
    while (peer.receive_line().substr(0, 3) != "354") {
    }
    REQUIRE(peer.send("Subject: x\r\n\r\nx\r\n.\r\n"));
    return peer.receive_line();
}

}  // namespace

TEST_CASE("on a full disk mail is refused, read and deleted, and taken again when there is room") {
    TestServer server;
    server.add_account("ann");
    server.add_account("small", 10);
    auto client = server.connect("ann");
    const std::string large = "Subject: large\r\n\r\n" + std::string(30'000, 'x') + "\r\n";
    for (int i = 0; i < 100; ++i) client.append("INBOX", large);
    client.ok("SELECT INBOX");
    server.files.set_capacity(server.files.used_bytes() + (512u << 10));

    std::string answer;
    REQUIRE(append_until_refused(client, answer));
    CHECK(answer.find("NO [UNAVAILABLE]") == 0);
    // RFC 3463: 4.3.1 is the system's disk, 4.2.2 the mailbox's own limit.
    CHECK(deliver(server, "ann").substr(0, 9) == "452 4.3.1");
    CHECK(deliver(server, "small").substr(0, 9) == "452 4.2.2");
    CHECK(client.ok("FETCH 1 BODY.PEEK[]").front().find(large) != std::string::npos);

    const std::uint64_t used = server.files.used_bytes();
    SUBCASE("deleted mail makes room for new mail") {
        client.ok("STORE 1:90 +FLAGS.SILENT (\\Deleted)");
        CHECK(with_prefix(client.ok("EXPUNGE"), "* ").size() >= 90);
        server.compact();
        CHECK(server.files.used_bytes() < used);
        server.compact();
    }
    SUBCASE("so does a larger disk") {
        server.files.set_capacity(UINT64_MAX);
    }
    client.append("Drafts", kSmallMessage);
    CHECK(deliver(server, "ann").substr(0, 3) == "250");
    CHECK(client.ok("FETCH 1 BODY.PEEK[]").front().find(large) != std::string::npos);
    server.crash(1);
    auto again = server.connect("ann");
    again.ok("SELECT INBOX");
    CHECK(again.ok("FETCH 1 BODY.PEEK[]").front().find(large) != std::string::npos);
}
