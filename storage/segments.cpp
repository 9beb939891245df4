#include "storage/segments.hpp"

#include "storage/crc32c.hpp"
#include "storage/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace tidemark::storage {

bool is_no_space(const IoError& error) {
    return error.code == ENOSPC || error.code == EDQUOT;
}

StoreError store_error(const IoError& error, StoreErrorKind otherwise) {
    return {is_no_space(error) ? StoreErrorKind::kNoSpace : otherwise, error.text};
}

StoreError SegmentFile::damaged(std::uint32_t offset, std::string_view what) const {
    counters_->crc_failures.fetch_add(1, std::memory_order_relaxed);
    return {StoreErrorKind::kCorrupt,
            fmt::format("segment {:08} at {}: {}", raw(id_), offset, what)};
}

SegmentDirectory::SegmentDirectory(std::string path, FileSystem& file_system, unsigned open_max)
    : path_(std::move(path)), file_system_(file_system), open_max_(std::max(open_max, 1u)) {}

std::string SegmentDirectory::path_of(SegmentId id) const {
    return fmt::format("{}/{:08}.seg", path_, raw(id));
}
std::string SegmentDirectory::staging_path(BodyId id) const {
    return fmt::format("{}/{}.staged", path_, raw(id));
}
bool SegmentDirectory::is_staging_name(std::string_view name) {
    return name.ends_with(".staged");
}

std::optional<SegmentId> SegmentDirectory::id_of_name(std::string_view name) {
    constexpr std::string_view kSuffix = ".seg";
    if (!name.ends_with(kSuffix) || name.size() < 8 + kSuffix.size()) return std::nullopt;
    name.remove_suffix(kSuffix.size());
    std::uint64_t number = 0;
    for (const char c : name) {
        if (c < '0' || c > '9' || number > UINT32_MAX) return std::nullopt;
        number = number * 10 + static_cast<unsigned>(c - '0');
    }
    if (number > UINT32_MAX) return std::nullopt;
    return SegmentId{static_cast<std::uint32_t>(number)};
}

Result<std::shared_ptr<const SegmentFile>> SegmentDirectory::open(SegmentId id,
                                                                  bool cached_only) const {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = open_.find(id); found != open_.end()) {
            ages_.splice(ages_.begin(), ages_, found->second.age);
            return found->second.file;
        }
    }
    if (cached_only) return std::shared_ptr<const SegmentFile>();
    auto file = file_system_.open(path_of(id), FileSystem::Mode::kRead);
    if (!file) {
        const bool missing = file.error().code == ENOENT;
        return tl::unexpected(
            store_error(file.error(), missing ? StoreErrorKind::kNotFound : StoreErrorKind::kIo));
    }
    auto opened = std::make_shared<const SegmentFile>(id, std::move(*file), counters_);
    const std::lock_guard lock(mutex_);
    const auto [entry, inserted] = open_.try_emplace(id);
    if (!inserted) return entry->second.file;  // another thread was faster
    ages_.push_front(id);
    entry->second = {opened, ages_.begin()};
    while (open_.size() > open_max_) {
        open_.erase(ages_.back());
        ages_.pop_back();
    }
    return opened;
}

bool SegmentDirectory::forget(SegmentId id) {
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(id);
    if (found == open_.end()) return true;
    if (found->second.file.use_count() > 1) return false;
    ages_.erase(found->second.age);
    open_.erase(found);
    return true;
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(const SegmentDirectory& directory,
                                                             SegmentId id) {
    auto file = directory.file_system().open(directory.path_of(id), FileSystem::Mode::kCreateNew);
    if (!file) return tl::unexpected(store_error(file.error()));
    return std::unique_ptr<SegmentWriter>(new SegmentWriter(id, std::move(*file), {}));
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::reopen(const SegmentDirectory& directory,
                                                             SegmentId id, SegmentEnd end) {
    auto file = directory.file_system().open(directory.path_of(id), FileSystem::Mode::kReadWrite);
    if (!file) return tl::unexpected(store_error(file.error()));
    const auto size = (*file)->size();
    if (!size) return tl::unexpected(store_error(size.error()));
    if (*size < end.bytes) {
        return fail(StoreErrorKind::kCorrupt, fmt::format("{} has {} bytes, the records name {}",
                                                          directory.path_of(id), *size, end.bytes));
    }
    std::unique_ptr<SegmentWriter> writer(new SegmentWriter(id, std::move(*file), end));
    if (auto cut = writer->cut_back(end); !cut) return tl::unexpected(store_error(cut.error()));
    return writer;
}

IoResult<void> SegmentWriter::append(std::span<const std::string_view> pieces) {
    std::uint64_t bytes = 0;
    for (const std::string_view piece : pieces) bytes += piece.size();
    if (end_.bytes + bytes > allocated_) {
        const std::uint64_t length = std::max(kPreallocateBytes, end_.bytes + bytes - allocated_);
        // A failed reservation may leave a part of it.
        if (auto reserved = file_->allocate(allocated_, length); !reserved) {
            if (!is_no_space(reserved.error())) return reserved;
            if (end_.bytes + bytes - allocated_ < length)
                reserved = file_->allocate(allocated_, end_.bytes + bytes - allocated_);
            if (!reserved) {
                static_cast<void>(cut_back(end_));
                return reserved;
            }
            allocated_ = end_.bytes + bytes;
        } else {
            allocated_ += length;
        }
    }
    if (auto written = file_->write_at(end_.bytes, pieces); !written) {
        if (is_no_space(written.error())) {
            if (auto cut = cut_back(end_); !cut) return cut;
        }
        return written;
    }
    end_.bytes += bytes;
    for (const std::string_view piece : pieces) {
        if (end_.crc32c) end_.crc32c = crc32c(piece, *end_.crc32c);
    }
    dirty_ = true;
    return {};
}

IoResult<void> SegmentWriter::cut_back(SegmentEnd end) {
    if (auto cut = file_->truncate(end.bytes); !cut) return cut;
    end_ = end;
    allocated_ = end.bytes;
    return {};
}

IoResult<void> SegmentWriter::sync() {
    if (auto synced = file_->sync_data(); !synced) return synced;
    dirty_ = false;
    return {};
}

IoResult<void> SegmentWriter::finish() {
    return file_->truncate(end_.bytes);
}

Result<std::optional<ScannedFrame>> scan_frame(const File& file, std::uint64_t offset,
                                               std::uint64_t end) {
    const auto bad = [&](std::uint64_t at) {
        return fail(StoreErrorKind::kCorrupt, fmt::format("no frame at {}", at));
    };
    ScannedFrame frame;
    frame.frame_offset = offset;
    std::string buffer(kFrameLineBytesMax, '\0');
    std::vector<BodyOwner> more;
    std::optional<BodyId> owners_of;
    while (offset < end) {
        const auto got = file.read_at(offset, buffer.data(),
                                      std::min<std::uint64_t>(buffer.size(), end - offset));
        if (!got) return tl::unexpected(store_error(got.error()));
        std::optional<FrameLine> line = parse_frame_line(std::string_view(buffer).substr(0, *got));
        if (!line) return bad(offset);
        offset += line->line_bytes;
        if (line->more_owners) {
            if (owners_of != line->header.body) more.clear();
            owners_of = line->header.body;
            more.insert(more.end(), line->header.owners.begin(), line->header.owners.end());
            continue;
        }
        frame.header = std::move(line->header);
        if (owners_of == frame.header.body) {
            frame.header.owners.insert(frame.header.owners.end(), more.begin(), more.end());
        }
        if (offset + frame.header.length + 1 > end) return bad(frame.frame_offset);
        frame.body_offset = static_cast<std::uint32_t>(offset);
        frame.header_bytes = static_cast<std::uint32_t>(offset - frame.frame_offset);
        char trailer = 0;
        const auto read = file.read_at(offset + frame.header.length, &trailer, 1);
        if (!read) return tl::unexpected(store_error(read.error()));
        if (*read != 1 || trailer != '\n') return bad(frame.frame_offset);
        return frame;
    }
    return std::optional<ScannedFrame>{};
}

Result<std::shared_ptr<StagedFile>> StagedFile::create(
    std::shared_ptr<const SegmentDirectory> directory, BodyId id, std::uint64_t expected_bytes) {
    std::string path = directory->staging_path(id);
    auto file = directory->file_system().open(path, FileSystem::Mode::kCreateNew);
    if (!file) return tl::unexpected(store_error(file.error()));
    std::shared_ptr<StagedFile> staged(
        new StagedFile(std::move(directory), std::move(path), std::move(*file)));
    if (expected_bytes > 0 && expected_bytes <= kBodyBytesMax) {
        if (auto reserved = staged->file_->allocate(0, kFrameLineBytesMax + expected_bytes + 1);
            !reserved) {
            return tl::unexpected(store_error(reserved.error()));
        }
    }
    return staged;
}

StagedFile::~StagedFile() {
    file_.reset();
    if (!kept_) static_cast<void>(directory_->file_system().unlink(path_));
}

Result<void> StagedFile::append(std::string_view bytes) {
    if (failed_ || finished_) return fail(StoreErrorKind::kIo, "the staged body is closed");
    if (length_ + bytes.size() > kBodyBytesMax)
        return fail(StoreErrorKind::kLimit, "the body is too large");
    if (auto written = file_->write_at(kFrameLineBytesMax + length_, bytes); !written) {
        failed_ = true;
        return tl::unexpected(store_error(written.error()));
    }
    length_ += bytes.size();
    crc32c_ = storage::crc32c(bytes, crc32c_);
    return {};
}

Result<void> StagedFile::finish() {
    if (failed_) return fail(StoreErrorKind::kIo, "the staged body has failed");
    const auto fail_with = [this](const IoError& error) {
        failed_ = true;
        return tl::unexpected(store_error(error));
    };
    // The line is there in its full length already, so that the round has to write one block only.
    if (auto written = file_->write_at(0, std::string(kFrameLineBytesMax, ' ')); !written) {
        return fail_with(written.error());
    }
    if (auto written = file_->write_at(kFrameLineBytesMax + length_, "\n"); !written)
        return fail_with(written.error());
    if (auto synced = file_->sync_data(); !synced) return fail_with(synced.error());
    finished_ = true;
    return {};
}

Result<std::string> StagedFile::read_all() const {
    std::string bytes(length_, '\0');
    const auto got = file_->read_at(kFrameLineBytesMax, bytes.data(), bytes.size());
    if (!got) return tl::unexpected(store_error(got.error()));
    if (*got != bytes.size()) return fail(StoreErrorKind::kIo, "the staged body is short");
    return bytes;
}

IoResult<SegmentEnd> StagedFile::become_segment(SegmentId segment, const FrameHeader& header) {
    const PaddedFrameHeader lines = encode_padded_frame_header(header);
    const std::uint64_t body_end = kFrameLineBytesMax + length_ + 1;
    const std::uint64_t end = body_end + lines.more_owners.size();
    if (auto written = file_->write_at(0, lines.line); !written)
        return tl::unexpected(written.error());
    if (!lines.more_owners.empty()) {
        if (auto written = file_->write_at(body_end, lines.more_owners); !written)
            return tl::unexpected(written.error());
    }
    if (auto cut = file_->truncate(end); !cut) return tl::unexpected(cut.error());
    std::string path = directory_->path_of(segment);
    if (auto moved = directory_->file_system().rename(path_, path); !moved)
        return tl::unexpected(moved.error());
    path_ = std::move(path);
    const std::uint32_t crc = crc32c_joined(storage::crc32c(lines.line), crc32c_, length_);
    return SegmentEnd{end, storage::crc32c(lines.more_owners, storage::crc32c("\n", crc))};
}

IoResult<void> StagedFile::sync() {
    return file_->sync_data();
}

void StagedFile::keep() {
    kept_ = true;
    static_cast<void>(directory_->file_system().make_read_only(path_));
}

}  // namespace tidemark::storage
