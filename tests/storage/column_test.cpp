#include "storage/column.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using tidemark::storage::Column;

namespace {

template <class T>
void check_same(const std::vector<T>& values) {
    Column<T> column;
    for (std::size_t i = 0; i < values.size(); ++i) {
        column.push_back(values[i]);
        REQUIRE(column.size() == i + 1);
    }
    CHECK(column.to_vector() == values);
}

}  // namespace

TEST_CASE("A column gives back the values that were put into it") {
    check_same<std::uint32_t>({});
    check_same<std::uint32_t>({7, 7, 7});
    check_same<std::uint32_t>({0, std::numeric_limits<std::uint32_t>::max(), 5});
    check_same<std::uint64_t>({std::numeric_limits<std::uint64_t>::max(), 0, 1});
    check_same<std::int16_t>({-720, 840, 0, 0});
    check_same<std::int64_t>({0, -1, 1});
    check_same<std::int64_t>(
        {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(), 0});
}

TEST_CASE("A column is as wide as its values are apart, wherever they lie") {
    const std::uint64_t far = std::uint64_t{1} << 62;
    Column<std::uint64_t> column;
    for (std::uint64_t i = 0; i < 256; ++i) column.push_back(far + 255 - i);  // falling
    CHECK(column.memory_bytes() < 1024);
    CHECK(column[0] == far + 255);
    CHECK(column[255] == far);
}

TEST_CASE("Random columns of every width keep their values") {
    std::mt19937_64 random(20);
    for (int round = 0; round < 2000; ++round) {
        std::vector<std::int64_t> values(random() % 40);
        const unsigned shift = random() % 64;
        for (auto& value : values) value = static_cast<std::int64_t>(random()) >> shift;
        check_same(values);
    }
}
