// CRC-32C (Castagnoli), the checksum of iSCSI and ext4. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidemark::storage {

// `crc` is the result for the bytes before, 0 at the start.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);
// That of bytes with the CRC `first` and `second_length` bytes with the CRC `second` behind them.
std::uint32_t crc32c_joined(std::uint32_t first, std::uint32_t second, std::uint64_t second_length);
// Without the processor's instruction; for processors that have none, and to test the other one
// against.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace tidemark::storage
