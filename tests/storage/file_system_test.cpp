#include "storage/file_system.hpp"

#include "storage/backup/file_copier.hpp"
#include "storage/store.hpp"
#include "tests/support/faulty_file_system.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

using namespace tidemark::storage;
using tidemark::testing::FaultyFileSystem;

namespace {

struct TemporaryDirectory {
    TemporaryDirectory() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "tidemark-test-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { std::filesystem::remove_all(path); }
    std::string path;
};

std::string read_all(FileSystem& files, const std::string& path) {
    const auto file = files.open(path, FileSystem::Mode::kRead);
    REQUIRE(file.has_value());
    std::string bytes(1000, '\0');
    bytes.resize(*(*file)->read_at(0, bytes.data(), bytes.size()));
    return bytes;
}

using Mode = FileSystem::Mode;

// What the store relies on, the same for the real one and the one of the tests.
void check_file_system(FileSystem& files, const std::string& directory) {
    const std::string path = directory + "/file";
    CHECK(files.open(path, Mode::kRead).error().code == ENOENT);
    CHECK(files.open(path, Mode::kReadWrite).error().code == ENOENT);
    auto file = std::move(*files.open(path, Mode::kCreateNew));
    CHECK(files.open(path, Mode::kCreateNew).error().code == EEXIST);
    const std::array<std::string_view, 4> pieces = {"one ", "", "two ", "three"};
    CHECK(file->write_at(0, pieces).has_value());
    CHECK(file->write_at(4, "TWO").has_value());
    CHECK(file->size() == 13);
    CHECK(read_all(files, path) == "one TWO three");
    CHECK(file->allocate(13, 100'000).has_value());
    CHECK(file->size() == 13);
    CHECK(file->truncate(7).has_value());
    CHECK(file->sync_data().has_value());
    CHECK(file->sync().has_value());
    CHECK(files.sync_directory(directory).has_value());
    char buffer[10] = {};
    CHECK(file->read_at(4, buffer, 10) == 3u);
    CHECK(file->read_at(100, buffer, 10) == 0u);
    const auto tried = file->try_read_at(0, buffer, 3);
    REQUIRE(tried.has_value());
    CHECK((!*tried || **tried == 3));
    CHECK(std::string(read_all(files, path)) == "one TWO");

    CHECK(files.link(path, directory + "/second").has_value());
    CHECK(files.link(path, directory + "/second").error().code == EEXIST);
    CHECK(files.rename(path, directory + "/third").has_value());
    std::vector<std::string> names = *files.list(directory);
    std::sort(names.begin(), names.end());
    CHECK(names == std::vector<std::string>{"second", "third"});
    CHECK(files.unlink(directory + "/third").has_value());
    CHECK(files.unlink(directory + "/third").error().code == ENOENT);
    CHECK(read_all(files, directory + "/second") == "one TWO");
    CHECK((*files.status(directory + "/second"))->size == 7);
    CHECK(!(*files.status(directory + "/second"))->directory);
    CHECK((*files.status(directory))->directory);
    CHECK(!files.status(directory + "/none")->has_value());
    CHECK(*files.free_bytes(directory) > 0);
    CHECK(files.make_directory(directory).error().code == EEXIST);
    CHECK(files.make_directory(directory + "/below").has_value());
    CHECK(files.remove_directory(directory + "/below").has_value());
    CHECK(read_all(files, directory + "/second").size() == 7);
    auto emptied = files.open(directory + "/second", Mode::kCreateOrTruncate);
    CHECK((*emptied)->size() == 0);

    auto lock = files.lock(directory + "/lock");
    REQUIRE(lock.has_value());
    CHECK(files.lock(directory + "/lock").error().code == EAGAIN);
    lock->reset();
    CHECK(files.lock(directory + "/lock").has_value());
}

}  // namespace

TEST_CASE("files of the operating system behave as the store expects") {
    const TemporaryDirectory directory;
    check_file_system(posix_file_system(), directory.path);
    SUBCASE("and what is made read-only is") {
        const std::string path = directory.path + "/second";
        REQUIRE(posix_file_system().make_read_only(path).has_value());
        struct stat info{};
        REQUIRE(::stat(path.c_str(), &info) == 0);
        CHECK((info.st_mode & 0222) == 0);
    }
    SUBCASE("and many pieces are written by several calls") {
        const std::vector<std::string_view> many(1000, "ab");
        auto file = posix_file_system().open(directory.path + "/many", Mode::kCreateNew);
        REQUIRE((*file)->write_at(3, many).has_value());
        CHECK((*file)->size() == 2003);
        char last[2];
        CHECK((*file)->read_at(2001, last, 2) == 2u);
        CHECK(last[1] == 'b');
    }
}

template <int kError>
ssize_t refuse_to_copy(int, off64_t*, int, off64_t*, std::size_t, unsigned) {
    errno = kError;
    return -1;
}

ssize_t copy_little(int from, off64_t* from_offset, int to, off64_t* to_offset, std::size_t length,
                    unsigned flags) {
    static bool interrupted = false;
    interrupted = !interrupted;
    if (!interrupted)
        return ::copy_file_range(from, from_offset, to, to_offset,
                                 std::min<std::size_t>(length, 1000), flags);
    errno = EINTR;
    return -1;
}

TEST_CASE("a file is copied whole where the kernel can not do it, or only in part") {
    struct Kernel {
        const char* what;
        CopyFileRange copy;
    };
    const TemporaryDirectory directory;
    std::string bytes(700'001, '\0');  // several pieces, the last a short one
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
    const std::string from = directory.path + "/from";
    REQUIRE(write_whole_file(posix_file_system(), from, bytes).has_value());
    for (const Kernel& kernel :
         {Kernel{"EXDEV", refuse_to_copy<EXDEV>}, Kernel{"EINVAL", refuse_to_copy<EINVAL>},
          Kernel{"ENOSYS", refuse_to_copy<ENOSYS>},
          Kernel{"EOPNOTSUPP", refuse_to_copy<EOPNOTSUPP>}, Kernel{"little", copy_little},
          Kernel{"this one", ::copy_file_range}}) {
        CAPTURE(kernel.what);
        const auto files = make_posix_file_system(kernel.copy);
        const std::string to = directory.path + "/to " + kernel.what;
        FileCopier copier(*files, {});
        REQUIRE(copier.copy(from, to, bytes.size()).has_value());
        CHECK(*read_whole_file(*files, to, bytes.size()) == bytes);
        CHECK(copier.counts().copies == 1);
        CHECK(copier.counts().copied_bytes == bytes.size());
    }
}

TEST_CASE("what goes wrong while the kernel copies is an error and no copy in another way") {
    const TemporaryDirectory directory;
    const std::string from = directory.path + "/from";
    REQUIRE(write_whole_file(posix_file_system(), from, "bytes").has_value());
    struct Failure {
        int code;
        CopyFileRange copy;
    };
    for (const Failure& failure :
         {Failure{EIO, refuse_to_copy<EIO>}, Failure{ENOSPC, refuse_to_copy<ENOSPC>},
          Failure{EDQUOT, refuse_to_copy<EDQUOT>}, Failure{EBADF, refuse_to_copy<EBADF>}}) {
        CAPTURE(failure.code);
        const auto files = make_posix_file_system(failure.copy);
        const auto source = files->open(from, Mode::kRead);
        const auto target = files->open(directory.path + "/to", Mode::kCreateOrTruncate);
        const auto copied = files->copy_range(**source, **target, 0, 5);
        REQUIRE(!copied.has_value());
        CHECK(copied.error().code == failure.code);
        CHECK((*target)->size() == 0u);
    }
}

TEST_CASE("files in memory behave the same") {
    FaultyFileSystem files;
    REQUIRE(files.make_directory("/d").has_value());
    check_file_system(files, "/d");
    REQUIRE(files.make_read_only("/d/second").has_value());
    CHECK(files.open("/d/second", Mode::kReadWrite).error().code == EACCES);
}

TEST_CASE("files in memory forget at a crash what was not synced") {
    FaultyFileSystem files;
    REQUIRE(files.make_directory("/d").has_value());
    auto file = std::move(*files.open("/d/a", Mode::kCreateNew));
    REQUIRE(file->write_at(0, "durable").has_value());
    REQUIRE(file->sync_data().has_value());
    SUBCASE("a name") {
        files.restart(0);
        CHECK(!files.status("/d/a")->has_value());
    }
    SUBCASE("bytes") {
        REQUIRE(files.sync_directory("/d").has_value());
        REQUIRE(file->write_at(7, " not").has_value());
        files.restart(0);
        CHECK(files.contents("/d/a") == "durable");
        CHECK(file->write_at(0, "x").error().code == EIO);
    }
    SUBCASE("or keep a part of it") {
        REQUIRE(files.sync_directory("/d").has_value());
        REQUIRE(file->write_at(7, std::string(50, 'x')).has_value());
        files.restart(12345);
        CHECK(std::string("durable" + std::string(50, 'x')).starts_with(files.contents("/d/a")));
        CHECK(files.contents("/d/a").size() >= 7);
    }
    SUBCASE("a removal") {
        REQUIRE(files.sync_directory("/d").has_value());
        REQUIRE(files.unlink("/d/a").has_value());
        files.restart(0);
        CHECK(files.contents("/d/a") == "durable");
    }
}

TEST_CASE("files in memory fail when told to and fill up") {
    FaultyFileSystem files;
    REQUIRE(files.make_directory("/d").has_value());
    auto file = std::move(*files.open("/d/a", Mode::kCreateNew));
    files.fail(FaultyFileSystem::Operation::kWrite, "/d/a", EIO, 1, 1);
    CHECK(file->write_at(0, "1").has_value());
    CHECK(file->write_at(1, "2").error().code == EIO);
    CHECK(file->write_at(1, "2").has_value());
    CHECK(files.failures() == 1);
    files.set_capacity(10);
    CHECK(files.free_bytes("/d") == 8u);
    CHECK(file->write_at(2, "3456789012345").error().code == ENOSPC);
    CHECK(files.contents("/d/a") == "1234567890");
    CHECK(file->truncate(1).has_value());
    CHECK(file->allocate(0, 11).error().code == ENOSPC);
    CHECK(file->allocate(0, 10).has_value());
    CHECK(files.free_bytes("/d") == 0u);
    files.cut_power();
    CHECK(file->truncate(0).error().code == EIO);
}

TEST_CASE("a second process can not open the directory, and can when the first is gone") {
    const TemporaryDirectory directory;
    const std::string path = directory.path + "/data";
    StoreOptions options;
    options.create_if_missing = true;
    options.ballast_bytes = 1 << 20;
    {
        auto store = Store::open(path, options, posix_file_system());
        REQUIRE(store.has_value());
        // The child says by its exit code what it met; it must not run the parent's destructors.
        const pid_t child = ::fork();
        if (child == 0) {
            const auto second = Store::open(path, options, posix_file_system());
            ::_exit(!second && second.error().kind == StoreErrorKind::kLocked ? 7 : 8);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(WEXITSTATUS(status) == 7);
        CHECK(Store::open(path, options, posix_file_system()).error().kind ==
              StoreErrorKind::kLocked);
    }
    CHECK(Store::open(path, options, posix_file_system()).has_value());
}
