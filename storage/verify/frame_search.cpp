#include "storage/verify/frame_search.hpp"

#include "storage/limits.hpp"

#include <algorithm>
#include <string>

namespace tidemark::storage {
namespace {

// What every line of a frame begins with: TMB1 and TMO1.
constexpr std::string_view kLineStart = "TM";
constexpr std::string_view kBodyLine = "TMB1 ";
constexpr std::string_view kOwnersLine = "TMO1 ";

}  // namespace

Result<FrameSearch::Step> FrameSearch::next() {
    if (offset_ >= end_) return Step(End{});
    Result<std::optional<ScannedFrame>> frame = scan_frame(file_, offset_, end_);
    if (frame && !*frame) {  // more owners of the last body, to the end
        offset_ = end_;
        return Step(End{});
    }
    if (frame) {
        offset_ = (*frame)->end();
        return Step(std::move(**frame));
    }
    if (frame.error().kind != StoreErrorKind::kCorrupt) return tl::unexpected(frame.error());
    // Lines that read well and have no whole frame behind them are part of the gap.
    const std::uint64_t first = offset_;
    std::uint64_t at = offset_ + 1;
    while (true) {
        const Result<std::uint64_t> line = find_line(at);
        if (!line) return tl::unexpected(line.error());
        at = *line;
        if (at >= end_) break;
        const Result<std::optional<ScannedFrame>> found = scan_frame(file_, at, end_);
        if (found && *found) break;
        if (!found && found.error().kind != StoreErrorKind::kCorrupt)
            return tl::unexpected(found.error());
        ++at;
    }
    offset_ = std::min(at, end_);
    return Step(Gap{first, offset_});
}

Result<std::uint64_t> FrameSearch::find_line(std::uint64_t from) const {
    std::string buffer(kReadPieceBytes, '\0');
    while (from < end_) {
        const std::size_t size = std::min<std::uint64_t>(buffer.size(), end_ - from);
        const auto got = file_.read_at(from, buffer.data(), size);
        if (!got) return tl::unexpected(store_error(got.error()));
        const std::string_view bytes = std::string_view(buffer).substr(0, *got);
        const bool is_last = *got < size || from + *got >= end_;
        for (std::size_t at = bytes.find(kLineStart); at != std::string_view::npos;
             at = bytes.find(kLineStart, at + 1)) {
            // A line that the piece cuts is read again with the next piece.
            if (!is_last && at + kFrameLineBytesMax > bytes.size()) break;
            const std::string_view line = bytes.substr(at);
            if ((line.starts_with(kBodyLine) || line.starts_with(kOwnersLine)) &&
                parse_frame_line(line)) {
                return from + at;
            }
        }
        if (is_last) break;
        from += bytes.size() - kFrameLineBytesMax;
    }
    return end_;
}

}  // namespace tidemark::storage
