// The search is compared with trying every order by hand.
#include "tools/check_sync/register_search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

using namespace tidemark::check_sync;

namespace {

// Every order of every subset that holds the changes that ended.
bool has_order(std::uint64_t start, const std::vector<RegisterChange>& changes) {
    std::vector<std::size_t> order(changes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    do {
        // Of those at the end that may be left out, any number.
        for (std::size_t used = changes.size() + 1; used-- > 0;) {
            if (used < changes.size() && changes[order[used]].end != kNever) break;
            std::uint64_t state = start;
            bool is_right = true;
            for (std::size_t i = 0; i < used && is_right; ++i) {
                const auto& change = changes[order[i]];
                is_right = (state & change.expect_mask) == change.expect;
                for (std::size_t j = i + 1; j < used; ++j)
                    is_right = is_right && changes[order[j]].end > change.call;
                state = (state & ~change.clear) | change.set;
            }
            if (is_right) return true;
        }
    } while (std::next_permutation(order.begin(), order.end()));
    return false;
}

std::vector<RegisterChange> random_changes(std::mt19937_64& random, std::size_t count) {
    std::vector<RegisterChange> changes;
    std::vector<EventId> events(2 * count);
    std::iota(events.begin(), events.end(), EventId{1});
    std::shuffle(events.begin(), events.end(), random);
    for (std::size_t i = 0; i < count; ++i) {
        RegisterChange change;
        change.call = std::min(events[2 * i], events[2 * i + 1]);
        change.end = random() % 5 == 0 ? kNever : std::max(events[2 * i], events[2 * i + 1]);
        if (random() % 2 == 0) {
            change.expect_mask = random() % 4;
            change.expect = random() & change.expect_mask;
        }
        change.clear = random() % 4;
        change.set = random() % 4;
        changes.push_back(change);
    }
    std::sort(changes.begin(), changes.end(),
              [](const auto& a, const auto& b) { return a.call < b.call; });
    return changes;
}

}  // namespace

TEST_CASE("the search for an order finds what trying all of them finds") {
    std::mt19937_64 random(41);
    int with = 0;
    int without = 0;
    for (int round = 0; round < 3000; ++round) {
        const auto changes = random_changes(random, 1 + random() % 6);
        const std::uint64_t start = random() % 4;
        const bool expected = has_order(start, changes);
        REQUIRE(find_order(start, changes) == (expected ? Order::exists : Order::does_not_exist));
        (expected ? with : without) += 1;
        if (expected) continue;
        // What is left of it has no order either, and needs each change at both of its ends.
        const auto part = shortest_contradiction(start, changes, 3);
        REQUIRE(!part.changes.empty());
        REQUIRE(part.changes.size() <= changes.size());
    }
    CHECK(with > 500);
    CHECK(without > 500);
}

TEST_CASE("a contradiction is cut out of a long history") {
    std::vector<RegisterChange> changes;
    changes.reserve(1000);
    for (EventId i = 0; i < 1000; ++i) changes.push_back({10 * i + 1, 10 * i + 5, 0, 0, 0, i % 4});
    // Change 700 finds bit 0 set, which change 699 cleared.
    changes[699].clear = 3;
    changes[699].set = 0;
    changes[700].expect_mask = 1;
    changes[700].expect = 1;
    CHECK(find_order(0, changes) == Order::does_not_exist);
    const auto part = shortest_contradiction(0, changes, 3);
    CHECK(part.changes == std::vector<std::size_t>{699, 700});
    CHECK(!part.needs_start);
    SUBCASE("unless it begins with the history") {
        changes[699].clear = 0;
        changes[0] = {1, 5, 2, 2, 0, 0};
        const auto first = shortest_contradiction(0, changes, 3);
        CHECK(first.changes == std::vector<std::size_t>{0});
        CHECK(first.needs_start);
    }
}

TEST_CASE("the search says so when it gives up") {
    // All at once, and what the last wants never comes.
    std::vector<RegisterChange> changes;
    changes.reserve(25);
    for (EventId i = 0; i < 24; ++i)
        changes.push_back({i + 1, 1000 + i, 0, 0, 0, std::uint64_t{1} << i});
    changes.push_back({50, 2000, std::uint64_t{1} << 40, std::uint64_t{1} << 40, 0, 0});
    CHECK(find_order(0, changes, 10'000) == Order::undecided);
}
