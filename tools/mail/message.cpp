#include "tools/mail/message.hpp"

#include "protocol/mailbox_name.hpp"

#include <algorithm>

namespace tidemark::tools {

std::string to_crlf(std::string_view text) {
    std::string out;
    out.reserve(text.size() + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')));
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        if (end == std::string_view::npos) {
            out.append(text.substr(begin));
            break;
        }
        out.append(text.substr(begin, end - begin));
        out.append(end > begin && text[end - 1] == '\r' ? "\n" : "\r\n");
        begin = end + 1;
    }
    return out;
}

std::string to_lf(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find("\r\n", begin);
        out.append(text.substr(begin, end == std::string_view::npos ? end : end - begin));
        if (end == std::string_view::npos) break;
        out += '\n';
        begin = end + 2;
    }
    return out;
}

std::string clean_folder_name(std::string_view name) {
    std::string clean(name.substr(0, protocol::kMailboxComponentBytesMax));
    // Cutting may have split a character.
    while (!clean.empty() && clean.size() < name.size() && !protocol::is_valid_utf8(clean))
        clean.pop_back();
    const bool valid = protocol::is_valid_utf8(clean);
    for (char& c : clean) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || c == '/' || c == '*' || c == '%' ||
            (byte >= 0x80 && !valid))
            c = '_';
    }
    if (clean.empty()) return "_";
    // The controls that are not ASCII: C1 and Unicode's line separators.
    if (!protocol::MailboxName::from_utf8(clean)) {
        for (char& c : clean) {
            if (static_cast<unsigned char>(c) >= 0x80) c = '_';
        }
    }
    return clean;
}

}  // namespace tidemark::tools
