#pragma once

#include "protocol/message/mime_parser.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Header text for people and for searching: encoded words (RFC 2047) and extended parameters (RFC
/// 2231).
namespace tidemark::protocol::message {

/// Unfolds `value` and decodes its encoded words to UTF-8. Tolerant: words inside quoted strings,
/// unencoded spaces, missing padding and characters split between words of one charset are read. A
/// word that makes no sense stays as it is; raw 8-bit text is taken as UTF-8, ill-formed sequences
/// replaced.
[[nodiscard]] std::string decode_header_text(std::string_view value);

/// The value of parameter `name`, RFC 2231 continuations put together and decoded to UTF-8, or
/// encoded words (which mail wrongly uses there) decoded; empty when there is none.
[[nodiscard]] std::string decode_parameter(const std::vector<Parameter>& parameters,
                                           std::string_view name);

}  // namespace tidemark::protocol::message
