#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::protocol {

// RFC 4648 §4 with padding and without line breaks.
[[nodiscard]] std::string base64_encode(std::string_view bytes);

// The exact inverse of base64_encode: nothing for characters outside the alphabet, missing or
// surplus padding and non-zero unused bits (RFC 4648 §3.5), so that one value has one spelling.
// MIME bodies, which need tolerance, are not decoded here.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace tidemark::protocol
