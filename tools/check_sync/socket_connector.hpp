// Connects over TCP, with TLS from the first byte if wanted.
#pragma once

#include "actors/tls_stream.hpp"
#include "tools/check_sync/connection.hpp"

#include <tl/expected.hpp>

#include <memory>
#include <string>

namespace tidemark::check_sync {

class SocketConnector final : public Connector {
  public:
    // "host:port", "192.0.2.1:143", "[2001:db8::1]:143". Looks the name up, which may block; the
    // error is a sentence.
    [[nodiscard]] static tl::expected<std::unique_ptr<SocketConnector>, std::string> resolve(
        const std::string& server, bool has_tls);

    actors::Awaitable<std::unique_ptr<actors::Stream>> connect(actors::Core* core) override;

  private:
    SocketConnector(std::string address, std::shared_ptr<actors::TlsClientContext> tls)
        : address_(std::move(address)), tls_(std::move(tls)) {}
    std::string address_;  // numeric
    std::shared_ptr<actors::TlsClientContext> tls_;
};

}  // namespace tidemark::check_sync
