// gentestdata and dump: what one makes the other shows, the same every time.
#include "tests/tools/mail/scratch.hpp"
#include "tools/dump.hpp"
#include "tools/testdata/driven_server.hpp"
#include "tools/testdata/generate.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace tidemark;
using namespace tidemark::tools;
using tidemark::tools::test::Scratch;

namespace {

constexpr std::int64_t kLater = 1'900'000'000'000'000;

void make(const std::string& directory, std::uint64_t seed, std::uint64_t accounts = 5) {
    testdata::GenerateOptions options;
    options.directory = directory;
    options.seed = seed;
    options.accounts = accounts;
    options.messages = 20;
    const auto made = testdata::generate(options);
    if (!made) FAIL(made.error().text);
}

std::vector<std::string> dump(const std::string& directory, const DumpOptions& options = {}) {
    std::vector<std::string> lines;
    const auto counts =
        dump_directory(directory, options, [&lines](std::string_view line) -> CommandResult<void> {
            lines.emplace_back(line);
            return {};
        });
    if (!counts) FAIL(counts.error().text);
    return lines;
}

std::size_t lines_with(const std::vector<std::string>& lines, std::string_view part) {
    std::size_t count = 0;
    for (const std::string& line : lines) count += line.find(part) != std::string::npos ? 1 : 0;
    return count;
}

// All that a server does of itself, with the log's entries before `horizon_micros` dropped.
void maintain(const std::string& directory, std::int64_t horizon_micros, bool compact) {
    auto server = testdata::DrivenServer::open(directory, kLater);
    REQUIRE(server);
    const auto accounts = (*server)->store().accounts();
    REQUIRE(accounts);
    REQUIRE(!accounts->empty());
    for (const auto& account : *accounts) {
        actors::MaintainRequest request;
        request.fold_all = true;
        request.horizon_micros = horizon_micros;
        const auto done = (*server)->call(account.id, std::move(request));
        INFO(account.name);
        CHECK(done);
    }
    if (compact) CHECK((*server)->compact());
    (*server)->stop();
}

}  // namespace

TEST_CASE("the same seed makes the same content, another seed other content") {
    const Scratch scratch;
    make(scratch.path("one"), 7);
    make(scratch.path("two"), 7);
    make(scratch.path("three"), 8);
    const auto one = dump(scratch.path("one"));
    CHECK(one == dump(scratch.path("two")));
    CHECK(one != dump(scratch.path("three")));
}

TEST_CASE("test data has one of everything") {
    const Scratch scratch;
    make(scratch.path("data"), 1);
    const auto lines = dump(scratch.path("data"));
    for (const char* part :
         {R"("kind":"append")", R"("kind":"store")", R"("kind":"expunge")", R"("kind":"copy-in")",
          R"("kind":"move-in")", R"("kind":"move-out")", R"("kind":"mailbox-created")",
          R"("kind":"mailbox-renamed")", R"("kind":"mailbox-changed")", R"("kind":"delivery")",
          R"("expunged":[)", R"("special_use":"\\All")", R"("special_use":"\\Important")",
          R"("enabled":false)", R"("quota_bytes":1073741824)", R"("line":"subscription")",
          R"("keyword-58")", R"("horizon":0,)", R"("\\Draft")"}) {
        CAPTURE(part);
        CHECK(lines_with(lines, part) > 0);
    }
    // Trimmed logs and whole ones; a body that all accounts share and that one has twice; a
    // streamed one with its copy.
    CHECK(lines_with(lines, R"("line":"mailbox")") > lines_with(lines, R"("horizon":0,)"));
    CHECK(lines_with(lines, R"("references":[{"account":1,"count":2},{"account":3)") > 0);
    CHECK(lines_with(lines, R"("size":104)") >= 2);
}

TEST_CASE("a fold and compaction leave the dump as it is, trimming only shortens the log") {
    const Scratch scratch;
    const std::string data = scratch.path("data");
    make(data, 3);
    const auto before = dump(data);
    maintain(data, 0, true);
    CHECK(dump(data) == before);
    maintain(data, kLater, false);
    const auto after = dump(data);
    CHECK(lines_with(after, R"("line":"change")") == 0);
    CHECK(lines_with(before, R"("line":"change")") > 0);
    const auto messages = [](std::vector<std::string> lines) {
        std::erase_if(lines, [](const std::string& line) {
            return line.find(R"("line":"message")") == std::string::npos;
        });
        return lines;
    };
    CHECK(messages(after) == messages(before));
}

TEST_CASE("a dump can be of one account and without the messages' bytes") {
    const Scratch scratch;
    make(scratch.path("data"), 2);
    DumpOptions options;
    options.account = "bj\xC3\xB6rn";
    options.bodies = false;
    const auto lines = dump(scratch.path("data"), options);
    CHECK(lines_with(lines, R"("line":"account")") == 1);
    CHECK(lines_with(lines, R"("digest")") == 0);
    options.account = "nobody";
    const auto none = dump_directory(scratch.path("data"), options,
                                     [](std::string_view) { return CommandResult<void>(); });
    REQUIRE(!none);
    CHECK(none.error().exit == ExitCode::kNo);
}

TEST_CASE("a directory that is in use is not dumped") {
    const Scratch scratch;
    make(scratch.path("data"), 2, 1);
    auto server = testdata::DrivenServer::open(scratch.path("data"), kLater);
    REQUIRE(server);
    const auto none = dump_directory(scratch.path("data"), {},
                                     [](std::string_view) { return CommandResult<void>(); });
    REQUIRE(!none);
    CHECK(none.error().text.find("in use") != std::string::npos);
}
