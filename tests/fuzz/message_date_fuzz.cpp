// Property: a text either is no date or has both an instant and a local day, at most 100 hours
// apart (the widest zone); both lie in the years 0 to 9999.

#include "protocol/message/message_date.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tidemark::protocol::message;
    const auto require = [](bool condition) {
        if (!condition) {
            std::abort();
        }
    };
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto seconds = parse_message_date(text);
    const auto day = parse_message_day(text);
    require(seconds.has_value() == day.has_value());
    if (seconds) {
        const std::int64_t apart = *seconds - std::int64_t{*day} * 86'400;
        require(apart > -100 * 3600 && apart < 124 * 3600);
        require(*day >= -719'528 && *day < 2'932'897);
    }
    return 0;
}
