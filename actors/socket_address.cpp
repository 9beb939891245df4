#include "actors/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace tidemark::actors {

namespace {

std::optional<SocketAddress> parse_unix(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) return std::nullopt;
    if (path.find('\0') != std::string_view::npos) return std::nullopt;
    std::memcpy(address.sun_path, path.data(), path.size());
    SocketAddress result;
    std::memcpy(&result.storage, &address, sizeof(address));
    result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return result;
}

std::optional<in_port_t> parse_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port > 65535) {
        return std::nullopt;
    }
    return htons(static_cast<in_port_t>(port));
}

template <class Query>
std::optional<SocketAddress> ask(int descriptor, Query query) {
    SocketAddress result;
    result.size = sizeof(result.storage);
    if (query(descriptor, reinterpret_cast<sockaddr*>(&result.storage), &result.size) != 0) {
        return std::nullopt;
    }
    return result;
}

}  // namespace

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
    if (text.starts_with("unix:")) return parse_unix(text.substr(5));
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = parse_port(text.substr(colon + 1));
    if (!port) return std::nullopt;
    std::string host(text.substr(0, colon));
    SocketAddress result;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = *port;
        if (inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) return std::nullopt;
        std::memcpy(&result.storage, &address, sizeof(address));
        result.size = sizeof(address);
        return result;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = *port;
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return std::nullopt;
    std::memcpy(&result.storage, &address, sizeof(address));
    result.size = sizeof(address);
    return result;
}

std::optional<SocketAddress> SocketAddress::local_of(int descriptor) {
    return ask(descriptor, ::getsockname);
}

std::optional<SocketAddress> SocketAddress::peer_of(int descriptor) {
    return ask(descriptor, ::getpeername);
}

std::string SocketAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> host{};
    if (family() == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &storage, sizeof(address));
        inet_ntop(AF_INET, &address.sin_addr, host.data(), host.size());
        return std::string(host.data()) + ":" + std::to_string(ntohs(address.sin_port));
    }
    if (family() == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, &storage, sizeof(address));
        inet_ntop(AF_INET6, &address.sin6_addr, host.data(), host.size());
        return "[" + std::string(host.data()) + "]:" + std::to_string(ntohs(address.sin6_port));
    }
    if (family() == AF_UNIX) {
        sockaddr_un address{};
        std::memcpy(&address, &storage, sizeof(address));
        if (size <= offsetof(sockaddr_un, sun_path) || address.sun_path[0] == '\0') return "unix";
        return std::string("unix:") + address.sun_path;
    }
    return "unknown";
}

bool SocketAddress::is_local() const {
    if (family() == AF_UNIX) return true;
    if (family() == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &storage, sizeof(address));
        return ntohl(address.sin_addr.s_addr) >> 24 == 127;
    }
    if (family() != AF_INET6) return false;
    sockaddr_in6 address{};
    std::memcpy(&address, &storage, sizeof(address));
    return IN6_IS_ADDR_LOOPBACK(&address.sin6_addr) != 0 ||
           (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr) != 0 && address.sin6_addr.s6_addr[12] == 127);
}

}  // namespace tidemark::actors
