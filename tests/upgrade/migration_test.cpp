// A migration happens or does not, whatever interrupts it. Made of the stored directory of format
// 1, with steps of formats that there are only here.
#include "storage/migrate/migration.hpp"

#include "storage/backup/backup.hpp"
#include "storage/backup/restore.hpp"
#include "storage/format_file.hpp"
#include "storage/verify/verify.hpp"
#include "tests/upgrade/entries.hpp"
#include "tests/upgrade/imap_script.hpp"
#include "tests/upgrade/repage_step.hpp"
#include "tools/testdata/generate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

using namespace tidemark;
using namespace tidemark::test;
using storage::Migration;
using storage::MigrationPlan;
using storage::StoreErrorKind;
using testing::FaultyFileSystem;
using Operation = FaultyFileSystem::Operation;

namespace {

constexpr std::int64_t kNow = 1'900'000'000'000'000;

// Two steps: pages of two messages, then of seven.
const MigrationPlan& two_steps() {
    static const MigrationPlan plan = repaging({2, 7});
    return plan;
}

storage::MigrationOptions small_batches() {
    storage::MigrationOptions options;
    options.batch_bytes = 16U << 10;
    return options;
}

storage::Result<void> migrate(FaultyFileSystem& files, const MigrationPlan& plan,
                              storage::MigrationFigures* figures = nullptr) {
    auto migration = Migration::open(kDirectory, plan, small_batches(), files);
    if (!migration) return tl::unexpected(migration.error());
    auto done = (*migration)->make();
    if (figures != nullptr) *figures = (*migration)->figures();
    return done ? (*migration)->commit() : done;
}

std::uint32_t format_of(FaultyFileSystem& files) {
    const auto format = storage::read_format_number(kDirectory, files);
    REQUIRE(format);
    return *format;
}

std::vector<std::string> databases(FaultyFileSystem& files) {
    std::vector<std::string> names = *files.list(kDirectory);
    std::erase_if(names, [](const auto& name) { return !storage::format_of_database(name); });
    std::sort(names.begin(), names.end());
    return names;
}

// The bytes of every file of the old database: no run may write to it.
std::string old_database(FaultyFileSystem& files) {
    std::vector<std::string> names = *files.list(std::string(kDirectory) + "/db");
    std::sort(names.begin(), names.end());
    std::string all;
    for (const std::string& name : names)
        all += name + '\n' + files.contents(std::string(kDirectory) + "/db/" + name);
    return all;
}

const std::string& dump_of_entry() {
    static const std::string dump = [] {
        FaultyFileSystem files;
        unpack_entry(1, files);
        return open_and_dump(files).dump;
    }();
    return dump;
}

std::string answers_of(FaultyFileSystem& from, std::uint32_t newest) {
    const Opened opened = open_and_dump(from, newest);
    TestServer::Options options;
    options.store_format = newest;
    options.before_start = [&from](FaultyFileSystem& files) { files.copy_from(from); };
    TestServer server(std::move(options));
    return imap_transcript(server, opened.accounts, tools::testdata::kPassword);
}

// Interruptions close together at first, when databases are made, and farther apart later; at each
// operation with TIDEMARK_TEST_EVERY_STEP=1 (a few minutes).
std::uint64_t next(std::uint64_t operations, double growth) {
    if (std::getenv("TIDEMARK_TEST_EVERY_STEP") != nullptr) return operations + 1;
    return static_cast<std::uint64_t>(static_cast<double>(operations) * growth) + 1;
}

void run_interrupted(std::uint64_t operations, std::uint64_t seed, bool power, bool& whole) {
    CAPTURE(operations);
    CAPTURE(seed);
    CAPTURE(power);
    FaultyFileSystem files;
    unpack_entry(1, files);
    const std::string old = old_database(files);
    files.cut_power_after(operations);
    whole = migrate(files, two_steps()).has_value() && !files.power_is_off();
    power ? files.restart(seed) : files.restart_after_kill();
    const std::uint32_t format = format_of(files);
    if (format == 1) {
        CHECK(old_database(files) == old);
        // The older program reads it, and the newer one.
        CHECK(open_and_dump(files, 1).dump == dump_of_entry());
    } else {
        REQUIRE(format == 3);
    }
    CHECK(open_and_dump(files, 3).dump == dump_of_entry());
    // The next try comes to the end.
    const auto again = migrate(files, two_steps());
    INFO((again ? std::string() : again.error().detail));
    REQUIRE(again);
    CHECK(format_of(files) == 3);
    CHECK(open_and_dump(files, 3).dump == dump_of_entry());
    if (format == 1) CHECK(databases(files) == std::vector<std::string>{"db-3"});
}

}  // namespace

TEST_CASE("there is a step to every format up to the one that is written") {
    CHECK(storage::released_migrations().newest() == storage::kFormat);
}

TEST_CASE("a migrated directory dumps and answers as before, and only the new database is left") {
    FaultyFileSystem files;
    unpack_entry(1, files);
    const std::string before = answers_of(files, 1);
    storage::MigrationFigures figures;
    REQUIRE(migrate(files, two_steps(), &figures));
    CHECK(format_of(files) == 3);
    CHECK(databases(files) == std::vector<std::string>{"db-3"});
    CHECK(figures.records_read > 500);
    CHECK(figures.records_written > figures.records_read);  // pages became more, then fewer
    CHECK(!figures.resumed);
    check_same(open_and_dump(files, 3).dump, dump_of_entry());
    check_same(answers_of(files, 3), before);
    // Once is enough.
    auto again = Migration::open(kDirectory, two_steps(), small_batches(), files);
    REQUIRE(again);
    CHECK(!(*again)->is_needed());
    CHECK((*again)->make());
    CHECK((*again)->commit());
}

TEST_CASE("a migrated directory is backed up, verified and restored before it was written to") {
    FaultyFileSystem files;
    unpack_entry(1, files);
    REQUIRE(migrate(files, two_steps()));
    storage::StoreOptions options;
    options.format = 3;
    options.block_cache_bytes = 4U << 20;
    {
        const auto store = storage::Store::open(kDirectory, options, files);
        REQUIRE(store);
        storage::BackupOptions backup;
        backup.destination = "/backup";
        backup.created_micros = kNow - 1'000'000;
        backup.id = std::string(32, 'a');
        REQUIRE((*store)->hold_segments());
        REQUIRE(storage::write_backup(**store, backup));
        (*store)->release_segments();
    }
    storage::VerifyOptions verify;
    verify.format = 3;
    const auto is_well = [&](const std::string& directory) {
        const auto report = storage::verify(directory, verify, files);
        REQUIRE(report);
        for (const storage::Finding& finding : report->findings) INFO(to_string(finding));
        return report->well();
    };
    CHECK(is_well("/backup"));
    storage::RestoreOptions restore;
    restore.backup = "/backup";
    restore.directory = "/restored";
    restore.now_micros = kNow;
    restore.store = options;
    restore.verify = verify;
    const auto restored = storage::restore_backup(files, restore);
    INFO((restored ? std::string() : restored.error().detail));
    REQUIRE(restored);
    CHECK(restored->is_restored);
    CHECK(is_well("/restored"));
}

TEST_CASE("an older format is read, and written only when it was migrated") {
    FaultyFileSystem files;
    unpack_entry(1, files);
    storage::StoreOptions options;
    options.format = 2;
    const auto refused = storage::Store::open(kDirectory, options, files);
    REQUIRE(!refused);
    CHECK(refused.error().kind == StoreErrorKind::kTooOld);
    CHECK(refused.error().detail.find("tidemark upgrade /data") != std::string::npos);
    CHECK(open_and_dump(files, 2).dump == dump_of_entry());
    REQUIRE(migrate(files, repaging({2})));
    options.format = 1;
    const auto later = storage::Store::open(kDirectory, options, files);
    REQUIRE(!later);
    CHECK(later.error().kind == StoreErrorKind::kTooNew);
    options.format = 2;
    CHECK(storage::Store::open(kDirectory, options, files));
}

TEST_CASE("whenever the power goes the directory is of the old format or the new one, whole") {
    bool whole = false;
    for (std::uint64_t operations = 0; !whole; operations = next(operations, 1.4))
        run_interrupted(operations, operations % 3 == 0 ? 0 : operations, true, whole);
}

TEST_CASE("a killed migration is gone on with, unless the old database has changed since") {
    bool whole = false;
    for (std::uint64_t operations = 0; !whole; operations = next(operations, 2))
        run_interrupted(operations, 0, false, whole);

    FaultyFileSystem files;
    unpack_entry(1, files);
    const std::uint64_t start = files.operations();
    REQUIRE(migrate(files, two_steps()));
    const std::uint64_t all = files.operations() - start;
    for (const bool changed : {false, true}) {
        FaultyFileSystem one;
        unpack_entry(1, one);
        one.cut_power_after(all / 2);
        CHECK(!migrate(one, two_steps()));
        one.restart_after_kill();
        CHECK(databases(one).size() > 1);
        if (changed) {
            // As the older program does it: it knows nothing of a migration.
            storage::StoreOptions options;
            options.block_cache_bytes = 1U << 20;
            auto store = storage::Store::open(kDirectory, options, one);
            REQUIRE(store);
            CHECK(databases(one) == std::vector<std::string>{"db"});
        }
        storage::MigrationFigures figures;
        REQUIRE(migrate(one, two_steps(), &figures));
        CHECK(figures.resumed == !changed);
        CHECK(open_and_dump(one, 3).dump == dump_of_entry());
    }
}

TEST_CASE("a migration refuses to start without space, and takes away what it made when it ends") {
    FaultyFileSystem files;
    unpack_entry(1, files);
    files.set_capacity(files.used_bytes() + 1'000'000);
    const auto refused = migrate(files, two_steps());
    REQUIRE(!refused);
    CHECK(refused.error().kind == StoreErrorKind::kNoSpace);
    CHECK(refused.error().detail.find("nothing was changed") != std::string::npos);
    CHECK(databases(files) == std::vector<std::string>{"db"});
    // There was enough at first, and then somebody else took it.
    storage::MigrationOptions options = small_batches();
    options.disk_reserve_bytes = 0;
    options.on_progress = [&files](std::uint64_t records) {
        if (records == 300) files.set_capacity(files.used_bytes());
    };
    files.set_capacity(UINT64_MAX);
    {
        auto migration = Migration::open(kDirectory, two_steps(), options, files);
        REQUIRE(migration);
        const auto made = (*migration)->make();
        REQUIRE(!made);
        CHECK(made.error().kind == StoreErrorKind::kNoSpace);
    }
    CHECK(databases(files) == std::vector<std::string>{"db"});
    files.set_capacity(UINT64_MAX);
    CHECK(open_and_dump(files, 1).dump == dump_of_entry());
    CHECK(migrate(files, two_steps()));
}

TEST_CASE("whatever operation on the disk fails, the directory stays whole") {
    for (const Operation operation :
         {Operation::kOpen, Operation::kWrite, Operation::kSync, Operation::kSyncDirectory,
          Operation::kRename, Operation::kUnlink, Operation::kRead}) {
        for (std::uint64_t skip = 0;; skip = next(skip, 3)) {
            CAPTURE(static_cast<int>(operation));
            CAPTURE(skip);
            FaultyFileSystem files;
            unpack_entry(1, files);
            files.fail(operation, kDirectory, EIO, 1, static_cast<unsigned>(skip));
            const auto done = migrate(files, two_steps());
            const bool delivered = files.failures() > 0;
            files.restart(skip);
            CHECK(format_of(files) == (done ? 3U : format_of(files)));
            CHECK(open_and_dump(files, 3).dump == dump_of_entry());
            if (!delivered) break;
        }
    }
}

TEST_CASE("a directory that is in use or of a later format is not migrated") {
    FaultyFileSystem files;
    unpack_entry(1, files);
    {
        const auto lock = files.lock(std::string(kDirectory) + "/lock");
        REQUIRE(lock);
        const auto refused = Migration::open(kDirectory, two_steps(), {}, files);
        REQUIRE(!refused);
        CHECK(refused.error().kind == StoreErrorKind::kLocked);
    }
    files.replace_contents(std::string(kDirectory) + "/manifest.json", "{}");
    CHECK(Migration::open(kDirectory, two_steps(), {}, files).error().kind ==
          StoreErrorKind::kExists);
    REQUIRE(files.unlink(std::string(kDirectory) + "/manifest.json"));
    REQUIRE(storage::write_format_number(kDirectory, 4, files));
    const auto later = Migration::open(kDirectory, two_steps(), {}, files);
    REQUIRE(!later);
    CHECK(later.error().kind == StoreErrorKind::kTooNew);
    CHECK(Migration::open("/nowhere", two_steps(), {}, files).error().kind ==
          StoreErrorKind::kNotFound);
}
