#include "protocol/date.hpp"

#include "protocol/ascii.hpp"

#include <algorithm>
#include <array>

namespace tidemark::protocol {
namespace {

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kFirstSecond = days_from_civil({0, 1, 1}) * kSecondsPerDay;
constexpr std::int64_t kLastSecond = (days_from_civil({9999, 12, 31}) + 1) * kSecondsPerDay - 1;

// `count` digits at `at`; the caller has checked that they are inside.
std::optional<unsigned> digits(std::string_view text, std::size_t at, std::size_t count) {
    unsigned value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (!is_digit(text[i])) {
            return std::nullopt;
        }
        value = value * 10 + static_cast<unsigned>(text[i] - '0');
    }
    return value;
}

char* put_digits(char* out, unsigned value, unsigned count) {
    for (unsigned i = count; i > 0; --i) {
        out[i - 1] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

constexpr std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
    return value / by - (value % by < 0 ? 1 : 0);
}

// "-Mon-yyyy" from `at` on, with a day that was read before it.
std::optional<CivilDate> month_and_year(std::string_view text, std::size_t at, unsigned day) {
    if (text[at] != '-' || text[at + 4] != '-') {
        return std::nullopt;
    }
    const auto month = parse_month(text.substr(at + 1, 3));
    const auto year = digits(text, at + 5, 4);
    if (!month || !year || day == 0 ||
        day > days_in_month(static_cast<std::int32_t>(*year), *month + 1)) {
        return std::nullopt;
    }
    return CivilDate{static_cast<std::int32_t>(*year), static_cast<std::uint8_t>(*month + 1),
                     static_cast<std::uint8_t>(day)};
}

// "hh:mm:ss" as seconds of the day
std::optional<unsigned> time_of_day(std::string_view text) {
    const auto hour = digits(text, 0, 2);
    const auto minute = digits(text, 3, 2);
    const auto second = digits(text, 6, 2);
    if (!hour || !minute || !second || text[2] != ':' || text[5] != ':' || *hour > 23 ||
        *minute > 59 || *second > 60) {
        return std::nullopt;
    }
    return *hour * 3600 + *minute * 60 + std::min(*second, 59U);
}

// "+hhmm" as minutes
std::optional<int> zone_of(std::string_view text) {
    const auto hours = digits(text, 1, 2);
    const auto minutes = digits(text, 3, 2);
    if (!hours || !minutes || (text[0] != '+' && text[0] != '-') || *hours > 23 || *minutes > 59) {
        return std::nullopt;
    }
    const int total = static_cast<int>(*hours * 60 + *minutes);
    return text[0] == '-' ? -total : total;
}

int checked_zone(DateTime time) {
    return time.zone_minutes > -24 * 60 && time.zone_minutes < 24 * 60 ? time.zone_minutes : 0;
}

// Seconds since 1970-01-01 00:00 in the time's own zone, in the years that can be written.
std::int64_t local_seconds(DateTime time) {
    // The first clamp only keeps the sum from overflowing: a time of year 9999 in its zone may be
    // of 10000 in UTC.
    const auto near =
        std::clamp(time.unix_seconds, kFirstSecond - kSecondsPerDay, kLastSecond + kSecondsPerDay);
    return std::clamp(near + checked_zone(time) * 60, kFirstSecond, kLastSecond);
}

}  // namespace

std::optional<unsigned> parse_month(std::string_view text) {
    if (text.size() != 3) {
        return std::nullopt;
    }
    const auto lower = [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); };
    for (unsigned month = 0; month < 12; ++month) {
        const auto name = kMonths.substr(month * 3, 3);
        if (std::equal(name.begin(), name.end(), text.begin(),
                       [&](char a, char b) { return lower(a) == lower(b); })) {
            return month;
        }
    }
    return std::nullopt;
}

Date local_date(DateTime time) {
    return {static_cast<std::int32_t>(floor_divide(local_seconds(time), kSecondsPerDay))};
}

Date utc_date(std::int64_t unix_seconds) {
    const auto bounded = std::clamp(unix_seconds, kFirstSecond, kLastSecond);
    return {static_cast<std::int32_t>(floor_divide(bounded, kSecondsPerDay))};
}

// date-time       = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
// date-day-fixed  = (SP DIGIT) / 2DIGIT
// deviation: a day of one digit may come without its space, as some clients send it.
std::optional<DateTime> parse_date_time(std::string_view given) {
    std::array<char, kDateTimeBytes> padded{' '};
    std::string_view text = given;
    if (given.size() == kDateTimeBytes - 1) {
        std::ranges::copy(given, padded.begin() + 1);
        text = {padded.data(), padded.size()};
    }
    if (text.size() != kDateTimeBytes || text[11] != ' ' || text[20] != ' ') {
        return std::nullopt;
    }
    const auto day = text[0] == ' ' ? digits(text, 1, 1) : digits(text, 0, 2);
    if (!day) {
        return std::nullopt;
    }
    const auto date = month_and_year(text, 2, *day);
    const auto seconds = time_of_day(text.substr(12, 8));
    const auto zone = zone_of(text.substr(21, 5));
    if (!date || !seconds || !zone) {
        return std::nullopt;
    }
    return DateTime{days_from_civil(*date) * kSecondsPerDay + *seconds - std::int64_t{*zone} * 60,
                    static_cast<std::int16_t>(*zone)};
}

// date-text       = date-day "-" date-month "-" date-year
// date-day        = 1*2DIGIT
std::optional<Date> parse_date(std::string_view text) {
    if (text.size() != 10 && text.size() != 11) {
        return std::nullopt;
    }
    const std::size_t day_digits = text.size() - 9;
    const auto day = digits(text, 0, day_digits);
    if (!day) {
        return std::nullopt;
    }
    const auto date = month_and_year(text, day_digits, *day);
    if (!date) {
        return std::nullopt;
    }
    return Date{static_cast<std::int32_t>(days_from_civil(*date))};
}

char* write_date_time(char* out, DateTime time) {
    const int zone = checked_zone(time);
    const auto local = local_seconds(time);
    const auto days = floor_divide(local, kSecondsPerDay);
    const auto seconds = static_cast<unsigned>(local - days * kSecondsPerDay);
    const CivilDate date = civil_from_days(days);

    out = put_digits(out, date.day, 2);
    if (date.day < 10) {
        out[-2] = ' ';
    }
    *out++ = '-';
    out = std::copy_n(kMonths.data() + (date.month - 1) * 3, 3, out);
    *out++ = '-';
    out = put_digits(out, static_cast<unsigned>(date.year), 4);
    *out++ = ' ';
    out = put_digits(out, seconds / 3600, 2);
    *out++ = ':';
    out = put_digits(out, seconds / 60 % 60, 2);
    *out++ = ':';
    out = put_digits(out, seconds % 60, 2);
    *out++ = ' ';
    *out++ = zone < 0 ? '-' : '+';
    const auto offset = static_cast<unsigned>(zone < 0 ? -zone : zone);
    out = put_digits(out, offset / 60, 2);
    return put_digits(out, offset % 60, 2);
}

std::string format_date_time(DateTime time) {
    std::array<char, kDateTimeBytes> text;
    write_date_time(text.data(), time);
    return {text.data(), text.size()};
}

std::string format_date(Date date) {
    const CivilDate civil = civil_from_days(date.days);
    std::string out = std::to_string(civil.day);
    out += '-';
    out += kMonths.substr((civil.month - 1U) * 3, 3);
    out += '-';
    std::array<char, 4> year;
    put_digits(year.data(), static_cast<unsigned>(std::clamp(civil.year, 0, 9999)), 4);
    out.append(year.data(), year.size());
    return out;
}

}  // namespace tidemark::protocol
