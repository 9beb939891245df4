#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// Every bound of authentication, with its unit and its reason.

namespace tidemark::actors {

// PBKDF2 rounds of newly made credentials: 0.9 ms with BoringSSL's SHA extensions. RFC 7677 §3 asks
// for at least this many; every SCRAM client pays them at each login too, phones included. It is
// also what other servers make, so that an imported account cannot be told from an unknown name by
// its number.
inline constexpr std::uint32_t kScramIterationsDefault = 4096;
// Stored credentials below this are refused: a mistyped import, not a password hash.
inline constexpr std::uint32_t kScramIterationsMin = 1000;
// Stored credentials above this would let one login hold a worker for seconds.
inline constexpr std::uint32_t kScramIterationsStoredMax = 500'000;
inline constexpr std::size_t kScramSaltBytes = 16;
inline constexpr std::size_t kScramSaltBytesMin = 4;
inline constexpr std::size_t kScramSaltBytesStoredMax = 64;
// 144 random bits as 24 base64 characters.
inline constexpr std::size_t kScramNonceRandomBytes = 18;

inline constexpr std::size_t kAccountNameBytesMax = 255;

// Bounds on what an imported hash may cost to verify; a line above them is refused at import, by
// its parameters.
inline constexpr std::uint32_t kCryptRoundsMax = 1'000'000;  // SHA-crypt; its default is 5,000
inline constexpr std::uint32_t kBcryptCostMax = 14;          // 2^14, about a second
inline constexpr std::uint32_t kArgon2MemoryKibibytesMax = 128 * 1024;
inline constexpr std::uint32_t kArgon2PassesMax = 16;
inline constexpr std::uint32_t kArgon2LanesMax = 16;
inline constexpr std::uint32_t kYescryptLog2MemoryMax =
    17;  // log2(N * r): 128 * 2^17 bytes = 16 MiB
inline constexpr std::size_t kStoredPasswordBytesMax = 512;  // longest text form
inline constexpr std::size_t kImportLineBytesMax = 2048;

// Remembered verified passwords: 4096 slots of 64 bytes are 256 KiB for the process.
inline constexpr std::size_t kVerifiedCacheEntriesMax = 4096;
// How long a password may be used without its hash being computed again. Removing or changing an
// account takes effect at once, by invalidation; the TTL bounds how long a stolen memory image is
// of use.
inline constexpr std::chrono::seconds kVerifiedCacheTtl{600};

// Addresses and accounts whose failures are remembered, each about 64 bytes.
inline constexpr std::size_t kLoginDelayEntriesMax = 16'384;
// Typing errors are free.
inline constexpr std::uint32_t kLoginFailuresFree = 3;
// One failure is forgotten after this long without another.
inline constexpr std::chrono::seconds kLoginFailureForgetting{60};
// The first delay; it doubles with each failure.
inline constexpr std::chrono::milliseconds kLoginDelayFirst{500};
inline constexpr std::chrono::milliseconds kLoginDelayAddressMax{16'000};
// Lower, because anybody can fail on somebody else's account.
inline constexpr std::chrono::milliseconds kLoginDelayAccountMax{2'000};
// Attempts of one address queue behind each other's delays; one that would wait longer than this is
// turned away.
inline constexpr std::chrono::milliseconds kLoginWaitMax{30'000};

}  // namespace tidemark::actors
