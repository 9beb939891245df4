#include "tools/check_sync/socket_connector.hpp"

#include "actors/tcp_stream.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <utility>

namespace tidemark::check_sync {

tl::expected<std::unique_ptr<SocketConnector>, std::string> SocketConnector::resolve(
    const std::string& server, bool has_tls) {
    const auto colon = server.rfind(':');
    if (colon == std::string::npos || colon + 1 == server.size())
        return tl::unexpected("--server is HOST:PORT, not " + server);
    std::string host = server.substr(0, colon);
    const std::string port = server.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0)
        return tl::unexpected(server + ": " + ::gai_strerror(error));
    std::array<char, NI_MAXHOST> numeric_host{};
    std::array<char, NI_MAXSERV> numeric_port{};
    const int error =
        ::getnameinfo(found->ai_addr, found->ai_addrlen, numeric_host.data(), numeric_host.size(),
                      numeric_port.data(), numeric_port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
    const bool is_v6 = found->ai_family == AF_INET6;
    ::freeaddrinfo(found);
    if (error != 0) return tl::unexpected(server + ": " + ::gai_strerror(error));
    std::shared_ptr<actors::TlsClientContext> tls;
    if (has_tls) tls = actors::make_tls_client_context({.server_name = host});
    return std::unique_ptr<SocketConnector>(
        new SocketConnector(fmt::format(fmt::runtime(is_v6 ? "[{}]:{}" : "{}:{}"),
                                        numeric_host.data(), numeric_port.data()),
                            std::move(tls)));
}

actors::Awaitable<std::unique_ptr<actors::Stream>> SocketConnector::connect(actors::Core* core) {
    auto connected = co_await actors::TcpStream::connect(core, address_);
    if (!connected.stream || !tls_) co_return std::move(connected.stream);
    auto wrapped = actors::TlsStream::client(std::move(connected.stream), tls_);
    if (co_await wrapped->handshake()) co_return nullptr;
    co_return std::move(wrapped);
}

}  // namespace tidemark::check_sync
