// Is there one order of the changes of a register of bits that explains everything that was seen of
// it? The question of linearizability, asked of the flags of one message: each change takes effect
// at one moment between its command and its answer, and one after the other they lead from the
// state at the start to the state at the end.
//
// The search is Wing and Gong's, with Lowe's memory of the configurations it has been in. Its time
// grows with the number of changes under way at once, not with the length of the history. Pure.
#pragma once

#include "tools/check_sync/history.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidemark::check_sync {

struct RegisterChange {
    EventId call = 0;
    EventId end = kNever;  // kNever: may take effect at any time from `call` on, or not at all
    // Takes effect only where (state & expect_mask) == expect.
    std::uint64_t expect_mask = 0;
    std::uint64_t expect = 0;
    std::uint64_t clear = 0;
    std::uint64_t set = 0;  // after `clear`
};

enum class Order : std::uint8_t { exists, does_not_exist, undecided };

// Configurations tried before the search gives up. The history of a message with 32 sessions that
// do nothing else needs some thousands.
inline constexpr std::size_t kConfigurationsMax = 200'000;

// `changes` by `call`, ascending. A read is a change that expects something and changes nothing.
[[nodiscard]] Order find_order(std::uint64_t start, const std::vector<RegisterChange>& changes,
                               std::size_t configurations_max = kConfigurationsMax);

// A part of a history without an order that has none for itself, whatever the state before it was.
struct Contradiction {
    std::vector<std::size_t> changes;  // indices, ascending
    bool needs_start = false;          // it does need the state at the start
};

// For changes of which find_order says that none exists: first the shortest beginning that has no
// order, then the shortest end of that. `used` are the bits that occur; with more than
// kStartBitsMax of them the beginning is not cut.
inline constexpr std::size_t kStartBitsMax = 6;
[[nodiscard]] Contradiction shortest_contradiction(std::uint64_t start,
                                                   const std::vector<RegisterChange>& changes,
                                                   std::uint64_t used);

}  // namespace tidemark::check_sync
