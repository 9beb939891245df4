#include "storage/page_bits.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <vector>

using tidemark::storage::Column;
using tidemark::storage::in_range;
using tidemark::storage::PageBits;

namespace {

std::vector<std::size_t> members(const PageBits& bits) {
    std::vector<std::size_t> found;
    bits.for_each([&](std::size_t index) { found.push_back(index); });
    CHECK(found.size() == bits.count());
    CHECK(found.empty() == bits.none());
    return found;
}

// Columns of every width against comparing the values one by one.
template <class T>
void check_ranges(std::mt19937_64& random) {
    const auto any = [&] { return static_cast<T>(random()); };
    for (const unsigned shift : {64u, 60u, 50u, 40u, 20u, 0u}) {
        const T base = any();
        const std::size_t count = random() % 257;
        std::vector<T> values;
        Column<T> column;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t step = shift == 64 ? 0 : random() >> shift;
            values.push_back(static_cast<T>(static_cast<std::uint64_t>(base) + step));
            column.push_back(values.back());
        }
        std::vector<T> edges = {std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                                any()};
        for (std::size_t i = 0; i < count && i < 4; ++i) {
            edges.push_back(values[random() % count]);
            edges.push_back(static_cast<T>(static_cast<std::uint64_t>(edges.back()) + 1));
            edges.push_back(static_cast<T>(static_cast<std::uint64_t>(edges.back()) - 2));
        }
        for (const T first : edges) {
            for (const T last : edges) {
                std::vector<std::size_t> expected;
                for (std::size_t i = 0; i < count; ++i) {
                    if (values[i] >= first && values[i] <= last) expected.push_back(i);
                }
                CHECK(members(in_range(column, first, last)) == expected);
            }
        }
    }
}

}  // namespace

TEST_CASE("the values of a range are found in columns of every width and type") {
    std::mt19937_64 random(7);
    for (int round = 0; round < 5; ++round) {
        check_ranges<std::uint32_t>(random);
        check_ranges<std::uint64_t>(random);
        check_ranges<std::int64_t>(random);
        check_ranges<std::int16_t>(random);
    }
}

TEST_CASE("bits of a page are set as ranges, by a test and one by one, and combined") {
    std::mt19937_64 random(8);
    for (int round = 0; round < 200; ++round) {
        const std::size_t first = random() % 257;
        const std::size_t end = random() % 257;
        const std::size_t count = random() % 257;
        const PageBits range = PageBits::range(first, end);
        const PageBits odd = PageBits::where(count, [](std::size_t i) { return i % 2 == 1; });
        PageBits both = range;
        both &= odd;
        PageBits either = range;
        either |= odd;
        PageBits rest = PageBits::all(count);
        rest.remove(odd);
        PageBits single;
        if (count > 0) single.set(count - 1);
        for (std::size_t i = 0; i < 256; ++i) {
            const bool in_range = i >= first && i < end;
            const bool is_odd = i < count && i % 2 == 1;
            CHECK(range.test(i) == in_range);
            CHECK(odd.test(i) == is_odd);
            CHECK(both.test(i) == (in_range && is_odd));
            CHECK(either.test(i) == (in_range || is_odd));
            CHECK(rest.test(i) == (i < count && i % 2 == 0));
            CHECK(single.test(i) == (i + 1 == count));
        }
    }
}
