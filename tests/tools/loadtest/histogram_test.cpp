#include "tools/loadtest/histogram.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using tidemark::loadtest::Bucket;
using tidemark::loadtest::Histogram;

namespace {

// The percentile by its definition.
std::uint64_t exact(std::vector<std::uint64_t>& sorted, double fraction) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(sorted.size())));
    return sorted[std::max<std::size_t>(rank, 1) - 1];
}

// Microseconds to minutes, as latencies are spread.
std::vector<std::uint64_t> latencies(unsigned seed, std::size_t count) {
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> spread(7.0, 3.0);
    std::vector<std::uint64_t> values(count);
    for (auto& value : values)
        value = std::min(static_cast<std::uint64_t>(spread(random)), Histogram::kValueMax);
    return values;
}

}  // namespace

TEST_CASE("percentiles have three significant digits and never too little") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        auto values = latencies(seed, 20'000);
        Histogram histogram;
        for (const auto value : values) histogram.record(value);
        std::sort(values.begin(), values.end());
        for (const double fraction : {0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
            CAPTURE(fraction);
            const std::uint64_t wanted = exact(values, fraction);
            const std::uint64_t got = histogram.percentile(fraction);
            CHECK(got >= wanted);
            CHECK(got - wanted <= wanted / 1000);
        }
        CHECK(histogram.max() == values.back());
    }
}

TEST_CASE("every value lies in the bucket that ends at or above it and starts within 0.1 %") {
    for (std::uint64_t value = 0; value < 10'000; ++value) {
        const std::uint64_t top = Histogram::highest_of(Histogram::index_of(value));
        CHECK(top >= value);
        CHECK(top - value <= value / 1000);
    }
    for (unsigned bit = 12; bit < Histogram::kValueBits; ++bit) {
        const std::uint64_t start = std::uint64_t{1} << bit;
        CHECK(Histogram::index_of(start) == Histogram::index_of(start - 1) + 1);
        CHECK(Histogram::highest_of(Histogram::index_of(start - 1)) == start - 1);
    }
}

TEST_CASE("two histograms merged are the histogram of all values") {
    const auto first = latencies(1, 5000);
    const auto second = latencies(2, 3000);
    Histogram left;
    Histogram right;
    Histogram both;
    for (const auto value : first) left.record(value), both.record(value);
    for (const auto value : second) right.record(value), both.record(value);
    left.merge(right);
    CHECK(left.count() == 8000);
    CHECK(left.buckets() == both.buckets());
    CHECK(left.max() == both.max());
    CHECK(left.mean() == doctest::Approx(both.mean()));
}

TEST_CASE("a histogram that was reset is as new") {
    Histogram histogram;
    histogram.record(5);
    histogram.record(60'000'000);
    histogram.reset();
    CHECK(histogram.buckets().empty());
    CHECK(histogram.percentile(0.5) == 0);
    histogram.record(7, 3);
    CHECK(histogram.buckets() == std::vector<Bucket>{{7, 3}});
}

TEST_CASE("what is longer than the longest counts as that") {
    Histogram histogram;
    histogram.record(~std::uint64_t{0});
    CHECK(histogram.max() == Histogram::kValueMax);
    CHECK(histogram.percentile(1) == Histogram::kValueMax);
}
