// A server on a data directory of the real file system, with its admin socket, in the test's own
// process, and clients of it.
#pragma once

#include "actors/clock.hpp"
#include "actors/server.hpp"
#include "tests/support/test_server.hpp"
#include "tools/data_directory.hpp"
#include "tools/server_bridge.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

namespace tidemark::tools::test {

// A data directory with the account anna, password "secret".
inline void make_data(const std::string& path) {
    REQUIRE(make_data_directory(path));
    REQUIRE(fill_data_directory(path, std::nullopt));
    auto accounts = accounts_of_directory(path);
    REQUIRE(accounts);
    REQUIRE((*accounts)->import_line("anna:{PLAIN}secret"));
}

class RunningServer {
  public:
    explicit RunningServer(const std::string& data) {
        actors::ServerOptions options;
        options.directory = data;
        options.admin = admin_socket_path(data);
        options.threads = 2;
        options.imap_options.allow_plaintext = true;
        auto server =
            actors::Server::open(std::move(options), clock_, storage::posix_file_system());
        REQUIRE(server);
        server_ = std::move(*server);
        server_->start();
    }
    ~RunningServer() {
        server_->request_stop();
        server_->wait();
    }
    RunningServer(const RunningServer&) = delete;
    RunningServer& operator=(const RunningServer&) = delete;

    // Greeted and logged in.
    tidemark::test::ImapClient connect(const std::string& user = "anna") {
        actors::Core& core = server_->cores()[0];
        auto [theirs, ours] = actors::MemoryStream::make_pair(core, core);
        server_->attach_imap(core, std::move(theirs));
        tidemark::test::ImapClient client(std::move(ours));
        REQUIRE(client.line().starts_with("* OK"));
        client.login(user);
        return client;
    }
    actors::Server& server() { return *server_; }

  private:
    actors::SystemClock clock_;
    std::unique_ptr<actors::Server> server_;
};

}  // namespace tidemark::tools::test
