#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// The fields of a message header, found without copying. A line ends at LF, with or without a CR
/// before it; a lone CR is an ordinary character. Every function here is linear in what it is
/// given.
namespace tidemark::protocol::message {

/// One field. `name` has no trailing white space and is empty for a line without a colon; `value`
/// is what follows the colon, folds included, without the last line end; `begin` and `end` delimit
/// the whole field with its line end in the header it was read from.
struct HeaderField {
    std::string_view name;
    std::string_view value;
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// Reads the field at `position` and moves past it; nothing at the end of the header or at its
/// blank line.
[[nodiscard]] std::optional<HeaderField> next_field(std::string_view header, std::size_t& position);

/// The value of the first field called `name` (ASCII case does not matter), raw.
[[nodiscard]] std::optional<std::string_view> find_field(std::string_view header,
                                                         std::string_view name);

/// Length of the header block at the start of `bytes`, its blank line included; all of `bytes` when
/// there is none.
[[nodiscard]] std::size_t header_block_size(std::string_view bytes);

/// RFC 5322 §2.2.3: takes out the line ends and leaves the white space of the folds. White space
/// that follows the colon is dropped; what begins the next line, or ends the value, stays.
[[nodiscard]] std::string unfold(std::string_view value);

/// Without the spaces, tabs and line ends at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

/// ASCII only, as header names, types and tokens compare.
[[nodiscard]] bool equals_ignoring_case(std::string_view left, std::string_view right);

}  // namespace tidemark::protocol::message
