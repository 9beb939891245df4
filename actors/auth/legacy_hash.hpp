#pragma once

#include "actors/auth/auth_error.hpp"
#include "protocol/secret_string.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// Password hashes that other servers wrote. They verify PLAIN and LOGIN only.

namespace tidemark::actors {

enum class LegacyScheme : std::uint8_t { crypt, argon2, ssha1, ssha256, ssha512 };

// An imported hash. The first successful login turns it into Credentials (password.hpp).
struct LegacyHash {
    LegacyScheme scheme = LegacyScheme::crypt;
    // crypt and argon2: the modular text "$…"; salted digests: the bytes of digest and salt.
    std::string hash;
    friend bool operator==(const LegacyHash&, const LegacyHash&) = default;
};

// `scheme` is the name between the braces, in any case: CRYPT, SHA512-CRYPT, SHA256-CRYPT,
// MD5-CRYPT, BLF-CRYPT, ARGON2ID, ARGON2I, SSHA, SSHA256, SSHA512, the last three also with the
// suffix .B64, .BASE64 or .HEX that Dovecot gives them. {CRYPT} takes the methods that libcrypt
// knows and whose cost can be read off the text: traditional DES, $1$, $5$, $6$, $2a$ $2b$ $2x$
// $2y$ and $y$. Errors: unknown_scheme, malformed_hash, too_expensive_hash.
[[nodiscard]] AuthExpected<LegacyHash> parse_legacy_hash(std::string_view scheme,
                                                         std::string_view text);
// "{SCHEME}hash", which parse_legacy_hash takes apart again.
[[nodiscard]] std::string legacy_hash_text(const LegacyHash& hash);

// Takes as long as the hash prescribes: not for a network thread. The comparison is in constant
// time.
[[nodiscard]] bool legacy_hash_matches(const LegacyHash& hash,
                                       const protocol::SecretString& password);
// False where the method ignores the end of so long a password (DES after 8 bytes, bcrypt after
// 72): then a login does not prove which password it was, and the hash must not be replaced by one
// of what was typed.
[[nodiscard]] bool legacy_hash_covers(const LegacyHash& hash,
                                      const protocol::SecretString& password);

}  // namespace tidemark::actors
