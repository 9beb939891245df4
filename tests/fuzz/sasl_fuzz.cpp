// Properties: what a SASL parser accepts is within its limits and is written back as text that
// parses to the same value; the texts that SCRAM signs equal what was parsed, byte for byte; base64
// has one spelling.

#include "protocol/base64.hpp"
#include "protocol/sasl.hpp"

#include <cstdlib>
#include <string_view>

using namespace tidemark::protocol;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void check_base64(std::string_view text) {
    if (const auto bytes = base64_decode(text)) require(base64_encode(*bytes) == text);
    require(base64_decode(base64_encode(text)) == text);
    if (const auto response = decode_sasl_response(text)) {
        require(response->size() <= kSaslMessageBytesMax);
        require(decode_sasl_initial_response(encode_sasl_initial_response(*response)) == *response);
    }
}

void check_plain(std::string_view text) {
    const auto plain = parse_sasl_plain(text);
    if (!plain) return;
    require(plain->authcid.size() <= kSaslNameBytesMax && !plain->authcid.empty());
    require(plain->password.view().size() <= kSaslPasswordBytesMax);
    require(write_sasl_plain(*plain).view() == text);
    require(parse_login_username(plain->authcid).value() == plain->authcid);
    require(parse_login_password(plain->password.view()).value().view() == plain->password.view());
}

void check_scram(std::string_view text) {
    if (const auto first = parse_scram_client_first(text)) {
        require(first->username.size() <= kSaslNameBytesMax && !first->username.empty());
        require(first->nonce.size() <= kScramNonceBytesMax);
        require(write_scram_client_first(*first) == text);
        require(text.ends_with(first->bare_text()) && text.starts_with(first->gs2_text()));
    }
    if (const auto first = parse_scram_server_first(text)) {
        require(first->iterations > 0 && first->iterations <= kScramIterationsMax);
        require(parse_scram_server_first(write_scram_server_first(*first)) == *first);
    }
    if (const auto final = parse_scram_client_final(text)) {
        require(final->proof.size() == kScramDigestBytes);
        require(write_scram_client_final(*final) == text);
        require(text.starts_with(final->text_without_proof()));
    }
    if (const auto final = parse_scram_server_final(text)) {
        require(parse_scram_server_final(write_scram_server_final(*final)) == *final);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_base64(text);
    check_plain(text);
    check_scram(text);
    return 0;
}
