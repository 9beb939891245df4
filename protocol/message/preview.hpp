#pragma once

#include "protocol/message/mime_parser.hpp"

#include <string>

namespace tidemark::protocol::message {

/// RFC 8970: the beginning of the text of the message, UTF-8, at most kPreviewCharactersMax code
/// points, white space made single spaces. From the first text/plain part that is no attachment,
/// else the first text/html without its markup. Quoted lines are left out where there is other
/// text. Empty when the message has no text.
[[nodiscard]] std::string make_preview(const ParsedMessage& message);

}  // namespace tidemark::protocol::message
