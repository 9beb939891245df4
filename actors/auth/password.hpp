#pragma once

#include "actors/auth/auth_error.hpp"
#include "actors/auth/digest.hpp"
#include "actors/auth/legacy_hash.hpp"
#include "actors/auth/limits.hpp"
#include "protocol/secret_string.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

// What is stored about a password, and how one is checked against it. All functions are pure and
// may run on any thread; those that hash take milliseconds and belong on the worker pool.

namespace tidemark::actors {

using protocol::SecretString;

// RFC 5802 §3 for SHA-256: enough to verify SCRAM-SHA-256 and PLAIN, not enough to log in with.
struct Credentials {
    std::string salt;
    std::uint32_t iterations = 0;
    Sha256Digest stored_key{};
    Sha256Digest server_key{};
    friend bool operator==(const Credentials&, const Credentials&) = default;
};

using StoredPassword = std::variant<Credentials, LegacyHash>;

// Both directions of the text form that an account record holds, as Dovecot writes it:
// "{SCRAM-SHA-256}" iterations "," base64(salt) "," base64(StoredKey) "," base64(ServerKey),
// "{CRYPT}$6$…",
// "{ARGON2ID}$argon2id$…", "{SSHA512}" base64(digest salt). The scheme name is matched without
// regard to case and SHA512-CRYPT, SHA256-CRYPT, MD5-CRYPT, BLF-CRYPT and ARGON2I are read as well.
// {PLAIN} is not a stored form; see password_import.hpp. The text has at most
// kStoredPasswordBytesMax bytes.
[[nodiscard]] AuthExpected<StoredPassword> parse_stored_password(std::string_view text);
[[nodiscard]] std::string stored_password_text(const StoredPassword& stored);

// The form of a password that is hashed: SASLprep (RFC 4013), which RFC 5802 §2.2 prescribes to
// SCRAM clients; for what SASLprep does not know (characters newer than Unicode 3.2) the
// OpaqueString profile (RFC 8265 §4.2), which leaves them as they are, as clients do. bad_password
// for an empty result, controls, or bytes that are not UTF-8.
[[nodiscard]] AuthExpected<SecretString> normalize_password(std::string_view password);

// New credentials with a random salt.
[[nodiscard]] AuthExpected<Credentials> make_credentials(
    std::string_view password, std::uint32_t iterations = kScramIterationsDefault);
// The same with everything given. `password` must be normalised already.
[[nodiscard]] Credentials derive_credentials(std::string_view password, std::string salt,
                                             std::uint32_t iterations);

struct PasswordCheck {
    bool matches = false;
    // Matched, but what is stored is a LegacyHash or weaker than today's default: these are to be
    // stored instead.
    std::optional<Credentials> upgrade;
};
// Hashes and compares in constant time.
[[nodiscard]] PasswordCheck check_password(const StoredPassword& stored,
                                           const SecretString& password);
// Costs what check_password costs against default Credentials and never matches: for accounts that
// do not exist.
void check_password_of_nobody(const SecretString& password);

}  // namespace tidemark::actors
