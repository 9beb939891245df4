#include "protocol/sequence_set.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

namespace {

using namespace tidemark::protocol;

constexpr std::uint32_t kMax = 4'294'967'295;

std::string resolved(std::string_view text, std::uint32_t max) {
    auto set = SequenceSet::parse(text);
    REQUIRE(set);
    return set->resolve(max).to_string();
}

ParseErrorKind error_of(std::string_view text) {
    auto set = SequenceSet::parse(text);
    REQUIRE_FALSE(set);
    CHECK(set.error().rule == "sequence-set");
    return set.error().kind;
}

std::set<std::uint32_t> numbers(const RangeSet& set) {
    return {set.begin(), set.end()};
}

bool is_canonical(const RangeSet& set) {
    const auto& ranges = set.ranges();
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        if (ranges[i].first > ranges[i].last) return false;
        if (i > 0 && (ranges[i - 1].last == kMax || ranges[i].first <= ranges[i - 1].last + 1)) {
            return false;
        }
    }
    return true;
}

RangeSet set_of(std::string_view text) {
    return SequenceSet::parse(text)->resolve(kMax);
}

}  // namespace

TEST_CASE("sequence sets are written as they were read") {
    for (const std::string_view text :
         {"1", "*", "1:*", "*:4", "2,4:7,9,12:*", "*:4,5:7", "4294967295", "1:4294967295", "$",
          "1,2:3,$", "5:3", "7,7,7"}) {
        CAPTURE(text);
        auto set = SequenceSet::parse(text);
        REQUIRE(set);
        CHECK(set->to_string() == text);
        CHECK(*SequenceSet::parse(set->to_string()) == *set);
    }
    CHECK(SequenceSet::parse("5:5")->to_string() == "5");
    CHECK(SequenceSet::parse("*:*")->to_string() == "*");
}

TEST_CASE("the examples of RFC 9051 resolve as it says") {
    CHECK(resolved("2,4:7,9,12:*", 15) == "2,4:7,9,12:15");
    CHECK(resolved("*:4,5:7", 10) == "4:10");
    CHECK(resolved("4:2", 9) == "2:4");
    CHECK(resolved("3291:*", 10) == "10:3291");
    CHECK(resolved("*", 10) == "10");
    CHECK(resolved("1:3,2:9,5", 3) == "1:9");
    CHECK(resolved("1:4294967295", 3) == "1:4294967295");
    CHECK(resolved("4294967295,1:4294967294", 3) == "1:4294967295");
}

TEST_CASE("a star means nothing when there is no largest number") {
    CHECK(resolved("*", 0).empty());
    CHECK(resolved("2:*,7", 0) == "7");
}

TEST_CASE("the saved result is added when it is known") {
    const auto set = *SequenceSet::parse("5,$");
    const RangeSet saved = set_of("1:2,6");
    CHECK(set.has_saved_result());
    CHECK(set.resolve(9, &saved).to_string() == "1:2,5:6");
    CHECK(set.resolve(9).to_string() == "5");
    CHECK(SequenceSet::saved_result().resolve(9).empty());
    CHECK_FALSE(SequenceSet::saved_result().empty());
}

TEST_CASE("malformed sets are refused with the kind of the fault") {
    for (const std::string_view text : {"", ",", "1,", "1,,2", ":", "1:", ":1", "a", "1 ", "1:2:3",
                                        "1,$,2", "$1", "-1", "+1", "1-2", "1:$"}) {
        CAPTURE(text);
        CHECK(error_of(text) == ParseErrorKind::syntax);
    }
    for (const std::string_view text :
         {"0", "1:0", "0:*", "01", "4294967296", "99999999999999999999"}) {
        CAPTURE(text);
        CHECK(error_of(text) == ParseErrorKind::out_of_range);
    }
    CHECK(SequenceSet::parse("12,x").error().offset == 3);
}

TEST_CASE("the number of ranges is bounded") {
    std::string text = "1";
    for (std::size_t i = 1; i < kSequenceRangesMax; ++i) text += ",1";
    CHECK(SequenceSet::parse(text));
    text += ",1";
    CHECK(error_of(text) == ParseErrorKind::too_many);
}

TEST_CASE("a prefix is parsed up to the first byte that is no part of a set") {
    std::string_view text = "1:3,$ (FLAGS)";
    REQUIRE(SequenceSet::parse_prefix(text));
    CHECK(text == " (FLAGS)");
}

TEST_CASE("sequence numbers above the count and stars in an empty mailbox are outside") {
    CHECK(SequenceSet::parse("1:5,*")->is_within(5));
    CHECK_FALSE(SequenceSet::parse("1:6")->is_within(5));
    CHECK_FALSE(SequenceSet::parse("6:*")->is_within(5));
    CHECK_FALSE(SequenceSet::parse("*")->is_within(0));
    CHECK(SequenceSet::saved_result().is_within(0));
}

TEST_CASE("range sets know their numbers") {
    const RangeSet set = set_of("2:4,7,4294967290:4294967295");
    CHECK(set.size() == 10);
    CHECK(set.min() == 2);
    CHECK(set.max() == kMax);
    for (const std::uint32_t inside : {2u, 3u, 4u, 7u, 4294967290u, kMax})
        CHECK(set.contains(inside));
    for (const std::uint32_t outside : {1u, 5u, 6u, 8u, 4294967289u})
        CHECK_FALSE(set.contains(outside));
    CHECK_FALSE(RangeSet().contains(1));
    CHECK(set_of("1:4294967295").size() == kMax);
    CHECK(numbers(set_of("9,2:4")) == std::set<std::uint32_t>{2, 3, 4, 9});
    CHECK(numbers(set_of("4294967294:4294967295")) == std::set<std::uint32_t>{4294967294, kMax});
    CHECK(SequenceSet::of(set).resolve(1) == set);
}

TEST_CASE("ranges that touch become one") {
    RangeSet set;
    set.add(5);
    set.add(7);
    CHECK(set.to_string() == "5,7");
    set.add(6);
    CHECK(set.to_string() == "5:7");
    set.add(1, 3);
    set.add(kMax);
    set.add(kMax - 1);
    CHECK(set.to_string() == "1:3,5:7,4294967294:4294967295");
    set.add(4, 4294967293);
    CHECK(set.to_string() == "1:4294967295");
}

TEST_CASE("range sets behave as sets of numbers, seeded at random") {
    const std::uint32_t seed = std::random_device()();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto random_range = [&](std::uint32_t base) {
        const auto first = base + static_cast<std::uint32_t>(random() % 60);
        return NumberRange{first, first + static_cast<std::uint32_t>(random() % 8)};
    };
    for (int round = 0; round < 400; ++round) {
        // Every other round close to the largest number, where adding one overflows.
        const std::uint32_t base = round % 2 == 0 ? 1 : kMax - 66;
        RangeSet a;
        RangeSet b;
        std::vector<NumberRange> unsorted;
        std::set<std::uint32_t> model_a;
        std::set<std::uint32_t> model_b;
        for (int i = 0; i < 8; ++i) {
            const NumberRange range = random_range(base);
            a.add(range.first, range.last);
            unsorted.push_back(range);
            for (std::uint64_t n = range.first; n <= range.last; ++n) {
                model_a.insert(static_cast<std::uint32_t>(n));
            }
            const NumberRange other = random_range(base);
            b.add(other.first, other.last);
            for (std::uint64_t n = other.first; n <= other.last; ++n) {
                model_b.insert(static_cast<std::uint32_t>(n));
            }
        }
        REQUIRE(is_canonical(a));
        REQUIRE(numbers(a) == model_a);
        REQUIRE(a.size() == model_a.size());
        REQUIRE(RangeSet::from_unsorted(unsorted) == a);

        RangeSet sum = a;
        sum.add(b);
        std::set<std::uint32_t> model_sum = model_a;
        model_sum.insert(model_b.begin(), model_b.end());
        REQUIRE(is_canonical(sum));
        REQUIRE(numbers(sum) == model_sum);

        RangeSet difference = a;
        difference.remove(b);
        std::set<std::uint32_t> model_difference;
        std::set<std::uint32_t> model_common;
        for (const std::uint32_t n : model_a) {
            (model_b.contains(n) ? model_common : model_difference).insert(n);
        }
        REQUIRE(is_canonical(difference));
        REQUIRE(numbers(difference) == model_difference);

        const RangeSet common = a.intersect(b);
        REQUIRE(is_canonical(common));
        REQUIRE(numbers(common) == model_common);
        REQUIRE(a.intersects(b) == !model_common.empty());
        REQUIRE(set_of(a.to_string()) == a);
    }
}

TEST_CASE("adding a set to itself changes nothing") {
    RangeSet set = set_of("1:3,9");
    set.add(set);
    CHECK(set.to_string() == "1:3,9");
    RangeSet single = set_of("4");
    single.add(single);
    CHECK(single.to_string() == "4");
    single.remove(single);
    CHECK(single.empty());
}
