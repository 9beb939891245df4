// Property: decoded header text is valid UTF-8 (making it valid again changes nothing), whatever
// the words hold; text without "=?" is only unfolded; the base subject and the sort key of any
// text are valid UTF-8 too; a text that is found in another by search is found in the pieces also.

#include "protocol/charset.hpp"
#include "protocol/message/base_subject.hpp"
#include "protocol/message/casemap.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/header_words.hpp"
#include "protocol/message/substring_matcher.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tidemark::protocol;
    using namespace tidemark::protocol::message;
    const auto require = [](bool condition) {
        if (!condition) {
            std::abort();
        }
    };
    const auto valid = [](std::string_view text) {
        std::string out;
        append_valid_utf8(text, out);
        return out;
    };
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string decoded = decode_header_text(text);
    require(valid(decoded) == decoded);
    if (text.find("=?") == std::string_view::npos) {
        require(decoded == valid(unfold(text)));
    }
    const BaseSubject subject = base_subject(text);
    require(valid(subject.text) == subject.text);
    const std::string key = casemapped(decoded);
    require(valid(key) == key);
    require(casemapped(key) == key);

    // A piece of whole characters.
    const auto boundary = [&decoded](std::size_t place) {
        while (place < decoded.size() &&
               (static_cast<unsigned char>(decoded[place]) & 0xC0) == 0x80) {
            ++place;
        }
        return std::min(place, decoded.size());
    };
    const std::size_t begin = boundary(size > 0 ? data[0] % (decoded.size() + 1) : 0);
    const SubstringMatcher matcher(decoded.substr(begin, boundary(begin + 5) - begin));
    require(matcher.matches(decoded));
    SubstringMatcher::Scan scan(matcher);
    for (const char c : decoded) {
        scan.feed(std::string_view(&c, 1));
    }
    require(scan.finish());
    return 0;
}
