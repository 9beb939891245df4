#pragma once

// Numeric socket addresses as text: "127.0.0.1:143", "[::1]:143", "unix:/path".

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::actors {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] int family() const { return storage.ss_family; }
    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }

    // Nothing if it is none of the three forms, the port is not 0…65535 or the path does not fit
    // sun_path. "*" and names are not resolved.
    [[nodiscard]] static std::optional<SocketAddress> parse(std::string_view text);
    // Of a socket, by getsockname / getpeername.
    [[nodiscard]] static std::optional<SocketAddress> local_of(int descriptor);
    [[nodiscard]] static std::optional<SocketAddress> peer_of(int descriptor);

    // A Unix socket is "unix:/path", one without a name (a client) "unix".
    [[nodiscard]] std::string text() const;
    // Whether only this machine can send to it: a Unix socket, 127.0.0.0/8, ::1.
    [[nodiscard]] bool is_local() const;
};

}  // namespace tidemark::actors
