// Parts of backups that are not simply whole: increments, mail expunged before, damage, and a
// restore that can not come to its end.
#include "tests/tools/backed_server.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace tidemark;
using namespace tidemark::tools;
using tidemark::test::ImapClient;
using tidemark::test::with_prefix;
using tidemark::tools::test::append;
using tidemark::tools::test::BackedServer;
using tidemark::tools::test::Lines;
using tidemark::tools::test::run;
using tidemark::tools::test::Run;
using tidemark::tools::test::seen;

namespace fs = std::filesystem;

namespace {

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// In place of the file, which may be a link to what the server has.
void replace(const std::string& path, const std::string& bytes) {
    fs::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
}

// The segment of a backup that says `text`.
std::string segment_with(const std::string& backup, const std::string& text) {
    for (const auto& entry : fs::directory_iterator(backup + "/mail")) {
        if (read(entry.path()).find(text) != std::string::npos) return entry.path();
    }
    FAIL("no segment says " << text);
    return {};
}

// Flips a bit of the first byte of `text`.
void damage(const std::string& backup, const std::string& text) {
    const std::string path = segment_with(backup, text);
    std::string bytes = read(path);
    const std::size_t at = bytes.find(text);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    replace(path, bytes);
}

std::string highest_modseq(ImapClient& client, const std::string& mailbox) {
    for (const std::string& line : client.ok("EXAMINE " + mailbox)) {
        const std::size_t at = line.find("[HIGHESTMODSEQ ");
        if (at != std::string::npos) return line.substr(at + 15, line.find(']') - at - 15);
    }
    FAIL("no HIGHESTMODSEQ");
    return {};
}

std::size_t mailboxes(ImapClient& client) {
    return with_prefix(client.ok("LIST \"\" *"), "* LIST").size();
}

}  // namespace

TEST_CASE("a part of an incremental backup takes what that leaves out from the earlier ones") {
    BackedServer at;
    ImapClient client = at.server->connect();
    append(client, "INBOX", "four", "\\Seen", " 2-Jan-2026 12:00:00 +0000");
    at.back_up("later", {"--since", at.scratch.path("backup"), "--omit-unchanged"});
    const Lines inbox = seen(client, "INBOX");
    REQUIRE(inbox.size() == 4);
    CHECK(at.restore({"--mailbox", "INBOX", "--as", "Back"}, "later").exit == ExitCode::kWell);
    CHECK(seen(client, "Back") == inbox);
    // It is elsewhere now.
    fs::create_directory(at.scratch.path("other"));
    fs::rename(at.scratch.path("backup"), at.scratch.path("other/first"));
    const std::size_t before = mailboxes(client);
    const Run missing = at.restore({"--mailbox", "INBOX", "--as", "Two"}, "later");
    CHECK(missing.exit == ExitCode::kCouldNotRun);
    CHECK(missing.err.find("needs an earlier backup") != std::string::npos);
    CHECK(mailboxes(client) == before);
    const Run found =
        at.restore({"--as", "Two", "--chain", at.scratch.path("other/first")}, "later");
    INFO(found.err);
    CHECK(found.exit == ExitCode::kWell);
    CHECK(seen(client, "Two/INBOX") == inbox);
    CHECK(seen(client, "Two/Work") == seen(client, "Work"));
}

TEST_CASE("mail that was expunged before the backup was made comes back with --at") {
    BackedServer at;
    ImapClient client = at.server->connect();
    const Lines inbox = seen(client, "INBOX");
    const std::string modseq = highest_modseq(client, "INBOX");
    client.ok("SELECT INBOX");
    client.ok("STORE 2 -FLAGS (\\Flagged)");
    client.ok("STORE 1:2 +FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    at.back_up("later");
    SUBCASE("all of it") {
        const Run done =
            at.restore({"--mailbox", "INBOX", "--as", "Before", "--at", modseq}, "later");
        INFO(done.err);
        CHECK(done.exit == ExitCode::kWell);
        CHECK(done.err.empty());
        CHECK(seen(client, "Before") == inbox);
        CHECK(at.restore({"--mailbox", "INBOX", "--as", "Now"}, "later").exit == ExitCode::kWell);
        CHECK(seen(client, "Now") == Lines{inbox.back()});
    }
    SUBCASE("but for what is gone or damaged, which is listed") {
        const std::string backup = at.scratch.path("later");
        const std::string path = segment_with(backup, "text of one");
        std::string bytes = read(path);
        // The line of its frame, so that nobody finds it.
        const std::size_t line = bytes.rfind("TMB1 ", bytes.find("Subject: one"));
        REQUIRE(line != std::string::npos);
        bytes[line] = 'X';
        replace(path, bytes);
        damage(backup, "text of three");
        const Run done =
            at.restore({"--mailbox", "INBOX", "--as", "Before", "--at", modseq, "--json"}, "later");
        CHECK(done.exit == ExitCode::kNo);
        const auto told = nlohmann::json::parse(done.out, nullptr, false);
        REQUIRE(told.is_object());
        CHECK(told["messages"] == 1);
        REQUIRE(told["missing"].size() == 2);
        CHECK(told["missing"][0]["mailbox"] == "INBOX");
        CHECK(told["missing"][0]["uid"] == 1);
        CHECK(told["missing"][0]["damaged"] == false);
        CHECK(told["missing"][1]["uid"] == 3);
        CHECK(told["missing"][1]["damaged"] == true);
        CHECK(done.err.find("INBOX, uid 1: expunged, and its bytes are gone\n") !=
              std::string::npos);
        CHECK(done.err.find("INBOX, uid 3: ") != std::string::npos);
        CHECK(done.err.find("segment " + fs::path(path).stem().string()) != std::string::npos);
        CHECK(done.err.find("1 messages are restored, the bytes of 1 are gone") !=
              std::string::npos);
        CHECK(done.err.find("1 are damaged") != std::string::npos);
        CHECK(seen(client, "Before") == Lines{inbox.at(1)});
    }
}

TEST_CASE("an account as it was before some of its mailboxes were made is without them") {
    BackedServer at;
    ImapClient client = at.server->connect();
    const std::string modseq = highest_modseq(client, "Work");
    client.ok("CREATE Later");
    at.back_up("later");
    const std::size_t before = mailboxes(client);
    CHECK(at.restore({"--as", "Then", "--at", modseq}, "later").exit == ExitCode::kWell);
    // One for each but Later, and the name that they are below.
    CHECK(mailboxes(client) == 2 * before);
    CHECK(seen(client, "Then/Work") == seen(client, "Work"));
    CHECK(with_prefix(client.ok("LIST \"\" Then/Later"), "* LIST").empty());
    const Run refused =
        at.restore({"--mailbox", "Later", "--as", "Other", "--at", modseq}, "later");
    CHECK(refused.exit == ExitCode::kNo);
    CHECK(refused.err.find("\"Later\" was made after that") != std::string::npos);
}

TEST_CASE("nothing is restored of a backup that is damaged as a whole, and the file is named") {
    BackedServer at;
    ImapClient client = at.server->connect();
    const std::size_t before = mailboxes(client);
    std::string path;
    SUBCASE("a segment that is cut off") {
        path = segment_with(at.scratch.path("backup"), "text of one");
        replace(path, read(path).substr(0, 100));
    }
    SUBCASE("a segment that is missing") {
        path = segment_with(at.scratch.path("backup"), "text of one");
        fs::remove(path);
    }
    SUBCASE("the manifest") {
        path = at.scratch.path("backup/manifest.json");
        replace(path, read(path) + " ");
    }
    SUBCASE("the database") {
        for (const auto& entry : fs::directory_iterator(at.scratch.path("backup/db"))) {
            if (entry.path().filename().string().starts_with("MANIFEST")) path = entry.path();
        }
        REQUIRE(!path.empty());
        std::string bytes = read(path);
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
        replace(path, bytes);
    }
    const Run done = at.restore({"--as", "Back"});
    CHECK(done.exit == ExitCode::kNo);
    CHECK(done.out.empty());
    CHECK(done.err.find(path) != std::string::npos);
    CHECK(mailboxes(client) == before);
}

TEST_CASE("a restore that can not come to its end says what is there of it") {
    BackedServer at;
    ImapClient client = at.server->connect();
    // Room for INBOX once more, which is one batch, but not for Work.
    std::uint64_t used = 0;
    for (const char* mailbox : {"INBOX", "INBOX", "Work"}) {
        client.ok(std::string("EXAMINE ") + mailbox);
        for (const std::string& line : with_prefix(client.ok("FETCH 1:* RFC822.SIZE"), "* "))
            if (const std::size_t size = line.find("SIZE "); size != std::string::npos)
                used += std::stoull(line.substr(size + 5));
    }
    REQUIRE(run({"ctl", "accounts.set",
                 "{\"name\": \"anna\", \"quota_bytes\": " + std::to_string(used) + "}", "--data",
                 at.data()})
                .exit == ExitCode::kWell);
    const Lines inbox = seen(client, "INBOX");
    const Run done = at.restore({"--as", "Back"});
    CHECK(done.exit == ExitCode::kNo);
    CHECK(done.err.find("the restore ended midway") != std::string::npos);
    CHECK(done.err.find("\"Back/INBOX\"") != std::string::npos);
    CHECK(seen(client, "Back/INBOX") == inbox);
    CHECK(seen(client, "Back/Work").empty());
}
