// One connection to the admin socket: JSON-RPC 2.0, one object a line, one request at a time.
//
// Lifecycle: made on the core that accepted it, where it stays; run() ends with the connection, a
// deadline or stop(), and its owner joins it like every other session. Only root and the server's
// own user are answered, by what the kernel says of the peer; others get one error and are closed.
// While a call runs for long, a "progress" notification goes out now and then, so that the client
// can tell a working server from a hanging one. Input: json_rpc::kLineBytesMax for each line; a
// longer one is refused and ends the connection, as where the next request begins is not known.
// What was read is overwritten once it was understood: requests carry passwords. Nothing of a
// request but the method's name is logged. Home core only.
#pragma once

#include "actors/admin_methods.hpp"
#include "actors/awaitable.hpp"
#include "actors/core.hpp"
#include "actors/stream.hpp"
#include "actors/timing_wheel.hpp"
#include "protocol/json_rpc.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tidemark::actors {

class Server;

class AdminSession {
  public:
    AdminSession(Server& server, Core& core, std::unique_ptr<Stream> stream, std::uint64_t id,
                 std::optional<PeerCredentials> peer);
    ~AdminSession();
    AdminSession(const AdminSession&) = delete;
    AdminSession& operator=(const AdminSession&) = delete;

    Awaitable<void> run();
    // The call that runs is finished and answered, as far as the client takes the answer at once.
    void stop();

    std::uint64_t id() const { return id_; }

    // --- what methods use ---
    Server& server() { return server_; }
    Core& core() { return core_; }
    // Long work ends early when the server wants to end.
    bool is_stopping() const { return stopping_; }
    // For the present call: notifications of progress come this often, each with what `tell` adds;
    // `gone` is called once, when the client is found to have gone.
    struct Watch {
        std::function<void(protocol::json_rpc::Json& more)> tell;
        std::function<void()> gone;
    };
    void watch_call(std::chrono::microseconds interval, Watch watch);
    Awaitable<void> notify(std::string method, protocol::json_rpc::Json params);
    // Runs once the answer to the present call is on its way.
    void after_answer(std::function<void()> action) { after_answer_ = std::move(action); }

  private:
    Awaitable<std::optional<std::string>> read_line();
    std::optional<std::string> take_line();
    Awaitable<void> answer(std::string line);
    Awaitable<AdminResult> call(protocol::json_rpc::Request* request);
    Awaitable<void> send(std::string text);
    void on_deadline();
    void on_progress();
    void tell_progress();

    Server& server_;
    Core& core_;
    std::unique_ptr<Stream> stream_;
    std::uint64_t id_;
    std::optional<PeerCredentials> peer_;
    std::string received_;
    std::size_t searched_ = 0;  // of received_, known to hold no line end
    std::string unsent_;        // the rest of a notification that did not go out at once
    bool writing_ = false;
    bool gone_ = false;
    bool stopping_ = false;
    std::string method_;  // of the call that runs
    SteadyTime call_began_{};
    std::chrono::microseconds progress_interval_{};
    Watch watch_;
    std::function<void()> after_answer_;
    Timer deadline_;
    Timer progress_;
};

}  // namespace tidemark::actors
