// The segment files: those that records name, those that none does, and that they are frames from
// end to end.
#include "storage/keys.hpp"
#include "storage/verify/frame_search.hpp"
#include "storage/verify/verify_run.hpp"

#include <fmt/format.h>

namespace tidemark::storage {

// Sets present_.
void VerifyRun::check_segment_files() {
    for (const auto& [id, record] : segments_) {
        const auto status = files_.status(segment_files_.path_of(id));
        if (!status) {
            find_in_file(FindingCode::kRead, {}, segment_label(id), std::nullopt,
                         status.error().text);
            continue;
        }
        if (!*status) {
            find_in_file(
                FindingCode::kSegmentMissing, {}, segment_label(id), std::nullopt,
                fmt::format("there is no such file; it holds {} bytes of mail", record.live_bytes));
            continue;
        }
        const std::uint64_t size = (*status)->size;
        // What lies behind the committed end of one that is not sealed is cut off by the next
        // start.
        if (size < record.bytes || (record.sealed && size != record.bytes)) {
            find_in_file(FindingCode::kSegmentLength, {}, segment_label(id), std::nullopt,
                         fmt::format("it has {} bytes, its record says {}", size, record.bytes));
        }
        present_.insert(id);
        if (record.sealed && record.live_bytes == 0 && options_.mail_directory.empty() &&
            backup_ == nullptr) {
            find_in_file(FindingCode::kSegmentDead, {}, segment_label(id), std::nullopt,
                         fmt::format("no message is in its {} bytes", record.bytes));
        }
    }
}

// A crash leaves such files, and a running server has them for a while; both remove them.
void VerifyRun::check_mail_directory() {
    if (!options_.mail_directory.empty() || backup_ != nullptr) return;
    const auto names = files_.list(segment_files_.path());
    if (!names) {
        find_in_file(FindingCode::kRead, {}, "mail", std::nullopt, names.error().text);
        return;
    }
    for (const std::string& name : *names) {
        const std::optional<SegmentId> id = SegmentDirectory::id_of_name(name);
        if (id && segments_.contains(*id) && segment_files_.path_of(*id).ends_with("/" + name))
            continue;
        find_in_file(FindingCode::kUnknownFile, {}, "mail/" + name, std::nullopt,
                     "no record names it");
    }
}

// Compaction goes from frame to frame, so those of bodies that are gone matter as well.
void VerifyRun::check_segment_frames() {
    std::vector<std::pair<SegmentId, std::uint64_t>> segments;
    segments.reserve(present_.size());
    for (const SegmentId id : present_) segments.emplace_back(id, segments_.at(id).bytes);
    if (!db_) {
        // Without records a segment ends where its file does.
        const auto names = files_.list(segment_files_.path());
        for (const std::string& name : names ? *names : std::vector<std::string>()) {
            const std::optional<SegmentId> id = SegmentDirectory::id_of_name(name);
            if (id) segments.emplace_back(*id, UINT64_MAX);
        }
    }
    begin("checking segments", "segments", segments.size());
    in_parallel(segments.size(), [&](std::size_t i) {
        check_frames_of(segments[i].first, segments[i].second);
        advance(1);
    });
}

void VerifyRun::check_frames_of(SegmentId segment, std::uint64_t end) {
    const auto opened = segment_files_.open(segment, false);
    if (!opened) return;  // told
    const File& file = (*opened)->file();
    const auto size = file.size();
    FrameSearch search(file, std::min(end, size ? *size : 0));
    while (!cancelled()) {
        Result<FrameSearch::Step> step = search.next();
        if (!step) {
            find_in_file(FindingCode::kRead, {}, segment_label(segment), search.offset(),
                         step.error().detail);
            return;
        }
        if (std::holds_alternative<FrameSearch::End>(*step)) return;
        const auto* gap = std::get_if<FrameSearch::Gap>(&*step);
        if (gap == nullptr) continue;
        {
            // A body's own frame was told with its message.
            const std::lock_guard lock(mutex_);
            const bool is_told =
                std::any_of(findings_.begin(), findings_.end(), [&](const Finding& finding) {
                    return finding.code == FindingCode::kBodyFrame && finding.offset &&
                           *finding.offset >= gap->first && *finding.offset < gap->end &&
                           finding.file == segment_label(segment);
                });
            if (is_told) continue;
        }
        find_in_file(
            FindingCode::kSegmentFrame, {}, segment_label(segment), gap->first,
            fmt::format("no frame in the {} bytes up to {}", gap->end - gap->first, gap->end));
    }
}

void VerifyRun::check_segment_live() {
    for (const auto& [id, record] : segments_) {
        const auto found = live_bytes_.find(id);
        const std::uint64_t live = found == live_bytes_.end() ? 0 : found->second;
        if (live == record.live_bytes) continue;
        find_in_file(FindingCode::kSegmentLive, {}, segment_label(id), std::nullopt,
                     fmt::format("its record says {} live bytes, its bodies have {}",
                                 record.live_bytes, live));
    }
}

}  // namespace tidemark::storage
