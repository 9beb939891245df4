#include "protocol/base64.hpp"

#include <doctest/doctest.h>

#include <random>

using tidemark::protocol::base64_decode;
using tidemark::protocol::base64_encode;

TEST_CASE("base64 gives the examples of RFC 4648 in both directions") {
    const std::pair<std::string_view, std::string_view> examples[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (const auto& [bytes, text] : examples) {
        CAPTURE(text);
        CHECK(base64_encode(bytes) == text);
        CHECK(base64_decode(text) == bytes);
    }
}

TEST_CASE("base64 that has a second spelling is refused") {
    for (const std::string_view text :
         {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8=Zm8=", "=", "==", "====", "Zm9v\r\n",
          "Zm 9v", "Zm9-", "Zm9_", "Zg=A", "Z===", "Zm9vZg"}) {
        CAPTURE(text);
        CHECK_FALSE(base64_decode(text).has_value());
    }
}

TEST_CASE("base64 of any bytes decodes to them") {
    constexpr unsigned kSeed = 4648;
    CAPTURE(kSeed);
    std::mt19937 random(kSeed);
    for (std::size_t length = 0; length < 300; ++length) {
        std::string bytes(length, '\0');
        for (char& c : bytes) c = static_cast<char>(random());
        CHECK(base64_decode(base64_encode(bytes)) == bytes);
    }
}
