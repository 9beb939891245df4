#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::protocol::message {

/// The message ids in a Message-ID, In-Reply-To or References field (RFC 5322 §3.6.4): what is
/// between "<" and ">", if it has an "@" and is not over kMessageIdBytesMax, without white space
/// and quotes (RFC 5256 §3 wants quoted forms to equal plain ones). At most kReferencesMax: the
/// first and the last ones.
[[nodiscard]] std::vector<std::string> parse_message_ids(std::string_view value);

}  // namespace tidemark::protocol::message
