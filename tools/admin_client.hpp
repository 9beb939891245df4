// The client's end of the admin socket: JSON-RPC 2.0, one object a line. Blocking, one thread, one
// call at a time.
#pragma once

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace tidemark::tools {

enum class AdminErrorKind {
    kNoServer,  // nobody listens there: the directory can be worked on directly
    kDenied,    // not allowed to connect
    kTimeout,
    kClosed,    // the server ended the connection before the answer
    kProtocol,  // what came is no JSON-RPC, or too long
    kRemote,    // the server's own error, with its code
};
struct AdminError {
    AdminErrorKind kind;
    std::string text;  // a sentence for a person
    std::int64_t code = 0;
    nlohmann::json data;
};

struct AdminClientOptions {
    // Without a byte from the server for this long a call fails; a notification counts as a sign of
    // life.
    std::chrono::milliseconds answer_timeout{30'000};
    std::size_t line_bytes_max = 64u << 20;  // a list of very many accounts or connections
};

class AdminClient {
  public:
    // Method and parameters of a message that asks for no answer: progress of a long call.
    using OnNotification =
        std::function<void(const std::string& method, const nlohmann::json& params)>;

    [[nodiscard]] static tl::expected<AdminClient, AdminError> connect(
        const std::string& socket_path, AdminClientOptions options = {});
    AdminClient(AdminClient&& other) noexcept;
    AdminClient& operator=(AdminClient&& other) noexcept;
    ~AdminClient();

    // The result. `params` is an object, an array or null (left out). After any error but kRemote
    // the connection is of no more use.
    [[nodiscard]] tl::expected<nlohmann::json, AdminError> call(
        const std::string& method, const nlohmann::json& params,
        const OnNotification& on_notification = {});

  private:
    AdminClient(int descriptor, AdminClientOptions options)
        : descriptor_(descriptor), options_(options) {}
    tl::expected<void, AdminError> send_line(std::string_view line);
    tl::expected<std::string, AdminError> receive_line();

    int descriptor_;
    AdminClientOptions options_;
    std::int64_t next_id_ = 1;
    std::string received_;      // bytes that belong to no line yet
    std::size_t searched_ = 0;  // of received_, known to hold no line end
};

}  // namespace tidemark::tools
