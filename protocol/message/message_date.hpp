#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tidemark::protocol::message {

/// Seconds since 1970 of a Date field (RFC 5322 §3.3, obsolete forms of §4.3, and what mail really
/// holds: missing seconds or zone, two-digit years, zone names, comments). A zone that cannot be
/// read is UTC, a day that its month does not have and times out of range are no date.
[[nodiscard]] std::optional<std::int64_t> parse_message_date(std::string_view value);

/// The local date of the field (RFC 9051 §6.4.4 SENTBEFORE, SENTON, SENTSINCE disregard time and
/// zone): days since 1970-01-01.
[[nodiscard]] std::optional<std::int32_t> parse_message_day(std::string_view value);

}  // namespace tidemark::protocol::message
