#include "storage/crc32c.hpp"
#include "storage/limits.hpp"
#include "storage/repair/salvage.hpp"
#include "storage/verify/frame_search.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark::storage {
namespace {

class Reader {
  public:
    Reader(const SegmentDirectory& segments,
           const std::function<void(const RepairProgress&)>& on_progress)
        : segments_(segments), on_progress_(on_progress) {}

    Result<SegmentFinds> read_all() {
        const auto names = segments_.file_system().list(segments_.path());
        if (!names) return tl::unexpected(store_error(names.error()));
        std::vector<SegmentId> ids;
        for (const std::string& name : *names) {
            if (const auto id = SegmentDirectory::id_of_name(name)) ids.push_back(*id);
        }
        std::sort(ids.begin(), ids.end());
        for (const SegmentId id : ids) {
            const auto status = segments_.file_system().status(segments_.path_of(id));
            if (status && *status) progress_.bytes_total += (*status)->size;
        }
        for (const SegmentId id : ids) read(id);
        return std::move(finds_);
    }

  private:
    static std::string label(SegmentId id) { return fmt::format("mail/{:08}.seg", raw(id)); }
    void lose(SegmentId id, std::optional<std::uint64_t> offset, std::string text) {
        Loss loss;
        loss.file = label(id);
        loss.offset = offset;
        loss.text = std::move(text);
        finds_.losses.push_back(std::move(loss));
    }

    // A segment that can not be read is a loss like any other.
    void read(SegmentId id) {
        const auto opened = segments_.open(id, false);
        if (!opened) return lose(id, std::nullopt, opened.error().detail);
        const File& file = (*opened)->file();
        const auto size = file.size();
        if (!size) return lose(id, std::nullopt, size.error().text);
        const std::uint64_t before = progress_.bytes_done;
        FrameSearch search(file, *size);
        while (true) {
            const Result<FrameSearch::Step> step = search.next();
            if (!step) return lose(id, search.offset(), step.error().detail);
            if (std::holds_alternative<FrameSearch::End>(*step)) break;
            if (const auto* gap = std::get_if<FrameSearch::Gap>(&*step))
                lose(id, gap->first,
                     fmt::format("no frame in the {} bytes up to {}", gap->end - gap->first,
                                 gap->end));
            if (const auto* frame = std::get_if<ScannedFrame>(&*step)) take(id, *frame, file);
            progress_.bytes_done = before + search.offset();
            if (on_progress_) on_progress_(progress_);
        }
    }

    void take(SegmentId id, const ScannedFrame& frame, const File& file) {
        const FrameHeader& header = frame.header;
        // Compaction copies a body before the old one goes.
        if (finds_.bodies.contains(header.body)) return;
        for (const BodyOwner& owner : header.owners) finds_.owned.push_back({owner, header.body});
        if (!is_whole(frame, file)) {
            return lose(id, frame.body_offset,
                        fmt::format("the {} bytes of body {} are not those that were stored",
                                    header.length, raw(header.body)));
        }
        finds_.bodies.emplace(header.body, WholeBody{id, frame.body_offset, header.length,
                                                     header.internal_date, header.system_flags});
    }

    static bool is_whole(const ScannedFrame& frame, const File& file) {
        std::string bytes(std::min<std::size_t>(frame.header.length, kReadPieceBytes), '\0');
        std::uint32_t crc = 0;
        for (std::uint64_t done = 0; done < frame.header.length;) {
            const std::size_t size =
                std::min<std::uint64_t>(bytes.size(), frame.header.length - done);
            const auto got = file.read_at(frame.body_offset + done, bytes.data(), size);
            if (!got || *got != size) return false;
            crc = crc32c(std::string_view(bytes).substr(0, size), crc);
            done += size;
        }
        return crc == frame.header.crc32c;
    }

    const SegmentDirectory& segments_;
    const std::function<void(const RepairProgress&)>& on_progress_;
    RepairProgress progress_{"reading mail", 0, 0};
    SegmentFinds finds_;
};

}  // namespace

Result<SegmentFinds> read_segments(const SegmentDirectory& segments,
                                   const std::function<void(const RepairProgress&)>& on_progress) {
    return Reader(segments, on_progress).read_all();
}

}  // namespace tidemark::storage
