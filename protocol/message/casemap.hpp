#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// One mapping for comparing text: SORT order, thread subjects and SEARCH all use it.
namespace tidemark::protocol::message {

/// Appends `text` (UTF-8, ill-formed sequences become U+FFFD) so that strings equal but for case,
/// composition and compatibility forms become the same bytes, and byte order is the order of
/// i;unicode-casemap (RFC 5051). deviation: full case folding comes first, so that "ß" equals "ss";
/// RFC 5051 maps single characters only.
void append_casemapped(std::string_view text, std::string& out);

[[nodiscard]] std::string casemapped(std::string_view text);

}  // namespace tidemark::protocol::message
