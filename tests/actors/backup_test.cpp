// Backups of a server that goes on serving.
#include "actors/admin_session.hpp"
#include "actors/snapshot.hpp"
#include "protocol/json_rpc.hpp"
#include "storage/backup/manifest.hpp"
#include "storage/backup/restore.hpp"
#include "tests/support/admin_peer.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <sstream>
#include <thread>

using namespace tidemark;
using namespace tidemark::test;
using protocol::json_rpc::ErrorCode;
using protocol::json_rpc::Json;

namespace {

std::vector<std::string> names_in(TestServer& server, const std::string& directory) {
    auto names = server.files.list(directory);
    return names ? *names : std::vector<std::string>();
}

// The server goes on with what the backup holds, as after the loss of its data directory.
void restart_from(TestServer& server, const std::string& backup) {
    server.stop();
    REQUIRE(storage::remove_tree(server.files, "/data").has_value());
    storage::RestoreOptions options;
    options.backup = backup;
    options.directory = "/data";
    options.now_micros = server.clock.wall_microseconds();
    options.store.disk_reserve_bytes = 0;
    options.store.ballast_bytes = 0;
    const auto restored = storage::restore_backup(server.files, options);
    if (!restored) FAIL(restored.error().detail);
    REQUIRE(restored->is_restored);  // verified, with every body
    server.restart();
}

// What an account holds: mailbox, uid, and what its messages say in their subject. Every message
// is read, so that a body that is not what was stored is noticed.
using Content = std::map<std::string, std::map<unsigned, std::string>>;

// One client that is alone with its account, and what the account held after each command.
class Writer {
  public:
    Writer(TestServer& server, std::string name, unsigned seed)
        : client_(server.connect(name)), name_(std::move(name)), random_(seed) {
        for (const char* box : {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash", "Other"})
            content_[box];
        client_.ok("CREATE Other");
        history.push_back(content_);
    }
    // `done` commands were answered; at most one more is under way.
    std::atomic<std::size_t> done{0};
    std::vector<Content> history;
    const std::string& name() const { return name_; }

    void step() {
        switch (random_() % 8) {
            case 0:
                expunge();
                break;
            case 1:
                move();
                break;
            case 2:
                make_or_delete();
                break;
            default:
                append();
        }
        history.push_back(content_);
        done = history.size() - 1;
    }

  private:
    void append() {
        const std::string box = random_() % 2 == 0 ? "INBOX" : "Other";
        const std::string subject = "s" + std::to_string(++made_);
        const std::string text =
            "Subject: " + subject + "\r\n\r\n" + subject +
            std::string(random_() % 30'000, static_cast<char>('a' + made_ % 26)) + "\r\n";
        const auto lines =
            client_.run("APPEND " + box + " {" + std::to_string(text.size()) + "+}\r\n" + text);
        REQUIRE(lines.back().starts_with("OK [APPENDUID "));
        std::istringstream words(lines.back().substr(15));
        unsigned validity = 0;
        unsigned uid = 0;
        words >> validity >> uid;
        content_[box][uid] = subject;
    }
    // About half of INBOX.
    std::string some() {
        std::string set;
        for (const auto& [uid, subject] : content_["INBOX"]) {
            if (random_() % 2 == 0) set += (set.empty() ? "" : ",") + std::to_string(uid);
        }
        return set;
    }
    static std::vector<unsigned> uids_of(const std::string& set) {
        std::vector<unsigned> uids;
        std::istringstream in(set);
        for (std::string one; std::getline(in, one, ',');)
            uids.push_back(static_cast<unsigned>(std::stoul(one)));
        return uids;
    }
    void expunge() {
        const std::string set = some();
        if (set.empty()) return append();
        client_.ok("SELECT INBOX");
        client_.ok("UID STORE " + set + " +FLAGS.SILENT (\\Deleted)");
        client_.ok("UID EXPUNGE " + set);
        for (const unsigned uid : uids_of(set)) content_["INBOX"].erase(uid);
    }
    void move() {
        const std::string set = some();
        if (set.empty()) return append();
        client_.ok("SELECT INBOX");
        const auto lines = client_.ok("UID MOVE " + set + " Other");
        std::string code;
        for (const std::string& line : lines) {
            const auto at = line.find("[COPYUID ");
            if (at != std::string::npos) code = line.substr(at + 9);
        }
        // Targets ascend without a gap: nobody else writes there.
        std::istringstream words(code);
        std::string validity;
        std::string sources;
        unsigned next = 0;
        words >> validity >> sources >> next;
        REQUIRE(next > 0);
        for (const unsigned uid : uids_of(set)) {
            content_["Other"][next++] = content_["INBOX"][uid];
            content_["INBOX"].erase(uid);
        }
    }
    void make_or_delete() {
        if (content_.count("Old") != 0) {
            client_.ok("DELETE Old");
            content_.erase("Old");
            return;
        }
        client_.ok("CREATE Old");
        content_["Old"];
    }

    ImapClient client_;
    std::string name_;
    std::mt19937 random_;
    Content content_;
    unsigned made_ = 0;
};

Content content_of(TestServer& server, const std::string& name) {
    Content content;
    ImapClient client = server.connect(name);
    for (const std::string& line : with_prefix(client.ok("LIST \"\" *"), "* LIST")) {
        std::string box = line.substr(line.rfind(' ') + 1);
        std::erase(box, '"');
        content[box];
        client.ok("EXAMINE " + box);
        for (const std::string& item : client.ok("UID FETCH 1:* (UID BODY.PEEK[])")) {
            const auto uid_at = item.find("(UID ");
            const auto subject_at = item.find("\r\nSubject: ");
            if (uid_at == std::string::npos || subject_at == std::string::npos) continue;
            const auto subject_end = item.find("\r\n", subject_at + 11);
            content[box][static_cast<unsigned>(std::stoul(item.substr(uid_at + 5)))] =
                item.substr(subject_at + 11, subject_end - subject_at - 11);
        }
    }
    return content;
}

std::string text_of(const Content& content) {
    std::string text;
    for (const auto& [box, messages] : content) {
        text += box + ":";
        for (const auto& [uid, subject] : messages) text += fmt::format(" {}={}", uid, subject);
        text += "; ";
    }
    return text;
}

// A command that is several changes (expunge) may be seen between them; what the messages are is
// the same then: only flags differ.
bool was_held(const Writer& writer, const Content& found, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i <= std::min(to + 1, writer.history.size() - 1); ++i) {
        if (writer.history[i] == found) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("backups of a server under load are each one moment of every account") {
    TestServer::Options with;
    with.expunged_kept = std::chrono::seconds(0);
    TestServer server(with);
    REQUIRE(server.files.make_directory("/backups").has_value());
    std::vector<std::unique_ptr<Writer>> writers;
    for (const char* name : {"ann", "bob", "cid"}) {
        server.add_account(name);
        writers.push_back(
            std::make_unique<Writer>(server, name, 7U + static_cast<unsigned>(writers.size())));
    }
    struct Bounds {
        std::vector<std::size_t> from;
        std::vector<std::size_t> to;
    };
    std::vector<Bounds> bounds;
    {
        std::atomic<bool> ended{false};
        std::vector<std::thread> threads;
        threads.reserve(writers.size());
        for (auto& writer : writers) {
            threads.emplace_back([&ended, one = writer.get()] {
                while (!ended && one->history.size() < 1000) one->step();
            });
        }
        AdminPeer admin(server);
        constexpr int kBackups = 24;
        for (int i = 0; i < kBackups; ++i) {
            Bounds of;
            for (const auto& writer : writers) of.from.push_back(writer->done);
            const Json result = admin.back_up("/backups/" + std::to_string(i));
            for (const auto& writer : writers) of.to.push_back(writer->done);
            CHECK(result["accounts"] == writers.size());
            bounds.push_back(std::move(of));
            server.compact();
        }
        ended = true;
        for (std::thread& thread : threads) thread.join();
    }
    CHECK(names_in(server, "/data/checkpoints").empty());
    CHECK(writers[0]->history.size() > 10);
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        CAPTURE(i);
        restart_from(server, "/backups/" + std::to_string(i));
        for (std::size_t w = 0; w < writers.size(); ++w) {
            CAPTURE(writers[w]->name());
            const Content found = content_of(server, writers[w]->name());
            INFO("found " << text_of(found) << " not between " << bounds[i].from[w] << " and "
                          << bounds[i].to[w] << ": "
                          << text_of(writers[w]->history[bounds[i].to[w]]));
            CHECK(was_held(*writers[w], found, bounds[i].from[w], bounds[i].to[w]));
        }
    }
}

TEST_CASE("one backup at a time: another request is refused and harms nothing") {
    TestServer server;
    server.add_account("ann");
    server.connect("ann").append("INBOX", kSmallMessage);
    REQUIRE(server.files.make_directory("/backups").has_value());
    server.files.mount("/backups");  // so that there is something to copy, at a byte a second
    AdminPeer first(server);
    first.send("backup", {{"destination", "/backups/a"}, {"bytes_per_second_max", 1}});
    while (!server.server().snapshots().status().running) std::this_thread::yield();

    AdminPeer second(server);
    const Json refused = second.call("backup", {{"destination", "/backups/b"}});
    CHECK(refused["error"]["code"] == static_cast<int>(ErrorCode::unavailable));
    CHECK(refused["error"]["message"].get<std::string>().starts_with(
        "a backup to /backups/a is being made"));
    const Json status = second.call("status", Json::object())["result"]["backup"];
    CHECK(status["running"]["destination"] == "/backups/a");

    server.server().snapshots().give_up();
    CHECK(first.answer()["error"]["code"] == static_cast<int>(ErrorCode::unavailable));
    CHECK(names_in(server, "/backups").empty());
    CHECK(second.back_up("/backups/b")["messages"] == 1);
    const Json after = second.call("status", Json::object())["result"]["backup"];
    CHECK(after["running"].is_null());
    CHECK(after["last"]["well"] == true);
    CHECK(after["made"] == 1);
    CHECK(after["failed"] == 1);
    // Nothing is held back any more.
    server.compact();
    server.connect("ann").append("INBOX", kSmallMessage);
}

TEST_CASE("a backup whose client goes away is given up; while it stays it hears of the progress") {
    TestServer server;
    server.add_account("ann");
    server.connect("ann").append("INBOX", kSmallMessage);
    REQUIRE(server.files.make_directory("/backups").has_value());
    server.files.mount("/backups");
    auto admin = std::make_unique<AdminPeer>(server);
    admin->send("backup", {{"destination", "/backups/a"}, {"bytes_per_second_max", 1}});
    while (!server.server().snapshots().status().running) std::this_thread::yield();
    server.clock.advance(std::chrono::seconds(1));
    const Json progress = admin->receive();
    CHECK(progress["method"] == "progress");
    CHECK(progress["params"].contains("bytes_total"));

    admin.reset();
    while (server.server().snapshots().status().running) {
        server.clock.advance(std::chrono::seconds(1));
        std::this_thread::yield();
    }
    CHECK(names_in(server, "/backups").empty());
    CHECK(server.server().snapshots().status().last->error == "it was given up");
}

TEST_CASE("a server that ends or dies during a backup leaves nothing that is one") {
    TestServer server;
    server.add_account("ann");
    server.connect("ann").append("INBOX", kSmallMessage);
    REQUIRE(server.files.make_directory("/backups").has_value());
    server.files.mount("/backups");
    auto admin = std::make_unique<AdminPeer>(server);
    admin->send("backup", {{"destination", "/backups/a"}, {"bytes_per_second_max", 1}});
    while (!server.server().snapshots().status().running) std::this_thread::yield();
    SUBCASE("ends") {
        server.restart();
    }
    SUBCASE("dies") {
        while (names_in(server, "/backups").empty()) std::this_thread::yield();
        server.files.cut_power();
        server.stop();
        server.files.restart_after_kill();
        for (const std::string& name : names_in(server, "/backups"))
            CHECK(!storage::read_manifest(server.files, "/backups/" + name));
        server.restart();
    }
    CHECK(names_in(server, "/backups").empty());
    CHECK(names_in(server, "/data/checkpoints").empty());
    CHECK(AdminPeer(server).back_up("/backups/a")["messages"] == 1);
}

TEST_CASE("a backup is refused where it can not be or must not be") {
    TestServer server;
    REQUIRE(server.files.make_directory("/backups").has_value());
    REQUIRE(server.files.make_directory("/backups/there").has_value());
    AdminPeer admin(server);
    const auto code = [&admin](const Json& params) {
        return admin.call("backup", params)["error"]["code"].get<int>();
    };
    for (const char* destination : {"", "relative", "/", "/backups/", "/backups/../data/mail/x",
                                    "/data", "/data/mail/x", "/data/backup"}) {
        CAPTURE(destination);
        CHECK(code({{"destination", destination}}) == static_cast<int>(ErrorCode::invalid_params));
    }
    CHECK(code(Json::object()) == static_cast<int>(ErrorCode::invalid_params));
    CHECK(code({{"destination", "/backups/there"}}) == static_cast<int>(ErrorCode::refused));
    CHECK(code({{"destination", "/none/x"}}) == static_cast<int>(ErrorCode::not_found));
    CHECK(code({{"destination", "/backups/x"}, {"since", "/none"}}) ==
          static_cast<int>(ErrorCode::not_found));
    server.files.fail(testing::FaultyFileSystem::Operation::kMakeDirectory, "/backups/", EACCES, 1);
    const Json denied = admin.call("backup", {{"destination", "/backups/x"}});
    CHECK(denied["error"]["message"].get<std::string>().find("/backups/x") != std::string::npos);
    CHECK(names_in(server, "/backups") == std::vector<std::string>{"there"});
    admin.back_up("/backups/x");
    // What the earlier one has is linked from it.
    const Json second =
        admin.call("backup", {{"destination", "/backups/y"}, {"since", "/backups/x"}});
    CHECK(second["result"]["omitted"] == 0);
}
