#include "protocol/message/message_date.hpp"

#include "protocol/message/ascii.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/structured_field.hpp"

#include <array>
#include <cstddef>

namespace tidemark::protocol::message {
namespace {

constexpr std::int64_t kSecondsOfDay = 86'400;

struct DateTime {
    int year = 0;
    int month = 0;  // 1 to 12
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int zone_seconds = 0;
};

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};

/// RFC 5322 §4.3 obs-zone. Military letters and unknown names mean UTC ("-0000").
struct ZoneName {
    std::string_view name;
    int hours;
};
constexpr std::array<ZoneName, 14> kZones{{{"est", -5},
                                           {"edt", -4},
                                           {"cst", -6},
                                           {"cdt", -5},
                                           {"mst", -7},
                                           {"mdt", -6},
                                           {"pst", -8},
                                           {"pdt", -7},
                                           {"bst", 1},
                                           {"cet", 1},
                                           {"cest", 2},
                                           {"eet", 2},
                                           {"msk", 3},
                                           {"jst", 9}}};

/// Days from 1970-01-01 to a date of the Gregorian calendar; years are counted from March, so that
/// the leap day is the last of its year.
std::int64_t days_from_civil(int year, int month, int day) {
    const int shifted = month <= 2 ? year - 1 : year;
    const int era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    const int year_of_era = shifted - era * 400;
    const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return std::int64_t{era} * 146'097 + day_of_era - 719'468;
}

bool is_leap_year(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_in_month(int year, int month) {
    constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

class DateParser {
  public:
    explicit DateParser(std::string_view text) : cursor_(text) {}

    std::optional<DateTime> run();

  private:
    bool date();
    bool day_month_year();
    bool month_day();
    void time();
    void zone();
    bool year();
    bool month();
    void separators();
    std::string_view word();
    bool number(std::size_t digits_max, int& value);

    FieldCursor cursor_;
    DateTime result_;
    std::size_t digits_ = 0;  // of the last number
};

/// White space, comments and the punctuation that mail puts between the fields.
void DateParser::separators() {
    cursor_.skip_cfws();
    while (cursor_.peek() == ',' || cursor_.peek() == '.') {
        cursor_.advance();
        cursor_.skip_cfws();
    }
}

std::string_view DateParser::word() {
    separators();
    return cursor_.letters();
}

bool DateParser::number(std::size_t digits_max, int& value) {
    value = 0;
    digits_ = 0;
    while (is_digit(cursor_.peek()) && digits_ < digits_max) {
        value = value * 10 + (cursor_.peek() - '0');
        cursor_.advance();
        ++digits_;
    }
    return digits_ > 0 && !is_digit(cursor_.peek());
}

bool DateParser::month() {
    const std::string_view name = word().substr(0, 3);
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
        if (equals_ignoring_case(name, kMonths[i])) {
            result_.month = static_cast<int>(i) + 1;
            return true;
        }
    }
    return false;
}

/// RFC 5322 §4.3 obs-year: two digits are 1950 to 2049, three are counted from 1900.
bool DateParser::year() {
    separators();
    if (!number(4, result_.year)) {
        return false;
    }
    if (digits_ <= 2) {
        result_.year += result_.year < 50 ? 2000 : 1900;
    } else if (digits_ == 3) {
        result_.year += 1900;
    }
    return true;
}

/// date = day month year, also as "17-Jan-1996"
bool DateParser::day_month_year() {
    if (!number(2, result_.day)) {
        return false;
    }
    separators();
    static_cast<void>(cursor_.skip('-'));
    if (!month()) {
        return false;
    }
    separators();
    static_cast<void>(cursor_.skip('-'));
    return year();
}

/// The date with its optional day-name; "Mon Jan  1 10:00:00 2020", as ctime(3) prints it, has the
/// year at the end.
bool DateParser::date() {
    separators();
    if (is_digit(cursor_.peek())) {
        return day_month_year();
    }
    const FieldCursor begin = cursor_;
    if (!month()) {
        cursor_ = begin;
        static_cast<void>(word());
        separators();
        if (is_digit(cursor_.peek())) {
            return day_month_year();
        }
        if (!month()) {
            return false;
        }
    }
    return month_day();
}

bool DateParser::month_day() {
    separators();
    if (!number(2, result_.day)) {
        return false;
    }
    separators();
    time();
    zone();
    return year();
}

/// time-of-day = hour ":" minute [ ":" second ]; a date without a time is midnight.
void DateParser::time() {
    separators();
    int hour = 0;
    const FieldCursor begin = cursor_;
    const bool has_hour = number(2, hour);
    cursor_.skip_cfws();
    if (!has_hour || (cursor_.peek() != ':' && cursor_.peek() != '.')) {
        cursor_ = begin;
        return;
    }
    result_.hour = hour;
    cursor_.advance();
    cursor_.skip_cfws();
    static_cast<void>(number(2, result_.minute));
    cursor_.skip_cfws();
    if (cursor_.peek() == ':' || cursor_.peek() == '.') {
        cursor_.advance();
        cursor_.skip_cfws();
        static_cast<void>(number(2, result_.second));
    }
}

/// zone = ( "+" / "-" ) 4DIGIT / obs-zone
void DateParser::zone() {
    cursor_.skip_cfws();
    if (is_alpha(cursor_.peek())) {
        std::string_view name = cursor_.letters();
        const bool is_afternoon = equals_ignoring_case(name, "pm");
        if (is_afternoon || equals_ignoring_case(name, "am")) {
            result_.hour = result_.hour % 12 + (is_afternoon ? 12 : 0);
            cursor_.skip_cfws();
            name = cursor_.letters();
        }
        for (const ZoneName& known : kZones) {
            if (equals_ignoring_case(name, known.name)) {
                result_.zone_seconds = known.hours * 3600;
            }
        }
        cursor_.skip_cfws();
    }
    const char sign = cursor_.peek();
    if (sign != '+' && sign != '-') {
        return;
    }
    cursor_.advance();
    int value = 0;
    if (!number(4, value)) {
        return;
    }
    const bool is_hours_only = digits_ <= 2;
    const int hours = is_hours_only ? value : value / 100;
    const int minutes = is_hours_only ? 0 : value % 100;
    // RFC 5322 §3.3 allows -9959 to +9959; nothing real is past 15 hours.
    if (hours <= 99 && minutes < 60) {
        result_.zone_seconds = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    }
}

std::optional<DateTime> DateParser::run() {
    if (!date()) {
        return std::nullopt;
    }
    time();
    zone();
    // A leap second counts as the second after it.
    const bool is_valid = result_.day >= 1 &&
                          result_.day <= days_in_month(result_.year, result_.month) &&
                          result_.hour < 24 && result_.minute < 60 && result_.second <= 60;
    return is_valid ? std::optional(result_) : std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_message_date(std::string_view value) {
    const auto date = DateParser(value).run();
    if (!date) {
        return std::nullopt;
    }
    return days_from_civil(date->year, date->month, date->day) * kSecondsOfDay + date->hour * 3600 +
           date->minute * 60 + date->second - date->zone_seconds;
}

std::optional<std::int32_t> parse_message_day(std::string_view value) {
    const auto date = DateParser(value).run();
    if (!date) {
        return std::nullopt;
    }
    return static_cast<std::int32_t>(days_from_civil(date->year, date->month, date->day));
}

}  // namespace tidemark::protocol::message
