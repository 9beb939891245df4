#include "actors/auth/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sodium.h>

#include <algorithm>
#include <new>
#include <stdexcept>

namespace tidemark::actors {
namespace {

const std::uint8_t* octets(std::string_view bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

}  // namespace

Sha256Digest sha256(std::string_view bytes) {
    Sha256Digest digest;
    SHA256(octets(bytes), bytes.size(), digest.data());
    return digest;
}

Sha256Digest hmac_sha256(std::string_view key, std::string_view bytes) {
    Sha256Digest digest;
    unsigned size = 0;
    // Fails only when it cannot allocate.
    if (HMAC(EVP_sha256(), key.data(), key.size(), octets(bytes), bytes.size(), digest.data(),
             &size) == nullptr) {
        throw std::bad_alloc();
    }
    return digest;
}

Sha256Digest pbkdf2_sha256(std::string_view password, std::string_view salt,
                           std::uint32_t iterations) {
    Sha256Digest digest;
    if (PKCS5_PBKDF2_HMAC(password.data(), password.size(), octets(salt), salt.size(), iterations,
                          EVP_sha256(), digest.size(), digest.data()) != 1) {
        throw std::bad_alloc();
    }
    return digest;
}

bool equal_in_constant_time(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    // BoringSSL aborts rather than return anything but random bytes.
    RAND_bytes(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size());
    return bytes;
}

Sha256Digest to_digest(std::string_view bytes) {
    Sha256Digest digest{};
    std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
    return digest;
}

void wipe(Sha256Digest& digest) {
    OPENSSL_cleanse(digest.data(), digest.size());
}

void initialise_sodium() {
    static const int result = sodium_init();
    if (result < 0) throw std::runtime_error("libsodium does not start");
}

}  // namespace tidemark::actors
