// What each released format wrote is still there: the directory is opened, shows the same dump and
// answers a fixed IMAP session as it did then. See README.md of this folder.
#include "tests/upgrade/archive.hpp"
#include "tests/upgrade/entries.hpp"
#include "tests/upgrade/imap_script.hpp"
#include "tools/testdata/generate.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

using namespace tidemark;
using namespace tidemark::test;

namespace {
// Some time after the newest entry was made.
constexpr std::int64_t kNow = 1'900'000'000'000'000;
}  // namespace

TEST_CASE("there is an entry for the format that is written now") {
    CHECK(stored_formats().contains(storage::kFormat));
}

TEST_CASE("what each format wrote is opened, is the same and answers the same") {
    for (const std::uint32_t format : stored_formats()) {
        CAPTURE(format);
        Opened opened;
        TestServer::Options options;
        options.before_start = [&](testing::FaultyFileSystem& files) {
            unpack_entry(format, files);
            opened = open_and_dump(files);
        };
        TestServer server(std::move(options));
        server.clock.advance(std::chrono::microseconds(kNow) -
                             std::chrono::microseconds(server.clock.wall_microseconds()));
        REQUIRE(!opened.accounts.empty());
        const std::string answers =
            imap_transcript(server, opened.accounts, tools::testdata::kPassword);
        server.stop();
        const char* write = std::getenv("TIDEMARK_WRITE_ANSWERS");
        if (write != nullptr && format == storage::kFormat) {
            std::ofstream(write, std::ios::binary) << answers;
            continue;
        }
        check_same(opened.dump, gunzip(entry_path(format, "dump.gz")));
        check_same(answers, gunzip(entry_path(format, "answers.gz")));
        // Being asked has changed nothing.
        CHECK(open_and_dump(server.files).dump == opened.dump);
    }
}
