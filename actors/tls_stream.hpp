#pragma once

// TLS 1.2 and 1.3 over any Stream, with BoringSSL and nothing between: idle sessions hold no buffer
// and a shed configuration. See stream.hpp for the contract.
//
// STARTTLS: the caller throws away everything it has read and not yet parsed, then wraps the same
// stream; the TlsStream begins with what the kernel has not delivered yet. handshake() comes first;
// before it only cancel() and close() are allowed.

#include "actors/stream.hpp"
#include "actors/tls_context.hpp"

#include <openssl/base.h>

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

namespace tidemark::actors {

struct TlsClientOptions {
    std::string server_name;    // SNI; empty: none
    std::string alpn = "imap";  // empty: none
    bool tls12_only = false;
    bool resume = false;  // offer the last session ticket
    // The server's certificate is never verified: this client exists for tests and the load
    // generator.
};

// Shared by the connections of a client: settings and the last session for resumption. Any thread.
class TlsClientContext;
[[nodiscard]] std::shared_ptr<TlsClientContext> make_tls_client_context(TlsClientOptions options);

class TlsStream final : public Stream {
  public:
    [[nodiscard]] static std::unique_ptr<TlsStream> server(std::unique_ptr<Stream> inner,
                                                           std::shared_ptr<const TlsConfig> config);
    [[nodiscard]] static std::unique_ptr<TlsStream> client(
        std::unique_ptr<Stream> inner, std::shared_ptr<TlsClientContext> context);
    ~TlsStream() override;

    // Deadline: the caller's timer calls cancel().
    [[nodiscard]] Awaitable<std::error_code> handshake();
    // Why the handshake or the last read or write failed, for the log: the library's reason, no
    // data.
    [[nodiscard]] std::string last_failure() const;

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
    bool is_tls() const override { return true; }
    TlsInfo tls_info() const override;
    std::optional<std::array<char, 32>> tls_exporter() const override;

  private:
    struct Bio;
    TlsStream(std::unique_ptr<Stream> inner, SSL* ssl, std::shared_ptr<const void> keep_alive);
    IoResult failure(int result);
    IoResult flush();
    IoResult read_inner(std::span<char> out);
    static Awaitable<std::error_code> at_once();

    std::unique_ptr<Stream> inner_;
    SSL* ssl_;
    std::shared_ptr<const void>
        keep_alive_;               // what ssl_ refers to: a TlsConfig or TlsClientContext
    std::error_code inner_error_;  // of the last read below TLS; empty: it ended
    std::uint32_t failure_code_ = 0;
    std::string outgoing_;    // encrypted, not yet taken by inner_
    std::string read_ahead_;  // encrypted, taken from inner_, not yet by the library
    std::size_t read_ahead_used_ = 0;
};

}  // namespace tidemark::actors
