// Property: a date or date-time that parses is written back as text that parses to the same value,
// and the canonical text is a fixed point. Any DateTime, however wild, can be written.

#include "protocol/date.hpp"

#include <cstdlib>
#include <cstring>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tidemark::protocol;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto require = [](bool condition) {
        if (!condition) {
            std::abort();
        }
    };
    if (const auto time = parse_date_time(text)) {
        const auto written = format_date_time(*time);
        require(parse_date_time(written) == time);
        require(format_date_time(*parse_date_time(written)) == written);
        require(local_date(*time).days ==
                parse_date(std::string_view(written).substr(written[0] == ' ' ? 1 : 0,
                                                            written[0] == ' ' ? 10 : 11))
                    ->days);
    }
    if (const auto date = parse_date(text)) {
        require(parse_date(format_date(*date)) == date);
        require(days_from_civil(civil_from_days(date->days)) == date->days);
    }
    if (size >= sizeof(std::int64_t) + sizeof(std::int16_t)) {
        DateTime any;
        std::memcpy(&any.unix_seconds, data, sizeof any.unix_seconds);
        std::memcpy(&any.zone_minutes, data + sizeof any.unix_seconds, sizeof any.zone_minutes);
        require(parse_date_time(format_date_time(any)).has_value());
        static_cast<void>(local_date(any));
    }
    return 0;
}
