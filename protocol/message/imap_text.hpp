#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Strings as they appear in ENVELOPE and BODYSTRUCTURE (RFC 9051 §9 nstring, string).
namespace tidemark::protocol::message {

/// Appends a quoted string, or a literal where the text holds what quoting cannot (8-bit, CR, LF)
/// or is long, so that the result suits clients with and without UTF8=ACCEPT. NUL, which neither
/// form can carry, becomes U+FFFD.
void append_string(std::string_view text, std::string& out);

/// The same, NIL for null.
void append_nstring(const std::optional<std::string>& text, std::string& out);

}  // namespace tidemark::protocol::message
