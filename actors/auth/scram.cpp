#include "actors/auth/scram.hpp"

#include "protocol/base64.hpp"

#include <utility>

namespace tidemark::actors {
namespace {

using protocol::ChannelBindingFlag;
using protocol::ScramClientFinal;
using protocol::ScramServerFirst;
using protocol::ScramVerifier;
using tl::unexpected;

// RFC 5802 §3: AuthMessage := client-first-message-bare + "," + server-first-message + "," +
// client-final-message-without-proof
std::string auth_message(const protocol::ScramClientFirst& client_first,
                         std::string_view server_first, const ScramClientFinal& client_final) {
    std::string message = client_first.bare_text();
    message.append(",").append(server_first).append(",").append(client_final.text_without_proof());
    return message;
}

Sha256Digest exclusive_or(const Sha256Digest& left, const Sha256Digest& right) {
    Sha256Digest result;
    for (std::size_t i = 0; i < result.size(); ++i)
        result[i] = static_cast<std::uint8_t>(left[i] ^ right[i]);
    return result;
}

}  // namespace

tl::expected<ScramServer::Start, ScramFailure> ScramServer::start(std::string_view client_first) {
    if (state_ != State::start) return unexpected(ScramFailure::malformed);
    state_ = State::over;
    auto parsed = protocol::parse_scram_client_first(client_first);
    if (!parsed) return unexpected(ScramFailure::malformed);
    switch (parsed->gs2.flag) {
        case ChannelBindingFlag::unsupported:
            // RFC 5802 §6: the -PLUS mechanism is chosen in order to bind.
            if (options_.plus) return unexpected(ScramFailure::channel_binding);
            break;
        case ChannelBindingFlag::server_lacks_it:
            // RFC 5802 §6: the client could bind and was told that we cannot: somebody removed
            // -PLUS from the list.
            if (options_.plus || options_.plus_offered)
                return unexpected(ScramFailure::channel_binding);
            break;
        case ChannelBindingFlag::used:
            if (!options_.plus || parsed->gs2.binding_type != kTlsExporterBinding ||
                options_.channel_binding.empty()) {
                return unexpected(ScramFailure::channel_binding);
            }
            break;
    }
    client_first_ = std::move(*parsed);
    state_ = State::started;
    return Start{client_first_.username, client_first_.gs2.authzid};
}

std::string ScramServer::challenge(Credentials credentials, bool may_succeed) {
    credentials_ = std::move(credentials);
    may_succeed_ = may_succeed;
    nonce_ = client_first_.nonce + options_.server_nonce;
    server_first_ = write_scram_server_first(
        ScramServerFirst{nonce_, credentials_.salt, credentials_.iterations});
    if (state_ == State::started) state_ = State::challenged;
    return server_first_;
}

tl::expected<std::string, ScramFailure> ScramServer::finish(std::string_view client_final) {
    if (state_ != State::challenged) return unexpected(ScramFailure::malformed);
    state_ = State::over;
    const auto parsed = protocol::parse_scram_client_final(client_final);
    if (!parsed) return unexpected(ScramFailure::malformed);
    // RFC 5802 §7: cbind-input = gs2-header [cbind-data]; the header is the one of client-first, so
    // that a man in the middle cannot have changed it.
    std::string expected_binding = client_first_.gs2_text();
    if (client_first_.gs2.flag == ChannelBindingFlag::used)
        expected_binding += options_.channel_binding;
    if (!equal_in_constant_time(parsed->channel_binding, expected_binding)) {
        return unexpected(ScramFailure::channel_binding);
    }
    if (parsed->nonce != nonce_) return unexpected(ScramFailure::bad_nonce);

    // RFC 5802 §3: ClientSignature := HMAC(StoredKey, AuthMessage); ClientKey := ClientProof XOR
    // ClientSignature; the proof is right when H(ClientKey) is StoredKey.
    const std::string message = auth_message(client_first_, server_first_, *parsed);
    const Sha256Digest signature = hmac_sha256(as_view(credentials_.stored_key), message);
    Sha256Digest client_key = exclusive_or(to_digest(parsed->proof), signature);
    const Sha256Digest stored_key = sha256(as_view(client_key));
    wipe(client_key);
    const bool proved =
        equal_in_constant_time(as_view(stored_key), as_view(credentials_.stored_key));
    const Sha256Digest server_signature = hmac_sha256(as_view(credentials_.server_key), message);
    if (!proved || !may_succeed_) return unexpected(ScramFailure::wrong_proof);
    return write_scram_server_final(ScramVerifier{std::string(as_view(server_signature))});
}

std::string_view scram_error_value(ScramFailure failure) {
    switch (failure) {
        case ScramFailure::channel_binding:
            return "channel-bindings-dont-match";
        case ScramFailure::wrong_proof:
        case ScramFailure::bad_nonce:
            return "invalid-proof";
        case ScramFailure::malformed:
            return "invalid-encoding";
        default:
            return "other-error";
    }
}

Credentials fake_credentials(std::string_view server_secret, std::string_view name,
                             std::uint32_t iterations) {
    const auto derive = [&](std::string_view purpose) {
        return hmac_sha256(server_secret, std::string(purpose).append(1, '\0').append(name));
    };
    Credentials credentials;
    credentials.salt = as_view(derive("scram salt")).substr(0, kScramSaltBytes);
    credentials.iterations = iterations;
    credentials.stored_key = derive("scram stored key");
    credentials.server_key = derive("scram server key");
    return credentials;
}

std::string make_scram_nonce() {
    return protocol::base64_encode(random_bytes(kScramNonceRandomBytes));
}

std::string ScramClient::start() {
    first_.username = options_.username;
    first_.nonce = options_.client_nonce;
    first_.gs2.authzid = options_.authzid;
    if (options_.plus) {
        first_.gs2.flag = ChannelBindingFlag::used;
        first_.gs2.binding_type = kTlsExporterBinding;
    } else if (options_.plus_supported) {
        first_.gs2.flag = ChannelBindingFlag::server_lacks_it;
    }
    return write_scram_client_first(first_);
}

tl::expected<std::string, ScramFailure> ScramClient::respond(std::string_view server_first) {
    const auto parsed = protocol::parse_scram_server_first(server_first);
    if (!parsed) return unexpected(ScramFailure::malformed);
    // RFC 5802 §5.1: the server's nonce begins with ours and adds to it.
    if (!parsed->nonce.starts_with(first_.nonce) || parsed->nonce.size() == first_.nonce.size()) {
        return unexpected(ScramFailure::bad_nonce);
    }
    // RFC 7677 §3. Fewer would let a false server search for the password.
    if (parsed->iterations < 4096) return unexpected(ScramFailure::weak_parameters);
    const AuthExpected<SecretString> password = normalize_password(password_.view());
    if (!password) return unexpected(ScramFailure::malformed);

    ScramClientFinal final;
    final.channel_binding = first_.gs2_text();
    if (options_.plus) final.channel_binding += options_.channel_binding;
    final.nonce = parsed->nonce;
    const std::string message = auth_message(first_, server_first, final);
    Sha256Digest salted_password =
        pbkdf2_sha256(password->view(), parsed->salt, parsed->iterations);
    Sha256Digest client_key = hmac_sha256(as_view(salted_password), "Client Key");
    const Sha256Digest stored_key = sha256(as_view(client_key));
    const Sha256Digest proof = exclusive_or(client_key, hmac_sha256(as_view(stored_key), message));
    final.proof = as_view(proof);
    server_signature_ =
        hmac_sha256(as_view(hmac_sha256(as_view(salted_password), "Server Key")), message);
    responded_ = true;
    wipe(salted_password);
    wipe(client_key);
    return write_scram_client_final(final);
}

tl::expected<void, ScramFailure> ScramClient::finish(std::string_view server_final) const {
    const auto parsed = protocol::parse_scram_server_final(server_final);
    if (!parsed || !responded_) return unexpected(ScramFailure::malformed);
    const auto* verifier = std::get_if<ScramVerifier>(&*parsed);
    if (verifier == nullptr) return unexpected(ScramFailure::refused_by_server);
    if (!equal_in_constant_time(verifier->signature, as_view(server_signature_))) {
        return unexpected(ScramFailure::bad_server_signature);
    }
    return {};
}

}  // namespace tidemark::actors
