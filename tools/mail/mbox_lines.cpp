#include "tools/mail/mbox_lines.hpp"

#include "protocol/date.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <vector>

namespace tidemark::tools {

namespace {

constexpr std::string_view kFrom = "From ";
// Longer ones are text that only begins like one.
constexpr std::size_t kFromLineBytesMax = 1024;
constexpr std::array<const char*, 7> kWeekdays = {"Thu", "Fri", "Sat", "Sun",
                                                  "Mon", "Tue", "Wed"};  // from 1970-01-01
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> result;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find_first_of(" \t\r\n", begin), text.size());
        if (end > begin) result.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return result;
}

std::optional<unsigned> number(std::string_view text, unsigned max) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max)
        return std::nullopt;
    return value;
}

// "10:44" or "10:44:58"
std::optional<std::int64_t> seconds_of_day(std::string_view text) {
    if (text.size() != 5 && text.size() != 8) return std::nullopt;
    if (text[2] != ':' || (text.size() == 8 && text[5] != ':')) return std::nullopt;
    const auto hours = number(text.substr(0, 2), 23);
    const auto minutes = number(text.substr(3, 2), 59);
    const auto seconds = text.size() == 8 ? number(text.substr(6, 2), 60) : 0;
    if (!hours || !minutes || !seconds) return std::nullopt;
    return *hours * 3600 + *minutes * 60 + *seconds;
}

// "+0100" in seconds
std::optional<std::int64_t> zone_seconds(std::string_view text) {
    if (text.size() != 5 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    const auto hours = number(text.substr(1, 2), 23);
    const auto minutes = number(text.substr(3, 2), 59);
    if (!hours || !minutes) return std::nullopt;
    const std::int64_t seconds = *hours * 3600 + *minutes * 60;
    return text[0] == '-' ? -seconds : seconds;
}

bool same_letters(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

void read_mozilla_status(std::string_view value, MailFlags& flags) {
    unsigned bits = 0;
    const auto digits = words(value);
    if (digits.empty()) return;
    std::from_chars(digits[0].data(), digits[0].data() + digits[0].size(), bits, 16);
    flags.seen = flags.seen || (bits & 0x1u) != 0;
    flags.answered = flags.answered || (bits & 0x2u) != 0;
    flags.flagged = flags.flagged || (bits & 0x4u) != 0;
    flags.deleted = flags.deleted || (bits & 0x8u) != 0;
}

void read_keywords(std::string_view value, MailFlags& flags) {
    for (const std::string_view word : words(value)) {
        if (std::find(flags.keywords.begin(), flags.keywords.end(), word) == flags.keywords.end()) {
            flags.keywords.emplace_back(word);
        }
    }
}

}  // namespace

std::optional<std::int64_t> parse_from_line(std::string_view line) {
    if (!line.starts_with(kFrom) || line.size() > kFromLineBytesMax) return std::nullopt;
    // The sender may hold anything, spaces as well: the date is looked for from the first time of
    // day on.
    const auto parts = words(line.substr(kFrom.size()));
    for (std::size_t i = 2; i < parts.size(); ++i) {
        const auto time = seconds_of_day(parts[i]);
        const auto day = number(parts[i - 1], 31);
        const auto month = protocol::parse_month(parts[i - 2]);
        if (!time || !day || *day == 0 || !month) continue;
        std::optional<unsigned> year;
        std::int64_t zone = 0;
        // The year, with a zone (a name or an offset) before or behind it.
        for (std::size_t j = i + 1; j < std::min(parts.size(), i + 4); ++j) {
            if (const auto offset = zone_seconds(parts[j])) {
                zone = *offset;
            } else if (parts[j].size() == 4 && !year) {
                year = number(parts[j], 9999);
            }
        }
        if (!year || *day > protocol::days_in_month(static_cast<std::int32_t>(*year), *month + 1))
            continue;
        const std::int64_t days = protocol::days_from_civil({static_cast<std::int32_t>(*year),
                                                             static_cast<std::uint8_t>(*month + 1),
                                                             static_cast<std::uint8_t>(*day)});
        return days * 86'400 + *time - zone;
    }
    return std::nullopt;
}

std::string format_from_line(std::int64_t unix_seconds) {
    // asctime has four digits for the year, so that the line stays one that is recognised.
    const std::int64_t seconds = std::clamp<std::int64_t>(unix_seconds, 0, 253'402'300'799);
    const std::int64_t days = seconds / 86'400;
    const auto date = protocol::civil_from_days(days);
    const std::int64_t rest = seconds % 86'400;
    return fmt::format("From MAILER-DAEMON {} {} {:2} {:02}:{:02}:{:02} {:04}",
                       kWeekdays[static_cast<std::size_t>(days % 7)], kMonths[date.month - 1u],
                       date.day, rest / 3600, rest / 60 % 60, rest % 60, date.year);
}

bool needs_quote(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of('>'), line.size()));
    return line.starts_with(kFrom);
}

bool is_quoted(std::string_view line) {
    return line.starts_with('>') && needs_quote(line);
}

bool take_flag_field(std::string_view line, MailFlags& flags) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon > 20) return false;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 1);
    const auto has = [&](char letter) { return value.find(letter) != std::string_view::npos; };
    if (same_letters(name, "Status")) {
        flags.seen = flags.seen || has('R');
    } else if (same_letters(name, "X-Status")) {
        flags.answered = flags.answered || has('A');
        flags.flagged = flags.flagged || has('F');
        flags.deleted = flags.deleted || has('D');
        flags.draft = flags.draft || has('T');
    } else if (same_letters(name, "X-Keywords") || same_letters(name, "X-Mozilla-Keys")) {
        read_keywords(value, flags);
    } else if (same_letters(name, "X-Mozilla-Status")) {
        read_mozilla_status(value, flags);
    } else {
        return same_letters(name, "X-Mozilla-Status2") || same_letters(name, "X-UID") ||
               same_letters(name, "X-IMAPbase");
    }
    return true;
}

std::string flag_fields(const MailFlags& flags) {
    std::string fields = flags.seen ? "Status: RO\n" : "Status: O\n";
    std::string letters;
    if (flags.answered) letters += 'A';
    if (flags.deleted) letters += 'D';
    if (flags.flagged) letters += 'F';
    if (flags.draft) letters += 'T';
    if (!letters.empty()) fields += fmt::format("X-Status: {}\n", letters);
    if (!flags.keywords.empty())
        fields += fmt::format("X-Keywords: {}\n", fmt::join(flags.keywords, " "));
    return fields;
}

}  // namespace tidemark::tools
