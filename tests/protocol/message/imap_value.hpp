#pragma once

#include <cctype>
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

/// Reads a string, number or NIL at `position`.
inline std::optional<ImapValue> parse_scalar(std::string_view text, std::size_t& position) {
    ImapValue value;
    if (text.substr(position).starts_with("NIL")) {
        position += 3;
        return value;
    }
    const char first = position < text.size() ? text[position] : '\0';
    if (first == '"') {
        value.kind = ImapValue::Kind::kString;
        for (++position; position < text.size() && text[position] != '"'; ++position) {
            if (text[position] == '\\') {
                ++position;
                if (position >= text.size() || (text[position] != '"' && text[position] != '\\')) {
                    return std::nullopt;
                }
            }
            const char c = text[position];
            if (c == '\r' || c == '\n' || c == '\0' || static_cast<unsigned char>(c) >= 0x80) {
                return std::nullopt;
            }
            value.text.push_back(c);
        }
        if (position >= text.size()) {
            return std::nullopt;
        }
        ++position;
        return value;
    }
    const bool is_literal = first == '{';
    position += is_literal ? 1 : 0;
    std::string digits;
    while (position < text.size() &&
           std::isdigit(static_cast<unsigned char>(text[position])) != 0) {
        digits.push_back(text[position++]);
    }
    if (digits.empty() || digits.size() > 12) {
        return std::nullopt;
    }
    if (!is_literal) {
        value.kind = ImapValue::Kind::kNumber;
        value.text = digits;
        return value;
    }
    const std::size_t size = std::stoull(digits);
    if (!text.substr(position).starts_with("}\r\n") || text.size() - position - 3 < size) {
        return std::nullopt;
    }
    value.kind = ImapValue::Kind::kString;
    value.text = text.substr(position + 3, size);
    if (value.text.find('\0') != std::string::npos) {
        return std::nullopt;
    }
    position += 3 + size;
    return value;
}

/// The one value that `text` holds; nothing when it is malformed or something follows it.
inline std::optional<ImapValue> parse_imap_value(std::string_view text) {
    // The open lists, outermost first; the bottom one collects the result.
    std::vector<ImapValue> open(1);
    bool needs_separator = false;
    std::size_t position = 0;
    while (position < text.size()) {
        const char c = text[position];
        if (c == ' ') {
            if (!needs_separator) {
                return std::nullopt;
            }
            needs_separator = false;
            if (++position == text.size() || text[position] == ')') {
                return std::nullopt;
            }
        } else if (c == '(') {
            // Only the parts of a multipart and addresses follow each other without a space.
            if (needs_separator && !open.back().items.back().is_list()) {
                return std::nullopt;
            }
            open.emplace_back().kind = ImapValue::Kind::kList;
            needs_separator = false;
            ++position;
        } else if (c == ')') {
            if (open.size() < 2 || open.back().items.empty()) {
                return std::nullopt;
            }
            ImapValue list = std::move(open.back());
            open.pop_back();
            open.back().items.push_back(std::move(list));
            needs_separator = true;
            ++position;
        } else {
            auto value = needs_separator ? std::nullopt : parse_scalar(text, position);
            if (!value) {
                return std::nullopt;
            }
            open.back().items.push_back(std::move(*value));
            needs_separator = true;
        }
    }
    if (open.size() != 1 || open.front().items.size() != 1) {
        return std::nullopt;
    }
    return std::move(open.front().items.front());
}

}  // namespace tidemark::protocol::message::testing
