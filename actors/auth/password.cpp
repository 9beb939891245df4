#include "actors/auth/password.hpp"

#include "protocol/ascii.hpp"
#include "protocol/base64.hpp"
#include "protocol/sasl.hpp"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace tidemark::actors {
namespace {

constexpr std::string_view kScramScheme = "SCRAM-SHA-256";

tl::unexpected<AuthError> bad_password(std::string_view detail) {
    return tl::unexpected(AuthError{AuthErrorKind::bad_password, detail});
}

// iterations "," salt "," StoredKey "," ServerKey
AuthExpected<StoredPassword> parse_scram_credentials(std::string_view text) {
    std::array<std::string_view, 4> parts;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::size_t comma = text.find(',');
        if ((comma == std::string_view::npos) != (i + 1 == parts.size())) {
            return malformed_hash("SCRAM credentials have four parts");
        }
        parts[i] = text.substr(0, comma);
        text.remove_prefix(i + 1 == parts.size() ? text.size() : comma + 1);
    }
    Credentials credentials;
    const char* const digits_begin = parts[0].data();
    const char* const digits_end = digits_begin + parts[0].size();
    const auto [end, error] = std::from_chars(digits_begin, digits_end, credentials.iterations);
    if (error != std::errc() || end != digits_end || parts[0].starts_with('0')) {
        return malformed_hash("the iteration count of the SCRAM credentials is not a number");
    }
    if (credentials.iterations < kScramIterationsMin)
        return malformed_hash("too few SCRAM iterations");
    if (credentials.iterations > kScramIterationsStoredMax) {
        return tl::unexpected(
            AuthError{AuthErrorKind::too_expensive_hash, "too many SCRAM iterations"});
    }
    std::optional<std::string> salt = protocol::base64_decode(parts[1]);
    const std::optional<std::string> stored_key = protocol::base64_decode(parts[2]);
    const std::optional<std::string> server_key = protocol::base64_decode(parts[3]);
    if (!salt || !stored_key || !server_key)
        return malformed_hash("the SCRAM credentials are not in base64");
    if (salt->size() < kScramSaltBytesMin || salt->size() > kScramSaltBytesStoredMax) {
        return malformed_hash("the salt of the SCRAM credentials is too short or too long");
    }
    if (stored_key->size() != kSha256Bytes || server_key->size() != kSha256Bytes) {
        return malformed_hash("the keys of the SCRAM credentials have the wrong length");
    }
    credentials.salt = std::move(*salt);
    credentials.stored_key = to_digest(*stored_key);
    credentials.server_key = to_digest(*server_key);
    return credentials;
}

// UTF-16 of a secret: overwritten at the end. ICU's own UnicodeString would leave it in freed
// memory.
class SecretUtf16 {
  public:
    explicit SecretUtf16(std::size_t capacity) : units_(capacity) {}
    ~SecretUtf16() { ::explicit_bzero(units_.data(), units_.size() * sizeof(UChar)); }
    SecretUtf16(const SecretUtf16&) = delete;
    SecretUtf16& operator=(const SecretUtf16&) = delete;

    [[nodiscard]] UChar* data() { return units_.data(); }
    [[nodiscard]] std::int32_t capacity() const { return static_cast<std::int32_t>(units_.size()); }

  private:
    std::vector<UChar> units_;
};

// One code unit of input becomes at most 18 by NFKC (U+FDFA).
constexpr std::size_t kExpansionMax = 18;

std::optional<SecretString> to_utf8(const UChar* units, std::int32_t count) {
    std::string text(static_cast<std::size_t>(count) * 3, '\0');
    std::int32_t size = 0;
    UErrorCode status = U_ZERO_ERROR;
    u_strToUTF8(text.data(), static_cast<std::int32_t>(text.size()), &size, units, count, &status);
    const bool good = U_SUCCESS(status) && size > 0;
    SecretString secret{
        std::string_view(text).substr(0, static_cast<std::size_t>(good ? size : 0))};
    protocol::wipe(text);
    if (!good) return std::nullopt;
    return secret;
}

// RFC 4013 with unassigned code points (of Unicode 3.2) prohibited, as for stored strings.
std::optional<SecretString> saslprep(const UChar* units, std::int32_t count) {
    UErrorCode status = U_ZERO_ERROR;
    // Shared by all threads for the life of the process; preparing does not change it.
    static const UStringPrepProfile* const profile = [] {
        UErrorCode opened = U_ZERO_ERROR;
        const UStringPrepProfile* const result =
            usprep_openByType(USPREP_RFC4013_SASLPREP, &opened);
        return U_SUCCESS(opened) ? result : nullptr;
    }();
    if (profile == nullptr) return std::nullopt;
    SecretUtf16 prepared(static_cast<std::size_t>(count) * kExpansionMax + 1);
    const std::int32_t size = usprep_prepare(profile, units, count, prepared.data(),
                                             prepared.capacity(), USPREP_DEFAULT, nullptr, &status);
    if (U_FAILURE(status)) return std::nullopt;
    return to_utf8(prepared.data(), size);
}

// RFC 8265 §4.2: non-ASCII spaces become SPACE, NFC, controls are out (FreeformClass, RFC 8264
// §4.3).
std::optional<SecretString> opaque_string(UChar* units, std::int32_t count) {
    for (std::int32_t i = 0; i < count;) {
        const std::int32_t begin = i;
        UChar32 c = 0;
        U16_NEXT(units, i, count, c);
        const std::int8_t type = u_charType(c);
        if (type == U_CONTROL_CHAR || type == U_SURROGATE || U_IS_UNICODE_NONCHAR(c))
            return std::nullopt;
        if (type == U_SPACE_SEPARATOR && i - begin == 1) units[begin] = u' ';
    }
    UErrorCode status = U_ZERO_ERROR;
    SecretUtf16 composed(static_cast<std::size_t>(count) * kExpansionMax + 1);
    const std::int32_t size = unorm2_normalize(unorm2_getNFCInstance(&status), units, count,
                                               composed.data(), composed.capacity(), &status);
    if (U_FAILURE(status)) return std::nullopt;
    return to_utf8(composed.data(), size);
}

bool derives_to(const Credentials& credentials, std::string_view password) {
    const Credentials derived =
        derive_credentials(password, credentials.salt, credentials.iterations);
    return equal_in_constant_time(as_view(derived.stored_key), as_view(credentials.stored_key));
}

bool credentials_match(const Credentials& credentials, const SecretString& password) {
    const AuthExpected<SecretString> normalised = normalize_password(password.view());
    if (!normalised) {
        // No client gets in with this, but it costs what any other wrong password costs.
        (void)derives_to(credentials, password.view());
        return false;
    }
    if (derives_to(credentials, normalised->view())) return true;
    // Dovecot makes its SCRAM credentials from the bytes as typed.
    return normalised->view() != password.view() && derives_to(credentials, password.view());
}

}  // namespace

AuthExpected<StoredPassword> parse_stored_password(std::string_view text) {
    if (text.size() > kStoredPasswordBytesMax)
        return malformed_hash("the stored password is too long");
    const std::size_t brace = text.find('}');
    if (!text.starts_with('{') || brace == std::string_view::npos) {
        return malformed_hash("the stored password names no scheme");
    }
    const std::string_view scheme = text.substr(1, brace - 1);
    const std::string_view rest = text.substr(brace + 1);
    if (protocol::ascii_iequals(scheme, kScramScheme)) return parse_scram_credentials(rest);
    AuthExpected<LegacyHash> legacy = parse_legacy_hash(scheme, rest);
    if (!legacy) return tl::unexpected(legacy.error());
    return StoredPassword(std::move(*legacy));
}

std::string stored_password_text(const StoredPassword& stored) {
    if (const auto* legacy = std::get_if<LegacyHash>(&stored)) return legacy_hash_text(*legacy);
    const auto& credentials = std::get<Credentials>(stored);
    std::string text = "{";
    text.append(kScramScheme).append("}").append(std::to_string(credentials.iterations));
    text.append(",").append(protocol::base64_encode(credentials.salt));
    text.append(",").append(protocol::base64_encode(as_view(credentials.stored_key)));
    text.append(",").append(protocol::base64_encode(as_view(credentials.server_key)));
    return text;
}

AuthExpected<SecretString> normalize_password(std::string_view password) {
    if (password.empty()) return bad_password("the password is empty");
    if (password.size() > protocol::kSaslPasswordBytesMax)
        return bad_password("the password is too long");
    const bool printable_ascii =
        std::all_of(password.begin(), password.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
    if (printable_ascii) return SecretString(password);

    SecretUtf16 units(password.size() + 1);
    std::int32_t count = 0;
    UErrorCode status = U_ZERO_ERROR;
    u_strFromUTF8(units.data(), units.capacity(), &count, password.data(),
                  static_cast<std::int32_t>(password.size()), &status);
    if (U_FAILURE(status)) return bad_password("the password is not in UTF-8");
    if (std::optional<SecretString> prepared = saslprep(units.data(), count))
        return std::move(*prepared);
    if (std::optional<SecretString> opaque = opaque_string(units.data(), count))
        return std::move(*opaque);
    return bad_password("the password contains control characters");
}

Credentials derive_credentials(std::string_view password, std::string salt,
                               std::uint32_t iterations) {
    // RFC 5802 §3: SaltedPassword := Hi(Normalize(password), salt, i); ClientKey :=
    // HMAC(SaltedPassword, "Client Key"); StoredKey := H(ClientKey); ServerKey :=
    // HMAC(SaltedPassword, "Server Key")
    Sha256Digest salted_password = pbkdf2_sha256(password, salt, iterations);
    Sha256Digest client_key = hmac_sha256(as_view(salted_password), "Client Key");
    Credentials credentials;
    credentials.stored_key = sha256(as_view(client_key));
    credentials.server_key = hmac_sha256(as_view(salted_password), "Server Key");
    credentials.salt = std::move(salt);
    credentials.iterations = iterations;
    wipe(salted_password);
    wipe(client_key);
    return credentials;
}

AuthExpected<Credentials> make_credentials(std::string_view password, std::uint32_t iterations) {
    const AuthExpected<SecretString> normalised = normalize_password(password);
    if (!normalised) return tl::unexpected(normalised.error());
    return derive_credentials(normalised->view(), random_bytes(kScramSaltBytes), iterations);
}

PasswordCheck check_password(const StoredPassword& stored, const SecretString& password) {
    PasswordCheck check;
    bool replace = false;
    if (const auto* credentials = std::get_if<Credentials>(&stored)) {
        check.matches = credentials_match(*credentials, password);
        replace = credentials->iterations < kScramIterationsDefault;
    } else {
        const auto& legacy = std::get<LegacyHash>(stored);
        check.matches = legacy_hash_matches(legacy, password);
        replace = legacy_hash_covers(legacy, password);
    }
    if (!check.matches || !replace) return check;
    // A password that cannot be normalised stays with its old hash.
    if (AuthExpected<Credentials> upgrade = make_credentials(password.view()))
        check.upgrade = std::move(*upgrade);
    return check;
}

void check_password_of_nobody(const SecretString& password) {
    static const Credentials nobody{
        std::string(kScramSaltBytes, 'x'), kScramIterationsDefault, {}, {}};
    (void)credentials_match(nobody, password);
}

}  // namespace tidemark::actors
