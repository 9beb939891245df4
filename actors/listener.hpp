#pragma once

// Accepts connections on one address, on every core of a set.
//
// Every core has its own duplicate of the listening descriptor; whichever is awake first takes the
// connection and calls `on_connection` on its own thread. Where the process is out of descriptors,
// a spare one is used to accept and close one connection (its client sees an end instead of a
// hang), and accepting pauses briefly.

#include "actors/core.hpp"
#include "actors/tcp_stream.hpp"

#include <tl/expected.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>

namespace tidemark::actors {

struct ListenError {
    std::string address;
    std::error_code code;
    std::string reason;
    [[nodiscard]] std::string text() const { return address + ": " + reason; }
};

struct ListenOptions {
    int backlog = 1024;
    // Unix sockets: file mode, set before anybody can connect.
    unsigned unix_mode = 0600;
};

class Listener {
  public:
    using OnConnection = std::function<void(Core& core, std::unique_ptr<TcpStream> stream)>;
    // Asked before each on_connection, on the accepting core; false closes the connection at once.
    using Admit = std::function<bool()>;

    // "127.0.0.1:143", "[::1]:143", "0.0.0.0:143", "[::]:143" (IPv6 only) or "unix:/path". Port 0
    // takes a free one. A Unix path that is a socket to which nobody listens is replaced; any other
    // file is an error. Before the cores run, or on any thread: accepting begins with start().
    [[nodiscard]] static tl::expected<std::unique_ptr<Listener>, ListenError> open(
        std::string address, ListenOptions options = {});
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // The address with the real port: "127.0.0.1:40123".
    [[nodiscard]] const std::string& address() const { return address_; }

    void start(CoreSet& cores, const OnConnection& on_connection, const Admit& admit = {});
    void start(Core& core, OnConnection on_connection, Admit admit = {});

    // Any thread. Nothing more is accepted; the socket is closed when every core has noticed. A
    // Unix path is removed.
    void stop();

  private:
    struct Acceptor;
    Listener(std::string address, int descriptor, std::string unix_path);
    int socket_for_core() const;

    std::string address_;
    int descriptor_;
    std::string unix_path_;
    int backlog_ = 0;
    std::vector<std::shared_ptr<Acceptor>> acceptors_;
};

}  // namespace tidemark::actors
