// Parts of a backup that come back into a running server while a client has the account open.
#include "tests/tools/backed_server.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

using namespace tidemark;
using namespace tidemark::tools;
using tidemark::test::has_line;
using tidemark::test::ImapClient;
using tidemark::test::with_prefix;
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

TEST_CASE("a restore of a part tells what it did as one object") {
    BackedServer at;
    const Run done = at.restore({"--as", "All", "--json"});
    REQUIRE(done.exit == ExitCode::kWell);
    const auto told = nlohmann::json::parse(done.out, nullptr, false);
    REQUIRE(told.is_object());
    CHECK(std::count(done.out.begin(), done.out.end(), '\n') == 1);
    ImapClient client = at.server->connect();
    CHECK(told["mailboxes"] == with_prefix(client.ok("LIST \"\" All/*"), "* LIST").size());
    CHECK(told["messages"] == 4);
    // Each is 23 bytes and its subject twice: one, two, three, plan.
    CHECK(told["bytes"] == 4 * 23 + 2 * 15);
    CHECK(told["missing"] == nlohmann::json::array());
    CHECK(told["seconds"].is_number());
    // Nothing was done.
    CHECK(at.restore({"--as", "All", "--json"}).out.empty());
}

TEST_CASE("a mailbox under its own name is what it was, a special use is had by one only") {
    BackedServer at;
    ImapClient client = at.server->connect();
    const auto listed = [&](const std::string& name) {
        return with_prefix(client.ok("LIST (SPECIAL-USE SUBSCRIBED RECURSIVEMATCH) \"\" " + name),
                           "* LIST");
    };
    const auto listed_all = [&](const std::string& name) {
        return with_prefix(client.ok("LIST \"\" " + name + " RETURN (SUBSCRIBED SPECIAL-USE)"),
                           "* LIST");
    };
    const Lines trash = listed_all("Trash");
    const Lines drafts = listed_all("Drafts");
    REQUIRE(trash.size() == 1);
    REQUIRE(trash.front().find("\\Trash") != std::string::npos);
    REQUIRE(trash.front().find("\\Subscribed") != std::string::npos);
    client.ok("DELETE Trash");
    client.ok("DELETE Drafts");
    client.ok("UNSUBSCRIBE Trash");
    client.ok("UNSUBSCRIBE Drafts");
    client.ok("CREATE Rubbish (USE (\\Trash))");
    REQUIRE(at.restore({"--mailbox", "Drafts"}).exit == ExitCode::kWell);
    CHECK(listed_all("Drafts") == drafts);
    // Rubbish has it now.
    REQUIRE(at.restore({"--mailbox", "Trash"}).exit == ExitCode::kWell);
    CHECK(listed_all("Trash").front().find("\\Trash") == std::string::npos);
    CHECK(listed_all("Trash").front().find("\\Subscribed") != std::string::npos);
    // A copy elsewhere is none.
    client.ok("DELETE Drafts");
    REQUIRE(at.restore({"--mailbox", "Drafts", "--as", "Old"}).exit == ExitCode::kWell);
    CHECK(listed_all("Old").front().find("\\Drafts") == std::string::npos);
    CHECK(listed("Old").empty());
}

TEST_CASE("subscriptions come back with what is restored, and no other changes") {
    BackedServer at;
    ImapClient client = at.server->connect();
    const auto subscribed = [&] {
        Lines names;
        for (const std::string& line : with_prefix(client.ok("LIST (SUBSCRIBED) \"\" *"), "* LIST"))
            names.push_back(line.substr(line.rfind(' ') + 1));
        std::sort(names.begin(), names.end());
        return names;
    };
    client.ok("SUBSCRIBE Work");
    client.ok("SUBSCRIBE Work/None");
    client.ok("SUBSCRIBE Workshop");
    client.ok("UNSUBSCRIBE Sent");
    at.back_up("later");
    client.ok("UNSUBSCRIBE Work/None");
    client.ok("UNSUBSCRIBE Workshop");
    client.ok("UNSUBSCRIBE Work");
    const Lines before = subscribed();
    REQUIRE(at.restore({"--mailbox", "Work", "--as", "Job"}, "later").exit == ExitCode::kWell);
    Lines expected = before;
    expected.insert(expected.end(), {"Job", "Job/None"});
    std::sort(expected.begin(), expected.end());
    CHECK(subscribed() == expected);
    REQUIRE(at.restore({"--as", "All"}, "later").exit == ExitCode::kWell);
    for (const char* name :
         {"INBOX", "Drafts", "Trash", "Junk", "Archive", "Work", "Work/None", "Workshop"})
        expected.push_back(std::string("All/") + name);
    std::sort(expected.begin(), expected.end());
    CHECK(subscribed() == expected);
}

TEST_CASE("a restore leaves no files and removes those that killed ones have left") {
    BackedServer at;
    const std::filesystem::path imports = std::filesystem::path(at.data()) / "imports";
    std::filesystem::create_directory(imports);
    const std::filesystem::path left = imports / "batch-1";
    const std::filesystem::path living = imports / "batch-2";
    const std::filesystem::path other = imports / "another.ledger";
    for (const auto& path : {left, living, other}) std::ofstream(path) << "x";
    const int descriptor = ::open(living.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(::flock(descriptor, LOCK_EX) == 0);
    REQUIRE(at.restore({"--as", "All"}).exit == ExitCode::kWell);
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(imports))
        names.insert(entry.path().filename().string());
    CHECK(names == std::set<std::string>{"another.ledger", "batch-2"});
    ::close(descriptor);
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
