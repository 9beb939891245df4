#include "storage/types.hpp"

#include <cassert>

namespace tidemark::storage {

void append_uids(UidRanges& ranges, Uid first, Uid last) {
    assert(first <= last && (ranges.empty() || first > ranges.back().last));
    if (!ranges.empty() && ranges.back().last + 1 == first) {
        ranges.back().last = last;
    } else {
        ranges.push_back({first, last});
    }
}

void append_uid(UidRanges& ranges, Uid uid) {
    append_uids(ranges, uid, uid);
}

std::uint64_t count_uids(const UidRanges& ranges) {
    std::uint64_t count = 0;
    for (const UidRange& range : ranges) count += std::uint64_t{range.last} - range.first + 1;
    return count;
}

}  // namespace tidemark::storage
