#include "actors/tcp_stream.hpp"

#include "actors/limits.hpp"
#include "actors/socket_address.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>

namespace tidemark::actors {

namespace {

std::error_code last_error() {
    return {errno, std::system_category()};
}

IoResult failed() {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::would_block, 0, {}};
    return {IoStatus::error, 0, last_error()};
}

}  // namespace

std::unique_ptr<TcpStream> TcpStream::adopt(Core& core, int descriptor) {
    const int flags = ::fcntl(descriptor, F_GETFL);
    int domain = 0;
    socklen_t size = sizeof(domain);
    if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0 ||
        ::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) {
        ::close(descriptor);
        return nullptr;
    }
    const bool is_unix = domain == AF_UNIX;
    if (!is_unix) {
        // Answers are written whole; waiting for more of them (Nagle) only adds a round trip.
        const int on = 1;
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    return adopt_accepted(core, descriptor, is_unix);
}

std::unique_ptr<TcpStream> TcpStream::adopt_accepted(Core& core, int descriptor, bool is_unix) {
    auto stream = std::make_unique<TcpStream>(core, descriptor, is_unix);
    if (!stream->is_open()) return nullptr;
    return stream;
}

TcpStream::TcpStream(Core& core, int descriptor, bool is_unix)
    : detached_(descriptor), is_unix_(is_unix) {
    if (attach(core)) close();
}

TcpStream::~TcpStream() {
    assert(!reader_.waiting() && !writer_.waiting());
    if (detached_ >= 0) ::close(detached_);
}

Awaitable<TcpStream::Connected> TcpStream::connect(Core* core, std::string address) {
    const auto parsed = SocketAddress::parse(address);
    if (!parsed) co_return Connected{nullptr, std::make_error_code(std::errc::invalid_argument)};
    const int descriptor =
        ::socket(parsed->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) co_return Connected{nullptr, last_error()};
    const int result = ::connect(descriptor, parsed->get(), parsed->size);
    if (result != 0 && errno != EINPROGRESS) {
        const std::error_code error = last_error();
        ::close(descriptor);
        co_return Connected{nullptr, error};
    }
    auto stream = adopt(*core, descriptor);
    if (!stream) {
        co_return Connected{nullptr, std::make_error_code(std::errc::too_many_files_open)};
    }
    if (result != 0) {
        if (auto error = co_await stream->wait_writable()) co_return Connected{nullptr, error};
        int failure = 0;
        socklen_t size = sizeof(failure);
        ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size);
        if (failure != 0) {
            co_return Connected{nullptr, std::error_code(failure, std::system_category())};
        }
    }
    co_return Connected{std::move(stream), {}};
}

// Why a wait that ended with `error` ended, most deliberate reason first. Empty and `error`
// aborted: for a reason that was not this wait's (the other direction was cancelled); wait again.
std::error_code TcpStream::wait_outcome(const Waiter& waiter, std::error_code error) const {
    if (cancel_reason_) return cancel_reason_;
    if (!is_open()) return StreamErrc::closed;
    if (waiter.was_cancelled()) return StreamErrc::task_cancelled;
    return error == asio::error::operation_aborted ? std::error_code() : error;
}

void TcpStream::cancel_waits(void* self) {
    auto& stream = *static_cast<TcpStream*>(self);
    std::error_code ignored;
    if (stream.descriptor_) stream.descriptor_->cancel(ignored);
}

Awaitable<std::error_code> TcpStream::wait_readable() {
    while (true) {
        if (cancel_reason_) co_return cancel_reason_;
        if (!is_open()) co_return StreamErrc::closed;
        if (std::exchange(interrupted_, false)) co_return StreamErrc::interrupted;
        descriptor_->async_wait(Descriptor::wait_read, [this](const std::error_code& error) {
            wait_error_[0] = error;
            reader_.resume_now();
        });
        co_await reader_.suspend(&TcpStream::cancel_waits, this);
        if (auto error = wait_outcome(reader_, wait_error_[0])) co_return error;
        if (!wait_error_[0]) co_return std::error_code();
    }
}

Awaitable<std::error_code> TcpStream::wait_writable() {
    while (true) {
        if (cancel_reason_) co_return cancel_reason_;
        if (!is_open()) co_return StreamErrc::closed;
        descriptor_->async_wait(Descriptor::wait_write, [this](const std::error_code& error) {
            wait_error_[1] = error;
            writer_.resume_now();
        });
        co_await writer_.suspend(&TcpStream::cancel_waits, this);
        if (auto error = wait_outcome(writer_, wait_error_[1])) co_return error;
        if (!wait_error_[1]) co_return std::error_code();
    }
}

IoResult TcpStream::read_some(std::span<char> buffer) {
    if (!is_open()) return {IoStatus::error, 0, StreamErrc::closed};
    ssize_t bytes = 0;
    do {
        bytes = ::recv(descriptor_->native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    } while (bytes < 0 && errno == EINTR);
    if (bytes > 0) return {IoStatus::ok, static_cast<std::size_t>(bytes), {}};
    if (bytes == 0) return {IoStatus::eof, 0, {}};
    return failed();
}

IoResult TcpStream::try_write(std::span<const std::string_view> chunks) {
    if (!is_open()) return {IoStatus::error, 0, StreamErrc::closed};
    std::array<iovec, kWriteChunksMax> list;
    std::size_t count = 0;
    std::size_t wanted = 0;
    for (const std::string_view chunk : chunks) {
        if (chunk.empty()) continue;
        if (count == list.size()) break;
        list[count++] = {const_cast<char*>(chunk.data()), chunk.size()};
        wanted += chunk.size();
    }
    if (wanted == 0) return {IoStatus::ok, 0, {}};
    msghdr message{};
    message.msg_iov = list.data();
    message.msg_iovlen = count;
    ssize_t bytes = 0;
    do {
        bytes = ::sendmsg(descriptor_->native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (bytes < 0 && errno == EINTR);
    if (bytes >= 0) return {IoStatus::ok, static_cast<std::size_t>(bytes), {}};
    return failed();
}

void TcpStream::interrupt() {
    interrupted_ = true;
    if (reader_.waiting()) cancel_waits(this);
}

void TcpStream::cancel(std::error_code reason) {
    if (!cancel_reason_) cancel_reason_ = reason;
    if (reader_.waiting() || writer_.waiting()) cancel_waits(this);
}

void TcpStream::shutdown_send() {
    if (is_open()) ::shutdown(descriptor_->native_handle(), SHUT_WR);
}

void TcpStream::close() {
    if (descriptor_) {
        std::error_code ignored;
        descriptor_->close(ignored);
    }
    if (detached_ >= 0) ::close(std::exchange(detached_, -1));
}

bool TcpStream::is_open() const {
    return descriptor_ && descriptor_->is_open();
}

std::error_code TcpStream::detach() {
    if (reader_.waiting() || writer_.waiting()) return StreamErrc::not_movable;
    if (!is_open()) return StreamErrc::closed;
    detached_ = descriptor_->release();
    descriptor_.reset();
    return {};
}

std::error_code TcpStream::attach(Core& core) {
    if (detached_ < 0) return StreamErrc::closed;
    descriptor_.emplace(core.executor());
    std::error_code error;
    descriptor_->assign(detached_, error);
    if (error) {
        descriptor_.reset();
        return error;
    }
    detached_ = -1;
    return {};
}

std::string TcpStream::peer_address() const {
    if (is_unix_) return "unix";
    if (!is_open()) return "closed";
    const auto address = SocketAddress::peer_of(descriptor_->native_handle());
    return address ? address->text() : "unknown";
}

std::string TcpStream::local_address() const {
    if (!is_open()) return "closed";
    const auto address = SocketAddress::local_of(descriptor_->native_handle());
    return address ? address->text() : "unknown";
}

std::optional<PeerCredentials> TcpStream::peer_credentials() const {
    if (!is_unix_ || !is_open()) return std::nullopt;
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (::getsockopt(descriptor_->native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) !=
        0) {
        return std::nullopt;
    }
    return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

}  // namespace tidemark::actors
