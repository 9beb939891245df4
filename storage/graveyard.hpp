// Where the bodies lie that no message names any more. A session that was not told of an expunge
// yet may still fetch the message: its body is found here when its record is gone, and its segment
// stays on disk meanwhile. In memory only: after a restart there is no such session.
//
// Threads: all members from any thread. Readers come here only when a record was not found.
// Limits: kExpungedBodiesMax entries, the oldest go first; the age is the owner's (StoreOptions).
#pragma once

#include "storage/records.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

namespace tidemark::storage {

class Graveyard {
  public:
    // A body that is buried again lies where it was last.
    void bury(std::span<const std::pair<BodyId, BodyRecord>> bodies, std::chrono::microseconds now);
    // The round that buried them did not come about.
    void exhume(std::span<const std::pair<BodyId, BodyRecord>> bodies);
    // Without references.
    std::optional<BodyRecord> find(BodyId body) const;

    // Drops what was buried at `until` or before.
    void expire(std::chrono::microseconds until);
    void drop_segment(SegmentId segment);
    bool names(SegmentId segment) const;

  private:
    struct Grave {
        SegmentId segment{};
        std::uint32_t offset = 0;
        std::uint32_t length = 0;
        std::uint32_t crc32c = 0;
        std::uint32_t header_bytes = 0;
        std::chrono::microseconds buried{};
    };
    using Graves = std::unordered_map<BodyId, Grave>;
    void remove(Graves::iterator grave);
    void drop_oldest();

    mutable std::mutex mutex_;
    Graves graves_;
    // In order of time. One whose time is not its grave's is of an earlier burial and means
    // nothing.
    std::deque<std::pair<std::chrono::microseconds, BodyId>> order_;
    std::map<SegmentId, std::size_t> in_segment_;
};

}  // namespace tidemark::storage
