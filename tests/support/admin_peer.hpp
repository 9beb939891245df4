// A client of a test server's admin socket.
#pragma once

#include "actors/admin_session.hpp"
#include "protocol/json_rpc.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace tidemark::test {

struct AdminPeer {
    explicit AdminPeer(TestServer& server) : peer(connect(server)) {}

    static MemoryPeer connect(TestServer& server) {
        actors::Core& core = server.server().cores()[0];
        auto [theirs, ours] = actors::MemoryStream::make_pair(core, core);
        server.server().attach_admin(core, std::move(theirs),
                                     actors::PeerCredentials{::getpid(), ::geteuid(), 0});
        return MemoryPeer(std::move(ours));
    }
    void send(const std::string& method, const protocol::json_rpc::Json& params) {
        REQUIRE(peer.send(protocol::json_rpc::write_request(std::int64_t{7}, method, params)));
    }
    protocol::json_rpc::Json receive() {
        const std::string line = peer.receive_until("\n");
        protocol::json_rpc::Json value = protocol::json_rpc::Json::parse(line, nullptr, false);
        INFO("line: " << line);
        REQUIRE(value.is_object());
        return value;
    }
    // The answer behind any progress.
    protocol::json_rpc::Json answer() {
        for (;;) {
            protocol::json_rpc::Json value = receive();
            if (value.contains("id")) return value;
        }
    }
    protocol::json_rpc::Json call(const std::string& method,
                                  const protocol::json_rpc::Json& params) {
        send(method, params);
        return answer();
    }
    protocol::json_rpc::Json back_up(const std::string& destination) {
        protocol::json_rpc::Json result = call("backup", {{"destination", destination}});
        INFO(result.dump());
        REQUIRE(result.contains("result"));
        return result["result"];
    }

    MemoryPeer peer;
};

}  // namespace tidemark::test
