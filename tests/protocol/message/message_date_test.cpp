#include "protocol/message/message_date.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol::message {

TEST_CASE("dates of RFC 5322 and of real mail are read") {
    const struct {
        std::string_view text;
        std::int64_t seconds;
    } cases[] = {
        {"Thu, 1 Jan 1970 00:00:00 +0000", 0},
        {"Fri, 21 Nov 1997 09:55:06 -0600", 880127706},
        {" Tue, 1 Jul 2003 10:52:37 +0200", 1057049557},
        {"Thu, 13 Feb 1969 23:32:54 -0330", -27723426},
        {"21 Nov 97 09:55:06 GMT", 880106106},
        {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706},
        {"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n"
         "               -0330 (Newfoundland Time)",
         -27723480},
        {"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", 837595405},
        {"17 Jul 96 02:23 PDT", 837595380},
        {"Mon Jan  5 10:00:00 2004", 1073296800},
        {"Mon, Jan 5 10:00:00 EST 2004", 1073314800},
        {"5-Jan-2004 10:00:00", 1073296800},
        {"Wed 29 May 2019 06:09:22 PM EDT", 1559167762},
        {"1 Jan 2020 12:00:00 AM", 1577836800},
        {"Mon, 5 January 2004", 1073260800},
        {"31 Dec 2016 23:59:60 +0000", 1483228800},
        {"29 Feb 2000 00:00:00 Z", 951782400},
        {"1 Jan 103 00:00", 1041379200},
        {"1 Jan 49 00:00", 2493072000},
        {"1 Jan 50 00:00", -631152000},
    };
    for (const auto& item : cases) {
        CAPTURE(item.text);
        CHECK(parse_message_date(item.text) == item.seconds);
    }
}

TEST_CASE("what is no date is none") {
    for (const std::string_view text :
         {"", "<HR>", "yesterday", "32 Jan 2020 00:00", "30 Feb 2020 00:00", "29 Feb 2019 00:00",
          "1 Foo 2020 00:00", "1 Jan 2020 24:00", "1 Jan 2020 10:60", "0 Jan 2020", "1 Jan",
          "99999999999 Jan 2020", "1 Jan 20200"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_message_date(text));
        CHECK_FALSE(parse_message_day(text));
    }
}

TEST_CASE("the day is the local one") {
    CHECK(parse_message_day("1 Jan 1970 23:59:59 -1200") == 0);
    CHECK(parse_message_day("31 Dec 1969 23:59:59 +1200") == -1);
}

TEST_CASE("a date cut anywhere is read or not, and nothing else") {
    const std::string text = "Fri, 21 Nov 1997 09:55:06 -0600 (x)";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        CAPTURE(size);
        CHECK(parse_message_date(text.substr(0, size)).has_value() == (size >= 13));
    }
}

}  // namespace tidemark::protocol::message
