// Which messages of a page: one bit each. A question about a column is answered for all of a page
// at once, by loops without branches over the numbers as they are stored.
//
// Thread: values.
#pragma once

#include "storage/column.hpp"
#include "storage/mailbox_view.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace tidemark::storage {

class PageBits {
  public:
    static PageBits range(std::size_t first, std::size_t end) {
        PageBits bits;
        for (std::size_t word = 0; word < kWords; ++word) {
            const std::size_t base = word * 64;
            const std::size_t from = std::clamp(first, base, base + 64) - base;
            const std::size_t to = std::clamp(end, base, base + 64) - base;
            if (from < to) bits.words_[word] = (~std::uint64_t{0} >> (64 - (to - from))) << from;
        }
        return bits;
    }
    static PageBits all(std::size_t count) { return range(0, count); }

    // The messages below `count` for whose index `test` is true; it must be true or false for any.
    template <class Test>
    static PageBits where(std::size_t count, Test test) {
        std::array<std::uint8_t, kPageCapacity> hits{};
        for (std::size_t i = 0; i < count; ++i) hits[i] = test(i) ? 1 : 0;
        PageBits bits;
        for (std::size_t i = 0; i < kPageCapacity; i += 8) {
            std::uint64_t eight = 0;
            std::memcpy(&eight, hits.data() + i, sizeof eight);
            // Moves the lowest bits of eight bytes next to each other.
            const std::uint64_t packed = (eight * 0x0102040810204080u) >> 56;
            bits.words_[i / 64] |= packed << (i % 64);
        }
        return bits;
    }

    bool test(std::size_t index) const { return (words_[index / 64] >> (index % 64) & 1) != 0; }
    void set(std::size_t index) { words_[index / 64] |= std::uint64_t{1} << (index % 64); }
    bool none() const { return (words_[0] | words_[1] | words_[2] | words_[3]) == 0; }
    std::size_t count() const {
        std::size_t count = 0;
        for (const std::uint64_t word : words_)
            count += static_cast<std::size_t>(std::popcount(word));
        return count;
    }
    // Calls visit(index) for each message, ascending.
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::size_t word = 0; word < kWords; ++word) {
            for (std::uint64_t left = words_[word]; left != 0; left &= left - 1)
                visit(word * 64 + static_cast<std::size_t>(std::countr_zero(left)));
        }
    }

    PageBits& operator&=(const PageBits& other) {
        for (std::size_t i = 0; i < kWords; ++i) words_[i] &= other.words_[i];
        return *this;
    }
    PageBits& operator|=(const PageBits& other) {
        for (std::size_t i = 0; i < kWords; ++i) words_[i] |= other.words_[i];
        return *this;
    }
    PageBits& remove(const PageBits& other) {
        for (std::size_t i = 0; i < kWords; ++i) words_[i] &= ~other.words_[i];
        return *this;
    }
    friend bool operator==(const PageBits&, const PageBits&) = default;

  private:
    static constexpr std::size_t kWords = kPageCapacity / 64;
    static_assert(kWords == 4);
    std::array<std::uint64_t, kWords> words_{};
};

// The messages whose value is from `first` to `last`, both included.
template <ColumnValue T>
PageBits in_range(const Column<T>& column, T first, T last) {
    if (column.empty() || last < first || last < column.base()) return {};
    // Compared as distances from the base, in the width that they are stored in.
    const std::uint64_t low = first > column.base() ? bits_of(first) - bits_of(column.base()) : 0;
    const std::uint64_t high = bits_of(last) - bits_of(column.base());
    if (column.is_constant()) return low == 0 ? PageBits::all(column.size()) : PageBits();
    return column.visit_stored([&]<class Stored>(const char* bytes, Stored) -> PageBits {
        constexpr std::uint64_t kMax = std::numeric_limits<Stored>::max();
        if (low > kMax) return {};
        const auto begin = static_cast<Stored>(low);
        const auto span = static_cast<Stored>(std::min(high, kMax) - low);
        return PageBits::where(column.size(), [=](std::size_t index) {
            Stored value;
            std::memcpy(&value, bytes + index * sizeof value, sizeof value);
            return static_cast<Stored>(value - begin) <= span;
        });
    });
}

}  // namespace tidemark::storage
