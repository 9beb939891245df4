#include "actors/flag_text.hpp"

#include "actors/limits.hpp"

#include <doctest/doctest.h>

using namespace tidemark;
using actors::FlagText;
using storage::FlagBits;

namespace {

const std::vector<std::string> kKeywords = {"k0", "k1", "k2", "k3", "k4",  "k5",
                                            "k6", "k7", "k8", "k9", "k10", "k11"};

std::string expected(FlagBits flags, bool is_recent) {
    FlagText fresh;
    return std::string(fresh.get(flags, is_recent, kKeywords));
}

}  // namespace

TEST_CASE("flags are named in a fixed order, then keywords, then Recent") {
    FlagText texts;
    CHECK(texts.get(0, false, {}) == "()");
    CHECK(texts.get(0, true, {}) == "(\\Recent)");
    CHECK(texts.get(storage::kSeen | storage::kAnswered, false, {}) == "(\\Answered \\Seen)");
    const FlagBits keywords = FlagBits{0b101} << storage::kKeywordShift;
    CHECK(texts.get(storage::kSeen | keywords, true, {"a", "b", "c"}) == "(\\Seen a c \\Recent)");
}

TEST_CASE("flags have their own text in any order of asking, more of them than are kept") {
    FlagText texts;
    // Twelve keywords and five flags: combinations that share a slot, and more than kFlagTextsMax.
    const FlagBits combinations = FlagBits{1} << 12;
    REQUIRE(combinations > 2 * actors::kFlagTextsMax);
    std::uint64_t state = 1;
    for (int asked = 0; asked < 20000; ++asked) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const FlagBits keywords = state >> 33 & (combinations - 1);
        const FlagBits flags = keywords << storage::kKeywordShift |
                               (state >> 50 & (storage::kSeen | storage::kFlagged));
        const bool is_recent = (state >> 60 & 1) != 0;
        REQUIRE(texts.get(flags, is_recent, kKeywords) == expected(flags, is_recent));
        REQUIRE(texts.get(flags, !is_recent, kKeywords) == expected(flags, !is_recent));
        REQUIRE(texts.get(flags ^ flags >> 1, false, kKeywords) ==
                expected(flags ^ flags >> 1, false));
    }
}
