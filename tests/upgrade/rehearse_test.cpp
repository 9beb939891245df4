// `tidemark upgrade`, which looks before it commits, and its rehearsal, which leaves the original
// alone.
#include "storage/format_file.hpp"
#include "storage/keys.hpp"
#include "storage/migrate/linked_copy.hpp"
#include "tests/tools/mail/scratch.hpp"
#include "tests/upgrade/entries.hpp"
#include "tests/upgrade/imap_script.hpp"
#include "tests/upgrade/repage_step.hpp"
#include "tools/cli.hpp"
#include "tools/testdata/generate.hpp"
#include "tools/upgrade.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

using namespace tidemark;
using namespace tidemark::test;
using storage::Family;
using storage::MigrationPlan;
using testing::FaultyFileSystem;

namespace {

constexpr const char* kCopy = "/data.rehearsal";

// One of the mistakes that a step can make.
enum class Mistake { kNone, kLosesMessage, kLosesLog, kLosesBody };

class MistakenStep final : public storage::MigrationStep {
  public:
    explicit MistakenStep(Mistake mistake) : mistake_(mistake) {}
    std::string_view name() const override { return "mistaken"; }
    storage::Result<void> record(Family family, std::string_view key, std::string_view value,
                                 storage::MigrationSink& sink) override {
        const bool goes_wrong = (mistake_ == Mistake::kLosesMessage && family == Family::kPages) ||
                                (mistake_ == Mistake::kLosesLog && family == Family::kChanges) ||
                                (mistake_ == Mistake::kLosesBody && family == Family::kBodies);
        if (goes_wrong && ++records_ == 5) return {};
        return sink.put(family, key, value);
    }

  private:
    Mistake mistake_;
    int records_ = 0;
};

MigrationPlan mistaken(Mistake mistake) {
    MigrationPlan plan;
    plan.steps.emplace_back([mistake] { return std::make_unique<MistakenStep>(mistake); });
    return plan;
}

// Every file below a directory with its bytes.
std::map<std::string, std::string> files_in(FaultyFileSystem& files, const std::string& directory) {
    std::map<std::string, std::string> found;
    const auto names = files.list(directory);
    REQUIRE(names);
    for (const std::string& name : *names) {
        const std::string path = directory + "/" + name;
        if ((*files.status(path))->directory) {
            found.merge(files_in(files, path));
        } else {
            found[path] = files.contents(path);
        }
    }
    return found;
}

struct Rehearsal {
    explicit Rehearsal(const MigrationPlan& steps) : plan(steps) {
        unpack_entry(1, files);
        options.upgrade.directory = kDirectory;
        options.upgrade.plan = &plan;
        options.upgrade.files = &files;
        before = files_in(files, kDirectory);
    }
    bool original_is_untouched() { return files_in(files, kDirectory) == before; }
    bool copy_is_there() { return files.status(kCopy)->has_value(); }

    FaultyFileSystem files;
    MigrationPlan plan;
    tools::RehearsalOptions options;
    std::map<std::string, std::string> before;
};

struct Run {
    tools::ExitCode exit;
    std::string out;
    std::string err;
};

Run run(std::vector<std::string> arguments) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    tools::Terminal terminal{in, out, err, false};
    const tools::ExitCode exit = tools::run_cli(std::move(arguments), terminal);
    return {exit, out.str(), err.str()};
}

}  // namespace

TEST_CASE("a database that does not hold the same never counts") {
    for (const Mistake mistake :
         {Mistake::kLosesMessage, Mistake::kLosesLog, Mistake::kLosesBody, Mistake::kNone}) {
        CAPTURE(static_cast<int>(mistake));
        Rehearsal at(mistaken(mistake));
        const auto done = tools::upgrade(at.options.upgrade);
        CHECK(done.has_value() == (mistake == Mistake::kNone));
        if (done) continue;
        CHECK(done.error().exit == tools::ExitCode::kNo);
        std::map<std::string, std::string> now = files_in(at.files, kDirectory);
        now.erase(std::string(kDirectory) + "/lock");
        CHECK(now == at.before);
    }
}

TEST_CASE("a rehearsal tells what the upgrade takes and leaves nothing but the original") {
    Rehearsal at(repaging({2, 7}));
    const auto report = tools::rehearse_upgrade(at.options);
    INFO((report ? std::string() : report.error().text));
    REQUIRE(report);
    CHECK(report->upgrade.from == 1);
    CHECK(report->upgrade.to == 3);
    CHECK(report->upgrade.figures.needed_bytes > report->upgrade.figures.old_bytes);
    CHECK(report->upgrade.figures.records_read > 500);
    CHECK(report->copied.links > 5);
    CHECK(report->lines > 500);
    CHECK(report->findings.empty());
    CHECK(at.original_is_untouched());
    CHECK(!at.copy_is_there());
}

TEST_CASE("the copy of a rehearsal can be kept, and what is done to it stays there") {
    Rehearsal at(repaging({2}));
    at.options.keep = true;
    REQUIRE(tools::rehearse_upgrade(at.options));
    CHECK(*storage::read_format_number(kCopy, at.files) == 2);
    // Served, changed and compacted: the links are to what never changes.
    storage::StoreOptions options;
    options.format = 2;
    options.block_cache_bytes = 4U << 20;
    auto store = storage::Store::open(kCopy, options, at.files);
    REQUIRE(store);
    for (bool more = true; more;) more = *(*store)->compact_step(1U << 20);
    for (bool done = false; !done;) done = *(*store)->remove_account_step(storage::AccountId{1});
    for (bool more = true; more;) more = *(*store)->compact_step(1U << 20);
    REQUIRE((*store)->close());
    store->reset();
    CHECK(at.original_is_untouched());
    CHECK(open_and_dump(at.files, 1).dump.find("\"anna\"") != std::string::npos);
    // Not again to the same place.
    const auto again = tools::rehearse_upgrade(at.options);
    REQUIRE(!again);
    CHECK(again.error().exit == tools::ExitCode::kNo);
}

TEST_CASE("a rehearsal of an upgrade that would fail says so") {
    for (const Mistake mistake :
         {Mistake::kLosesMessage, Mistake::kLosesLog, Mistake::kLosesBody}) {
        CAPTURE(static_cast<int>(mistake));
        Rehearsal at(mistaken(mistake));
        const auto done = tools::rehearse_upgrade(at.options);
        REQUIRE(!done);
        CHECK(done.error().exit == tools::ExitCode::kNo);
        CHECK(at.original_is_untouched());
        CHECK(!at.copy_is_there());
    }
    Rehearsal at(repaging({2}));
    const std::string segment = std::string(kDirectory) + "/mail/00000005.seg";
    at.files.flip(segment, at.files.contents(segment).size() / 2);
    at.before = files_in(at.files, kDirectory);
    CHECK(!tools::rehearse_upgrade(at.options));
    CHECK(at.original_is_untouched());
}

TEST_CASE("the original is untouched wherever a rehearsal is interrupted") {
    bool whole = false;
    for (std::uint64_t operations = 0; !whole; operations += 1 + operations / 4) {
        CAPTURE(operations);
        Rehearsal at(repaging({2}));
        at.files.cut_power_after(operations);
        whole = tools::rehearse_upgrade(at.options).has_value();
        operations % 2 == 0 ? at.files.restart(operations) : at.files.restart_after_kill();
        CHECK(at.original_is_untouched());
    }
}

TEST_CASE("a directory that a server has open is not rehearsed on") {
    Rehearsal at(repaging({2}));
    const auto lock = at.files.lock(std::string(kDirectory) + "/lock");
    REQUIRE(lock);
    const auto done = tools::rehearse_upgrade(at.options);
    REQUIRE(!done);
    CHECK(done.error().exit == tools::ExitCode::kCouldNotRun);
    CHECK(done.error().text.find("backup") != std::string::npos);
    CHECK(!at.copy_is_there());
}

TEST_CASE("upgrade and its rehearsal as commands") {
    const tidemark::tools::test::Scratch scratch;
    tools::testdata::GenerateOptions options;
    options.directory = scratch.path("data");
    options.accounts = 2;
    options.messages = 5;
    REQUIRE(tools::testdata::generate(options));
    const Run rehearsed = run({"upgrade", "--rehearse", scratch.path("data")});
    CHECK(rehearsed.exit == tools::ExitCode::kWell);
    CHECK(rehearsed.err.empty());
    CHECK(rehearsed.out.find("lines of the dump are the same") != std::string::npos);
    CHECK(!std::filesystem::exists(scratch.path("data.rehearsal")));
    const Run json = run({"upgrade", "--rehearse", "--json", "--keep", "--copy",
                          scratch.path("copy"), scratch.path("data")});
    CHECK(json.exit == tools::ExitCode::kWell);
    CHECK(json.out.find("\"dump_lines\":") != std::string::npos);
    CHECK(std::filesystem::exists(scratch.path("copy") + "/format"));
    CHECK(run({"upgrade", scratch.path("data")}).out ==
          "format 1 is the newest, there is nothing to migrate\n");
    CHECK(run({"upgrade", scratch.path("none")}).exit == tools::ExitCode::kCouldNotRun);
    CHECK(run({"upgrade", "--keep", scratch.path("data")}).exit == tools::ExitCode::kUsage);
    CHECK(run({"upgrade"}).exit == tools::ExitCode::kUsage);
}
