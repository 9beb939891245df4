#include "storage/types.hpp"

#include <doctest/doctest.h>

using namespace tidemark::storage;

TEST_CASE("uids are collected into ranges") {
    UidRanges ranges;
    for (const Uid uid : {1u, 2u, 3u, 7u, 9u, 10u, 4294967295u}) append_uid(ranges, uid);
    CHECK(ranges == UidRanges{{1, 3}, {7, 7}, {9, 10}, {4294967295u, 4294967295u}});
    CHECK(count_uids(ranges) == 7);
    CHECK(count_uids({{1, 4294967295u}}) == 4294967295ull);
    CHECK(count_uids({}) == 0);
}

TEST_CASE("ranges of uids join those that they touch") {
    UidRanges ranges;
    append_uids(ranges, 1, 3);
    append_uids(ranges, 4, 4);
    append_uids(ranges, 6, 9);
    append_uid(ranges, 10);
    append_uids(ranges, 4294967295u, 4294967295u);
    CHECK(ranges == UidRanges{{1, 4}, {6, 10}, {4294967295u, 4294967295u}});
}
