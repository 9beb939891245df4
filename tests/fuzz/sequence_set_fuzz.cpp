// Properties: a set that parses is written as text that parses to the same set; what it resolves to
// is ascending, disjoint and not adjacent, holds the numbers it should at every border, and
// survives its own text; the operations on sets agree with membership.

#include "protocol/sequence_set.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace tidemark::protocol;

void require(bool condition) {
    if (!condition) std::abort();
}

void check_canonical(const RangeSet& set) {
    std::uint64_t next_allowed = 1;
    for (const NumberRange& range : set.ranges()) {
        require(range.first >= next_allowed && range.last >= range.first);
        next_allowed = std::uint64_t{range.last} + 2;
    }
    if (set.empty()) return;
    require(SequenceSet::parse(set.to_string())->resolve(1) == set);
    require(set.contains(set.min()) && set.contains(set.max()));
}

bool is_meant(const SequenceSet& set, std::uint32_t number, std::uint32_t max) {
    for (SequenceRange range : set.ranges()) {
        if (max == 0 && range.has_star()) continue;
        if (range.first == 0) range.first = max;
        if (range.last == 0) range.last = max;
        if (range.first > range.last) std::swap(range.first, range.last);
        if (range.first <= number && number <= range.last) return true;
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t middle = text.find(';');
    const auto set = SequenceSet::parse(text.substr(0, middle));
    if (!set) {
        require(set.error().offset <= size);
        return 0;
    }
    require(*SequenceSet::parse(set->to_string()) == *set);

    for (const std::uint32_t max : {0u, 1u, 100u, UINT32_MAX}) {
        const RangeSet resolved = set->resolve(max);
        check_canonical(resolved);
        for (const SequenceRange& range : set->ranges()) {
            for (const std::uint32_t border : {range.first, range.last}) {
                for (const std::uint32_t number : {border - 1, border, border + 1}) {
                    if (number != 0)
                        require(resolved.contains(number) == is_meant(*set, number, max));
                }
            }
        }
    }

    if (middle == std::string_view::npos) return 0;
    const auto other = SequenceSet::parse(text.substr(middle + 1));
    if (!other) return 0;
    const RangeSet a = set->resolve(100);
    const RangeSet b = other->resolve(100);
    RangeSet sum = a;
    sum.add(b);
    RangeSet difference = a;
    difference.remove(b);
    const RangeSet common = a.intersect(b);
    check_canonical(sum);
    check_canonical(difference);
    check_canonical(common);
    require(a.intersects(b) == !common.empty());
    require(sum.size() == a.size() + b.size() - common.size());
    require(difference.size() == a.size() - common.size());
    require(!difference.intersects(b));
    difference.add(common);
    require(difference == a);
    RangeSet one_by_one;
    for (auto range = b.ranges().rbegin(); range != b.ranges().rend(); ++range) {
        one_by_one.add(range->first, range->last);
    }
    require(one_by_one == b);
    return 0;
}
