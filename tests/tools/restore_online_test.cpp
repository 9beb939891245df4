// Parts of a backup that come back into a running server while a client has the account open.
#include "tests/tools/backed_server.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tidemark;
using namespace tidemark::tools;
using tidemark::test::ImapClient;
using tidemark::tools::test::BackedServer;
using tidemark::tools::test::Lines;
using tidemark::tools::test::run;
using tidemark::tools::test::Run;
using tidemark::tools::test::seen;

TEST_CASE("a mailbox comes back into a running server, with flags, keywords, dates and texts") {
    BackedServer at;
    ImapClient client = at.server->connect();
    const Lines inbox = seen(client, "INBOX");
    const Lines work = seen(client, "Work");
    REQUIRE(inbox.size() == 3);
    const Run done = at.restore({"--mailbox", "INBOX", "--as", "Back/INBOX"});
    INFO(done.err);
    REQUIRE(done.exit == ExitCode::kWell);
    CHECK(done.out.empty());
    CHECK(done.err.empty());
    CHECK(seen(client, "Back/INBOX") == inbox);
    CHECK(seen(client, "INBOX") == inbox);
    // All of the account, below a name.
    REQUIRE(at.restore({"--as", "All"}).exit == ExitCode::kWell);
    CHECK(seen(client, "All/INBOX") == inbox);
    CHECK(seen(client, "All/Work") == work);
    CHECK(seen(client, "All/Work/Old").empty());
    CHECK(seen(client, "INBOX") == inbox);
    CHECK(seen(client, "Work") == work);
}

TEST_CASE("a client in IDLE on an empty INBOX is told of what a restore brings there") {
    BackedServer at;
    ImapClient other = at.server->connect();
    const Lines inbox = seen(other, "INBOX");
    other.ok("SELECT INBOX");
    other.ok("STORE 1:* +FLAGS (\\Deleted)");
    other.ok("EXPUNGE");
    const Lines work = seen(other, "Work");
    ImapClient idle = at.server->connect();
    idle.ok("SELECT INBOX");
    idle.send("i IDLE\r\n");
    REQUIRE(idle.line().starts_with("+ "));
    const Run done = at.restore({"--mailbox", "INBOX"});
    INFO(done.err);
    REQUIRE(done.exit == ExitCode::kWell);
    std::string told = idle.line();
    CHECK(told == "* 3 EXISTS");
    idle.send("DONE\r\n");
    CHECK(idle.until_tagged("i").back().starts_with("i OK"));
    CHECK(seen(other, "INBOX") == inbox);
    CHECK(seen(other, "Work") == work);
    // New messages have new uids, above those that were there.
    CHECK(idle.ok("UID SEARCH ALL").front() == "* SEARCH 4 5 6");
}

TEST_CASE("a client in IDLE elsewhere hears nothing of a restore") {
    BackedServer at;
    ImapClient idle = at.server->connect();
    idle.ok("SELECT Work (CONDSTORE)");
    const Lines before = idle.ok("STATUS Work (UIDNEXT HIGHESTMODSEQ)");
    idle.send("i IDLE\r\n");
    REQUIRE(idle.line().starts_with("+ "));
    REQUIRE(at.restore({"--as", "All"}).exit == ExitCode::kWell);
    idle.send("DONE\r\n");
    // Nothing untagged before the end of IDLE.
    CHECK(idle.line().starts_with("i OK"));
    CHECK(idle.ok("STATUS Work (UIDNEXT HIGHESTMODSEQ)").front() == before.front());
}

TEST_CASE("a restore into a running server says what is in its way") {
    BackedServer at;
    ImapClient client = at.server->connect();
    const Lines inbox = seen(client, "INBOX");
    const Run there = at.restore({"--mailbox", "INBOX"});
    CHECK(there.exit == ExitCode::kNo);
    CHECK(there.err.find("\"INBOX\" already") != std::string::npos);
    const Run all = at.restore({});
    CHECK(all.exit == ExitCode::kNo);
    CHECK(seen(client, "INBOX") == inbox);
    const std::string backup = at.scratch.path("backup");
    // Of the backup's accounts one is gone from the server.
    CHECK(run({"account", "add", "bert", "--data", at.data()}, "secret\n").exit == ExitCode::kWell);
    const Run unknown =
        run({"restore", backup, "--online", "--data", at.data(), "--account", "bert"});
    CHECK(unknown.exit == ExitCode::kNo);
    CHECK(unknown.err.find("has no account \"bert\"") != std::string::npos);
    REQUIRE(run({"account", "remove", "anna", "--data", at.data()}).exit == ExitCode::kWell);
    const Run removed = at.restore({});
    CHECK(removed.exit == ExitCode::kNo);
    CHECK(removed.err.find("there is no account \"anna\"") != std::string::npos);
    at.server.reset();
    const Run stopped = at.restore({});
    CHECK(stopped.exit == ExitCode::kCouldNotRun);
    CHECK(stopped.err.find("no server listens on") != std::string::npos);
    const Run nowhere = run(
        {"restore", backup, "--online", "--data", at.scratch.path("none"), "--account", "anna"});
    CHECK(nowhere.exit == ExitCode::kCouldNotRun);
    CHECK(nowhere.err.find("no server listens on") != std::string::npos);
}
