// `tidemark verifydata` over a directory of all that there can be.
#include "storage/store.hpp"
#include "tests/tools/mail/scratch.hpp"
#include "tests/tools/run_command.hpp"
#include "tools/testdata/generate.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace tidemark;
using namespace tidemark::tools;
using tidemark::tools::test::run;
using tidemark::tools::test::Run;
using tidemark::tools::test::Scratch;

namespace {

void make(const std::string& directory) {
    testdata::GenerateOptions options;
    options.directory = directory;
    options.accounts = 3;
    options.messages = 20;
    const auto made = testdata::generate(options);
    if (!made) FAIL(made.error().text);
}

// A letter of a message becomes another one.
void damage_mail(const std::string& directory) {
    for (const auto& entry : std::filesystem::directory_iterator(directory + "/mail")) {
        std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_write,
                                     std::filesystem::perm_options::add);
        std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        std::string bytes(std::istreambuf_iterator<char>(file), {});
        const std::size_t at = bytes.find("\nTMB1 ");
        if (at == std::string::npos || bytes.find('\n', at + 1) == std::string::npos) continue;
        file.seekp(static_cast<std::streamoff>(bytes.find('\n', at + 1)) + 3);
        file.put('\x01');
        return;
    }
    FAIL("no mail");
}

}  // namespace

TEST_CASE("verifydata says nothing of a directory in which all is well") {
    const Scratch scratch;
    const std::string directory = scratch.path("data");
    make(directory);
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"verifydata", directory},
          std::vector<std::string>{"verifydata", "--quick", "--threads", "1", directory}}) {
        const Run result = run(arguments);
        CHECK(result.exit == ExitCode::kWell);
        // Of a segment whose mail is all gone there may be a note.
        CHECK((result.out.empty() || result.out.starts_with("note: segment-dead ")));
        CHECK(result.err.empty());
    }
    const Run result = run({"verifydata", directory, "--json"});
    CHECK(result.exit == ExitCode::kWell);
    const auto report = nlohmann::json::parse(result.out, nullptr, false);
    REQUIRE(report.is_object());
    CHECK(report["well"] == true);
    CHECK(report["backup"] == false);
    for (const auto& finding : report["findings"]) CHECK(finding["note"] == true);
    CHECK(report["counts"]["accounts"].get<int>() >= 3);
    CHECK(report["counts"]["body_bytes_read"].get<std::uint64_t>() > 0);
}

TEST_CASE("verifydata says nothing of a directory in which nothing was stored yet") {
    const Scratch scratch;
    const std::string directory = scratch.path("data");
    storage::StoreOptions options;
    options.create_if_missing = true;
    auto store = storage::Store::open(directory, options, storage::posix_file_system());
    REQUIRE(store.has_value());
    REQUIRE((*store)->close().has_value());
    store->reset();
    const Run result = run({"verifydata", directory});
    CHECK(result.exit == ExitCode::kWell);
    CHECK(result.out == "");
    CHECK(result.err == "");
}

TEST_CASE("verifydata names what is damaged and exits with 1; with 3 where it can not look") {
    const Scratch scratch;
    const std::string directory = scratch.path("data");
    make(directory);
    damage_mail(directory);
    const Run lines = run({"verifydata", directory});
    CHECK(lines.exit == ExitCode::kNo);
    CHECK(lines.out.starts_with("body-crc "));
    CHECK(lines.out.find(" mail/0000") != std::string::npos);
    const Run object = run({"verifydata", directory, "--json"});
    CHECK(object.exit == ExitCode::kNo);
    const auto report = nlohmann::json::parse(object.out, nullptr, false);
    REQUIRE(report.is_object());
    CHECK(report["well"] == false);
    CHECK(report["findings"].at(0)["code"] == "body-crc");
    CHECK(report["findings"].at(0)["offset"].is_number());

    const Run nowhere = run({"verifydata", scratch.path("nowhere")});
    CHECK(nowhere.exit == ExitCode::kCouldNotRun);
    CHECK(nowhere.err.find("does not exist") != std::string::npos);
}
