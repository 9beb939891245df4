#pragma once

#include "protocol/secret_string.hpp"

#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

// The messages of the SASL mechanisms (RFC 4422) that the server offers, as pure parsers and
// writers for both directions: PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), SCRAM-SHA-256
// and SCRAM-SHA-256-PLUS (RFC 5802 §5.1 and §7, RFC 7677). Nothing here computes a hash or compares
// a secret; actors/auth does.
//
// Parsers take the message as it is after base64; a parsed value is within the limits below, so
// that what is hashed, looked up or stored is bounded. Parsers and writers are inverses for every
// value that a parser returns.

namespace tidemark::protocol {

// A user name as it arrives, before normalisation: account names have at most 255 bytes, the rest
// is room for forms that become shorter by normalisation.
inline constexpr std::size_t kSaslNameBytesMax = 1024;
// Longest password that is hashed. RFC 4616 §2 wants at least 255; beyond 1 KiB only an attacker
// gains.
inline constexpr std::size_t kSaslPasswordBytesMax = 1024;
// Longest nonce of either side. Clients send 16 to 40 characters.
inline constexpr std::size_t kScramNonceBytesMax = 256;
inline constexpr std::size_t kScramSaltBytesMax = 256;
// SHA-256's output: the length of proof and verifier.
inline constexpr std::size_t kScramDigestBytes = 32;
// Above this a hostile server could keep our own client (the load tester) busy for minutes.
inline constexpr std::uint32_t kScramIterationsMax = 1'000'000;
// Channel-binding data: tls-exporter has 32 bytes, tls-unique 12 or 36, tls-server-end-point up
// to 64.
inline constexpr std::size_t kChannelBindingBytesMax = 256;
// Longest message of any mechanism, decoded: PLAIN with two longest names, a longest password and
// two NULs, or a client-first message with every name character escaped as three, both less than
// this.
inline constexpr std::size_t kSaslMessageBytesMax = 8192;
// The same as it stands on the wire in base64.
inline constexpr std::size_t kSaslLineBytesMax = (kSaslMessageBytesMax + 2) / 3 * 4;

enum class SaslErrorKind : std::uint8_t {
    bad_base64,
    too_long,
    bad_utf8,
    malformed,
    // The mandatory extension attribute m= (RFC 5802 §5.1): refusing is the only right answer.
    unsupported_extension,
    // The client said "*" (RFC 9051 §6.2.2).
    cancelled,
};
struct SaslError {
    SaslErrorKind kind;
    // A grammar rule or a few fixed words; never anything from the message.
    std::string_view rule;
    friend bool operator==(const SaslError&, const SaslError&) = default;
};
template <class T>
using SaslResult = tl::expected<T, SaslError>;

enum class SaslMechanism : std::uint8_t { plain, login, scram_sha_256, scram_sha_256_plus };

// Mechanism names are matched without regard to case, as IMAP clients write "plain" too.
[[nodiscard]] std::optional<SaslMechanism> parse_sasl_mechanism(std::string_view name);
[[nodiscard]] std::string_view sasl_mechanism_name(SaslMechanism mechanism);

// A client's answer line (without CRLF) to a continuation request: base64, or "*" which gives
// `cancelled`.
[[nodiscard]] SaslResult<std::string> decode_sasl_response(std::string_view line);
// The initial response of SASL-IR (RFC 4959 §3): base64, or "=" for an empty one.
[[nodiscard]] SaslResult<std::string> decode_sasl_initial_response(std::string_view text);
[[nodiscard]] std::string encode_sasl_initial_response(std::string_view message);

// RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
struct PlainMessage {
    std::string authzid;
    std::string authcid;
    SecretString password;
};
[[nodiscard]] SaslResult<PlainMessage> parse_sasl_plain(std::string_view message);
[[nodiscard]] SecretString write_sasl_plain(const PlainMessage& message);

// LOGIN: the server sends these two prompts (before base64), the client answers each with the bare
// value.
inline constexpr std::string_view kLoginUsernamePrompt = "Username:";
inline constexpr std::string_view kLoginPasswordPrompt = "Password:";
[[nodiscard]] SaslResult<std::string> parse_login_username(std::string_view message);
[[nodiscard]] SaslResult<SecretString> parse_login_password(std::string_view message);

enum class ChannelBindingFlag : std::uint8_t {
    unsupported,      // "n": the client cannot bind
    server_lacks_it,  // "y": the client could, but was not offered a -PLUS mechanism
    used,             // "p=": the client binds with the named type
};
// RFC 5802 §7: gs2-header = gs2-cbind-flag "," [ authzid ] ","
struct Gs2Header {
    ChannelBindingFlag flag = ChannelBindingFlag::unsupported;
    std::string binding_type;  // cb-name, only with `used`
    std::string authzid;       // decoded saslname, empty when absent
    friend bool operator==(const Gs2Header&, const Gs2Header&) = default;
};
[[nodiscard]] std::string write_gs2_header(const Gs2Header& header);

// RFC 5802 §7: client-first-message = gs2-header client-first-message-bare
struct ScramClientFirst {
    Gs2Header gs2;
    std::string username;  // decoded saslname
    std::string nonce;
    // Optional extensions as they came, each with its leading comma; they are part of what is
    // signed.
    std::string extensions;

    // The texts that go into c= and AuthMessage. They equal what was parsed, byte for byte.
    [[nodiscard]] std::string gs2_text() const { return write_gs2_header(gs2); }
    [[nodiscard]] std::string bare_text() const;
    friend bool operator==(const ScramClientFirst&, const ScramClientFirst&) = default;
};
[[nodiscard]] SaslResult<ScramClientFirst> parse_scram_client_first(std::string_view message);
[[nodiscard]] std::string write_scram_client_first(const ScramClientFirst& message);

// RFC 5802 §7: server-first-message = nonce "," salt "," iteration-count ["," extensions]
struct ScramServerFirst {
    std::string nonce;  // the client's followed by the server's
    std::string salt;   // bytes
    std::uint32_t iterations = 0;
    friend bool operator==(const ScramServerFirst&, const ScramServerFirst&) = default;
};
[[nodiscard]] SaslResult<ScramServerFirst> parse_scram_server_first(std::string_view message);
[[nodiscard]] std::string write_scram_server_first(const ScramServerFirst& message);

// RFC 5802 §7: client-final-message = channel-binding "," nonce ["," extensions] "," proof
struct ScramClientFinal {
    std::string channel_binding;  // cbind-input: the gs2 header as sent, then the binding data
    std::string nonce;
    std::string extensions;  // as in ScramClientFirst
    std::string proof;       // kScramDigestBytes bytes

    // client-final-message-without-proof, the last part of AuthMessage.
    [[nodiscard]] std::string text_without_proof() const;
    friend bool operator==(const ScramClientFinal&, const ScramClientFinal&) = default;
};
[[nodiscard]] SaslResult<ScramClientFinal> parse_scram_client_final(std::string_view message);
[[nodiscard]] std::string write_scram_client_final(const ScramClientFinal& message);

// RFC 5802 §7: server-final-message = (server-error / verifier) ["," extensions]
struct ScramVerifier {
    std::string signature;  // kScramDigestBytes bytes
    friend bool operator==(const ScramVerifier&, const ScramVerifier&) = default;
};
struct ScramServerError {
    std::string value;  // server-error-value, "other-error" when unknown to us
    friend bool operator==(const ScramServerError&, const ScramServerError&) = default;
};
using ScramServerFinal = std::variant<ScramVerifier, ScramServerError>;
[[nodiscard]] SaslResult<ScramServerFinal> parse_scram_server_final(std::string_view message);
[[nodiscard]] std::string write_scram_server_final(const ScramServerFinal& message);

}  // namespace tidemark::protocol
