#pragma once

// A connected TCP or Unix stream socket. Owns the descriptor. See stream.hpp for the contract.

#include "actors/stream.hpp"
#include "actors/waiter.hpp"

#include <asio/posix/basic_stream_descriptor.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace tidemark::actors {

class TcpStream final : public Stream {
  public:
    // Takes `descriptor` (also on failure, by closing it): makes it non-blocking, sets TCP_NODELAY
    // on TCP. Home thread of `core`.
    [[nodiscard]] static std::unique_ptr<TcpStream> adopt(Core& core, int descriptor);
    // The same for one that was accepted with SOCK_NONBLOCK from a listener with TCP_NODELAY, which
    // it has from there: four system calls less.
    [[nodiscard]] static std::unique_ptr<TcpStream> adopt_accepted(Core& core, int descriptor,
                                                                   bool is_unix);
    // "127.0.0.1:143", "[::1]:143" or "unix:/path". Numeric addresses only; no resolver.
    struct Connected {
        std::unique_ptr<TcpStream> stream;  // null on error
        std::error_code error;
    };
    [[nodiscard]] static Awaitable<Connected> connect(Core* core, std::string address);

    TcpStream(Core& core, int descriptor, bool is_unix);
    ~TcpStream() override;

    Awaitable<std::error_code> wait_readable() override;
    IoResult read_some(std::span<char> buffer) override;
    Awaitable<std::error_code> wait_writable() override;
    IoResult try_write(std::span<const std::string_view> chunks) override;
    void interrupt() override;
    using Stream::cancel;
    void cancel(std::error_code reason) override;
    void shutdown_send() override;
    void close() override;
    bool is_open() const override;
    std::error_code detach() override;
    std::error_code attach(Core& core) override;
    std::string peer_address() const override;
    std::string local_address() const override;
    std::optional<PeerCredentials> peer_credentials() const override;

  private:
    using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

    [[nodiscard]] std::error_code wait_outcome(const Waiter& waiter, std::error_code error) const;
    static void cancel_waits(void* self);

    // None while detached or closed. Mutable because Asio has no const native_handle().
    mutable std::optional<Descriptor> descriptor_;
    int detached_ = -1;
    bool is_unix_;
    bool interrupted_ = false;
    std::error_code cancel_reason_;
    std::array<std::error_code, 2> wait_error_;  // of the last wait to read, to write
    Waiter reader_;
    Waiter writer_;
};

}  // namespace tidemark::actors
