// Compaction and holds. At every moment the records name whole frames in files that exist:
//   copy the live frames behind the end of the active segment → sync it → one batch makes the body
//   records name the copies → (all frames moved) one batch drops the victim's record → unlink its
//   file.
// A crash before a batch leaves copies that no record names, behind the committed end, where the
// next start cuts them off; a crash before the unlink leaves a file that no record names, which the
// next start removes.
#include "storage/crc32c.hpp"
#include "storage/limits.hpp"
#include "storage/store_round.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace tidemark::storage {

std::chrono::microseconds StoreImpl::now() const {
    if (options_.steady_now) return options_.steady_now();
    return std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
}

// A file that no record names any more goes when nobody reads it, no expunged body in it may be
// asked for (on a full disk its space counts for more), and no snapshot may be about to link it.
void StoreImpl::unlink_unneeded() {
    graveyard_.expire(now() - options_.expunged_kept);
    if (holds_ > 0 && !options_.faults.ignore_hold) return;
    std::erase_if(unneeded_, [&](SegmentId id) {
        if (low_space_) graveyard_.drop_segment(id);
        if (graveyard_.names(id)) return false;
        if (!segment_files_->forget(id)) return false;
        // What can not be removed now is removed by the next start.
        static_cast<void>(file_system_.unlink(segment_files_->path_of(id)));
        return true;
    });
}

// Whether any were there.
Result<bool> StoreImpl::drop_dead_segments() {
    // On a full disk the active segment's dead bytes are worth a new file.
    if (low_space_ && writer_ && writer_->end() > 0) {
        const SegmentRecord& active = segments_[writer_->id()];
        if (active.live_bytes * 100 < active.bytes * kCompactBelowPercent) {
            retire_writer();
            seal_retired();
        }
    }
    std::vector<SegmentId> dead;
    for (const auto& [id, record] : segments_) {
        if (record.sealed && record.live_bytes == 0) dead.push_back(id);
    }
    if (dead.empty()) return false;
    if (options_.faults.unlink_before_commit) {
        for (const SegmentId id : dead)
            static_cast<void>(file_system_.unlink(segment_files_->path_of(id)));
    }
    Round round(*this);
    for (const SegmentId id : dead) round.drop_segment(id);
    if (auto finished = round.finish(true); !finished) return tl::unexpected(finished.error());
    for (const SegmentId id : dead) {
        unneeded_.insert(id);
        if (compacting_ && compacting_->segment == id) compacting_.reset();
        damaged_.erase(id);
    }
    unlink_unneeded();
    return true;
}

std::optional<SegmentId> StoreImpl::choose_victim() const {
    std::optional<SegmentId> victim;
    std::optional<SegmentId> smallest;
    std::uint64_t victim_live = 0;
    std::uint64_t victim_bytes = 1;
    std::uint64_t smallest_bytes = 0;
    unsigned small_count = 0;
    for (const auto& [id, record] : segments_) {
        if (!record.sealed || damaged_.contains(id)) continue;
        if (low_space_ && record.live_bytes + kPreallocateBytes > free_bytes_)
            continue;  // no room for the copy
        if (record.live_bytes * 100 < record.bytes * kCompactBelowPercent &&
            (!victim || record.live_bytes * victim_bytes < victim_live * record.bytes)) {
            victim = id;
            victim_live = record.live_bytes;
            victim_bytes = record.bytes;
        }
        if (record.bytes * kSmallSegmentShare < options_.segment_bytes) {
            ++small_count;
            if (!smallest || record.bytes < smallest_bytes) {
                smallest = id;
                smallest_bytes = record.bytes;
            }
        }
    }
    if (!victim && !low_space_ && small_count > kSmallSegmentsMax) return smallest;
    return victim;
}

Result<void> StoreImpl::copy_live_frames(std::uint64_t bytes_max) {
    const SegmentId victim = compacting_->segment;
    const std::uint64_t end = segments_[victim].bytes;
    std::uint64_t offset = compacting_->offset;
    const auto file = segment_files_->open(victim, false);
    if (!file) return tl::unexpected(file.error());

    Round round(*this);
    std::optional<StoreError> damage;
    std::uint64_t moved = 0;
    while (offset < end && moved < bytes_max && !damage) {
        Result<std::optional<ScannedFrame>> frame = scan_frame((*file)->file(), offset, end);
        if (!frame) {
            damage = (*file)->damaged(static_cast<std::uint32_t>(offset), frame.error().detail);
            break;
        }
        if (!*frame) {
            offset = end;
            break;
        }
        const ScannedFrame& found = **frame;
        const Result<BodyRecord> record = body_record(found.header.body);
        if (!record && record.error().kind != StoreErrorKind::kNotFound)
            return tl::unexpected(record.error());
        if (record && record->segment == victim && record->offset == found.body_offset) {
            std::string bytes(found.end() - found.frame_offset, '\0');
            const auto got =
                (*file)->file().read_at(found.frame_offset, bytes.data(), bytes.size());
            if (!got) return tl::unexpected(store_error(got.error()));
            const std::string_view body =
                std::string_view(bytes).substr(found.header_bytes, found.header.length);
            if (*got != bytes.size() || record->header_bytes != found.header_bytes ||
                record->length != found.header.length || crc32c(body) != record->crc32c) {
                damage = (*file)->damaged(found.body_offset, "wrong CRC");
                break;
            }
            if (auto done = round.move_body(found.header.body, *record, bytes); !done) {
                compacting_.reset();
                return done;
            }
            moved += bytes.size();
        }
        offset = found.end();
    }
    if (moved > 0) {
        if (auto finished = round.finish(true); !finished) return finished;
        seal_retired();
    }
    compacting_->offset = offset;
    if (!damage && offset >= end && segments_[victim].live_bytes != 0) {
        damage = StoreError{StoreErrorKind::kCorrupt,
                            fmt::format("segment {:08}: {} live bytes were not found", raw(victim),
                                        segments_[victim].live_bytes)};
    }
    if (damage) {
        // It is left as it is: what is whole in it can still be read, and verification will name
        // the message.
        damaged_.insert(victim);
        compacting_.reset();
        return tl::unexpected(*damage);
    }
    if (offset >= end) compacting_.reset();
    return {};
}

Result<bool> StoreImpl::compact_step(std::uint64_t bytes_max) {
    check_space();
    if (auto ready = check_writable().and_then([&] { return resume_after_no_space(); }); !ready) {
        return tl::unexpected(ready.error());
    }
    unlink_unneeded();
    const Result<bool> dropped = drop_dead_segments();
    if (!dropped) return tl::unexpected(dropped.error());
    if (!compacting_) {
        if (const std::optional<SegmentId> victim = choose_victim())
            compacting_ = Cursor{*victim, 0};
    }
    if (!compacting_) {
        publish_figures();
        return false;
    }
    const Result<void> copied = copy_live_frames(bytes_max);
    publish_figures();
    if (!copied) return tl::unexpected(copied.error());
    return true;
}

Result<void> StoreImpl::hold_segments() {
    ++holds_;
    if (!check_writable())
        return {};  // nothing is being written: everything is as the last round left it
    if (writer_ && writer_->end() > 0) retire_writer();
    seal_retired();
    if (dirty_segments_.empty()) return {};
    if (auto committed = commit_own(); !committed) {
        --holds_;
        return committed;
    }
    return {};
}

void StoreImpl::release_segments() {
    if (holds_ > 0) --holds_;
    unlink_unneeded();
}

}  // namespace tidemark::storage
