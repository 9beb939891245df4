// The files of the directory mail/: names, open descriptors, writing at the end of the active one,
// scanning. Which bytes count is decided by the records in RocksDB (store_impl.hpp); nothing here
// reads or writes those. Not a public header.
#pragma once

#include "storage/file_system.hpp"
#include "storage/segment_frame.hpp"
#include "storage/store.hpp"
#include "storage/types.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tidemark::storage {

struct SegmentCounters {
    std::atomic<std::uint64_t> crc_failures = 0;
};

StoreError store_error(const IoError& error, StoreErrorKind otherwise = StoreErrorKind::kIo);
bool is_no_space(const IoError& error);

// A segment open for reading. While one lives, its file is kept.
class SegmentFile {
  public:
    SegmentFile(SegmentId id, std::unique_ptr<File> file, std::shared_ptr<SegmentCounters> counters)
        : id_(id), file_(std::move(file)), counters_(std::move(counters)) {}

    SegmentId id() const { return id_; }
    const File& file() const { return *file_; }
    StoreError damaged(std::uint32_t offset, std::string_view what) const;  // counts it

  private:
    SegmentId id_;
    std::unique_ptr<File> file_;
    std::shared_ptr<SegmentCounters> counters_;
};

// Names and open files. All threads.
class SegmentDirectory {
  public:
    SegmentDirectory(std::string path, FileSystem& file_system, unsigned open_max);

    const std::string& path() const { return path_; }
    FileSystem& file_system() const { return file_system_; }
    std::string path_of(SegmentId id) const;
    static std::optional<SegmentId> id_of_name(std::string_view name);
    static bool is_staging_name(std::string_view name);
    std::string staging_path(BodyId id) const;

    // kNotFound when there is no such file. `cached_only`: null when it is not open already.
    Result<std::shared_ptr<const SegmentFile>> open(SegmentId id, bool cached_only) const;
    // Forgets the open file; false, and nothing is forgotten, when a reader has it.
    bool forget(SegmentId id);
    const std::shared_ptr<SegmentCounters>& counters() const { return counters_; }

  private:
    struct Entry {
        std::shared_ptr<const SegmentFile> file;
        std::list<SegmentId>::iterator age;
    };

    std::string path_;
    FileSystem& file_system_;
    unsigned open_max_;
    std::shared_ptr<SegmentCounters> counters_ = std::make_shared<SegmentCounters>();
    mutable std::mutex mutex_;
    mutable std::list<SegmentId> ages_;  // last used first
    mutable std::unordered_map<SegmentId, Entry> open_;
};

// Where a segment ends, and the CRC of what is before.
struct SegmentEnd {
    std::uint64_t bytes = 0;
    std::optional<std::uint32_t> crc32c = 0;
};

// The end of a segment that is being written. The store's thread only.
class SegmentWriter {
  public:
    // Makes the file, or opens one whose committed bytes end at `bytes` and cuts off what is
    // behind.
    static Result<std::unique_ptr<SegmentWriter>> create(const SegmentDirectory& directory,
                                                         SegmentId id);
    static Result<std::unique_ptr<SegmentWriter>> reopen(const SegmentDirectory& directory,
                                                         SegmentId id, SegmentEnd end);

    SegmentId id() const { return id_; }
    std::uint64_t end() const { return end_.bytes; }
    const SegmentEnd& mark() const { return end_; }
    // Where what was committed ends; set by the store when a round is durable.
    const SegmentEnd& committed() const { return committed_; }
    void set_committed() { committed_ = end_; }
    bool dirty() const { return dirty_; }

    // After an error the file is as before, unless the error is not about space: then it must not
    // be used again.
    IoResult<void> append(std::span<const std::string_view> pieces);
    // Forgets what was appended behind `end`, an earlier mark.
    IoResult<void> cut_back(SegmentEnd end);
    IoResult<void> sync();
    // Gives back the reserved space. The file is complete.
    IoResult<void> finish();

  private:
    SegmentWriter(SegmentId id, std::unique_ptr<File> file, SegmentEnd end)
        : id_(id), file_(std::move(file)), end_(end), committed_(end), allocated_(end.bytes) {}

    SegmentId id_;
    std::unique_ptr<File> file_;
    SegmentEnd end_;
    SegmentEnd committed_;
    std::uint64_t allocated_;
    bool dirty_ = false;
};

// One frame found in a file.
struct ScannedFrame {
    FrameHeader header;              // owners of its TMO1 lines included
    std::uint64_t frame_offset = 0;  // of its first line
    std::uint32_t body_offset = 0;
    std::uint32_t header_bytes = 0;

    std::uint64_t end() const { return std::uint64_t{body_offset} + header.length + 1; }
};

// Reads the frame at `offset` of a file whose frames end at `end`; nullopt at the end, kCorrupt
// when there is something else. TMO1 lines behind the last frame are taken for its end.
Result<std::optional<ScannedFrame>> scan_frame(const File& file, std::uint64_t offset,
                                               std::uint64_t end);

// A large body that is streamed to a file of its own.
class StagedFile final : public StagedBody {
  public:
    static Result<std::shared_ptr<StagedFile>> create(
        std::shared_ptr<const SegmentDirectory> directory, BodyId id, std::uint64_t expected_bytes);
    ~StagedFile() override;

    Result<void> append(std::string_view bytes) override;
    Result<void> finish() override;
    std::uint64_t length() const override { return length_; }
    Result<std::string> read_all() const override;

    std::uint32_t crc32c() const { return crc32c_; }
    bool finished() const { return finished_; }
    bool kept() const { return kept_; }
    // Gives it its header and its name as a segment. Not durable before sync() and a sync of the
    // directory. The file still goes with this object until keep().
    IoResult<SegmentEnd> become_segment(SegmentId segment, const FrameHeader& header);
    IoResult<void> sync();
    void keep();

  private:
    StagedFile(std::shared_ptr<const SegmentDirectory> directory, std::string path,
               std::unique_ptr<File> file)
        : directory_(std::move(directory)), path_(std::move(path)), file_(std::move(file)) {}

    std::shared_ptr<const SegmentDirectory> directory_;
    std::string path_;
    std::unique_ptr<File> file_;
    std::uint64_t length_ = 0;
    std::uint32_t crc32c_ = 0;
    bool failed_ = false;
    bool finished_ = false;
    bool kept_ = false;
};

}  // namespace tidemark::storage
