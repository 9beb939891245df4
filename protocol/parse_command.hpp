#pragma once

#include "protocol/command.hpp"
#include "protocol/types.hpp"

#include <tl/expected.hpp>

#include <optional>
#include <string_view>
#include <vector>

// Parses one command, as the fragmenter cut it out. Pure, linear in the bytes, bounded by
// protocol/limits.hpp.

namespace tidemark::protocol {

// Why a command can not be run. With a tag the answer is "tag BAD text", without one "* BAD text"
// (RFC 9051 §7.1.3).
struct CommandError {
    ParseError error;
    std::optional<Tag> tag;
    std::optional<Verb> verb;  // when it was understood
};

// RFC 9051 §9 "command", without its CRLF; literals as on the wire, "{3}\r\nfoo" or "{3+}\r\nfoo".
[[nodiscard]] tl::expected<Command, CommandError> parse_command(std::string_view bytes);

// The tag at the start of a command that is not parsed further (Rejected::head).
[[nodiscard]] std::optional<Tag> find_tag(std::string_view bytes);

// The head of a streamed APPEND (StreamStart::head with is_first): "A1 APPEND box (\Seen) {310}".
struct AppendStart {
    Tag tag;
    WireMailbox mailbox;
    AppendOptions options;
};
[[nodiscard]] tl::expected<AppendStart, CommandError> parse_append_start(std::string_view head);

// The head of a later message: " (\Seen) {310}". `previous` is what the message before was
// announced with.
[[nodiscard]] Result<AppendOptions> parse_append_next(std::string_view head,
                                                      const AppendOptions& previous);

// StreamCommandEnd::tail: nothing, or the parenthesis that closes UTF8 (~{n} …).
[[nodiscard]] Result<void> parse_append_end(std::string_view tail, const AppendOptions& previous);

}  // namespace tidemark::protocol
