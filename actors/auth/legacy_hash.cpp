#include "actors/auth/legacy_hash.hpp"

#include "actors/auth/digest.hpp"
#include "actors/auth/limits.hpp"
#include "protocol/base64.hpp"

#include <crypt.h>
#include <openssl/sha.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>

namespace tidemark::actors {
namespace {

using protocol::SecretString;

tl::unexpected<AuthError> too_expensive(std::string_view detail) {
    return tl::unexpected(AuthError{AuthErrorKind::too_expensive_hash, detail});
}

std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return result;
}

// The alphabet of crypt's own base 64.
constexpr std::string_view kItoa64 =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool all_itoa64(std::string_view text) {
    return text.find_first_not_of(kItoa64) == std::string_view::npos;
}

// Takes decimal digits off the front of `text`; nothing when there are none or too many.
std::optional<std::uint32_t> take_number(std::string_view& text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

// salt "$" hash with a hash of exactly `hash_size` characters.
AuthExpected<void> check_salt_and_hash(std::string_view text, std::size_t hash_size) {
    const std::size_t dollar = text.find('$');
    if (dollar == std::string_view::npos)
        return malformed_hash("the crypt hash has no second part");
    const std::string_view hash = text.substr(dollar + 1);
    if (hash.size() != hash_size || !all_itoa64(hash)) {
        return malformed_hash(
            "the crypt hash is cut short or has characters that do not belong there");
    }
    return {};
}

// "$5$" / "$6$" ["rounds=" number "$"] salt "$" hash
AuthExpected<void> check_sha_crypt(std::string_view text, std::size_t hash_size) {
    text.remove_prefix(3);
    if (take(text, "rounds=")) {
        const std::optional<std::uint32_t> rounds = take_number(text);
        if (!rounds || !take(text, "$")) return malformed_hash("rounds= is not a number");
        if (*rounds > kCryptRoundsMax) return too_expensive("rounds= is too high");
    }
    return check_salt_and_hash(text, hash_size);
}

// "$2" letter "$" two-digit cost "$" 22 characters of salt, 31 of hash
AuthExpected<void> check_bcrypt(std::string_view text) {
    if (text.size() != 60 || std::string_view("abxy").find(text[2]) == std::string_view::npos ||
        text[3] != '$' || text[6] != '$' || !all_itoa64(text.substr(7))) {
        return malformed_hash("not a bcrypt hash");
    }
    std::string_view digits = text.substr(4, 2);
    const std::optional<std::uint32_t> cost = take_number(digits);
    if (!cost || !digits.empty() || *cost < 4) return malformed_hash("not a bcrypt cost");
    if (*cost > kBcryptCostMax) return too_expensive("the bcrypt cost is too high");
    return {};
}

// "$y$" flavour N r "$" salt "$" hash: each of the first three one character for the usual values,
// N as log2 - 1 and r as itself - 1. Longer encodings are of unusual or enormous parameters.
AuthExpected<void> check_yescrypt(std::string_view text) {
    text.remove_prefix(3);
    if (text.size() < 4 || text[0] != 'j' || text[3] != '$') {
        return tl::unexpected(
            AuthError{AuthErrorKind::unknown_scheme, "unusual yescrypt parameters"});
    }
    const std::size_t log2_n = kItoa64.find(text[1]);
    const std::size_t r = kItoa64.find(text[2]);
    if (log2_n == std::string_view::npos || r == std::string_view::npos)
        return malformed_hash("yescrypt parameters");
    const std::uint64_t blocks = (r + 1) << (std::min<std::size_t>(log2_n, 40) + 1);
    if (blocks > std::uint64_t{1} << kYescryptLog2MemoryMax)
        return too_expensive("yescrypt needs too much memory");
    return check_salt_and_hash(text.substr(4), 43);
}

AuthExpected<void> check_crypt(std::string_view text) {
    if (text.find_first_of(":\n ") != std::string_view::npos ||
        text.find('\0') != std::string_view::npos) {
        return malformed_hash("not a crypt hash");
    }
    if (text.starts_with("$1$")) return check_salt_and_hash(text.substr(3), 22);
    if (text.starts_with("$5$")) return check_sha_crypt(text, 43);
    if (text.starts_with("$6$")) return check_sha_crypt(text, 86);
    if (text.starts_with("$2")) return check_bcrypt(text);
    if (text.starts_with("$y$")) return check_yescrypt(text);
    if (text.size() == 13 && all_itoa64(text)) return {};
    return tl::unexpected(
        AuthError{AuthErrorKind::unknown_scheme, "a crypt method that is not supported"});
}

// "$argon2id$v=19$m=65536,t=3,p=1$" salt "$" hash
AuthExpected<void> check_argon2(std::string_view text) {
    if (text.size() >= crypto_pwhash_STRBYTES) return malformed_hash("the argon2 hash is too long");
    if (!take(text, "$argon2id$") && !take(text, "$argon2i$"))
        return malformed_hash("not an argon2 hash");
    if (!take(text, "v=19$m=")) return malformed_hash("argon2 of another version than 19");
    const std::optional<std::uint32_t> memory = take_number(text);
    if (!memory || !take(text, ",t=")) return malformed_hash("argon2 parameters");
    const std::optional<std::uint32_t> passes = take_number(text);
    if (!passes || !take(text, ",p=")) return malformed_hash("argon2 parameters");
    const std::optional<std::uint32_t> lanes = take_number(text);
    if (!lanes || *lanes == 0 || !take(text, "$")) return malformed_hash("argon2 parameters");
    if (*memory > kArgon2MemoryKibibytesMax) return too_expensive("argon2 needs too much memory");
    if (*passes > kArgon2PassesMax || *lanes > kArgon2LanesMax)
        return too_expensive("argon2 takes too many passes");
    const std::size_t dollar = text.find('$');
    if (dollar == std::string_view::npos || dollar == 0 || dollar + 1 == text.size()) {
        return malformed_hash("the argon2 hash is cut short");
    }
    return {};
}

std::size_t digest_size(LegacyScheme scheme) {
    switch (scheme) {
        case LegacyScheme::ssha1:
            return SHA_DIGEST_LENGTH;
        case LegacyScheme::ssha256:
            return SHA256_DIGEST_LENGTH;
        default:
            return SHA512_DIGEST_LENGTH;
    }
}

std::optional<std::string> decode_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        std::uint8_t byte = 0;
        const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
        if (error != std::errc() || end != text.data() + i + 2) return std::nullopt;
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

AuthExpected<LegacyHash> parse_salted(LegacyScheme scheme, std::string_view encoding,
                                      std::string_view text) {
    std::optional<std::string> bytes =
        encoding == "HEX" ? decode_hex(text) : protocol::base64_decode(text);
    if (!bytes) return malformed_hash("the salted hash is not encoded as it should be");
    // Without a salt it would be a plain digest, which nobody should have to trust.
    if (bytes->size() <= digest_size(scheme)) return malformed_hash("the salted hash has no salt");
    return LegacyHash{scheme, std::move(*bytes)};
}

bool salted_matches(const LegacyHash& hash, std::string_view password) {
    const std::size_t size = digest_size(hash.scheme);
    const std::string_view stored(hash.hash);
    const std::string_view salt = stored.substr(size);
    // SHA-2's contexts are plain structures; no allocation can fail here.
    std::array<std::uint8_t, SHA512_DIGEST_LENGTH> digest{};
    const auto run = [&](auto init, auto update, auto final, auto context) {
        init(&context);
        update(&context, password.data(), password.size());
        update(&context, salt.data(), salt.size());
        final(digest.data(), &context);
    };
    if (hash.scheme == LegacyScheme::ssha1) run(SHA1_Init, SHA1_Update, SHA1_Final, SHA_CTX{});
    if (hash.scheme == LegacyScheme::ssha256)
        run(SHA256_Init, SHA256_Update, SHA256_Final, SHA256_CTX{});
    if (hash.scheme == LegacyScheme::ssha512)
        run(SHA512_Init, SHA512_Update, SHA512_Final, SHA512_CTX{});
    return equal_in_constant_time(stored.substr(0, size),
                                  {reinterpret_cast<const char*>(digest.data()), size});
}

// libcrypt and libsodium take C strings or copies: gives the password with a NUL behind it, wiped
// at the end.
SecretString with_nul(std::string_view password) {
    std::string text;
    text.reserve(password.size() + 1);
    text.append(password).append(1, '\0');
    return SecretString::take(text);
}

bool crypt_matches(const std::string& hash, std::string_view password) {
    // 32 KiB, too much for a stack of which we do not know how deep it is.
    const auto wiping_delete = [](crypt_data* data) {
        sodium_memzero(data, sizeof *data);
        delete data;  // NOLINT(cppcoreguidelines-owning-memory)
    };
    const std::unique_ptr<crypt_data, decltype(wiping_delete)> data(new crypt_data{},
                                                                    wiping_delete);
    const SecretString text = with_nul(password);
    const char* const c_string = text.view().data();
    const char* const result = crypt_r(c_string, hash.c_str(), data.get());
    return result != nullptr && equal_in_constant_time(result, hash);
}

}  // namespace

AuthExpected<LegacyHash> parse_legacy_hash(std::string_view scheme, std::string_view text) {
    if (text.size() > kStoredPasswordBytesMax) return malformed_hash("the hash is too long");
    const std::string name = upper(scheme);
    const auto checked = [text](LegacyScheme parsed,
                                AuthExpected<void> check) -> AuthExpected<LegacyHash> {
        if (!check) return tl::unexpected(check.error());
        return LegacyHash{parsed, std::string(text)};
    };
    struct CryptName {
        std::string_view name;
        std::string_view prefix;
    };
    static constexpr std::array<CryptName, 5> kCrypts{{{"CRYPT", ""},
                                                       {"SHA512-CRYPT", "$6$"},
                                                       {"SHA256-CRYPT", "$5$"},
                                                       {"MD5-CRYPT", "$1$"},
                                                       {"BLF-CRYPT", "$2"}}};
    for (const CryptName& crypt : kCrypts) {
        if (name != crypt.name) continue;
        if (!text.starts_with(crypt.prefix))
            return malformed_hash("the hash is not of the scheme that it names");
        return checked(LegacyScheme::crypt, check_crypt(text));
    }
    if (name == "ARGON2ID" || name == "ARGON2I") {
        if (!text.starts_with(name == "ARGON2ID" ? "$argon2id$" : "$argon2i$")) {
            return malformed_hash("the hash is not of the scheme that it names");
        }
        return checked(LegacyScheme::argon2, check_argon2(text));
    }
    const std::size_t dot = name.find('.');
    const std::string_view base = std::string_view(name).substr(0, dot);
    const std::string_view encoding =
        dot == std::string::npos ? "B64" : std::string_view(name).substr(dot + 1);
    if (encoding == "B64" || encoding == "BASE64" || encoding == "HEX") {
        if (base == "SSHA") return parse_salted(LegacyScheme::ssha1, encoding, text);
        if (base == "SSHA256") return parse_salted(LegacyScheme::ssha256, encoding, text);
        if (base == "SSHA512") return parse_salted(LegacyScheme::ssha512, encoding, text);
    }
    return tl::unexpected(
        AuthError{AuthErrorKind::unknown_scheme, "a password scheme that is not supported"});
}

std::string legacy_hash_text(const LegacyHash& hash) {
    switch (hash.scheme) {
        case LegacyScheme::crypt:
            return "{CRYPT}" + hash.hash;
        case LegacyScheme::argon2:
            return (hash.hash.starts_with("$argon2id$") ? "{ARGON2ID}" : "{ARGON2I}") + hash.hash;
        case LegacyScheme::ssha1:
            return "{SSHA}" + protocol::base64_encode(hash.hash);
        case LegacyScheme::ssha256:
            return "{SSHA256}" + protocol::base64_encode(hash.hash);
        case LegacyScheme::ssha512:
            return "{SSHA512}" + protocol::base64_encode(hash.hash);
    }
    return {};
}

bool legacy_hash_matches(const LegacyHash& hash, const SecretString& password) {
    // No hash was ever made of an empty password or one with a NUL; C strings would end there.
    if (password.empty() || password.view().find('\0') != std::string_view::npos) return false;
    switch (hash.scheme) {
        case LegacyScheme::crypt:
            return crypt_matches(hash.hash, password.view());
        case LegacyScheme::argon2:
            initialise_sodium();
            return crypto_pwhash_str_verify(hash.hash.c_str(), password.view().data(),
                                            password.view().size()) == 0;
        default:
            return salted_matches(hash, password.view());
    }
}

bool legacy_hash_covers(const LegacyHash& hash, const SecretString& password) {
    if (hash.scheme != LegacyScheme::crypt) return true;
    if (hash.hash.starts_with("$2")) return password.view().size() <= 72;
    return hash.hash.starts_with("$") || password.view().size() <= 8;
}

}  // namespace tidemark::actors
