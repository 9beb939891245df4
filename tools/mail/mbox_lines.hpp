// The lines of an mbox that are not the message's own: "From " lines, quoting, and header fields
// that hold flags. Pure.
#pragma once

#include "tools/mail/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::tools {

// "From anna@example.org Mon Nov 25 10:44:58 2026": the time, as UTC, or with the zone where
// "+0100" stands before or behind the year. Nothing when this is no such line, as "From what I
// know, …" within a text.
std::optional<std::int64_t> parse_from_line(std::string_view line);
// Without a line end. The sender is not kept by a mail store: "MAILER-DAEMON", as others write it
// then.
std::string format_from_line(std::int64_t unix_seconds);

// mboxrd: a line of the body ">*From " has one ">" more in the file.
bool needs_quote(std::string_view line);
bool is_quoted(std::string_view line);

// The header fields in which mail programs keep their flags within an mbox: Status, X-Status,
// X-Keywords, X-Mozilla-Status and what belongs to them. They are the file's, not the message's.
// True: the line is one of them, what it says is put into `flags`.
bool take_flag_field(std::string_view line, MailFlags& flags);
// The fields for these flags, lines with LF.
std::string flag_fields(const MailFlags& flags);

}  // namespace tidemark::tools
