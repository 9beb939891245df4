// How clients reach the server; tests give them streams in memory.
#pragma once

#include "actors/core.hpp"
#include "actors/stream.hpp"
#include "actors/tls_stream.hpp"
#include "tools/loadtest/recorder.hpp"

#include <tl/expected.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace tidemark::loadtest {

enum class Transport : std::uint8_t { plain, tls, starttls };
std::string_view name_of(Transport transport);

class Connector {
  public:
    virtual ~Connector() = default;
    struct Connected {
        std::unique_ptr<actors::Stream> stream;  // null on error
        ErrorKind error = ErrorKind::none;
    };
    // TLS from the first byte is done by this, STARTTLS by the client. Any thread; `core` is its.
    [[nodiscard]] virtual actors::Awaitable<Connected> connect_imap(actors::Core* core) = 0;
    [[nodiscard]] virtual actors::Awaitable<Connected> connect_lmtp(actors::Core* core) = 0;
    virtual bool has_lmtp() const = 0;
    virtual Transport transport() const { return Transport::plain; }
    [[nodiscard]] virtual actors::Awaitable<Connected> start_tls(
        std::unique_ptr<actors::Stream> stream) = 0;
};

// TCP and Unix sockets. To a server on 127.0.0.0/8 it connects from 250 addresses in turn, because
// one has only some 28,000 ports.
class SocketConnector final : public Connector {
  public:
    struct Options {
        std::string server;  // HOST:PORT
        std::string lmtp;    // HOST:PORT, unix:PATH or empty
        Transport transport = Transport::plain;
    };
    // Looks names up, which may block. The error is a sentence.
    [[nodiscard]] static tl::expected<std::unique_ptr<SocketConnector>, std::string> make(
        const Options& options);

    actors::Awaitable<Connected> connect_imap(actors::Core* core) override;
    actors::Awaitable<Connected> connect_lmtp(actors::Core* core) override;
    bool has_lmtp() const override { return !lmtp_.empty(); }
    Transport transport() const override { return transport_; }
    actors::Awaitable<Connected> start_tls(std::unique_ptr<actors::Stream> stream) override;

  private:
    actors::Awaitable<Connected> connect(actors::Core* core, std::string address);

    std::string imap_;  // numeric
    std::string lmtp_;
    Transport transport_ = Transport::plain;
    std::shared_ptr<actors::TlsClientContext> tls_;
    std::atomic<std::uint32_t> next_source_{0};
};

}  // namespace tidemark::loadtest
