#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The few cryptographic functions that authentication is made of, on BoringSSL. All may be called
// on any thread.

namespace tidemark::actors {

inline constexpr std::size_t kSha256Bytes = 32;
using Sha256Digest = std::array<std::uint8_t, kSha256Bytes>;

[[nodiscard]] Sha256Digest sha256(std::string_view bytes);
[[nodiscard]] Sha256Digest hmac_sha256(std::string_view key, std::string_view bytes);
// RFC 5802 §2.2 Hi(); RFC 8018 PBKDF2 with HMAC-SHA-256 and one block. `iterations` at least 1.
// Takes milliseconds: not for a network thread.
[[nodiscard]] Sha256Digest pbkdf2_sha256(std::string_view password, std::string_view salt,
                                         std::uint32_t iterations);

// Compares in a time that depends on the lengths only.
[[nodiscard]] bool equal_in_constant_time(std::string_view left, std::string_view right);

// Cryptographically random; never fails.
[[nodiscard]] std::string random_bytes(std::size_t count);

[[nodiscard]] inline std::string_view as_view(const Sha256Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
// `bytes` has kSha256Bytes bytes.
[[nodiscard]] Sha256Digest to_digest(std::string_view bytes);

void wipe(Sha256Digest& digest);

// libsodium picks its fast implementations here, once; before any other use of it.
void initialise_sodium();

}  // namespace tidemark::actors
