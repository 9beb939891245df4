#include "storage/crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace tidemark::storage {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reflected

// Slicing by four: kTable[k][b] is the effect of byte b with k more bytes behind it.
constexpr auto kTable = [] {
    std::array<std::array<std::uint32_t, 256>, 4> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
        table[0][byte] = crc;
    }
    for (std::size_t k = 1; k < 4; ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = table[k - 1][byte];
            table[k][byte] = (before >> 8) ^ table[0][before & 0xff];
        }
    }
    return table;
}();

// Polynomials modulo kPolynomial, reflected: the highest bit is x^0.
constexpr std::uint32_t kOne = 1u << 31;
constexpr std::uint32_t product(std::uint32_t a, std::uint32_t b) {
    std::uint32_t sum = 0;
    for (std::uint32_t bit = kOne; bit != 0; bit >>= 1) {
        if ((a & bit) != 0) sum ^= b;
        b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
    }
    return sum;
}

// x^(8 * bytes): bytes behind multiply what is before by x^8 each.
constexpr std::uint32_t power_of(std::uint64_t bytes) {
    std::uint32_t power = kOne;
    std::uint32_t square = kOne >> 8;
    for (; bytes > 0; bytes >>= 1) {
        if ((bytes & 1) != 0) power = product(square, power);
        square = product(square, square);
    }
    return power;
}

#if defined(__x86_64__)
bool hardware_supported() {
    return __builtin_cpu_supports("sse4.2");
}
__attribute__((target("sse4.2"))) std::uint32_t step8(std::uint32_t crc, std::uint64_t word) {
    return static_cast<std::uint32_t>(__builtin_ia32_crc32di(crc, word));
}
__attribute__((target("sse4.2"))) std::uint32_t step1(std::uint32_t crc, unsigned char byte) {
    return __builtin_ia32_crc32qi(crc, byte);
}
#define TIDEMARK_CRC_TARGET __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
bool hardware_supported() {
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
__attribute__((target("crc"))) std::uint32_t step8(std::uint32_t crc, std::uint64_t word) {
    return __crc32cd(crc, word);
}
__attribute__((target("crc"))) std::uint32_t step1(std::uint32_t crc, unsigned char byte) {
    return __crc32cb(crc, byte);
}
#define TIDEMARK_CRC_TARGET __attribute__((target("crc")))
#endif

#if defined(TIDEMARK_CRC_TARGET)
// The instruction waits three cycles for the one before it and could begin each cycle, so three
// lanes that lie one after the other are computed side by side and then put together.
constexpr std::size_t kLaneBytes = 512;

// kBehindLane[k][b] is byte k of a state, b, with kLaneBytes more bytes behind it.
constexpr auto kBehindLane = [] {
    std::array<std::array<std::uint32_t, 256>, 4> table{};
    const std::uint32_t power = power_of(kLaneBytes);
    for (std::size_t k = 0; k < 4; ++k) {
        for (std::uint32_t byte = 0; byte < 256; ++byte)
            table[k][byte] = product(power, byte << (8 * k));
    }
    return table;
}();

std::uint32_t behind_lane(std::uint32_t state) {
    return kBehindLane[0][state & 0xff] ^ kBehindLane[1][(state >> 8) & 0xff] ^
           kBehindLane[2][(state >> 16) & 0xff] ^ kBehindLane[3][state >> 24];
}

std::uint64_t word_at(const char* at) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

TIDEMARK_CRC_TARGET std::uint32_t crc32c_hardware(std::string_view bytes, std::uint32_t crc) {
    crc = ~crc;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 3 * kLaneBytes; left -= 3 * kLaneBytes, at += 3 * kLaneBytes) {
        std::uint32_t second = 0;
        std::uint32_t third = 0;
        for (std::size_t i = 0; i < kLaneBytes; i += sizeof(std::uint64_t)) {
            crc = step8(crc, word_at(at + i));
            second = step8(second, word_at(at + kLaneBytes + i));
            third = step8(third, word_at(at + 2 * kLaneBytes + i));
        }
        crc = behind_lane(behind_lane(crc) ^ second) ^ third;
    }
    for (; left >= sizeof(std::uint64_t);
         left -= sizeof(std::uint64_t), at += sizeof(std::uint64_t)) {
        crc = step8(crc, word_at(at));
    }
    for (; left > 0; --left, ++at) crc = step1(crc, static_cast<unsigned char>(*at));
    return ~crc;
}
#endif

}  // namespace

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t crc) {
    crc = ~crc;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 4; left -= 4, at += 4) {
        std::uint32_t word;
        std::memcpy(&word, at, sizeof word);
        crc ^= word;
        crc = kTable[3][crc & 0xff] ^ kTable[2][(crc >> 8) & 0xff] ^ kTable[1][(crc >> 16) & 0xff] ^
              kTable[0][crc >> 24];
    }
    for (; left > 0; --left, ++at)
        crc = (crc >> 8) ^ kTable[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff];
    return ~crc;
}

std::uint32_t crc32c_joined(std::uint32_t first, std::uint32_t second,
                            std::uint64_t second_length) {
    return product(power_of(second_length), first) ^ second;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc) {
#if defined(TIDEMARK_CRC_TARGET)
    static const bool hardware = hardware_supported();
    if (hardware) return crc32c_hardware(bytes, crc);
#endif
    return crc32c_portable(bytes, crc);
}

}  // namespace tidemark::storage
