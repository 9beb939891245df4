#pragma once

#include "protocol/types.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

// Sets of message numbers: RangeSet is a plain set of numbers, SequenceSet is what a client wrote.
//
// Everything costs time and memory by the number of ranges, never by the numbers in them:
// "1:4294967295" is one range. Iterating over numbers is the caller's choice and its cost.

namespace tidemark::protocol {

// Numbers first..last inclusive.
struct NumberRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  // >= first
    std::uint64_t size() const { return std::uint64_t{last} - first + 1; }
    friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

// A set of numbers 1..2^32-1 as ascending, disjoint and non-adjacent ranges, so that equal sets
// have equal ranges.
class RangeSet {
  public:
    RangeSet() = default;
    // Any order, overlaps allowed, first <= last in each. O(n log n), O(n) when already ascending.
    [[nodiscard]] static RangeSet from_unsorted(std::vector<NumberRange> ranges);
    [[nodiscard]] static RangeSet of(std::uint32_t first, std::uint32_t last) {
        return from_unsorted({{first, last}});
    }

    // Numbers above all others cost O(1); in the middle O(ranges).
    void add(std::uint32_t number) { add(number, number); }
    void add(std::uint32_t first, std::uint32_t last);
    void add(const RangeSet& other);  // O(ranges of both)
    void remove(const RangeSet& other);
    void clear() { ranges_.clear(); }

    [[nodiscard]] bool contains(std::uint32_t number) const;  // O(log ranges)
    [[nodiscard]] RangeSet intersect(const RangeSet& other) const;
    [[nodiscard]] bool intersects(const RangeSet& other) const;

    bool empty() const { return ranges_.empty(); }
    std::uint64_t size() const;                                  // numbers, O(ranges)
    std::uint32_t min() const { return ranges_.front().first; }  // only when not empty
    std::uint32_t max() const { return ranges_.back().last; }
    const std::vector<NumberRange>& ranges() const { return ranges_; }

    // The numbers one by one, ascending.
    class Iterator;
    Iterator begin() const;
    Iterator end() const;

    // RFC 9051 §9 "uid-set": "2:4,7". Empty for the empty set, which the grammar can not express.
    std::string to_string() const;
    void append_to(std::string& out) const;

    friend bool operator==(const RangeSet&, const RangeSet&) = default;

  private:
    std::vector<NumberRange> ranges_;
};

class RangeSet::Iterator {
  public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = std::uint32_t;
    using difference_type = std::ptrdiff_t;
    using pointer = const std::uint32_t*;
    using reference = std::uint32_t;

    Iterator() = default;
    explicit Iterator(const NumberRange* range, std::uint32_t number)
        : range_(range), number_(number) {}
    std::uint32_t operator*() const { return range_->first + number_; }
    Iterator& operator++() {
        if (number_ == range_->last - range_->first) {
            ++range_;
            number_ = 0;
        } else {
            ++number_;
        }
        return *this;
    }
    Iterator operator++(int) {
        Iterator old = *this;
        ++*this;
        return old;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

  private:
    const NumberRange* range_ = nullptr;
    std::uint32_t number_ = 0;  // distance from range_->first
};

inline RangeSet::Iterator RangeSet::begin() const {
    return Iterator(ranges_.data(), 0);
}
inline RangeSet::Iterator RangeSet::end() const {
    return Iterator(ranges_.data() + ranges_.size(), 0);
}

// RFC 9051 §9 "seq-range": numbers as written, in either order; 0 stands for "*".
struct SequenceRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    bool has_star() const { return first == 0 || last == 0; }
    friend bool operator==(const SequenceRange&, const SequenceRange&) = default;
};

// RFC 9051 §9 "sequence-set" in the order of the client, at most kSequenceRangesMax ranges;
// optionally with "$", the saved search result (RFC 9051 §6.4.4.1).
class SequenceSet {
  public:
    // The whole text must be one set.
    [[nodiscard]] static Result<SequenceSet> parse(std::string_view text);
    // Parses the longest set at the start of `text` and removes it there. The error's offset counts
    // from the start.
    [[nodiscard]] static Result<SequenceSet> parse_prefix(std::string_view& text);

    [[nodiscard]] static SequenceSet saved_result();                         // "$"
    [[nodiscard]] static SequenceSet all() { return of({{1, 0}}); }          // "1:*"
    [[nodiscard]] static SequenceSet of(std::vector<SequenceRange> ranges);  // 0 is "*"
    [[nodiscard]] static SequenceSet of(const RangeSet& set);

    const std::vector<SequenceRange>& ranges() const { return ranges_; }
    bool has_saved_result() const { return has_saved_result_; }
    bool has_star() const;
    // Neither a range nor "$": only a default-constructed set.
    bool empty() const { return ranges_.empty() && !has_saved_result_; }

    // The numbers meant, "*" being `max`: the count of messages for sequence numbers; for UIDs the
    // UID of the last message, or UIDNEXT when the mailbox is empty (RFC 9051 §9 "seq-number"). For
    // VANISHED it is UIDNEXT-1. With max = 0 ranges with "*" mean nothing. Numbers above `max`
    // stay: "3291:*" with max 10 is 10:3291. `saved` is what "$" stands for; without it "$" adds
    // nothing.
    [[nodiscard]] RangeSet resolve(std::uint32_t max, const RangeSet* saved = nullptr) const;

    // For sequence numbers: no number is above `count`, and no "*" when the mailbox is empty.
    // Otherwise the command is answered BAD (RFC 9051 §9 "seq-number").
    [[nodiscard]] bool is_within(std::uint32_t count) const;

    std::string to_string() const;
    void append_to(std::string& out) const;

    friend bool operator==(const SequenceSet&, const SequenceSet&) = default;

  private:
    std::vector<SequenceRange> ranges_;
    bool has_saved_result_ = false;
};

}  // namespace tidemark::protocol
