#pragma once

#include "actors/auth/password.hpp"
#include "protocol/sasl.hpp"

#include <tl/expected.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The two sides of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, RFC 9266) as state
// machines that take and give decoded messages. No I/O, no clock; single-threaded; the server's
// steps take microseconds, the client's second step hashes.

namespace tidemark::actors {

// RFC 9266 §2: the only channel-binding type that we use.
inline constexpr std::string_view kTlsExporterBinding = "tls-exporter";
inline constexpr std::string_view kTlsExporterLabel = "EXPORTER-Channel-Binding";
inline constexpr std::size_t kTlsExporterBytes = 32;

enum class ScramFailure : std::uint8_t {
    malformed,        // not the message that belongs here
    channel_binding,  // absent, of another type, with other data, or a downgrade (RFC 5802 §6)
    bad_nonce,
    wrong_proof,           // wrong password, unknown user, or an account without SCRAM credentials
    bad_server_signature,  // client side: the server does not know the password
    refused_by_server,     // client side: e=
    weak_parameters,       // client side: iterations below 4096 or above what is sensible
};

struct ScramServerOptions {
    // The mechanism that the client chose: SCRAM-SHA-256-PLUS or not.
    bool plus = false;
    // Whether -PLUS was announced on this connection; a client that says "y" then was lied to.
    bool plus_offered = false;
    // tls-exporter value of this connection, kTlsExporterBytes bytes; empty without TLS.
    std::string channel_binding;
    // The server's part of the nonce; printable, without comma.
    std::string server_nonce;
};

// client-first → (look up gs2/username) → server-first → client-final → server-final.
class ScramServer {
  public:
    // What start() learned: names as the client sent them, before normalisation.
    struct Start {
        std::string username;
        std::string authzid;
    };

    explicit ScramServer(ScramServerOptions options) : options_(std::move(options)) {}

    // Takes client-first-message. After a failure the exchange is over.
    [[nodiscard]] tl::expected<Start, ScramFailure> start(std::string_view client_first);
    // Gives server-first-message for the user that start() named. `may_succeed` is false for an
    // unknown user with fake_credentials(): the proof is computed and refused all the same.
    [[nodiscard]] std::string challenge(Credentials credentials, bool may_succeed);
    // Takes client-final-message and gives server-final-message when the client has proved that it
    // knows the password.
    [[nodiscard]] tl::expected<std::string, ScramFailure> finish(std::string_view client_final);

  private:
    enum class State : std::uint8_t { start, started, challenged, over };

    ScramServerOptions options_;
    State state_ = State::start;
    protocol::ScramClientFirst client_first_;
    Credentials credentials_;
    bool may_succeed_ = false;
    std::string nonce_;
    std::string server_first_;
};

// The server-error-value (RFC 5802 §7) that tells the client no more than it may know, for a
// message to a client that is still listening.
[[nodiscard]] std::string_view scram_error_value(ScramFailure failure);

// Credentials for a user who does not exist: the salt is the same at every attempt (an HMAC of a
// secret of this server and the name), so that asking twice tells nothing. `name` is normalised.
[[nodiscard]] Credentials fake_credentials(std::string_view server_secret, std::string_view name,
                                           std::uint32_t iterations = kScramIterationsDefault);

struct ScramClientOptions {
    std::string username;
    std::string authzid;
    bool plus = false;            // use SCRAM-SHA-256-PLUS
    bool plus_supported = false;  // without plus: say "y" instead of "n"
    std::string channel_binding;  // with plus
    std::string client_nonce;     // printable, without comma
};

class ScramClient {
  public:
    ScramClient(ScramClientOptions options, SecretString password)
        : options_(std::move(options)), password_(std::move(password)) {}

    // Gives client-first-message.
    [[nodiscard]] std::string start();
    // Takes server-first-message, gives client-final-message. Hashes.
    [[nodiscard]] tl::expected<std::string, ScramFailure> respond(std::string_view server_first);
    // Takes server-final-message: the server has proved that it knows the password, too.
    [[nodiscard]] tl::expected<void, ScramFailure> finish(std::string_view server_final) const;

  private:
    ScramClientOptions options_;
    SecretString password_;
    protocol::ScramClientFirst first_;
    Sha256Digest server_signature_{};
    bool responded_ = false;
};

// A fresh nonce: kScramNonceRandomBytes random bytes in base64.
[[nodiscard]] std::string make_scram_nonce();

}  // namespace tidemark::actors
