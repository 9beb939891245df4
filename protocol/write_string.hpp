#pragma once

#include "protocol/mailbox_name.hpp"
#include "protocol/output_buffer.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

// The string forms of RFC 9051 §4.3, written straight into the output.
//
// NameEncoding tells what the client enabled: with utf8 (IMAP4rev2 or UTF8=ACCEPT) valid UTF-8 may
// stand in quoted strings, else every 8-bit string becomes a literal (RFC 9051 §9 "quoted";
// RFC 6855 §3).

namespace tidemark::protocol {

// Longer strings become literals: some clients read lines into buffers of fixed size.
inline constexpr std::size_t kQuotedBytesMax = 1000;

// RFC 9051 §9 "string": quoted where that is allowed, else a literal. A NUL is sent as it is, in a
// literal; who may hold one must write a literal8.
void write_string(OutputBuffer& out, std::string_view bytes, NameEncoding encoding);

// RFC 9051 §9 "nstring"
void write_nstring(OutputBuffer& out, std::optional<std::string_view> bytes, NameEncoding encoding);

// RFC 9051 §9 "astring": an atom where that is possible and the text is not NIL.
void write_astring(OutputBuffer& out, std::string_view bytes, NameEncoding encoding);

// RFC 9051 §9 "mailbox"
void write_mailbox(OutputBuffer& out, const MailboxName& name, NameEncoding encoding);

// "{n}" CRLF; the caller appends exactly `bytes` bytes.
void write_literal_header(OutputBuffer& out, std::uint64_t bytes);
// "~{n}" CRLF (RFC 9051 §9 "literal8")
void write_literal8_header(OutputBuffer& out, std::uint64_t bytes);
void write_literal(OutputBuffer& out, std::string_view bytes);

}  // namespace tidemark::protocol
