#pragma once

#include "protocol/message/mime_parser.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Structured MIME fields: Content-Type, Content-Disposition, Content-Language (RFC 2045 §5.1, RFC
/// 2183, RFC 3282).
namespace tidemark::protocol::message {

/// A position in a field's raw value. Comments may nest to any depth; everything is linear and
/// iterative.
class FieldCursor {
  public:
    explicit FieldCursor(std::string_view text) : text_(text) {}

    [[nodiscard]] bool at_end() const { return position_ >= text_.size(); }
    [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[position_]; }
    void advance() { ++position_; }
    [[nodiscard]] bool skip(char c);

    /// Skips white space, line ends and comments. Appends the text of the last comment to
    /// `comment`, if given.
    void skip_cfws(std::string* comment = nullptr);

    /// RFC 2045 §5.1 token, 8-bit characters included; empty when there is none here.
    [[nodiscard]] std::string_view token();

    /// ASCII letters; empty when there are none here.
    [[nodiscard]] std::string_view letters();

    /// The cursor is at the opening quote. A string that is not closed goes to the end, and
    /// `is_closed` becomes false.
    [[nodiscard]] std::string quoted_string(bool* is_closed = nullptr);

    /// Everything before the next `stop` outside a quoted string, or the end.
    [[nodiscard]] std::string_view until(char stop);

  private:
    std::string_view text_;
    std::size_t position_ = 0;
};

/// A value followed by parameters. `type` and `subtype` are empty where they cannot be read; a
/// field without a slash (Content-Disposition) has only `type`.
struct ParameterisedField {
    std::string type;
    std::string subtype;
    std::vector<Parameter> parameters;
};

/// RFC 2231 §3 continuations (name*0, name*1*) are put together to name or, where some of it is
/// encoded, name*, as other servers do; the character set and the %XX stay as they are. Tolerant:
/// empty parameters, missing values and unquoted text with spaces are read as far as they make
/// sense.
[[nodiscard]] ParameterisedField parse_parameterised_field(std::string_view value);

/// RFC 2231 §4: %XX become bytes, everything else stays.
[[nodiscard]] std::string percent_decoded(std::string_view text);

/// The tags of a Content-Language field.
[[nodiscard]] std::vector<std::string> parse_language_field(std::string_view value);

}  // namespace tidemark::protocol::message
