#include "tools/loadtest/connector.hpp"

#include "actors/socket_address.hpp"
#include "actors/tcp_stream.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

namespace tidemark::loadtest {

namespace {

constexpr std::uint32_t kSourceAddresses = 250;
// A server under test answers a handshake late, not never.
constexpr std::chrono::seconds kConnectPatience{60};

tl::expected<std::string, std::string> numeric(const std::string& server, std::string* host_name) {
    if (server.starts_with("unix:")) return server;
    const auto colon = server.rfind(':');
    if (colon == std::string::npos || colon + 1 == server.size())
        return tl::unexpected("a server is HOST:PORT, not " + server);
    std::string host = server.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), server.c_str() + colon + 1, &hints, &found);
        error != 0)
        return tl::unexpected(server + ": " + ::gai_strerror(error));
    std::array<char, NI_MAXHOST> address{};
    std::array<char, NI_MAXSERV> port{};
    const int error =
        ::getnameinfo(found->ai_addr, found->ai_addrlen, address.data(), address.size(),
                      port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
    const bool is_v6 = found->ai_family == AF_INET6;
    ::freeaddrinfo(found);
    if (error != 0) return tl::unexpected(server + ": " + ::gai_strerror(error));
    if (host_name != nullptr) *host_name = host;
    return fmt::format(fmt::runtime(is_v6 ? "[{}]:{}" : "{}:{}"), address.data(), port.data());
}

// A loopback address of its own for every connection in turn.
void bind_source(int descriptor, std::uint32_t number) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % kSourceAddresses);
    // Where it may not, the kernel's choice will do.
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) return;
}

bool is_loopback_v4(const actors::SocketAddress& address) {
    if (address.family() != AF_INET) return false;
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address.get());
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

actors::Awaitable<Connector::Connected> secure(std::unique_ptr<actors::Stream> stream,
                                               std::shared_ptr<actors::TlsClientContext> tls) {
    auto* core = actors::Core::current();
    auto wrapped = actors::TlsStream::client(std::move(stream), std::move(tls));
    if (!wrapped) co_return Connector::Connected{nullptr, ErrorKind::tls};
    actors::Timer deadline(
        [](void* context) {
            static_cast<actors::Stream*>(context)->cancel(
                make_error_code(actors::StreamErrc::timed_out));
        },
        wrapped.get());
    core->arm(deadline, kConnectPatience);
    const std::error_code error = co_await wrapped->handshake();
    deadline.disarm();
    if (error) {
        wrapped->close();
        const bool is_late = error == actors::StreamErrc::timed_out;
        co_return Connector::Connected{nullptr, is_late ? ErrorKind::timeout : ErrorKind::tls};
    }
    co_return Connector::Connected{std::move(wrapped), ErrorKind::none};
}

}  // namespace

std::string_view name_of(Transport transport) {
    static constexpr std::array<std::string_view, 3> kNames = {"plain", "tls", "starttls"};
    return kNames[static_cast<std::size_t>(transport)];
}

tl::expected<std::unique_ptr<SocketConnector>, std::string> SocketConnector::make(
    const Options& options) {
    auto made = std::make_unique<SocketConnector>();
    std::string host;
    auto imap = numeric(options.server, &host);
    if (!imap) return tl::unexpected(imap.error());
    made->imap_ = *imap;
    made->transport_ = options.transport;
    if (!options.lmtp.empty()) {
        auto lmtp = numeric(options.lmtp, nullptr);
        if (!lmtp) return tl::unexpected(lmtp.error());
        made->lmtp_ = *lmtp;
    }
    if (options.transport != Transport::plain)
        made->tls_ = actors::make_tls_client_context({.server_name = host});
    return made;
}

actors::Awaitable<Connector::Connected> SocketConnector::connect(actors::Core* core,
                                                                 std::string address) {
    const auto parsed = actors::SocketAddress::parse(address);
    if (!parsed) co_return Connected{nullptr, ErrorKind::refused};
    const int descriptor =
        ::socket(parsed->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) co_return Connected{nullptr, ErrorKind::refused};
    if (is_loopback_v4(*parsed)) bind_source(descriptor, next_source_.fetch_add(1));
    const int result = ::connect(descriptor, parsed->get(), parsed->size);
    const bool is_pending = result != 0 && (errno == EINPROGRESS || errno == EAGAIN);
    if (result != 0 && !is_pending) {
        ::close(descriptor);
        co_return Connected{nullptr, ErrorKind::refused};
    }
    auto stream = actors::TcpStream::adopt(*core, descriptor);
    if (!stream) co_return Connected{nullptr, ErrorKind::refused};
    if (is_pending) {
        const std::error_code error = co_await stream->wait_writable();
        int failure = 0;
        socklen_t size = sizeof failure;
        if (!error) ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size);
        if (error || failure != 0) co_return Connected{nullptr, ErrorKind::refused};
    }
    co_return Connected{std::move(stream), ErrorKind::none};
}

actors::Awaitable<Connector::Connected> SocketConnector::connect_imap(actors::Core* core) {
    Connected connected = co_await connect(core, imap_);
    if (!connected.stream || transport_ != Transport::tls) co_return std::move(connected);
    co_return co_await secure(std::move(connected.stream), tls_);
}

actors::Awaitable<Connector::Connected> SocketConnector::connect_lmtp(actors::Core* core) {
    co_return co_await connect(core, lmtp_);
}

actors::Awaitable<Connector::Connected> SocketConnector::start_tls(
    std::unique_ptr<actors::Stream> stream) {
    co_return co_await secure(std::move(stream), tls_);
}

}  // namespace tidemark::loadtest
