#include "protocol/message/imap_text.hpp"

#include "protocol/message/ascii.hpp"

#include <fmt/format.h>

namespace tidemark::protocol::message {
namespace {

/// Clients with line buffers cope with quoted strings of this size; literals have no limit.
constexpr std::size_t kQuotedBytesMax = 1000;

void append_literal(std::string_view text, std::string& out) {
    fmt::format_to(std::back_inserter(out), "{{{}}}\r\n", text.size());
    out.append(text);
}

std::string replace_nul(std::string_view text) {
    std::string clean;
    for (const char c : text) {
        if (c == '\0') {
            clean.append("\xEF\xBF\xBD");
        } else {
            clean.push_back(c);
        }
    }
    return clean;
}

}  // namespace

void append_string(std::string_view text, std::string& out) {
    if (text.find('\0') != std::string_view::npos) {
        append_string(replace_nul(text), out);
        return;
    }
    if (text.size() > kQuotedBytesMax || ascii_prefix_size(text) != text.size() ||
        text.find_first_of("\r\n") != std::string_view::npos) {
        append_literal(text, out);
        return;
    }
    out.push_back('"');
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out.push_back('\\');
        }
        out.push_back(c);
    }
    out.push_back('"');
}

void append_nstring(const std::optional<std::string>& text, std::string& out) {
    if (text) {
        append_string(*text, out);
    } else {
        out.append("NIL");
    }
}

}  // namespace tidemark::protocol::message
