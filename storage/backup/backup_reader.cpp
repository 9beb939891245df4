#include "storage/backup/backup_reader.hpp"

#include "storage/backup/file_copier.hpp"
#include "storage/crc32c.hpp"
#include "storage/verify/backup_source.hpp"
#include "storage/verify/frame_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace tidemark::storage {
namespace {

// Of segments that hold expunged mail; the store has its own.
constexpr unsigned kOpenSegmentsMax = 4;

tl::unexpected<StoreError> corrupt(std::string detail) {
    return fail(StoreErrorKind::kCorrupt, std::move(detail));
}

class Reader final : public BackupReader {
  public:
    Reader(std::string directory, FileSystem& disk, OnProgress on_progress)
        : directory_(std::move(directory)), disk_(disk), on_progress_(std::move(on_progress)) {}

    Result<void> open(const std::vector<std::string>& earlier) {
        const auto manifest = disk_.status(fmt::format("{}/{}", directory_, kManifestFile));
        if (!manifest) return tl::unexpected(store_error(manifest.error()));
        StoreOptions options;
        options.read_only = true;
        if (*manifest || directory_.find(kUnfinishedInfix) != std::string::npos) {
            const Result<BackupChain> chain = read_chain(disk_, directory_, earlier);
            if (!chain) return tl::unexpected(chain.error());
            if (auto checked = check(*chain); !checked) return checked;
            chain_files_ = std::make_unique<ChainFiles>(disk_, directory_, *chain);
            options.lock = false;  // who writes to a backup breaks it anyway
        } else if (!earlier.empty()) {
            return fail(StoreErrorKind::kNotFound,
                        fmt::format("{} has no manifest: it is no backup, and has no earlier ones",
                                    directory_));
        }
        FileSystem& files = chain_files_ ? *chain_files_ : disk_;
        auto store = Store::open(directory_, options, files);
        if (!store) return tl::unexpected(store.error());
        store_ = std::move(*store);
        segments_ =
            std::make_unique<SegmentDirectory>(directory_ + "/mail", files, kOpenSegmentsMax);
        return {};
    }

    const Store& store() const override { return *store_; }

    void find_expunged(std::span<const BodyId> bodies) override {
        std::set<BodyId> wanted;
        for (const BodyId body : bodies) {
            // An error is for read() to tell.
            const auto there = *store_->open_body(body, false);
            if (!there && there.error().kind == StoreErrorKind::kNotFound &&
                !expunged_.contains(body))
                wanted.insert(body);
        }
        if (wanted.empty()) return;
        const std::vector<SegmentId> ids = begin_search();
        for (const SegmentId id : ids) {
            if (wanted.empty()) break;
            if (auto done = search(id, wanted); !done && fault_.empty())
                fault_ = fmt::format("{} can not be read: {}", segments_->path_of(id),
                                     done.error().detail);
        }
    }

    Result<std::string> read(const Message& message) const override {
        auto live = *store_->open_body(message.body, false);
        Result<std::string> bytes =
            live ? live->read_all() : Result<std::string>(tl::unexpected(live.error()));
        if (!bytes && !live && live.error().kind == StoreErrorKind::kNotFound)
            bytes = read_expunged(message.body);
        if (bytes && bytes->size() != message.size)
            return corrupt(fmt::format("body {} has {} bytes, the message is said to have {}",
                                       raw(message.body), bytes->size(), message.size));
        return bytes;
    }

  private:
    struct Place {
        SegmentId segment{};
        std::uint32_t offset = 0;
        std::uint32_t length = 0;
        std::uint32_t crc32c = 0;
    };

    Result<void> check(const BackupChain& chain) {
        progress_ = {"checking digests", 0, 0};
        for (const BackupChain::Item& item : chain.items) {
            if (!item.is_segment) progress_.bytes_total += item.bytes;
        }
        for (const BackupChain::Item& item : chain.items) {
            const auto status = disk_.status(item.from);
            if (!status) return tl::unexpected(store_error(status.error()));
            if (!*status || (*status)->directory)
                return corrupt(fmt::format("{} is missing from the backup", item.from));
            if ((*status)->size != item.bytes)
                return corrupt(fmt::format("{} has {} bytes, the backup's manifest says {}",
                                           item.from, (*status)->size, item.bytes));
            if (item.is_segment) continue;
            if (item.crc32c) {
                const auto crc = file_crc32c(disk_, item.from);
                if (!crc) return tl::unexpected(crc.error());
                if (*crc != *item.crc32c)
                    return corrupt(
                        fmt::format("{} is not what the backup's manifest says: its "
                                    "digest is {:08x} in place of {:08x}",
                                    item.from, *crc, *item.crc32c));
            }
            advance(item.bytes);
        }
        return {};
    }

    // All segments, ascending.
    std::vector<SegmentId> begin_search() {
        progress_ = {"searching expunged mail", 0, 0};
        std::vector<SegmentId> ids;
        const auto names = segments_->file_system().list(segments_->path());
        if (!names) {
            fault_ = names.error().text;
            return ids;
        }
        for (const std::string& name : *names) {
            const auto id = SegmentDirectory::id_of_name(name);
            if (!id) continue;
            ids.push_back(*id);
            const auto status = segments_->file_system().status(segments_->path_of(*id));
            if (status && *status) progress_.bytes_total += (*status)->size;
        }
        std::sort(ids.begin(), ids.end());
        return ids;
    }

    // Takes what it finds out of `wanted`.
    Result<void> search(SegmentId id, std::set<BodyId>& wanted) {
        const auto opened = segments_->open(id, false);
        if (!opened) return tl::unexpected(opened.error());
        const File& file = (*opened)->file();
        const auto size = file.size();
        if (!size) return tl::unexpected(store_error(size.error()));
        const std::uint64_t before = progress_.bytes_done;
        FrameSearch frames(file, *size);
        while (!wanted.empty()) {
            const Result<FrameSearch::Step> step = frames.next();
            if (!step) return tl::unexpected(step.error());
            if (std::holds_alternative<FrameSearch::End>(*step)) break;
            if (const auto* frame = std::get_if<ScannedFrame>(&*step)) take(id, *frame, wanted);
            progress_.bytes_done = before;
            advance(frames.offset());
        }
        progress_.bytes_done = before;
        advance(*size);
        return {};
    }

    void take(SegmentId id, const ScannedFrame& frame, std::set<BodyId>& wanted) {
        const FrameHeader& header = frame.header;
        if (!wanted.contains(header.body)) return;
        const Place place{id, frame.body_offset, header.length, header.crc32c};
        // Compaction may have left two copies, and damage one of them.
        const bool is_whole = read_at(place).has_value();
        if (is_whole || !expunged_.contains(header.body))
            expunged_.insert_or_assign(header.body, place);
        if (is_whole) wanted.erase(header.body);
    }

    Result<std::string> read_expunged(BodyId body) const {
        const auto found = expunged_.find(body);
        if (found != expunged_.end()) return read_at(found->second);
        std::string why = "expunged, and its bytes are gone";
        if (!fault_.empty())
            why = fmt::format("expunged, and its bytes are nowhere else ({})", fault_);
        return fail(StoreErrorKind::kNotFound, std::move(why));
    }

    Result<std::string> read_at(const Place& place) const {
        const auto segment = segments_->open(place.segment, false);
        if (!segment) return tl::unexpected(segment.error());
        std::string bytes(place.length, '\0');
        const auto got = (*segment)->file().read_at(place.offset, bytes.data(), bytes.size());
        if (!got) return tl::unexpected(store_error(got.error()));
        if (*got != bytes.size())
            return tl::unexpected((*segment)->damaged(place.offset, "the file ends too early"));
        if (crc32c(bytes) != place.crc32c)
            return tl::unexpected((*segment)->damaged(place.offset, "wrong CRC"));
        return bytes;
    }

    void advance(std::uint64_t bytes) {
        progress_.bytes_done += bytes;
        if (on_progress_) on_progress_(progress_);
    }

    std::string directory_;
    FileSystem& disk_;
    OnProgress on_progress_;
    BackupReadProgress progress_;
    std::unique_ptr<ChainFiles> chain_files_;  // null: a data directory
    std::unique_ptr<Store> store_;
    std::unique_ptr<SegmentDirectory> segments_;
    std::map<BodyId, Place> expunged_;
    std::string fault_;  // of the search: what could not be read first
};

}  // namespace

Result<std::unique_ptr<BackupReader>> BackupReader::open(std::string directory,
                                                         const std::vector<std::string>& earlier,
                                                         FileSystem& disk, OnProgress on_progress) {
    while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    auto reader = std::make_unique<Reader>(std::move(directory), disk, std::move(on_progress));
    if (auto opened = reader->open(earlier); !opened) return tl::unexpected(opened.error());
    return reader;
}

}  // namespace tidemark::storage
