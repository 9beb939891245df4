// SELECT without loading the messages: what the record says is told, and a session that knows no
// more than that misses nothing.
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <vector>

using namespace tidemark::test;
using tidemark::actors::Awaitable;

namespace {

// Account "ann" with five messages in INBOX, the first two \Seen, that no session finds \Recent.
struct Box : TestServer {
    Box() : TestServer(one_thread()) {
        add_account("ann");
        auto client = connect("ann");
        for (const char* flags : {"\\Seen", "\\Seen", "", "\\Flagged", ""})
            client.append("INBOX", kSmallMessage, flags);
        client.ok("SELECT INBOX");
    }
    static Options one_thread() {
        Options options;
        options.threads = 1;
        return options;
    }

    bool is_loaded(std::string_view mailbox) {
        bool loaded = false;
        const auto id = server().store().find_account("ann");
        REQUIRE(id.has_value());
        auto* accounts = &server().context().on(server().cores()[0]).accounts;
        run([=, &loaded] { return look(accounts, *id, std::string(mailbox), &loaded); });
        return loaded;
    }

  private:
    static Awaitable<void> look(tidemark::actors::AccountDirectory* accounts,
                                tidemark::storage::AccountId id, std::string mailbox,
                                bool* loaded) {
        const auto lease = co_await accounts->acquire(id);
        const auto* found = lease ? (*lease)->find_mailbox(mailbox) : nullptr;
        *loaded = found != nullptr && found->view != nullptr;
    }
};

}  // namespace

TEST_CASE("SELECT after a restart tells the same as before, without loading the messages") {
    Box box;
    std::vector<std::string> before;
    {
        auto client = box.connect("ann");
        before = client.ok("SELECT INBOX");
        CHECK(has_line(before, "* OK [UNSEEN 3] first unseen"));
    }
    box.restart();
    auto client = box.connect("ann");
    const auto after = client.ok("SELECT INBOX");
    CHECK(after == before);
    CHECK(!box.is_loaded("INBOX"));
    // Nor do commands that need no messages.
    CHECK(client.ok("NOOP").size() == 1);
    CHECK(client.ok("CHECK").size() == 1);
    client.ok("STATUS INBOX (MESSAGES UNSEEN HIGHESTMODSEQ)");
    CHECK(!box.is_loaded("INBOX"));
    CHECK(client.ok("FETCH 1:* (UID)").size() == 6);
    CHECK(box.is_loaded("INBOX"));
}

TEST_CASE("where the record does not say all, SELECT loads the messages") {
    Box box;
    SUBCASE("after a power cut the first unseen message is looked for") {
        {
            auto client = box.connect("ann");
            client.ok("SELECT INBOX");
            client.ok("STORE 3 +FLAGS (\\Seen)");
        }
        box.crash(3);
        auto client = box.connect("ann");
        CHECK(has_line(client.ok("SELECT INBOX"), "* OK [UNSEEN 4] first unseen"));
        CHECK(box.is_loaded("INBOX"));
    }
    SUBCASE("messages that are recent are counted") {
        box.connect("ann").append("INBOX", kSmallMessage);
        box.restart();
        auto client = box.connect("ann");
        CHECK(has_line(client.ok("SELECT INBOX"), "* 1 RECENT"));
        CHECK(box.is_loaded("INBOX"));
    }
}

TEST_CASE("a session that selected without the messages is told what others change") {
    Box box;
    box.connect("ann").ok("CREATE Other");
    box.restart();
    auto lazy = box.connect("ann");
    lazy.ok("SELECT INBOX");
    auto other = box.connect("ann");
    REQUIRE(!box.is_loaded("INBOX"));

    SUBCASE("a new message") {
        other.append("INBOX", kSmallMessage);
        CHECK(has_line(lazy.ok("NOOP"), "* 6 EXISTS"));
        CHECK(lazy.ok("FETCH 1:* (UID)").size() == 7);
    }
    SUBCASE("an expunge, by the number that it was told") {
        other.ok("SELECT INBOX");
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)");
        other.ok("EXPUNGE");
        // Not during a FETCH: the message is still there for it.
        CHECK(with_prefix(lazy.ok("FETCH 1:5 (UID)"), "* 2 FETCH (UID 2").size() == 1);
        CHECK(has_line(lazy.ok("NOOP"), "* 2 EXPUNGE"));
    }
    SUBCASE("flags, while it idles") {
        lazy.send("i IDLE\r\n");
        CHECK(lazy.line() == "+ idling");
        other.ok("SELECT INBOX");
        other.ok("STORE 3 +FLAGS (\\Seen)");
        CHECK(lazy.line() == "* 3 FETCH (UID 3 FLAGS (\\Seen))");
        lazy.send("DONE\r\n");
        lazy.until_tagged("i");
    }
    SUBCASE("a copy into it, from a mailbox of the same account") {
        other.append("Other", kSmallMessage);
        other.ok("SELECT Other");
        other.ok("COPY 1 INBOX");
        CHECK(has_line(lazy.ok("NOOP"), "* 6 EXISTS"));
    }
    SUBCASE("several changes at once, while it is on its way to select again") {
        other.send(
            "a1 APPEND INBOX {3+}\r\nA:b\r\na2 SELECT INBOX\r\na3 STORE 1 +FLAGS (\\Flagged)\r\n");
        const auto again = lazy.ok("SELECT INBOX");
        other.until_tagged("a3");
        const auto told = lazy.ok("FETCH 1:* (FLAGS)");
        CHECK(with_prefix(told, "* 1 FETCH").back().find("\\Flagged") != std::string::npos);
        CHECK(with_prefix(lazy.ok("UID SEARCH ALL"), "* SEARCH 1 2 3 4 5 6").size() == 1);
    }
}

TEST_CASE("a rename under a session that selected without the messages changes nothing for it") {
    Box box;
    {
        auto client = box.connect("ann");
        client.ok("CREATE Work/Old");
        client.append("Work/Old", kSmallMessage, "\\Seen");
        client.ok("SELECT Work/Old");
    }
    box.restart();
    auto lazy = box.connect("ann");
    CHECK(has_line(lazy.ok("SELECT Work/Old"), "* 1 EXISTS"));
    auto other = box.connect("ann");
    other.ok("RENAME Work Play");
    other.append("Play/Old", kSmallMessage);
    CHECK(has_line(lazy.ok("NOOP"), "* 2 EXISTS"));
    CHECK(lazy.ok("FETCH 1:* (UID)").size() == 3);
    other.ok("DELETE Play/Old");
    CHECK(lazy.line().find("* BYE ") == 0);
}

TEST_CASE("a session whose messages can not be read is refused, and ended when they change") {
    Box box;
    box.restart();
    auto lazy = box.connect("ann");
    lazy.ok("SELECT INBOX");
    auto other = box.connect("ann");
    REQUIRE(!box.is_loaded("INBOX"));
    box.files.fail(tidemark::testing::FaultyFileSystem::Operation::kRead, ".sst", EIO, 1);
    SUBCASE("refused; once it can be read all is well, as nothing has changed") {
        lazy.no("FETCH 1:* (UID)");
        box.files.clear_failures();
        CHECK(lazy.ok("FETCH 1:* (UID)").size() == 6);
    }
    SUBCASE("ended by a change, which it could never be told") {
        other.append("INBOX", kSmallMessage);
        CHECK(lazy.line().find("* BYE ") == 0);
        CHECK(lazy.at_end());
    }
    CHECK(box.files.failures() > 0);
}
