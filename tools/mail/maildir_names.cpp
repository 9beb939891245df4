#include "tools/mail/maildir_names.hpp"

#include "protocol/mailbox_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace tidemark::tools {

namespace {

constexpr std::size_t kKeywordLetters = 26;
constexpr std::string_view kForwarded = "$Forwarded";
constexpr std::string_view kEncodedDot = "&AC4-";

void add_keyword(MailFlags& flags, std::string_view keyword) {
    if (keyword.empty()) return;
    if (std::find(flags.keywords.begin(), flags.keywords.end(), keyword) == flags.keywords.end()) {
        flags.keywords.emplace_back(keyword);
    }
}

std::string replace_all(const std::string& text, std::string_view from, std::string_view to) {
    std::string out;
    std::size_t begin = 0;
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, begin)) {
        out.append(text, begin, at - begin).append(to);
        begin = at + from.size();
    }
    return out.append(text, begin);
}

std::string level_name(std::string_view encoded) {
    const auto decoded = protocol::decode_modified_utf7(encoded);
    if (decoded) return clean_folder_name(*decoded);
    // A dot that had to be encoded is the one thing in a name that a strict decoder refuses on
    // purpose.
    const auto with_dots =
        protocol::decode_modified_utf7(replace_all(std::string(encoded), kEncodedDot, "."));
    return clean_folder_name(with_dots ? *with_dots : std::string(encoded));
}

}  // namespace

MaildirName split_maildir_name(std::string_view name) {
    for (const std::string_view mark : {":2,", ";2,", "!2,"}) {
        const std::size_t at = name.rfind(mark);
        if (at != std::string_view::npos && at > 0)
            return {name.substr(0, at), name.substr(at + mark.size())};
    }
    // ":1," is experimental info that nobody ever defined; it is not part of the base name.
    const std::size_t colon = name.find(':');
    return {name.substr(0, colon), {}};
}

std::optional<std::int64_t> maildir_name_time(std::string_view name) {
    // From 2001 on to the year 2286: ten digits. Fewer digits are counters of other programs.
    constexpr std::size_t kDigits = 10;
    std::int64_t seconds = 0;
    const std::string_view start = name.substr(0, kDigits);
    const char* const begin = start.begin();
    const auto [end, error] = std::from_chars(begin, begin + start.size(), seconds);
    const auto digits = static_cast<std::size_t>(end - begin);
    if (error != std::errc{} || seconds <= 0 || digits != kDigits) return std::nullopt;
    if (name.size() <= digits || (name[digits] != '.' && name[digits] != '_')) return std::nullopt;
    return seconds;
}

std::vector<std::string> parse_keyword_file(std::string_view text) {
    std::vector<std::string> keywords;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        std::size_t index = 0;
        const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), index);
        line.remove_prefix(static_cast<std::size_t>(stop - line.data()));
        if (error != std::errc{} || index >= kKeywordLetters || line.size() < 2 ||
            line.front() != ' ')
            continue;
        line.remove_prefix(1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (keywords.size() <= index) keywords.resize(index + 1);
        keywords[index] = line;
    }
    return keywords;
}

std::string write_keyword_file(const std::vector<std::string>& keywords) {
    std::string text;
    for (std::size_t i = 0; i < keywords.size(); ++i)
        text += fmt::format("{} {}\n", i, keywords[i]);
    return text;
}

MailFlags maildir_flags(std::string_view letters, const std::vector<std::string>& keywords) {
    MailFlags flags;
    for (const char letter : letters) {
        switch (letter) {
            case 'D':
                flags.draft = true;
                break;
            case 'F':
                flags.flagged = true;
                break;
            case 'P':
                add_keyword(flags, kForwarded);
                break;
            case 'R':
                flags.answered = true;
                break;
            case 'S':
                flags.seen = true;
                break;
            case 'T':
                flags.deleted = true;
                break;
            default:
                if (letter < 'a' || letter > 'z') break;
                if (const auto index = static_cast<std::size_t>(letter - 'a');
                    index < keywords.size()) {
                    add_keyword(flags, keywords[index]);
                }
        }
    }
    return flags;
}

std::string maildir_letters(const MailFlags& flags, std::vector<std::string>& keywords) {
    std::string letters;
    if (flags.draft) letters += 'D';
    if (flags.flagged) letters += 'F';
    if (flags.answered) letters += 'R';
    if (flags.seen) letters += 'S';
    if (flags.deleted) letters += 'T';
    for (const std::string& keyword : flags.keywords) {
        if (keyword == kForwarded) {
            letters += 'P';
            continue;
        }
        auto known = std::find(keywords.begin(), keywords.end(), keyword);
        if (known == keywords.end()) {
            if (keywords.size() == kKeywordLetters) continue;
            known = keywords.insert(keywords.end(), keyword);
        }
        letters += static_cast<char>('a' + std::distance(keywords.begin(), known));
    }
    std::sort(letters.begin(), letters.end());
    return letters;
}

std::optional<std::vector<std::string>> folder_of_directory(std::string_view directory) {
    if (directory.size() < 2 || directory.front() != '.' || directory == "..") return std::nullopt;
    std::vector<std::string> folder;
    for (std::string_view rest = directory.substr(1); !rest.empty();) {
        const std::size_t dot = std::min(rest.find('.'), rest.size());
        if (dot > 0) folder.push_back(level_name(rest.substr(0, dot)));
        rest.remove_prefix(std::min(dot + 1, rest.size()));
    }
    if (folder.empty()) return std::nullopt;
    return folder;
}

std::string directory_of_folder(const std::vector<std::string>& folder) {
    std::string directory;
    for (const std::string& level : folder) {
        directory += '.';
        directory += replace_all(protocol::encode_modified_utf7(level), ".", kEncodedDot);
    }
    return directory;
}

}  // namespace tidemark::tools
