#pragma once

#include "protocol/command.hpp"

#include <string>
#include <vector>

// Commands as a client sends them: the inverse of parse_command. Used by the load test, the checker
// and the tests.

namespace tidemark::protocol {

enum class LiteralStyle : std::uint8_t {
    synchronising,      // {n}: the client waits for "+ " after each part but the last
    non_synchronising,  // {n+}: needs LITERAL+ (RFC 7888)
};

// Strings are written as atoms where that is possible, else quoted, else (CR, LF, 8-bit, long) as
// literals.
[[nodiscard]] std::vector<std::string> write_command_parts(const Command& command,
                                                           LiteralStyle style);

// One string with the CRLF at its end, non-synchronising literals.
[[nodiscard]] std::string write_command(const Command& command);
void write_command(const Command& command, std::string& out);

// "OR FROM a SUBJECT b", without CHARSET.
[[nodiscard]] std::string write_search_key(const SearchKey& key);

}  // namespace tidemark::protocol
