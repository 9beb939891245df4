#include "storage/types.hpp"

#include <cassert>

namespace tidemark::storage {

void append_uid(UidRanges& ranges, Uid uid) {
    assert(ranges.empty() || uid > ranges.back().last);
    if (!ranges.empty() && ranges.back().last + 1 == uid) {
        ranges.back().last = uid;
    } else {
        ranges.push_back({uid, uid});
    }
}

std::uint64_t count_uids(const UidRanges& ranges) {
    std::uint64_t count = 0;
    for (const UidRange& range : ranges) count += std::uint64_t{range.last} - range.first + 1;
    return count;
}

}  // namespace tidemark::storage
