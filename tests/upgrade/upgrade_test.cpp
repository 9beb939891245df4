// What each released format wrote is still there: the directory is opened, shows the same dump and
// answers a fixed IMAP session as it did then. See README.md of this folder.
#include "storage/limits.hpp"
#include "tests/upgrade/archive.hpp"
#include "tests/upgrade/imap_script.hpp"
#include "tools/dump.hpp"
#include "tools/testdata/generate.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace tidemark;

namespace {

constexpr const char* kDirectory = "/data";
// Some time after the newest entry was made.
constexpr std::int64_t kNow = 1'900'000'000'000'000;

std::string entry_path(std::uint32_t format, std::string_view file) {
    return fmt::format("{}/tests/upgrade/format-{}/{}", TIDEMARK_SOURCE_DIR, format, file);
}

std::set<std::uint32_t> stored_formats() {
    constexpr std::string_view kPrefix = "format-";
    std::set<std::uint32_t> formats;
    const std::filesystem::path folder = std::string(TIDEMARK_SOURCE_DIR) + "/tests/upgrade";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(kPrefix))
            formats.insert(static_cast<std::uint32_t>(std::stoul(name.substr(kPrefix.size()))));
    }
    return formats;
}

storage::StoreOptions small_store() {
    storage::StoreOptions options;
    options.block_cache_bytes = 4U << 20;
    options.read_only = true;
    return options;
}

struct Opened {
    std::string dump;
    std::vector<std::string> accounts;  // that can log in
};

Opened open_and_dump(testing::FaultyFileSystem& files) {
    const auto store = storage::Store::open(kDirectory, small_store(), files);
    if (!store) FAIL(store.error().detail);
    Opened opened;
    const auto counts = tools::dump_store(**store, {}, [&](std::string_view line) {
        opened.dump.append(line) += '\n';
        return tools::CommandResult<void>();
    });
    if (!counts) FAIL(counts.error().text);
    const auto records = (*store)->accounts();
    REQUIRE(records);
    for (const storage::AccountRecord& record : *records) {
        if (record.enabled) opened.accounts.push_back(record.name);
    }
    return opened;
}

// Lines that differ, so that a failure can be read.
void check_same(const std::string& found, const std::string& stored) {
    if (found == stored) return;
    std::size_t line = 1;
    std::size_t at = 0;
    while (at < found.size() && at < stored.size() && found[at] == stored[at])
        line += found[at++] == '\n' ? 1 : 0;
    const auto line_at = [](const std::string& text, std::size_t where) {
        const std::size_t start = where == 0 ? 0 : text.rfind('\n', where - 1) + 1;
        return text.substr(start, text.find('\n', where) - start);
    };
    FAIL_CHECK("line " << line << "\nnow:    " << line_at(found, at)
                       << "\nstored: " << line_at(stored, at));
}

}  // namespace

TEST_CASE("there is an entry for the format that is written now") {
    CHECK(stored_formats().contains(storage::kFormat));
}

TEST_CASE("what each format wrote is opened, is the same and answers the same") {
    for (const std::uint32_t format : stored_formats()) {
        CAPTURE(format);
        Opened opened;
        test::TestServer::Options options;
        options.before_start = [&](testing::FaultyFileSystem& files) {
            test::unpack(test::gunzip(entry_path(format, "data.tar.gz")), kDirectory, files);
            opened = open_and_dump(files);
        };
        test::TestServer server(std::move(options));
        server.clock.advance(std::chrono::microseconds(kNow) -
                             std::chrono::microseconds(server.clock.wall_microseconds()));
        REQUIRE(!opened.accounts.empty());
        const std::string answers =
            test::imap_transcript(server, opened.accounts, tools::testdata::kPassword);
        server.stop();
        const char* write = std::getenv("TIDEMARK_WRITE_ANSWERS");
        if (write != nullptr && format == storage::kFormat) {
            std::ofstream(write, std::ios::binary) << answers;
            continue;
        }
        check_same(opened.dump, test::gunzip(entry_path(format, "dump.gz")));
        check_same(answers, test::gunzip(entry_path(format, "answers.gz")));
        // Being asked has changed nothing.
        CHECK(open_and_dump(server.files).dump == opened.dump);
    }
}
