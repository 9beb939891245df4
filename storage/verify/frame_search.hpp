// Reads a segment frame by frame without any record, and finds the next frame behind damage. Not a
// public header.
//
// A frame's line has a checksum of its own, so a line that reads well is a line that was written;
// but a message may hold one in its text (mail about a segment). So what looks like a frame inside
// another whole one is never seen: the search goes from frame to frame and looks at single lines
// only behind damage.
#pragma once

#include "storage/segments.hpp"

#include <cstdint>
#include <variant>

namespace tidemark::storage {

class FrameSearch {
  public:
    // Bytes that belong to no whole frame: [first, end).
    struct Gap {
        std::uint64_t first = 0;
        std::uint64_t end = 0;
    };
    struct End {};
    using Step = std::variant<ScannedFrame, Gap, End>;

    // Frames end at `end`, which is not behind the file's. `file` must outlive it. One thread.
    FrameSearch(const File& file, std::uint64_t end) : file_(file), end_(end) {}

    // kIo only.
    Result<Step> next();
    std::uint64_t offset() const { return offset_; }

  private:
    // The first line of a frame at or behind `from`, or end_.
    Result<std::uint64_t> find_line(std::uint64_t from) const;

    const File& file_;
    std::uint64_t end_;
    std::uint64_t offset_ = 0;
};

}  // namespace tidemark::storage
