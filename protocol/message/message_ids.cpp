#include "protocol/message/message_ids.hpp"

#include "protocol/message/ascii.hpp"
#include "protocol/message/limits.hpp"

namespace tidemark::protocol::message {
namespace {

std::string normalised(std::string_view text) {
    std::string id;
    bool in_quotes = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') {
            in_quotes = !in_quotes;
        } else if (c == '\\' && in_quotes && i + 1 < text.size()) {
            id.push_back(text[++i]);
        } else if (in_quotes || (!is_blank(c) && !is_line_break(c))) {
            id.push_back(c);
        }
    }
    return id;
}

}  // namespace

std::vector<std::string> parse_message_ids(std::string_view value) {
    std::vector<std::string> ids;
    std::size_t position = 0;
    while ((position = value.find('<', position)) != std::string_view::npos) {
        const std::size_t end = value.find_first_of("<>", position + 1);
        if (end == std::string_view::npos) {
            break;
        }
        const std::string_view text = value.substr(position + 1, end - position - 1);
        position = end;
        if (value[end] != '>' || text.size() > kMessageIdBytesMax) {
            continue;
        }
        std::string id = normalised(text);
        const std::size_t at = id.find('@');
        if (at == std::string::npos || at == 0 || at + 1 == id.size()) {
            continue;
        }
        ids.push_back(std::move(id));
        if (ids.size() >= 2 * kReferencesMax) {
            // Drops all but the first and the nearest, seldom enough to stay linear.
            ids.erase(ids.begin() + 1, ids.end() - (kReferencesMax - 1));
        }
    }
    if (ids.size() > kReferencesMax) {
        ids.erase(ids.begin() + 1, ids.end() - (kReferencesMax - 1));
    }
    return ids;
}

}  // namespace tidemark::protocol::message
