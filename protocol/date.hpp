#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::protocol {

// Dates and times as IMAP writes them. Proleptic Gregorian calendar, years 0 to 9999, no clock and
// no time zone names: a zone is an offset.

struct CivilDate {
    std::int32_t year = 1970;
    std::uint8_t month = 1;  // 1..12
    std::uint8_t day = 1;    // 1..31
    friend bool operator==(const CivilDate&, const CivilDate&) = default;
};

// A point in time together with the offset in which it was written.
struct DateTime {
    std::int64_t unix_seconds = 0;
    std::int16_t zone_minutes = 0;  // east of UTC
    friend bool operator==(const DateTime&, const DateTime&) = default;
};

// A calendar day as search keys name it: days since 1970-01-01, without a zone.
struct Date {
    std::int32_t days = 0;
    friend auto operator<=>(const Date&, const Date&) = default;
};

constexpr bool is_leap_year(std::int32_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// month 1..12
constexpr std::uint8_t days_in_month(std::int32_t year, unsigned month) {
    constexpr std::uint8_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : kDays[month - 1];
}

// Days since 1970-01-01. The year is counted from March, so that the leap day is its last; 400
// years are one era of 146,097 days.
constexpr std::int64_t days_from_civil(CivilDate date) {
    const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t month_from_march = (date.month + 9) % 12;
    const std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    const std::int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146'097 + day_of_era - 719'468;
}

constexpr CivilDate civil_from_days(std::int64_t days) {
    const std::int64_t shifted = days + 719'468;
    const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
    const std::int64_t day_of_era = shifted - era * 146'097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
    const std::int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    const std::int64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
    return {static_cast<std::int32_t>(year), static_cast<std::uint8_t>(month),
            static_cast<std::uint8_t>(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
}

// 0..11 for "Jan".."Dec" in any case (RFC 9051 §9 "date-month"), nothing for other text.
std::optional<unsigned> parse_month(std::string_view text);

// The day on which the time falls in its own zone: what BEFORE, ON and SINCE compare (RFC 9051
// §6.4.4: "disregarding time and timezone").
Date local_date(DateTime time);
// The same in UTC.
Date utc_date(std::int64_t unix_seconds);

// RFC 9051 §9 "date-time" without its quotes: "dd-Mon-yyyy hh:mm:ss +zzzz", a space or a digit
// first. A leap second is taken
// as the one before it.
std::optional<DateTime> parse_date_time(std::string_view text);

// RFC 9051 §9 "date-text": "d-Mon-yyyy" or "dd-Mon-yyyy", without quotes.
std::optional<Date> parse_date(std::string_view text);

inline constexpr std::size_t kDateTimeBytes = 26;

// Writes exactly kDateTimeBytes (no quotes) and returns the end. A time that is not in the years 0
// to 9999 is written as the nearest one that is; a zone outside of +-23:59 is written as +0000.
char* write_date_time(char* out, DateTime time);
std::string format_date_time(DateTime time);

// "1-Feb-1994"
std::string format_date(Date date);

}  // namespace tidemark::protocol
