#include "protocol/sasl.hpp"

#include "protocol/ascii.hpp"
#include "protocol/base64.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tidemark::protocol {
namespace {

using tl::unexpected;

unexpected<SaslError> fail(SaslErrorKind kind, std::string_view rule) {
    return unexpected(SaslError{kind, rule});
}
unexpected<SaslError> malformed(std::string_view rule) {
    return fail(SaslErrorKind::malformed, rule);
}
unexpected<SaslError> too_long(std::string_view rule) {
    return fail(SaslErrorKind::too_long, rule);
}

struct MechanismName {
    SaslMechanism mechanism;
    std::string_view name;
};
constexpr std::array<MechanismName, 4> kMechanisms{{
    {SaslMechanism::plain, "PLAIN"},
    {SaslMechanism::login, "LOGIN"},
    {SaslMechanism::scram_sha_256, "SCRAM-SHA-256"},
    {SaslMechanism::scram_sha_256_plus, "SCRAM-SHA-256-PLUS"},
}};

bool is_alpha(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// RFC 3629 §4: shortest forms only, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view bytes) {
    std::size_t i = 0;
    while (i < bytes.size()) {
        const auto lead = static_cast<unsigned char>(bytes[i++]);
        if (lead < 0x80) continue;
        if (lead < 0xC2 || lead > 0xF4) return false;
        const std::size_t tails = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
        if (bytes.size() - i < tails) return false;
        unsigned char low = 0x80;
        unsigned char high = 0xBF;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
        for (std::size_t k = 0; k < tails; ++k) {
            const auto tail = static_cast<unsigned char>(bytes[i++]);
            if (tail < low || tail > high) return false;
            low = 0x80;
            high = 0xBF;
        }
    }
    return true;
}

SaslResult<std::string> decode_base64(std::string_view text) {
    if (text.size() > kSaslLineBytesMax) return too_long("base64");
    std::optional<std::string> bytes = base64_decode(text);
    if (!bytes) return fail(SaslErrorKind::bad_base64, "base64");
    if (bytes->size() > kSaslMessageBytesMax) return too_long("base64");
    return std::move(*bytes);
}

// A name or password by itself: UTF-8 without NUL, within its limit.
SaslResult<void> check_text(std::string_view text, std::size_t bytes_max, std::string_view rule) {
    if (text.size() > bytes_max) return too_long(rule);
    if (text.find('\0') != std::string_view::npos) return malformed(rule);
    if (!is_utf8(text)) return fail(SaslErrorKind::bad_utf8, rule);
    return {};
}

// RFC 5802 §7: saslname = 1*(value-safe-char / "=2C" / "=3D"). The two escapes are taken in upper
// case only, as §5.1 spells them, so that a name has one spelling and writing it gives back what
// was signed.
SaslResult<std::string> decode_saslname(std::string_view text) {
    if (text.empty()) return malformed("saslname");
    if (text.size() > 3 * kSaslNameBytesMax) return too_long("saslname");
    std::string name;
    name.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '=') {
            name += text[i];
            continue;
        }
        const std::string_view escape = text.substr(i + 1, 2);
        if (escape != "2C" && escape != "3D") return malformed("saslname");
        name += escape == "2C" ? ',' : '=';
        i += 2;
    }
    if (auto checked = check_text(name, kSaslNameBytesMax, "saslname"); !checked) {
        return unexpected(checked.error());
    }
    return name;
}

std::string encode_saslname(std::string_view name) {
    std::string text;
    text.reserve(name.size());
    for (const char c : name) {
        if (c == ',') {
            text += "=2C";
        } else if (c == '=') {
            text += "=3D";
        } else {
            text += c;
        }
    }
    return text;
}

// Takes a SCRAM message apart at its commas. No value contains a bare comma (value-safe-char leaves
// it out).
class Attributes {
  public:
    explicit Attributes(std::string_view text) : rest_(text) {}

    [[nodiscard]] bool at_end() const { return at_end_; }
    // The text from here to the end of the message, without the comma before it.
    [[nodiscard]] std::string_view rest() const { return rest_; }

    // The next part, up to a comma or the end. Empty at the end.
    std::string_view next() {
        const std::size_t comma = rest_.find(',');
        const std::string_view part = rest_.substr(0, comma);
        if (comma == std::string_view::npos) {
            at_end_ = true;
            rest_ = {};
        } else {
            rest_.remove_prefix(comma + 1);
        }
        return part;
    }

    // The value of the next part, which has to be the attribute `letter`.
    SaslResult<std::string_view> value(char letter, std::string_view rule) {
        const std::string_view part = next();
        // RFC 5802 §5.1 m: "the presence of an unknown mandatory extension makes the exchange
        // fail".
        if (part.starts_with("m=") && letter != 'm') {
            return fail(SaslErrorKind::unsupported_extension, "reserved-mext");
        }
        if (part.size() < 2 || part[0] != letter || part[1] != '=') return malformed(rule);
        return part.substr(2);
    }

  private:
    std::string_view rest_;
    bool at_end_ = false;
};

// RFC 5802 §7: attr-val = ALPHA "=" value; value = 1*value-char, UTF-8 without NUL and comma.
SaslResult<void> check_extension(std::string_view part) {
    if (part.size() < 3 || !is_alpha(part[0]) || part[1] != '=') return malformed("attr-val");
    if (part[0] == 'm') return fail(SaslErrorKind::unsupported_extension, "reserved-mext");
    return check_text(part, kSaslMessageBytesMax, "attr-val");
}

// Everything that follows up to the end has to be extensions: gives them with their leading commas.
SaslResult<std::string> take_extensions(Attributes& attributes) {
    std::string extensions;
    while (!attributes.at_end()) {
        const std::string_view part = attributes.next();
        if (auto checked = check_extension(part); !checked) return unexpected(checked.error());
        extensions.append(",").append(part);
    }
    return extensions;
}

// RFC 5802 §7: c-nonce = printable; printable = %x21-2B / %x2D-7E
SaslResult<std::string> check_nonce(std::string_view nonce) {
    if (nonce.empty()) return malformed("nonce");
    if (nonce.size() > kScramNonceBytesMax) return too_long("nonce");
    const bool printable = std::all_of(nonce.begin(), nonce.end(),
                                       [](char c) { return c >= 0x21 && c <= 0x7E && c != ','; });
    if (!printable) return malformed("nonce");
    return std::string(nonce);
}

SaslResult<std::string> decode_digest(std::string_view text, std::string_view rule) {
    SaslResult<std::string> digest = decode_base64(text);
    if (digest && digest->size() != kScramDigestBytes) return malformed(rule);
    return digest;
}

// RFC 5802 §7: iteration-count = "i=" posit-number; posit-number = %x31-39 *DIGIT
SaslResult<std::uint32_t> parse_iterations(std::string_view digits) {
    if (digits.empty() || digits[0] == '0') return malformed("posit-number");
    std::uint32_t iterations = 0;
    for (const char c : digits) {
        if (!is_digit(c)) return malformed("posit-number");
        iterations = iterations * 10 + static_cast<std::uint32_t>(c - '0');
        // Checked at each digit, so that no number is long enough to overflow.
        if (iterations > kScramIterationsMax) return too_long("iteration-count");
    }
    return iterations;
}

// RFC 5802 §7: gs2-cbind-flag = ("p=" cb-name) / "n" / "y"; cb-name = 1*(ALPHA / DIGIT / "." / "-")
SaslResult<Gs2Header> parse_gs2_header(Attributes& attributes) {
    Gs2Header header;
    const std::string_view flag = attributes.next();
    if (flag == "n") {
        header.flag = ChannelBindingFlag::unsupported;
    } else if (flag == "y") {
        header.flag = ChannelBindingFlag::server_lacks_it;
    } else if (flag.starts_with("p=")) {
        const std::string_view name = flag.substr(2);
        const bool legal = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
            return is_alpha(c) || is_digit(c) || c == '.' || c == '-';
        });
        if (!legal) return malformed("cb-name");
        if (name.size() > kChannelBindingBytesMax) return too_long("cb-name");
        header.flag = ChannelBindingFlag::used;
        header.binding_type = name;
    } else {
        return malformed("gs2-cbind-flag");
    }
    if (attributes.at_end()) return malformed("gs2-header");
    const std::string_view authzid = attributes.next();
    if (attributes.at_end()) return malformed("gs2-header");
    if (authzid.empty()) return header;
    if (!authzid.starts_with("a=")) return malformed("authzid");
    SaslResult<std::string> name = decode_saslname(authzid.substr(2));
    if (!name) return unexpected(name.error());
    header.authzid = std::move(*name);
    return header;
}

// RFC 5802 §7: server-error-value
constexpr std::array<std::string_view, 11> kServerErrors{
    "invalid-encoding",
    "extensions-not-supported",
    "invalid-proof",
    "channel-bindings-dont-match",
    "server-does-support-channel-binding",
    "channel-binding-not-supported",
    "unsupported-channel-binding-type",
    "unknown-user",
    "invalid-username-encoding",
    "no-resources",
    "other-error",
};

}  // namespace

std::optional<SaslMechanism> parse_sasl_mechanism(std::string_view name) {
    for (const MechanismName& known : kMechanisms) {
        const bool same = std::equal(
            name.begin(), name.end(), known.name.begin(), known.name.end(), [](char l, char r) {
                return (l >= 'a' && l <= 'z' ? static_cast<char>(l - 'a' + 'A') : l) == r;
            });
        if (same) return known.mechanism;
    }
    return std::nullopt;
}

std::string_view sasl_mechanism_name(SaslMechanism mechanism) {
    return kMechanisms[static_cast<std::size_t>(mechanism)].name;
}

SaslResult<std::string> decode_sasl_response(std::string_view line) {
    if (line == "*") return fail(SaslErrorKind::cancelled, "cancel");
    return decode_base64(line);
}

SaslResult<std::string> decode_sasl_initial_response(std::string_view text) {
    if (text == "=") return std::string();
    // Not to be confused with "=": RFC 4959 §3 has no other way to write an empty response.
    if (text.empty()) return malformed("initial-resp");
    return decode_base64(text);
}

std::string encode_sasl_initial_response(std::string_view message) {
    return message.empty() ? "=" : base64_encode(message);
}

SaslResult<PlainMessage> parse_sasl_plain(std::string_view message) {
    if (message.size() > kSaslMessageBytesMax) return too_long("message");
    const std::size_t first = message.find('\0');
    if (first == std::string_view::npos) return malformed("message");
    const std::size_t second = message.find('\0', first + 1);
    if (second == std::string_view::npos) return malformed("message");
    const std::string_view authzid = message.substr(0, first);
    const std::string_view authcid = message.substr(first + 1, second - first - 1);
    const std::string_view password = message.substr(second + 1);
    if (auto checked = check_text(authzid, kSaslNameBytesMax, "authzid"); !checked) {
        return unexpected(checked.error());
    }
    if (auto checked = check_text(authcid, kSaslNameBytesMax, "authcid"); !checked) {
        return unexpected(checked.error());
    }
    if (auto checked = check_text(password, kSaslPasswordBytesMax, "passwd"); !checked) {
        return unexpected(checked.error());
    }
    if (authcid.empty()) return malformed("authcid");
    if (password.empty()) return malformed("passwd");
    return PlainMessage{std::string(authzid), std::string(authcid), SecretString(password)};
}

SecretString write_sasl_plain(const PlainMessage& message) {
    std::string text;
    // One allocation, so that no outgrown buffer with a part of the password is left behind.
    text.reserve(message.authzid.size() + message.authcid.size() + message.password.view().size() +
                 2);
    text.append(message.authzid).append(1, '\0').append(message.authcid).append(1, '\0');
    text.append(message.password.view());
    return SecretString::take(text);
}

SaslResult<std::string> parse_login_username(std::string_view message) {
    if (message.empty()) return malformed("username");
    if (auto checked = check_text(message, kSaslNameBytesMax, "username"); !checked) {
        return unexpected(checked.error());
    }
    return std::string(message);
}

SaslResult<SecretString> parse_login_password(std::string_view message) {
    if (message.size() > kSaslPasswordBytesMax) return too_long("password");
    // No text says that LOGIN's password is UTF-8; old clients send what the keyboard gave.
    if (message.empty() || message.find('\0') != std::string_view::npos)
        return malformed("password");
    return SecretString(message);
}

std::string write_gs2_header(const Gs2Header& header) {
    std::string text;
    switch (header.flag) {
        case ChannelBindingFlag::unsupported:
            text = "n";
            break;
        case ChannelBindingFlag::server_lacks_it:
            text = "y";
            break;
        case ChannelBindingFlag::used:
            text.append("p=").append(header.binding_type);
            break;
    }
    text += ',';
    if (!header.authzid.empty()) text.append("a=").append(encode_saslname(header.authzid));
    text += ',';
    return text;
}

std::string ScramClientFirst::bare_text() const {
    return "n=" + encode_saslname(username) + ",r=" + nonce + extensions;
}

// RFC 5802 §7: client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
SaslResult<ScramClientFirst> parse_scram_client_first(std::string_view message) {
    if (message.size() > kSaslMessageBytesMax) return too_long("client-first-message");
    Attributes attributes(message);
    SaslResult<Gs2Header> gs2 = parse_gs2_header(attributes);
    if (!gs2) return unexpected(gs2.error());
    const auto username = attributes.value('n', "username").and_then(decode_saslname);
    if (!username) return unexpected(username.error());
    const auto nonce = attributes.value('r', "nonce").and_then(check_nonce);
    if (!nonce) return unexpected(nonce.error());
    SaslResult<std::string> extensions = take_extensions(attributes);
    if (!extensions) return unexpected(extensions.error());
    return ScramClientFirst{std::move(*gs2), *username, *nonce, std::move(*extensions)};
}

std::string write_scram_client_first(const ScramClientFirst& message) {
    return message.gs2_text() + message.bare_text();
}

SaslResult<ScramServerFirst> parse_scram_server_first(std::string_view message) {
    if (message.size() > kSaslMessageBytesMax) return too_long("server-first-message");
    Attributes attributes(message);
    const auto nonce = attributes.value('r', "nonce")
                           .and_then([](std::string_view text) -> SaslResult<std::string> {
                               // Both sides' parts together.
                               if (text.size() > 2 * kScramNonceBytesMax) return too_long("nonce");
                               const std::size_t half = std::min(text.size(), kScramNonceBytesMax);
                               if (auto head = check_nonce(text.substr(0, half)); !head)
                                   return head;
                               if (half < text.size()) {
                                   if (auto tail = check_nonce(text.substr(half)); !tail)
                                       return tail;
                               }
                               return std::string(text);
                           });
    if (!nonce) return unexpected(nonce.error());
    const auto salt = attributes.value('s', "salt").and_then(decode_base64);
    if (!salt) return unexpected(salt.error());
    if (salt->empty()) return malformed("salt");
    if (salt->size() > kScramSaltBytesMax) return too_long("salt");
    const auto iterations = attributes.value('i', "iteration-count").and_then(parse_iterations);
    if (!iterations) return unexpected(iterations.error());
    if (auto extensions = take_extensions(attributes); !extensions) {
        return unexpected(extensions.error());
    }
    return ScramServerFirst{*nonce, *salt, *iterations};
}

std::string write_scram_server_first(const ScramServerFirst& message) {
    return "r=" + message.nonce + ",s=" + base64_encode(message.salt) +
           ",i=" + std::to_string(message.iterations);
}

std::string ScramClientFinal::text_without_proof() const {
    return "c=" + base64_encode(channel_binding) + ",r=" + nonce + extensions;
}

SaslResult<ScramClientFinal> parse_scram_client_final(std::string_view message) {
    if (message.size() > kSaslMessageBytesMax) return too_long("client-final-message");
    // The proof is the last attribute, with whatever extensions before it.
    const std::size_t last_comma = message.rfind(',');
    if (last_comma == std::string_view::npos) return malformed("proof");
    Attributes attributes(message.substr(0, last_comma));
    Attributes last(message.substr(last_comma + 1));

    SaslResult<std::string> binding =
        attributes.value('c', "channel-binding").and_then(decode_base64);
    if (!binding) return unexpected(binding.error());
    if (binding->empty()) return malformed("channel-binding");
    const auto nonce = attributes.value('r', "nonce")
                           .and_then([](std::string_view text) -> SaslResult<std::string> {
                               if (text.size() > 2 * kScramNonceBytesMax) return too_long("nonce");
                               // Compared with the nonce that was sent, so the characters need no
                               // look.
                               if (text.empty()) return malformed("nonce");
                               return std::string(text);
                           });
    if (!nonce) return unexpected(nonce.error());
    SaslResult<std::string> extensions = take_extensions(attributes);
    if (!extensions) return unexpected(extensions.error());
    const auto proof = last.value('p', "proof").and_then([](std::string_view text) {
        return decode_digest(text, "proof");
    });
    if (!proof) return unexpected(proof.error());
    return ScramClientFinal{std::move(*binding), *nonce, std::move(*extensions), *proof};
}

std::string write_scram_client_final(const ScramClientFinal& message) {
    return message.text_without_proof() + ",p=" + base64_encode(message.proof);
}

SaslResult<ScramServerFinal> parse_scram_server_final(std::string_view message) {
    if (message.size() > kSaslMessageBytesMax) return too_long("server-final-message");
    Attributes attributes(message);
    if (message.starts_with("e=")) {
        const std::string_view value = attributes.next().substr(2);
        if (value.empty()) return malformed("server-error");
        if (auto extensions = take_extensions(attributes); !extensions) {
            return unexpected(extensions.error());
        }
        const bool known =
            std::find(kServerErrors.begin(), kServerErrors.end(), value) != kServerErrors.end();
        return ScramServerError{std::string(known ? value : "other-error")};
    }
    const auto signature = attributes.value('v', "verifier").and_then([](std::string_view text) {
        return decode_digest(text, "verifier");
    });
    if (!signature) return unexpected(signature.error());
    if (auto extensions = take_extensions(attributes); !extensions) {
        return unexpected(extensions.error());
    }
    return ScramVerifier{*signature};
}

std::string write_scram_server_final(const ScramServerFinal& message) {
    if (const auto* error = std::get_if<ScramServerError>(&message)) return "e=" + error->value;
    return "v=" + base64_encode(std::get<ScramVerifier>(message).signature);
}

}  // namespace tidemark::protocol
