#include "protocol/date.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

namespace tidemark::protocol {
namespace {

TEST_CASE("a date-time is read and written alike") {
    struct Row {
        const char* text;
        std::int64_t unix_seconds;
        int zone_minutes;
    };
    const Row rows[] = {
        {"17-Jul-1996 02:44:25 -0700", 837596665, -420},  // RFC 9051 §7.5.2
        {" 1-Jan-1970 00:00:00 +0000", 0, 0},
        {"31-Dec-1969 23:59:59 +0000", -1, 0},
        {" 1-Jan-1970 05:30:00 +0530", 0, 330},
        {"29-Feb-2000 12:00:00 +0000", 951825600, 0},
        {" 1-Mar-2100 00:00:00 +0000", 4107542400, 0},
        {"19-Jan-2038 03:14:08 +0000", 2147483648, 0},
        {"31-Dec-9999 23:59:59 +0000", 253402300799, 0},
        {" 1-Jan-0000 00:00:00 +0000", -62167219200, 0},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto time = parse_date_time(row.text);
        REQUIRE(time);
        CHECK(time->unix_seconds == row.unix_seconds);
        CHECK(time->zone_minutes == row.zone_minutes);
        CHECK(format_date_time(*time) == row.text);
    }
}

TEST_CASE("a date-time is accepted in forms that are not written") {
    CHECK(parse_date_time("01-jan-1970 00:00:00 +0000")->unix_seconds == 0);
    CHECK(parse_date_time("01-JAN-1970 00:00:00 -0000")->unix_seconds == 0);
    CHECK(parse_date_time("1-Jan-1970 00:00:00 +0000")->unix_seconds == 0);
    CHECK(format_date_time(*parse_date_time("31-Dec-2016 23:59:60 +0000")) ==
          "31-Dec-2016 23:59:59 +0000");
    // One second later would be a year that can not be written.
    CHECK(format_date_time(*parse_date_time("31-Dec-9999 23:59:60 -2359")) ==
          "31-Dec-9999 23:59:59 -2359");
}

TEST_CASE("text that is not a date-time is refused") {
    const char* texts[] = {
        "",
        "17-Jul-1996",
        "17-Jul-1996 02:44:25",
        "17-Jul-1996 02:44:25 0700 ",
        "17-Jul-1996 02:44:25 -070",
        "17-Jul-1996 02:44:25 -07000",
        "17-Jul-1996 24:44:25 -0700",
        "17-Jul-1996 02:60:25 -0700",
        "17-Jul-1996 02:44:61 -0700",
        "17-Jul-1996 02:44:25 -2400",
        "17-Jul-1996 02:44:25 -0760",
        "17-Jui-1996 02:44:25 -0700",
        "32-Jul-1996 02:44:25 -0700",
        "00-Jul-1996 02:44:25 -0700",
        " 0-Jul-1996 02:44:25 -0700",
        "30-Feb-2000 02:44:25 -0700",
        "29-Feb-1900 02:44:25 -0700",
        "17/Jul/1996 02:44:25 -0700",
        "17-Jul-1996 02.44.25 -0700",
        "17-Jul-1996 02:44:25 GMT+0",
        "17-Jul--996 02:44:25 -0700",
    };
    for (const auto* text : texts) {
        CAPTURE(text);
        CHECK_FALSE(parse_date_time(text));
    }
}

TEST_CASE("every part of a date-time is needed") {
    const std::string whole = "17-Jul-1996 02:44:25 -0700";
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        CAPTURE(cut);
        CHECK_FALSE(parse_date_time(whole.substr(0, cut)));
    }
    for (std::size_t i = 0; i < whole.size(); ++i) {
        auto changed = whole;
        changed[i] = '?';
        CAPTURE(changed);
        CHECK_FALSE(parse_date_time(changed));
    }
}

TEST_CASE("a search date is read and written alike") {
    CHECK(parse_date("1-Feb-1994")->days == 8797);
    CHECK(parse_date("01-FEB-1994")->days == 8797);
    CHECK(format_date({8797}) == "1-Feb-1994");
    CHECK(parse_date("1-Jan-1970")->days == 0);
    CHECK(parse_date("31-Dec-1969")->days == -1);
    for (const auto* text :
         {"", "1-Feb-94", "1-Feb-19945", "-1-Feb-1994", "a-Feb-1994", "30-Feb-1994", " 1-Feb-1994",
          "1-Feb-1994 ", "\"1-Feb-1994\"", "111-Feb-1994"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_date(text));
    }
}

TEST_CASE("days and civil dates convert both ways for every day of ten thousand years") {
    const auto first = days_from_civil({0, 1, 1});
    const auto last = days_from_civil({9999, 12, 31});
    CivilDate expected{0, 1, 1};
    for (auto days = first; days <= last; ++days) {
        const auto date = civil_from_days(days);
        if (date != expected || days_from_civil(date) != days) {
            FAIL("day " << days);
        }
        if (++expected.day > days_in_month(expected.year, expected.month)) {
            expected.day = 1;
            if (++expected.month > 12) {
                expected.month = 1;
                ++expected.year;
            }
        }
    }
}

TEST_CASE("the day of a time is the day in its own zone") {
    const auto time = parse_date_time("31-Dec-2020 23:30:00 -0100");
    CHECK(format_date(local_date(*time)) == "31-Dec-2020");
    CHECK(format_date(utc_date(time->unix_seconds)) == "1-Jan-2021");
}

TEST_CASE("a time out of range is written as the nearest year that has four digits") {
    CHECK(format_date_time({std::numeric_limits<std::int64_t>::max(), 0}) ==
          "31-Dec-9999 23:59:59 +0000");
    CHECK(format_date_time({std::numeric_limits<std::int64_t>::min(), 0}) ==
          " 1-Jan-0000 00:00:00 +0000");
    CHECK(format_date_time({0, 9999}) == " 1-Jan-1970 00:00:00 +0000");
}

}  // namespace
}  // namespace tidemark::protocol
