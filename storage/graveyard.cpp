#include "storage/graveyard.hpp"

#include "storage/limits.hpp"

namespace tidemark::storage {

void Graveyard::remove(Graves::iterator grave) {
    const auto count = in_segment_.find(grave->second.segment);
    if (--count->second == 0) in_segment_.erase(count);
    graves_.erase(grave);
}

void Graveyard::drop_oldest() {
    const auto [time, body] = order_.front();
    order_.pop_front();
    const auto grave = graves_.find(body);
    if (grave != graves_.end() && grave->second.buried == time) remove(grave);
}

void Graveyard::bury(std::span<const std::pair<BodyId, BodyRecord>> bodies,
                     std::chrono::microseconds now) {
    const std::lock_guard lock(mutex_);
    // More than fit would only push each other out.
    if (bodies.size() > kExpungedBodiesMax) bodies = bodies.last(kExpungedBodiesMax);
    for (const auto& [body, record] : bodies) {
        if (const auto old = graves_.find(body); old != graves_.end()) remove(old);
        graves_.emplace(body, Grave{record.segment, record.offset, record.length, record.crc32c,
                                    record.header_bytes, now});
        order_.emplace_back(now, body);
        ++in_segment_[record.segment];
    }
    while (order_.size() > kExpungedBodiesMax) drop_oldest();
}

void Graveyard::exhume(std::span<const std::pair<BodyId, BodyRecord>> bodies) {
    const std::lock_guard lock(mutex_);
    for (const auto& [body, record] : bodies) {
        if (const auto grave = graves_.find(body); grave != graves_.end()) remove(grave);
    }
}

std::optional<BodyRecord> Graveyard::find(BodyId body) const {
    const std::lock_guard lock(mutex_);
    const auto found = graves_.find(body);
    if (found == graves_.end()) return std::nullopt;
    const Grave& grave = found->second;
    return BodyRecord{grave.segment, grave.offset,       grave.length,
                      grave.crc32c,  grave.header_bytes, {}};
}

void Graveyard::expire(std::chrono::microseconds until) {
    const std::lock_guard lock(mutex_);
    while (!order_.empty() && order_.front().first <= until) drop_oldest();
}

void Graveyard::drop_segment(SegmentId segment) {
    const std::lock_guard lock(mutex_);
    if (!in_segment_.contains(segment)) return;
    std::erase_if(graves_, [&](const auto& grave) { return grave.second.segment == segment; });
    in_segment_.erase(segment);
}

bool Graveyard::names(SegmentId segment) const {
    const std::lock_guard lock(mutex_);
    return in_segment_.contains(segment);
}

}  // namespace tidemark::storage
