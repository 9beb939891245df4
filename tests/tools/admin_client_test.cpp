#include "tools/admin_client.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace tidemark::tools;
using nlohmann::json;

namespace {

// A server that takes one connection and answers each line with the next of `answers`; then it
// hangs up, or waits for the client to do so.
class Server {
  public:
    explicit Server(std::vector<std::string> answers, bool hang_up = true, std::string folder = "d")
        : directory_(std::filesystem::temp_directory_path() /
                     ("tidemark-admin-test-" + std::to_string(getpid()))) {
        std::filesystem::create_directories(directory_ / folder);
        path_ = (directory_ / folder / "admin.sock").string();
        listener_ = socket(AF_UNIX, SOCK_STREAM, 0);
        // Bound by a relative name, so that the test of long paths needs no trick here.
        const auto before = std::filesystem::current_path();
        std::filesystem::current_path(directory_ / folder);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, "admin.sock");
        REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
        std::filesystem::current_path(before);
        REQUIRE(listen(listener_, 1) == 0);
        thread_ =
            std::thread([this, answers = std::move(answers), hang_up] { serve(answers, hang_up); });
    }
    ~Server() {
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        close(listener_);
        std::filesystem::remove_all(directory_);
    }
    Server(const Server&) = delete;
    const std::string& path() const { return path_; }

  private:
    void serve(const std::vector<std::string>& answers, bool hang_up) {
        const int client = accept(listener_, nullptr, nullptr);
        if (client < 0) return;
        for (const std::string& answer : answers) {
            std::string line;
            char c = 0;
            while (line.empty() || line.back() != '\n') {
                if (read(client, &c, 1) != 1) break;
                line += c;
            }
            // Byte by byte: a client must put lines together itself.
            for (const char byte : answer) {
                if (send(client, &byte, 1, MSG_NOSIGNAL) != 1) break;
            }
        }
        char rest = 0;
        while (!hang_up && read(client, &rest, 1) > 0) {
        }
        close(client);
    }

    std::filesystem::path directory_;
    std::string path_;
    int listener_ = -1;
    std::thread thread_;
};

AdminClient connected(const Server& server, AdminClientOptions options = {}) {
    auto client = AdminClient::connect(server.path(), options);
    REQUIRE(client.has_value());
    return std::move(*client);
}

AdminErrorKind failure_of(std::string answer) {
    const Server server({std::move(answer)});
    auto client = connected(server);
    const auto result = client.call("status", nullptr);
    REQUIRE_FALSE(result.has_value());
    return result.error().kind;
}

}  // namespace

TEST_CASE("a call returns the server's result, one after the other on one connection") {
    const Server server({"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"uptime\":5}}\n",
                         "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null}\n"});
    auto client = connected(server);
    const auto first = client.call("status", nullptr);
    REQUIRE(first.has_value());
    CHECK((*first)["uptime"] == 5);
    const auto second = client.call("reload", json::object());
    REQUIRE(second.has_value());
    CHECK(second->is_null());
}

TEST_CASE("notifications are handed out in order before the result") {
    const Server server(
        {"{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{\"done\":1}}\n"
         "{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{\"done\":2}}\n"
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"done\"}\n"});
    auto client = connected(server);
    std::vector<int> done;
    const auto result =
        client.call("import", nullptr, [&](const std::string& method, const json& params) {
            CHECK(method == "progress");
            done.push_back(params["done"]);
        });
    REQUIRE(result.has_value());
    CHECK(done == std::vector<int>{1, 2});
}

TEST_CASE("the server's error comes with its code and leaves the connection usable") {
    const Server server(
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no such "
         "method\"}}\n",
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":1}\n"});
    auto client = connected(server);
    const auto result = client.call("frobnicate", nullptr);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().kind == AdminErrorKind::kRemote);
    CHECK(result.error().code == -32601);
    CHECK(result.error().text == "no such method");
    CHECK(client.call("status", nullptr).has_value());
}

TEST_CASE("answers that are not JSON-RPC are told from a server that hung up") {
    CHECK(failure_of("nonsense\n") == AdminErrorKind::kProtocol);
    CHECK(failure_of("[]\n") == AdminErrorKind::kProtocol);
    CHECK(failure_of("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":1}\n") == AdminErrorKind::kProtocol);
    CHECK(failure_of("{\"jsonrpc\":\"2.0\",\"id\":1}\n") == AdminErrorKind::kProtocol);
    CHECK(failure_of("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":5}\n") == AdminErrorKind::kRemote);
    CHECK(failure_of("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700}}\n") ==
          AdminErrorKind::kRemote);
    CHECK(failure_of("{\"jsonrpc\"") == AdminErrorKind::kClosed);
    CHECK(failure_of("") == AdminErrorKind::kClosed);
}

TEST_CASE("a server that says nothing or too much does not hang the client") {
    AdminClientOptions options;
    options.answer_timeout = std::chrono::milliseconds(1);
    const Server silent({}, false);
    auto client = connected(silent, options);
    const auto result = client.call("status", nullptr);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().kind == AdminErrorKind::kTimeout);
}

TEST_CASE("a line that does not end is given up") {
    AdminClientOptions options;
    options.line_bytes_max = 1000;
    const Server server({std::string(100'000, 'x')}, false);
    auto client = connected(server, options);
    const auto result = client.call("status", nullptr);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().kind == AdminErrorKind::kProtocol);
}

TEST_CASE("where nobody listens there is no server") {
    const auto client = AdminClient::connect("/tmp/tidemark-nonexistent/admin.sock");
    REQUIRE_FALSE(client.has_value());
    CHECK(client.error().kind == AdminErrorKind::kNoServer);
    CHECK(client.error().text == "no server listens on /tmp/tidemark-nonexistent/admin.sock");
}

TEST_CASE("a data directory with a long path can be reached as well") {
    const Server server({"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n"}, true,
                        std::string(150, 'd'));
    auto client = connected(server);
    CHECK(client.call("status", nullptr).has_value());
}
