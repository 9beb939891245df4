// Whole LMTP sessions over the in-memory stream, and what IMAP then finds in the mailboxes.
#include "actors/delivery.hpp"
#include "actors/incoming_message.hpp"
#include "tests/support/memory_peer.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark::test;
namespace actors = tidemark::actors;

namespace {

class LmtpClient {
  public:
    explicit LmtpClient(TestServer& server, unsigned core_index = 0)
        : peer_(open(server, core_index)) {
        CHECK(line().substr(0, 4) == "220 ");
    }
    // Every line of `text` is sent with CRLF.
    void send(std::string_view text) { REQUIRE(peer_.send(std::string(text) + "\r\n")); }
    std::string line() {
        std::string text = peer_.receive_line();
        if (text.size() >= 2) text.resize(text.size() - 2);
        return text;
    }
    // Sends it; the answer must begin with `status`.
    void run(std::string_view text, std::string_view status) {
        send(text);
        expect(status);
    }
    void expect(std::string_view status) {
        const std::string answer = line();
        CAPTURE(answer);
        CHECK(answer.substr(0, status.size()) == status);
    }
    void greet() {
        send("LHLO client.example");
        while (line().substr(0, 4) != "250 ") {
        }
    }
    bool wait_closed() { return peer_.wait_closed(); }

  private:
    static MemoryPeer open(TestServer& server, unsigned core_index) {
        actors::Core& core = server.server().cores()[core_index];
        auto [theirs, ours] = actors::MemoryStream::make_pair(core, core);
        server.server().attach_lmtp(core, std::move(theirs));
        return MemoryPeer(std::move(ours));
    }
    MemoryPeer peer_;
};

constexpr std::string_view kMail =
    "From: Ann <ann@example.org>\r\n"
    "Subject: hello\r\n"
    "\r\n"
    "Text.\r\n";

std::string fetch_first(ImapClient& client, const std::string& mailbox) {
    client.ok("EXAMINE " + mailbox);
    return client.ok("FETCH 1 BODY.PEEK[]").front();
}

}  // namespace

TEST_CASE("a message is in the mailbox, with its trace lines, once LMTP has said so") {
    TestServer server;
    server.add_account("ann");
    LmtpClient lmtp(server);
    lmtp.greet();
    lmtp.run("MAIL FROM:<bob@example.org>", "250 2.1.0");
    lmtp.run("RCPT TO:<ann@mail.example>", "250 2.1.5");
    lmtp.run("DATA", "354");
    lmtp.run(std::string(kMail) + "..dots\r\n.", "250 2.0.0");
    server.crash(3);

    auto client = server.connect("ann");
    const std::string fetched = fetch_first(client, "INBOX");
    CHECK(fetched.find("Return-Path: <bob@example.org>\r\nReceived: from client.example") !=
          std::string::npos);
    CHECK(fetched.find("\r\n\tfor <ann@mail.example>;\r\n\tMon, 1 Jan 2024 00:00:00 +0000\r\n") !=
          std::string::npos);
    CHECK(fetched.find(std::string(kMail) + ".dots\r\n") != std::string::npos);
}

TEST_CASE("each recipient gets an answer of its own, on whatever core the account lives") {
    TestServer server;
    for (const char* name : {"ann", "bob", "cid", "dan"}) server.add_account(name);
    LmtpClient lmtp(server, 1);
    lmtp.greet();
    lmtp.run("MAIL FROM:<>", "250");
    for (const char* name : {"ann", "bob", "cid"})
        lmtp.run("RCPT TO:<" + std::string(name) + ">", "250 2.1.5");
    lmtp.run("RCPT TO:<nobody@mail.example>", "550 5.1.1");
    lmtp.run("RCPT TO:<dan@mail.example>", "250 2.1.5");
    lmtp.run("DATA", "354");
    lmtp.send(std::string(kMail) + ".");
    for (int i = 0; i < 4; ++i) lmtp.expect("250 2.0.0");
    // No answer is left over: the next one is that of NOOP.
    lmtp.run("NOOP", "250 2.0.0 here");

    // They share one body: one of them may delete it and the others still have it, also later.
    {
        auto ann = server.connect("ann");
        ann.ok("SELECT INBOX");
        ann.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
        ann.ok("EXPUNGE");
    }
    server.restart();
    for (const char* name : {"bob", "cid", "dan"}) {
        auto client = server.connect(name);
        const std::string fetched = fetch_first(client, "INBOX");
        CHECK(fetched.find(kMail) != std::string::npos);
        // RFC 5321 §7.2: nobody learns of the others.
        CHECK(fetched.find("\tfor <") == std::string::npos);
    }
}

TEST_CASE("a large message to several accounts is streamed and arrives whole") {
    TestServer server;
    server.add_account("ann");
    server.add_account("bob");
    LmtpClient lmtp(server);
    lmtp.greet();
    lmtp.run("MAIL FROM:<x@example.org> SIZE=3000000", "250");
    lmtp.run("RCPT TO:<ann>", "250");
    lmtp.run("RCPT TO:<bob>", "250");
    lmtp.run("DATA", "354");
    std::string body = "Subject: big\r\n\r\n";
    while (body.size() < 3'000'000) body += "0123456789012345678901234567890123456789\r\n";
    lmtp.send(body + ".");
    lmtp.expect("250 2.0.0");
    lmtp.expect("250 2.0.0");
    for (const char* name : {"ann", "bob"}) {
        auto client = server.connect(name);
        CHECK(fetch_first(client, "INBOX").find(body) != std::string::npos);
    }
}

TEST_CASE("a subaddress names a mailbox where there is one, else INBOX") {
    TestServer server;
    server.add_account("ann");
    {
        auto client = server.connect("ann");
        client.ok("CREATE lists/linux");
    }
    LmtpClient lmtp(server);
    lmtp.greet();
    for (const char* address : {"ann+lists.linux@x.example", "ann+none@x.example"}) {
        lmtp.run("MAIL FROM:<>", "250");
        lmtp.run("RCPT TO:<" + std::string(address) + ">", "250");
        lmtp.run("DATA", "354");
        lmtp.run(std::string(kMail) + ".", "250");
    }
    auto client = server.connect("ann");
    CHECK(has_line(client.ok("EXAMINE lists/linux"), "* 1 EXISTS"));
    CHECK(has_line(client.ok("EXAMINE INBOX"), "* 1 EXISTS"));
}

TEST_CASE("a mailbox of the very name of a subaddress goes before one that its dots stand for") {
    TestServer server;
    server.add_account("ann");
    {
        auto client = server.connect("ann");
        client.ok("CREATE v1.2");
        client.ok("CREATE v1/2");
    }
    LmtpClient lmtp(server);
    lmtp.greet();
    lmtp.run("MAIL FROM:<>", "250");
    lmtp.run("RCPT TO:<ann+v1.2@x.example>", "250");
    lmtp.run("DATA", "354");
    lmtp.run(std::string(kMail) + ".", "250");
    auto client = server.connect("ann");
    CHECK(has_line(client.ok("EXAMINE v1.2"), "* 1 EXISTS"));
    CHECK(has_line(client.ok("EXAMINE v1/2"), "* 0 EXISTS"));
}

namespace {

actors::Awaitable<void> delete_mailbox(actors::Server* server, tidemark::storage::AccountId id) {
    auto lease = co_await server->context().on(*actors::Core::current()).accounts.acquire(id);
    actors::DeleteRequest request;
    request.name = "lists";
    auto done = co_await (*lease)->call(std::move(request));
    CHECK(done.has_value());
}

actors::Awaitable<void> deliver_to_lists(actors::Server* server, tidemark::storage::AccountId id,
                                         std::shared_ptr<actors::AppendMessage> message,
                                         std::shared_ptr<actors::ReplyTo<bool>> reply) {
    auto& context = server->context();
    auto lease = co_await context.on(*actors::Core::current()).accounts.acquire(id);
    CHECK((*lease)->find_mailbox("lists") != nullptr);
    std::vector<actors::DeliveryTarget> targets{{id, {"lists"}}};
    const auto outcomes =
        co_await actors::deliver(&context, std::move(targets), std::move(*message));
    reply->send(outcomes.front().has_value());
}

// Both requests wait for the account's actor before it runs: the delivery finds the mailbox that
// the request before it deletes.
actors::Awaitable<void> deliver_while_deleting(actors::Server* server,
                                               tidemark::storage::AccountId id) {
    auto& context = server->context();
    actors::Core& core = *actors::Core::current();
    actors::IncomingMessage incoming(context.store.store(), context.workers, 0);
    incoming.take("Subject: x\r\n\r\n");
    auto ready = co_await incoming.finish({}, {});
    REQUIRE(ready.has_value());
    auto message = std::make_shared<actors::AppendMessage>(std::move(*ready));
    actors::Reply<bool> reply(core);
    auto to = std::make_shared<actors::ReplyTo<bool>>(reply.to());
    server->spawn_on(core, [server, id] { return delete_mailbox(server, id); });
    server->spawn_on(
        core, [server, id, message, to] { return deliver_to_lists(server, id, message, to); });
    const auto delivered = co_await reply.wait();
    CHECK(delivered == true);
}

}  // namespace

TEST_CASE("what was for a mailbox that is deleted meanwhile goes to INBOX") {
    TestServer::Options options;
    options.threads = 1;
    TestServer server(options);
    server.add_account("ann");
    auto client = server.connect("ann");
    client.ok("CREATE lists");
    const auto id = server.server().store().find_account("ann");
    REQUIRE(id.has_value());
    server.run([&server, id] { return deliver_while_deleting(&server.server(), *id); });
    CHECK(has_line(client.ok("EXAMINE INBOX"), "* 1 EXISTS"));
    client.no("EXAMINE lists");
}

TEST_CASE("pipelined commands are answered in order and refused ones change nothing") {
    TestServer server;
    server.add_account("ann");
    LmtpClient lmtp(server);
    lmtp.run("MAIL FROM:<a@example.org>", "503 5.5.1");
    lmtp.greet();
    lmtp.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<nobody>\r\nDATA\r\nRSET\r\nRCPT TO:<ann>");
    lmtp.expect("250 2.1.0");
    lmtp.expect("550 5.1.1");
    lmtp.expect("503 5.5.1");
    lmtp.expect("250 2.0.0");
    lmtp.expect("503 5.5.1");
    lmtp.run("MAIL FROM:<a@example.org> SIZE=999999999", "552 5.3.4");
    lmtp.run("QUIT", "221 2.0.0");
    CHECK(lmtp.wait_closed());
}

TEST_CASE("a message that is too large or has a NUL is refused and the session goes on") {
    TestServer::Options options;
    options.append_bytes_max = 1000;
    TestServer server(options);
    server.add_account("ann");
    LmtpClient lmtp(server);
    lmtp.greet();
    std::string text;
    const char* answer = nullptr;
    SUBCASE("too large") {
        text = std::string(2000, 'x') + "\r\n";
        answer = "552 5.3.4";
    }
    SUBCASE("NUL") {
        text = std::string("a\0b\r\n", 5);
        answer = "554 5.6.0";
    }
    lmtp.run("MAIL FROM:<>", "250");
    lmtp.run("RCPT TO:<ann>", "250");
    lmtp.run("DATA", "354");
    lmtp.run(text + ".", answer);
    lmtp.run("NOOP", "250");
    auto client = server.connect("ann");
    CHECK(has_line(client.ok("EXAMINE INBOX"), "* 0 EXISTS"));
}

TEST_CASE("a full account is a temporary failure for its recipient alone") {
    TestServer server;
    server.add_account("ann", 10);
    server.add_account("bob");
    LmtpClient lmtp(server);
    lmtp.greet();
    lmtp.run("MAIL FROM:<>", "250");
    lmtp.run("RCPT TO:<ann>", "250");
    lmtp.run("RCPT TO:<bob>", "250");
    lmtp.run("DATA", "354");
    lmtp.send(std::string(kMail) + ".");
    lmtp.expect("452 4.2.2");
    lmtp.expect("250 2.0.0");
}

TEST_CASE("shutting down ends LMTP connections with 421 and takes no half message") {
    TestServer server;
    server.add_account("ann");
    LmtpClient lmtp(server);
    lmtp.greet();
    lmtp.run("MAIL FROM:<>", "250");
    lmtp.run("RCPT TO:<ann>", "250");
    lmtp.run("DATA", "354");
    lmtp.send("Subject: half");
    server.stop();
    lmtp.expect("421 4.3.2");
    CHECK(lmtp.wait_closed());
}
