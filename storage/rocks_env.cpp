#include "storage/rocks_env.hpp"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <cerrno>

namespace tidemark::storage {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus status_of(const IoError& error) {
    switch (error.code) {
        case ENOENT:
            return IOStatus::PathNotFound(error.text);
        case EXDEV:  // RocksDB then copies in place of linking
            return IOStatus::NotSupported(error.text);
        case ENOSPC:
            return IOStatus::NoSpace(error.text);
        default:
            return IOStatus::IOError(error.text);
    }
}
template <class T>
IOStatus status_of(const IoResult<T>& result) {
    return result ? IOStatus::OK() : status_of(result.error());
}

class SequentialFile final : public rocksdb::FSSequentialFile {
  public:
    explicit SequentialFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
    IOStatus Read(std::size_t size, const IOOptions&, Slice* result, char* scratch,
                  IODebugContext*) override {
        const auto got = file_->read_at(offset_, scratch, size);
        if (!got) return status_of(got.error());
        offset_ += *got;
        *result = Slice(scratch, *got);
        return IOStatus::OK();
    }
    IOStatus Skip(std::uint64_t size) override {
        offset_ += size;
        return IOStatus::OK();
    }

  private:
    std::unique_ptr<File> file_;
    std::uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
  public:
    explicit RandomAccessFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
    IOStatus Read(std::uint64_t offset, std::size_t size, const IOOptions&, Slice* result,
                  char* scratch, IODebugContext*) const override {
        const auto got = file_->read_at(offset, scratch, size);
        if (!got) return status_of(got.error());
        *result = Slice(scratch, *got);
        return IOStatus::OK();
    }

  private:
    std::unique_ptr<File> file_;
};

class WritableFile final : public rocksdb::FSWritableFile {
  public:
    WritableFile(std::unique_ptr<File> file, std::uint64_t size)
        : file_(std::move(file)), size_(size) {}
    using FSWritableFile::Append;
    IOStatus Append(const Slice& bytes, const IOOptions&, IODebugContext*) override {
        const auto written = file_->write_at(size_, std::string_view(bytes.data(), bytes.size()));
        if (!written) return status_of(written.error());
        size_ += bytes.size();
        return IOStatus::OK();
    }
    IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override {
        const auto cut = file_->truncate(size);
        if (!cut) return status_of(cut.error());
        size_ = size;
        return IOStatus::OK();
    }
    IOStatus Close(const IOOptions&, IODebugContext*) override {
        file_.reset();
        return IOStatus::OK();
    }
    IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Sync(const IOOptions&, IODebugContext*) override {
        return status_of(file_->sync_data());
    }
    IOStatus Fsync(const IOOptions&, IODebugContext*) override { return status_of(file_->sync()); }
    bool IsSyncThreadSafe() const override { return true; }
    std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

  private:
    std::unique_ptr<File> file_;
    std::uint64_t size_;
};

class Directory final : public rocksdb::FSDirectory {
  public:
    Directory(FileSystem& file_system, std::string path)
        : file_system_(file_system), path_(std::move(path)) {}
    IOStatus Fsync(const IOOptions&, IODebugContext*) override {
        return status_of(file_system_.sync_directory(path_));
    }
    IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

  private:
    FileSystem& file_system_;
    std::string path_;
};

class HeldLock final : public rocksdb::FileLock {
  public:
    explicit HeldLock(std::unique_ptr<LockedFile> lock) : lock_(std::move(lock)) {}

  private:
    std::unique_ptr<LockedFile> lock_;
};

// Every call of RocksDB's to one of FileSystem's.
class Adapter final : public rocksdb::FileSystem {
  public:
    using Files = storage::FileSystem;
    explicit Adapter(Files& files) : files_(files) {}
    const char* Name() const override { return "tidemark"; }

    IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSSequentialFile>* result,
                               IODebugContext*) override {
        auto file = files_.open(path, Files::Mode::kRead);
        if (!file) return status_of(file.error());
        *result = std::make_unique<SequentialFile>(std::move(*file));
        return IOStatus::OK();
    }
    IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                                 std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                 IODebugContext*) override {
        auto file = files_.open(path, Files::Mode::kRead);
        if (!file) return status_of(file.error());
        *result = std::make_unique<RandomAccessFile>(std::move(*file));
        return IOStatus::OK();
    }
    IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext*) override {
        return writable(path, Files::Mode::kCreateOrTruncate, result);
    }
    IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                                std::unique_ptr<rocksdb::FSWritableFile>* result,
                                IODebugContext*) override {
        return writable(path, Files::Mode::kReadWrite, result);
    }
    IOStatus NewDirectory(const std::string& path, const IOOptions&,
                          std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override {
        *result = std::make_unique<Directory>(files_, path);
        return IOStatus::OK();
    }
    IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
        const auto status = files_.status(path);
        if (!status) return status_of(status.error());
        return *status ? IOStatus::OK() : IOStatus::NotFound(path);
    }
    IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* names,
                         IODebugContext*) override {
        auto found = files_.list(path);
        if (!found) return status_of(found.error());
        *names = std::move(*found);
        return IOStatus::OK();
    }
    IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
        return status_of(files_.unlink(path));
    }
    IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
        return status_of(files_.make_directory(path));
    }
    IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&,
                                IODebugContext*) override {
        const auto made = files_.make_directory(path);
        return made || made.error().code == EEXIST ? IOStatus::OK() : status_of(made.error());
    }
    IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
        return status_of(files_.remove_directory(path));
    }
    IOStatus GetFileSize(const std::string& path, const IOOptions&, std::uint64_t* size,
                         IODebugContext*) override {
        const auto status = files_.status(path);
        if (!status) return status_of(status.error());
        if (!*status) return IOStatus::PathNotFound(path);
        *size = (*status)->size;
        return IOStatus::OK();
    }
    IOStatus GetFileModificationTime(const std::string& path, const IOOptions&,
                                     std::uint64_t* seconds, IODebugContext*) override {
        const auto status = files_.status(path);
        if (!status) return status_of(status.error());
        if (!*status) return IOStatus::PathNotFound(path);
        *seconds = static_cast<std::uint64_t>((*status)->modified_seconds);
        return IOStatus::OK();
    }
    IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* directory,
                         IODebugContext*) override {
        const auto status = files_.status(path);
        if (!status) return status_of(status.error());
        if (!*status) return IOStatus::PathNotFound(path);
        *directory = (*status)->directory;
        return IOStatus::OK();
    }
    IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                        IODebugContext*) override {
        return status_of(files_.rename(from, to));
    }
    IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
        return status_of(files_.link(from, to));
    }
    IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock,
                      IODebugContext*) override {
        auto held = files_.lock(path);
        if (!held) return status_of(held.error());
        *lock = new HeldLock(std::move(*held));
        return IOStatus::OK();
    }
    IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
        delete static_cast<HeldLock*>(lock);
        return IOStatus::OK();
    }
    IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
        return IOStatus::NotSupported("test directory");
    }
    // Its log would be one more file to fail; the store gives RocksDB a logger instead.
    IOStatus NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>*,
                       IODebugContext*) override {
        return IOStatus::NotSupported("logger");
    }
    IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result,
                             IODebugContext*) override {
        *result = path;
        return IOStatus::OK();
    }
    IOStatus GetFreeSpace(const std::string& path, const IOOptions&, std::uint64_t* bytes,
                          IODebugContext*) override {
        const auto free = files_.free_bytes(path);
        if (!free) return status_of(free.error());
        *bytes = *free;
        return IOStatus::OK();
    }

  private:
    IOStatus writable(const std::string& path, Files::Mode mode,
                      std::unique_ptr<rocksdb::FSWritableFile>* result) {
        auto file = files_.open(path, mode);
        if (!file) return status_of(file.error());
        const auto size = (*file)->size();
        if (!size) return status_of(size.error());
        *result = std::make_unique<WritableFile>(std::move(*file), *size);
        return IOStatus::OK();
    }

    Files& files_;
};

using Flag = std::shared_ptr<std::atomic<bool>>;

IOStatus watched(IOStatus status, const Flag& failed) {
    if (!status.ok() && !status.IsNotSupported()) failed->store(true, std::memory_order_release);
    return status;
}

class WatchedWritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
  public:
    WatchedWritableFile(std::unique_ptr<rocksdb::FSWritableFile> file, Flag failed)
        : FSWritableFileOwnerWrapper(std::move(file)), failed_(std::move(failed)) {}
    IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
        return watched(FSWritableFileOwnerWrapper::Sync(options, context), failed_);
    }
    IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
        return watched(FSWritableFileOwnerWrapper::Fsync(options, context), failed_);
    }
    IOStatus RangeSync(std::uint64_t offset, std::uint64_t size, const IOOptions& options,
                       IODebugContext* context) override {
        return watched(FSWritableFileOwnerWrapper::RangeSync(offset, size, options, context),
                       failed_);
    }

  private:
    Flag failed_;
};

class WatchedDirectory final : public rocksdb::FSDirectoryWrapper {
  public:
    WatchedDirectory(std::unique_ptr<rocksdb::FSDirectory>&& directory, Flag failed)
        : FSDirectoryWrapper(std::move(directory)), failed_(std::move(failed)) {}
    IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
        return watched(FSDirectoryWrapper::Fsync(options, context), failed_);
    }
    IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* context,
                                 const rocksdb::DirFsyncOptions& directory_options) override {
        return watched(FSDirectoryWrapper::FsyncWithDirOptions(options, context, directory_options),
                       failed_);
    }

  private:
    Flag failed_;
};

class SyncWatch final : public rocksdb::FileSystemWrapper {
  public:
    SyncWatch(const std::shared_ptr<rocksdb::FileSystem>& target, std::string watched, Flag failed)
        : FileSystemWrapper(target), watched_(std::move(watched)), failed_(std::move(failed)) {}
    const char* Name() const override { return "tidemark-sync-watch"; }

    IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext* context) override {
        return wrap(target()->NewWritableFile(path, options, result, context), path, result);
    }
    IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                                std::unique_ptr<rocksdb::FSWritableFile>* result,
                                IODebugContext* context) override {
        return wrap(target()->ReopenWritableFile(path, options, result, context), path, result);
    }
    IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                               const FileOptions& options,
                               std::unique_ptr<rocksdb::FSWritableFile>* result,
                               IODebugContext* context) override {
        return wrap(target()->ReuseWritableFile(path, old_path, options, result, context), path,
                    result);
    }
    IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                          std::unique_ptr<rocksdb::FSDirectory>* result,
                          IODebugContext* context) override {
        IOStatus status = target()->NewDirectory(path, options, result, context);
        if (status.ok() && is_watched(path))
            *result = std::make_unique<WatchedDirectory>(std::move(*result), failed_);
        return status;
    }

  private:
    bool is_watched(const std::string& path) const {
        return path.starts_with(watched_) &&
               (path.size() == watched_.size() || path[watched_.size()] == '/');
    }
    IOStatus wrap(IOStatus status, const std::string& path,
                  std::unique_ptr<rocksdb::FSWritableFile>* result) {
        if (status.ok() && is_watched(path))
            *result = std::make_unique<WatchedWritableFile>(std::move(*result), failed_);
        return status;
    }

    std::string watched_;
    Flag failed_;
};

}  // namespace

RocksEnv make_rocks_env(FileSystem& file_system, const std::string& watched) {
    std::shared_ptr<rocksdb::FileSystem> files = file_system.native()
                                                     ? rocksdb::FileSystem::Default()
                                                     : std::make_shared<Adapter>(file_system);
    RocksEnv made;
    made.sync_failed = std::make_shared<std::atomic<bool>>(false);
    made.env =
        rocksdb::NewCompositeEnv(std::make_shared<SyncWatch>(files, watched, made.sync_failed));
    return made;
}

}  // namespace tidemark::storage
