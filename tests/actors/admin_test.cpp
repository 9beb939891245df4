// The admin socket: whom it answers, JSON-RPC's rules, and what its methods do to a running server.
#include "actors/admin_session.hpp"
#include "protocol/json_rpc.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace tidemark {

namespace {

using actors::PeerCredentials;
using protocol::json_rpc::ErrorCode;
using protocol::json_rpc::Json;
using test::MemoryPeer;
using test::TestServer;

PeerCredentials ourselves() {
    return {::getpid(), ::geteuid(), ::getegid()};
}

MemoryPeer connect(TestServer& server, std::optional<PeerCredentials> peer) {
    actors::Core& core = server.server().cores()[0];
    auto [theirs, ours] = actors::MemoryStream::make_pair(core, core);
    server.server().attach_admin(core, std::move(theirs), peer);
    return MemoryPeer(std::move(ours));
}

struct Admin {
    explicit Admin(TestServer& server) : peer(connect(server, ourselves())) {}

    Json exchange(const std::string& line) {
        REQUIRE(peer.send(line + "\n"));
        const std::string answer = peer.receive_until("\n");
        INFO("answer: " << answer);
        Json value = Json::parse(answer, nullptr, false);
        REQUIRE(value.is_object());
        return value;
    }
    Json call(const std::string& method, const Json& params = nullptr) {
        std::string line = protocol::json_rpc::write_request(std::int64_t{7}, method, params);
        line.pop_back();
        Json answer = exchange(line);
        CHECK(answer["id"] == 7);
        return answer;
    }
    Json ok(const std::string& method, const Json& params = nullptr) {
        Json answer = call(method, params);
        INFO("answer: " << answer.dump());
        REQUIRE(answer.contains("result"));
        return answer["result"];
    }
    void refused(ErrorCode code, const std::string& method, const Json& params = nullptr) {
        const Json answer = call(method, params);
        INFO("answer: " << answer.dump());
        REQUIRE(answer.contains("error"));
        CHECK(answer["error"]["code"] == static_cast<int>(code));
    }

    MemoryPeer peer;
};

}  // namespace

TEST_CASE("the admin socket answers nobody but root and the server's own user") {
    TestServer server;
    for (const auto& peer : {std::optional<PeerCredentials>(),
                             std::optional(PeerCredentials{1, ::geteuid() + 12345, 0})}) {
        auto stranger = connect(server, peer);
        const Json answer = Json::parse(stranger.receive_until("\n"), nullptr, false);
        REQUIRE(answer.is_object());
        CHECK(answer["id"].is_null());
        CHECK(answer["error"]["code"] == static_cast<int>(ErrorCode::refused));
        CHECK(stranger.wait_closed());
    }
    auto root = connect(server, PeerCredentials{1, 0, 0});
    REQUIRE(root.send("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"methods\"}\n"));
    CHECK(root.receive_until("\n").find("\"result\"") != std::string::npos);
}

TEST_CASE("requests that are none are answered with the standard errors") {
    TestServer server;
    Admin admin(server);
    const auto code = [&admin](const std::string& line) {
        return admin.exchange(line)["error"]["code"].get<int>();
    };
    CHECK(code("{") == -32700);
    CHECK(code("[]") == -32600);
    CHECK(code(R"({"jsonrpc":"1.0","id":1,"method":"status"})") == -32600);
    CHECK(code(R"({"jsonrpc":"2.0","id":1,"method":"nonsense"})") == -32601);
    CHECK(code(R"({"jsonrpc":"2.0","id":1,"method":"status","params":[1]})") == -32602);
    CHECK(code(R"({"jsonrpc":"2.0","id":1,"method":"status","params":{"a":1}})") == -32602);
    CHECK(code(R"({"jsonrpc":"2.0","id":1,"method":"accounts.add","params":{"name":5}})") ==
          -32602);
}

TEST_CASE("a request without an id is done and not answered") {
    TestServer server;
    Admin admin(server);
    REQUIRE(admin.peer.send(
        R"({"jsonrpc":"2.0","method":"accounts.add","params":{"name":"ann","password":"x"}})"
        "\n"));
    const Json list = admin.ok("accounts.list");
    REQUIRE(list.size() == 1);
    CHECK(list[0]["name"] == "ann");
}

TEST_CASE("a line longer than a request may be ends the connection") {
    TestServer server;
    Admin admin(server);
    const std::string line(protocol::json_rpc::kLineBytesMax + 100'000, ' ');
    // The server hangs up before it has taken all of it.
    static_cast<void>(admin.peer.send(line));
    const Json answer = Json::parse(admin.peer.receive_until("\n"), nullptr, false);
    REQUIRE(answer.is_object());
    CHECK(answer["error"]["code"] == static_cast<int>(ErrorCode::limit));
    CHECK(admin.peer.wait_closed());
}

TEST_CASE("accounts are added, changed, imported and removed while the server runs") {
    TestServer server;
    Admin admin(server);
    admin.ok("account_add", {{"name", "Ann"}, {"password", "secret"}});
    admin.refused(ErrorCode::refused, "accounts.add", {{"name", "ann"}, {"password", "x"}});
    admin.refused(ErrorCode::invalid_params, "accounts.add", {{"name", "a/b"}, {"password", "x"}});
    admin.refused(ErrorCode::invalid_params, "accounts.add", {{"name", "bob"}});
    server.connect("ann").ok("SELECT INBOX");

    admin.ok("account_passwd", {{"name", "ann"}, {"password", "other"}});
    auto client = server.connect();
    client.no("LOGIN ann secret");
    client.ok("LOGIN ann other");
    admin.refused(ErrorCode::not_found, "accounts.passwd", {{"name", "bob"}, {"password", "x"}});

    admin.ok("account_import", {{"line", "bob:secret"}});
    const Json imported = admin.ok(
        "accounts.import", {{"lines", {"carl:secret", "no colon", "# nobody", "bob:secret"}}});
    CHECK(imported["imported"] == 2);
    REQUIRE(imported["refused"].size() == 1);
    CHECK(imported["refused"][0]["line"] == 1);
    server.connect("bob").ok("NOOP");

    admin.ok("accounts.set", {{"name", "bob"}, {"quota_bytes", 12345}});
    const Json list = admin.ok("accounts");
    REQUIRE(list.size() == 3);
    CHECK(list[1]["name"] == "bob");
    CHECK(list[1]["quota_bytes"] == 12345);
    CHECK(list[1]["enabled"] == true);

    admin.ok("account_remove", {{"name", "ann"}});
    CHECK(admin.ok("accounts.list").size() == 2);
    server.connect().no("LOGIN ann other");
    admin.refused(ErrorCode::not_found, "accounts.remove", {{"name", "ann"}});

    admin.ok("account_add", {{"name", "ann"}, {"password", "third"}});
    auto again = server.connect();
    again.no("LOGIN ann other");
    again.ok("LOGIN ann third");
}

TEST_CASE("an account that is disabled loses its sessions and can not log in") {
    TestServer server;
    server.add_account("ann");
    Admin admin(server);
    auto client = server.connect("ann");
    admin.ok("accounts.set", {{"name", "ann"}, {"enabled", false}});
    CHECK(client.line().starts_with("* BYE"));
    CHECK(client.at_end());
    server.connect().no("LOGIN ann secret");
    admin.ok("accounts.set", {{"name", "ann"}, {"enabled", true}});
    server.connect("ann").ok("NOOP");
}

TEST_CASE("connections are listed over all cores and ended by id and by user") {
    TestServer server;
    server.add_account("ann");
    server.add_account("bob");
    Admin admin(server);
    auto ann = server.connect("ann");
    auto ann_too = server.connect("ann");
    auto bob = server.connect("bob");
    bob.ok("SELECT INBOX");
    std::uint64_t id = 0;
    for (const Json& one : admin.ok("connections.list")) {
        if (one["user"] != "bob") continue;
        CHECK(one["kind"] == "imap");
        CHECK(one["state"] == "selected");
        CHECK(one["peer"] == "memory");
        id = one["id"].get<std::uint64_t>();
    }
    REQUIRE(id != 0);
    CHECK(admin.ok("connections.disconnect", {{"id", id}})["disconnected"] == 1);
    CHECK(bob.line().starts_with("* BYE"));
    CHECK(admin.ok("connections.disconnect", {{"user", "Ann"}})["disconnected"] == 2);
    CHECK(ann.line().starts_with("* BYE"));
    CHECK(ann_too.line().starts_with("* BYE"));
    admin.refused(ErrorCode::not_found, "connections.disconnect", {{"id", 999'999}});
    admin.refused(ErrorCode::invalid_params, "connections.disconnect");
}

TEST_CASE("status tells of connections, accounts, rounds and memory") {
    TestServer server;
    server.add_account("ann");
    Admin admin(server);
    auto client = server.connect("ann");
    client.append("INBOX", test::kSmallMessage);
    client.ok("SELECT INBOX");
    server.clock.advance(std::chrono::seconds(5));
    const Json status = admin.ok("status");
    CHECK(status["version"] == "test");
    CHECK(status["uptime_seconds"] == 5);
    CHECK(status["connections"]["selected"] == 1);
    CHECK(status["accounts"]["open"] == 1);
    CHECK(status["accounts"]["open_per_core"].size() == 2);
    CHECK(status["store"]["rounds"].get<int>() >= 2);
    CHECK(status["store"]["writable"] == true);
    CHECK(status["memory"]["resident_bytes"].get<std::uint64_t>() > 0);
    CHECK(status["auth"]["attempts"] == 1);
}

TEST_CASE("mailboxes are listed with what is in them") {
    TestServer server;
    server.add_account("ann");
    Admin admin(server);
    server.connect("ann").append("INBOX", test::kSmallMessage);
    const Json list = admin.ok("mailboxes.list", {{"account", "ann"}});
    bool found = false;
    for (const Json& mailbox : list) {
        if (mailbox["name"] != "INBOX") continue;
        found = true;
        CHECK(mailbox["messages"] == 1);
        CHECK(mailbox["uidnext"] == 2);
    }
    CHECK(found);
    admin.refused(ErrorCode::not_found, "mailboxes.list", {{"account", "nobody"}});
}

TEST_CASE("mail.append makes its mailbox, and reads no file but those put there for it") {
    TestServer server;
    server.add_account("ann");
    Admin admin(server);
    const Json nothing = Json::array();
    CHECK(admin.ok("mail.append",
                   {{"account", "ann"}, {"mailbox", "Old"}, {"messages", nothing}})["messages"] ==
          0);
    CHECK(test::has_line(server.connect("ann").ok("SELECT Old"), "* 0 EXISTS"));
    Json message = {{"bytes", 10}, {"internal_date", -5}, {"flags", {"\\Seen", "old"}}};
    const auto with = [&](const std::string& file) {
        return Json{{"account", "ann"},
                    {"mailbox", "Old"},
                    {"file", file},
                    {"messages", Json::array({message})}};
    };
    for (const char* file : {"", ".", "..", "../tidemark.toml", "/etc/passwd", "a/b", ".hidden"}) {
        CAPTURE(file);
        admin.refused(ErrorCode::invalid_params, "mail.append", with(file));
    }
    // A name that could be one, of a file that is not there.
    admin.refused(ErrorCode::refused, "mail.append", with("batch-0"));
    message["flags"] = {"two words"};
    admin.refused(ErrorCode::invalid_params, "mail.append", with("batch-0"));
    message["flags"] = nothing;
    message["bytes"] = 0;
    admin.refused(ErrorCode::invalid_params, "mail.append", with("batch-0"));
    message["bytes"] = 10;
    message["zone"] = 1440;
    admin.refused(ErrorCode::invalid_params, "mail.append", with("batch-0"));
    message["zone"] = -1439;
    admin.refused(ErrorCode::refused, "mail.append", with("batch-0"));
    message["bytes"] = std::uint64_t{1} << 40;
    admin.refused(ErrorCode::limit, "mail.append", with("batch-0"));
    admin.refused(ErrorCode::invalid_params, "mail.append",
                  {{"account", "ann"}, {"mailbox", "a//b"}, {"messages", nothing}});
    admin.refused(ErrorCode::not_found, "mail.append",
                  {{"account", "nobody"}, {"mailbox", "Old"}, {"messages", nothing}});
    CHECK(test::has_line(server.connect("ann").ok("SELECT Old"), "* 0 EXISTS"));
}

TEST_CASE("mailboxes.create makes one, and leaves alone what is there") {
    TestServer server;
    server.add_account("ann");
    Admin admin(server);
    auto client = server.connect("ann");
    const auto create = [](const std::string& name, const std::string& use) {
        return Json{
            {"account", "ann"}, {"mailbox", name}, {"special_use", use}, {"subscribed", true}};
    };
    const Json made = admin.ok("mailboxes.create", create("Wichtig/ö", "\\important"));
    CHECK(made["special_use"] == "\\Important");
    // Another one has it already.
    CHECK(admin.ok("mailboxes.create", create("More", "\\Important"))["special_use"] == "");
    CHECK(test::with_prefix(client.ok("LIST (SUBSCRIBED SPECIAL-USE) \"\" *"), "* LIST")
              .back()
              .find("\\Important") != std::string::npos);
    admin.refused(ErrorCode::refused, "mailboxes.create", create("More", ""));
    admin.refused(ErrorCode::refused, "mailboxes.create", create("INBOX", ""));
    admin.refused(ErrorCode::invalid_params, "mailboxes.create", create("a//b", ""));
    admin.refused(ErrorCode::invalid_params, "mailboxes.create", create("Other", "\\Seen"));
    admin.refused(ErrorCode::not_found, "mailboxes.create",
                  {{"account", "nobody"}, {"mailbox", "Other"}});
    CHECK(admin.ok("mailboxes.create", {{"account", "ann"}, {"mailbox", "Plain"}})["special_use"] ==
          "");
    const auto plain = client.ok("LIST (SUBSCRIBED) \"\" Plain");
    CHECK(test::with_prefix(plain, "* LIST").empty());
    admin.ok("mailboxes.subscribe", {{"account", "ann"}, {"mailbox", "Plain"}});
    admin.ok("mailboxes.subscribe", {{"account", "ann"}, {"mailbox", "Not/there"}});
    for (const char* name : {"Plain", "Not/there"}) {
        CAPTURE(name);
        const auto lines = client.ok(std::string("LIST (SUBSCRIBED) \"\" ") + name);
        CHECK(test::with_prefix(lines, "* LIST").size() == 1);
    }
    admin.refused(ErrorCode::invalid_params, "mailboxes.subscribe",
                  {{"account", "ann"}, {"mailbox", ""}});
}

TEST_CASE("maintain folds what is loaded and loses nothing") {
    TestServer server;
    server.add_account("ann");
    Admin admin(server);
    server.connect("ann").append("INBOX", test::kSmallMessage);
    CHECK(admin.ok("maintain", {{"compact", true}})["accounts"] == 1);
    auto client = server.connect("ann");
    CHECK(test::has_line(client.ok("SELECT INBOX"), "* 1 EXISTS"));
}

TEST_CASE("log levels are not available where the program gives none") {
    TestServer server;
    Admin admin(server);
    admin.refused(ErrorCode::unavailable, "log_level", {{"level", "debug"}});
    CHECK(admin.ok("reload")["notes"].empty());
}

TEST_CASE("shutdown is answered and then ends the server in order") {
    TestServer server;
    server.add_account("ann");
    Admin admin(server);
    auto client = server.connect("ann");
    admin.ok("shutdown");
    server.server().wait();
    CHECK(client.line().starts_with("* BYE"));
    CHECK(admin.peer.wait_closed());
}

TEST_CASE("an admin connection that says nothing does not hold up the end of the server") {
    TestServer server;
    auto silent = connect(server, ourselves());
    REQUIRE(silent.send("{\"half\""));
    server.stop();
    CHECK(silent.wait_closed());
}

TEST_CASE("the admin socket in the file system is its owner's alone") {
    char directory[] = "/tmp/tidemark-admin-XXXXXX";
    REQUIRE(::mkdtemp(directory) != nullptr);
    const std::string path = std::string(directory) + "/admin.sock";
    testing::FaultyFileSystem files;
    actors::SystemClock clock;
    actors::ServerOptions options;
    options.directory = "/data";
    options.threads = 1;
    options.admin = path;
    options.store.create_if_missing = true;
    options.store.disk_reserve_bytes = 1u << 20;
    options.store.ballast_bytes = 1u << 20;
    auto server = actors::Server::open(std::move(options), clock, files);
    REQUIRE(server.has_value());
    (*server)->start();
    struct stat status{};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    CHECK(S_ISSOCK(status.st_mode));
    CHECK((status.st_mode & 0777) == 0600);

    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    REQUIRE(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    const std::string request = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n";
    REQUIRE(::send(client, request.data(), request.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(request.size()));
    std::string answer;
    std::array<char, 4096> piece;
    while (answer.find('\n') == std::string::npos) {
        const ssize_t got = ::recv(client, piece.data(), piece.size(), 0);
        REQUIRE(got > 0);
        answer.append(piece.data(), static_cast<std::size_t>(got));
    }
    CHECK(answer.find("\"uptime_seconds\"") != std::string::npos);
    ::close(client);

    (*server)->request_stop();
    (*server)->wait();
    CHECK(::lstat(path.c_str(), &status) != 0);
    std::filesystem::remove_all(directory);
}

}  // namespace tidemark
