#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Reads what the writers of protocol/message write, as a client would: lists, quoted strings,
/// literals, NIL, numbers. Strict, so that malformed output fails a test.
namespace tidemark::protocol::message::testing {

struct ImapValue {
    enum class Kind { kNil, kString, kNumber, kList } kind = Kind::kNil;
    std::string text;  // of a string or number
    std::vector<ImapValue> items;

    [[nodiscard]] bool is_list() const { return kind == Kind::kList; }
    [[nodiscard]] bool is_nil() const { return kind == Kind::kNil; }
    [[nodiscard]] bool is_string() const { return kind == Kind::kString; }
    bool operator==(const ImapValue&) const = default;
};

/// The one value that `text` holds; nothing when it is malformed or something follows it.
std::optional<ImapValue> parse_imap_value(std::string_view text);

}  // namespace tidemark::protocol::message::testing
