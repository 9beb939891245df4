// Each body's record against the frame and the bytes that it names. The records are read in windows
// in the order of their ids and sorted by where their bodies lie, so that segments are read from
// front to back.
#include "storage/crc32c.hpp"
#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/verify/verify_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace tidemark::storage {
namespace {

// One of those that the message was stored for; the first that is still an account's is named.
Place first_owner(const FrameHeader& header) {
    if (header.owners.empty()) return {};
    const BodyOwner& owner = header.owners.front();
    return {owner.account, owner.mailbox, owner.uid};
}

}  // namespace

void VerifyRun::check_bodies() {
    std::uint64_t total = 0;
    for (const auto& [id, record] : segments_) total += record.live_bytes;
    if (!options_.quick) begin("reading mail", "bytes", total);
    std::vector<BodyWork> window;
    BodyId last{};
    const Result<void> scanned = db_->scan(
        Family::kBodies, {}, {}, [&](std::string_view key, std::string_view value) -> Result<bool> {
            const std::optional<BodyId> body = keys::body_of(key);
            if (!body) {
                find(FindingCode::kKey, {}, "a body's key has a wrong shape");
                return true;
            }
            last = *body;
            ++counts_.bodies;
            Result<BodyRecord> record = decode_body(value);
            if (!record || encode(*record) != value) {
                find(FindingCode::kValue, {},
                     fmt::format(
                         "body {}: {}", raw(*body),
                         record ? "its record is not in its one form" : record.error().detail));
                return true;
            }
            check_body_record(*body, *record);
            if (options_.quick || !present_.contains(record->segment)) return true;
            window.push_back({*body, std::move(*record)});
            if (window.size() == kVerifyBodiesAtATime) check_body_window(window);
            return !cancelled();
        });
    if (!scanned) find_unread(scanned.error(), "the bodies' records");
    check_body_window(window);
    if (state_ && raw(last) >= state_->body_id_limit && counts_.bodies > 0) {
        find(FindingCode::kIdLimit, {},
             fmt::format("body {} is not below the limit {}", raw(last), state_->body_id_limit));
    }
}

// What the record says, and its part in sums.
void VerifyRun::check_body_record(BodyId body, const BodyRecord& record) {
    live_bytes_[record.segment] += frame_bytes(record);
    if (record.references.empty()) {
        find(FindingCode::kReferences, {},
             fmt::format("body {} has a record and no references", raw(body)));
    }
    for (const BodyRecord::Reference& reference : record.references) {
        given_references_[reference.account] += reference.count;
        if (!is_account(reference.account)) {
            find(FindingCode::kReferences, {},
                 fmt::format("body {} counts {} messages of account {}, which does not exist",
                             raw(body), reference.count, raw(reference.account)));
        }
    }
    const auto segment = segments_.find(record.segment);
    const Place owner =
        record.references.empty() ? Place{} : Place{record.references.front().account, {}, 0};
    if (segment == segments_.end()) {
        find_in_file(FindingCode::kBodyMissing, owner, segment_label(record.segment), record.offset,
                     fmt::format("body {} is in a segment that has no record", raw(body)));
    } else if (std::uint64_t{record.offset} + record.length + 1 > segment->second.bytes) {
        find_in_file(FindingCode::kBodyLength, owner, segment_label(record.segment), record.offset,
                     fmt::format("body {} of {} bytes ends behind the segment's {}", raw(body),
                                 record.length, segment->second.bytes));
    }
}

void VerifyRun::check_body_window(std::vector<BodyWork>& window) {
    std::sort(window.begin(), window.end(), [](const BodyWork& a, const BodyWork& b) {
        return std::tie(a.record.segment, a.record.offset) <
               std::tie(b.record.segment, b.record.offset);
    });
    // A thread takes the bodies of a whole segment, or of a part of one that is long.
    constexpr std::size_t kBodiesOfATask = 512;
    struct Task {
        std::size_t first;
        std::size_t end;
    };
    std::vector<Task> tasks;
    for (std::size_t i = 0; i < window.size(); ++i) {
        const bool is_next = i == 0 || window[i].record.segment != window[i - 1].record.segment ||
                             i - tasks.back().first == kBodiesOfATask;
        if (is_next) tasks.push_back({i, i});
        tasks.back().end = i + 1;
    }
    in_parallel(tasks.size(), [&](std::size_t index) {
        const Task& task = tasks[index];
        const SegmentId segment = window[task.first].record.segment;
        const auto file = segment_files_.open(segment, false);
        if (!file) {
            find_in_file(FindingCode::kRead, {}, segment_label(segment), std::nullopt,
                         file.error().detail);
            return;
        }
        for (std::size_t i = task.first; i < task.end && !cancelled(); ++i) {
            check_body(window[i], (*file)->file());
            advance(frame_bytes(window[i].record));
        }
    });
    window.clear();
}

void VerifyRun::check_body(const BodyWork& work, const File& file) {
    const std::uint64_t end = std::uint64_t{work.record.offset} + work.record.length + 1;
    if (end > segments_.at(work.record.segment).bytes) return;  // told
    if (const auto header = check_frame(work, file)) check_body_bytes(work, *header, file);
}

// The lines in front of the body: they are whole and say what the record says.
std::optional<FrameHeader> VerifyRun::check_frame(const BodyWork& work, const File& file) {
    const BodyRecord& record = work.record;
    const std::uint64_t at = record.offset - record.header_bytes;
    const auto wrong = [&](const Place& place, std::string text) -> std::optional<FrameHeader> {
        find_in_file(FindingCode::kBodyFrame, place, segment_label(record.segment), at,
                     std::move(text));
        return std::nullopt;
    };
    const Place owner =
        record.references.empty() ? Place{} : Place{record.references.front().account, {}, 0};
    const Result<std::optional<ScannedFrame>> frame =
        scan_frame(file, at, std::uint64_t{record.offset} + record.length + 1);
    if (!frame && frame.error().kind != StoreErrorKind::kCorrupt) {
        find_in_file(FindingCode::kRead, owner, segment_label(record.segment), at,
                     frame.error().detail);
        return std::nullopt;
    }
    if (!frame || !*frame) {
        return wrong(owner, fmt::format("body {} has no whole frame", raw(work.body)));
    }
    const FrameHeader& header = (*frame)->header;
    if (header.body != work.body || (*frame)->body_offset != record.offset ||
        header.length != record.length || header.crc32c != record.crc32c) {
        return wrong(owner,
                     fmt::format("the frame is that of body {} of {} bytes, not of body {} "
                                 "of {}",
                                 raw(header.body), header.length, raw(work.body), record.length));
    }
    return header;
}

void VerifyRun::check_body_bytes(const BodyWork& work, const FrameHeader& header,
                                 const File& file) {
    const BodyRecord& record = work.record;
    const bool is_whole = record.length <= kVerifySummaryBytesMax;
    const std::size_t piece_bytes = is_whole ? record.length : kReadPieceBytes;
    std::string bytes(piece_bytes, '\0');
    std::uint32_t crc = 0;
    for (std::uint64_t done = 0; done < record.length;) {
        const std::size_t size = std::min<std::uint64_t>(piece_bytes, record.length - done);
        const auto got = file.read_at(record.offset + done, bytes.data(), size);
        if (!got || *got != size) {
            find_in_file(FindingCode::kRead, first_owner(header), segment_label(record.segment),
                         record.offset + done, got ? "the file ends too early" : got.error().text);
            return;
        }
        crc = crc32c(std::string_view(bytes).substr(0, size), crc);
        done += size;
    }
    {
        const std::lock_guard lock(mutex_);
        counts_.body_bytes_read += record.length;
    }
    if (crc != record.crc32c) {
        find_in_file(FindingCode::kBodyCrc, first_owner(header), segment_label(record.segment),
                     record.offset,
                     fmt::format("body {} of {} bytes has CRC {:08x} and not {:08x}",
                                 raw(work.body), record.length, crc, record.crc32c));
    } else if (is_whole) {
        check_summaries(work, first_owner(header), bytes);
    }
}

// A summary that is not there is made when it is asked for; one that is there is right.
void VerifyRun::check_summaries(const BodyWork& work, const Place& place, std::string_view bytes) {
    if (!options_.summary_matches) return;
    for (const BodyRecord::Reference& reference : work.record.references) {
        const Result<std::string> stored =
            db_->get(Family::kSummaries, keys::summary(reference.account, work.body));
        const Place owner =
            place.account == reference.account ? place : Place{reference.account, {}, 0};
        if (!stored && stored.error().kind != StoreErrorKind::kNotFound) {
            find_unread(stored.error(), "a summary", owner);
        } else if (stored && !options_.summary_matches(work.body, bytes, *stored)) {
            find_in_file(FindingCode::kSummary, owner, segment_label(work.record.segment),
                         work.record.offset,
                         fmt::format("the summary of body {} is not what the message gives",
                                     raw(work.body)));
        }
    }
}

}  // namespace tidemark::storage
