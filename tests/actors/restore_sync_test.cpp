// A client of the lost server meets the restored one: a directory that was copied (the backup),
// changed (the lost server), put back and fenced.
#include "storage/backup/fence.hpp"
#include "storage/store.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace tidemark::test;

namespace {

constexpr std::uint32_t kGap = tidemark::storage::kUidGapLeast;
using Files = std::map<std::string, std::string>;

void read_tree(TestServer& server, const std::string& directory, Files& files) {
    const auto names = server.files.list(directory);
    REQUIRE(names.has_value());
    for (const std::string& name : *names) {
        const std::string path = directory + "/" + name;
        const auto status = server.files.status(path);
        REQUIRE((status.has_value() && status->has_value()));
        if ((**status).directory) {
            read_tree(server, path, files);
        } else {
            files[path] = server.files.contents(path);
        }
    }
}

Files backup(TestServer& server) {
    server.restart();  // everything is written and closed before it is copied
    server.stop();
    Files files;
    read_tree(server, "/data", files);
    server.restart();
    return files;
}

void restore(TestServer& server, const Files& backup) {
    server.stop();
    Files lost;
    read_tree(server, "/data", lost);
    for (const auto& [path, bytes] : lost) REQUIRE(server.files.unlink(path).has_value());
    for (const auto& [path, bytes] : backup) server.files.replace_contents(path, bytes);
    tidemark::storage::StoreOptions options;
    options.ballast_bytes = 0;
    options.disk_reserve_bytes = 0;
    auto store = tidemark::storage::Store::open("/data", options, server.files);
    REQUIRE(store.has_value());
    tidemark::storage::FenceOptions fence;
    fence.now_micros = 1'800'000'000'000'000;
    REQUIRE(tidemark::storage::fence_restored(**store, fence).has_value());
    REQUIRE((*store)->close().has_value());
    store->reset();
    server.restart();
}

std::string code(const std::vector<std::string>& lines, const std::string& name) {
    for (const auto& line : lines) {
        const auto at = line.find("[" + name + " ");
        if (at == std::string::npos) continue;
        const auto begin = at + name.size() + 2;
        return line.substr(begin, line.find(']', begin) - begin);
    }
    return "";
}

}  // namespace

TEST_CASE("a client of the lost server hears what came back, what changed and what is gone") {
    TestServer server;
    server.add_account("ann");
    {
        ImapClient client = server.connect("ann");
        for (int i = 0; i < 3; ++i) client.append("INBOX", kSmallMessage);
    }
    const Files saved = backup(server);
    std::string validity;
    std::string highest;
    {
        // In the lost server 1 is expunged, 2 is flagged and 4 arrives.
        ImapClient client = server.connect("ann");
        client.ok("SELECT INBOX (CONDSTORE)");
        client.append("INBOX", kSmallMessage);
        client.ok("UID STORE 1 +FLAGS (\\Deleted)");
        client.ok("EXPUNGE");
        client.ok("UID STORE 2 +FLAGS (\\Flagged)");
        const auto lines = client.ok("SELECT INBOX");
        validity = code(lines, "UIDVALIDITY");
        highest = code(lines, "HIGHESTMODSEQ");
    }
    restore(server, saved);

    SUBCASE("by QRESYNC") {
        ImapClient client = server.connect("ann");
        client.ok("ENABLE QRESYNC");
        const auto lines =
            client.ok("SELECT INBOX (QRESYNC (" + validity + " " + highest + " 2:4 (1 2)))");
        CHECK(code(lines, "UIDVALIDITY") == validity);
        CHECK(code(lines, "UIDNEXT") == std::to_string(4 + kGap));
        CHECK(std::stoull(code(lines, "HIGHESTMODSEQ")) > std::stoull(highest));
        CHECK(has_line(lines, "* VANISHED (EARLIER) 4"));
        for (const char* uid : {"1", "2", "3"})
            CHECK(with_prefix(lines, "* " + std::string(uid) + " FETCH (").size() == 1);
        for (const auto& line : with_prefix(lines, "* 2 FETCH ("))
            CHECK(line.find("\\Flagged") == std::string::npos);
    }
    SUBCASE("by CHANGEDSINCE, and a conditional STORE fails") {
        ImapClient client = server.connect("ann");
        client.ok("SELECT INBOX (CONDSTORE)");
        const auto lines = client.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE " + highest + ")");
        CHECK(lines.size() == 4);
        const auto stored =
            client.ok("UID STORE 1:3 (UNCHANGEDSINCE " + highest + ") +FLAGS (\\Seen)");
        CHECK(stored.back().find("[MODIFIED 1:3]") != std::string::npos);
    }
    SUBCASE("new mail has a UID that the lost server can not have given") {
        ImapClient client = server.connect("ann");
        client.append("INBOX", kSmallMessage);
        const auto lines = client.ok("EXAMINE INBOX");
        CHECK(code(lines, "UIDNEXT") == std::to_string(5 + kGap));
    }
}
