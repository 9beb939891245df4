// A later format has its database under another name (format_file.hpp): backups, their
// verification, restores and repairs go by the format and not by the name that there is now.
#include "storage/backup/restore.hpp"
#include "storage/keys.hpp"
#include "storage/migrate/progress.hpp"
#include "storage/repair/repair.hpp"
#include "storage/verify/verify.hpp"
#include "tests/storage/backup/backup_fixture.hpp"
#include "tests/storage/verify_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

constexpr std::uint32_t kLater = 3;
constexpr std::int64_t kNow = 1'764'000'000'000'000;

StoreOptions later_options() {
    StoreOptions options = small_options();
    options.format = kLater;
    return options;
}

struct LaterStore : BackupStore {
    LaterStore() : BackupStore(later_options()) { REQUIRE(files.make_directory("/new")); }

    Codes verify(const std::string& directory, std::uint32_t known = kLater) {
        VerifyOptions options;
        options.format = known;
        const auto report = tidemark::storage::verify(directory, options, files);
        if (!report) return {"not at all: " + report.error().detail};
        return codes_of(*report);
    }
    RestoreOptions to_new(const std::string& backup) {
        RestoreOptions options;
        options.backup = backup;
        options.directory = "/new/data";
        options.now_micros = kNow;
        options.store = later_options();
        options.verify.format = kLater;
        return options;
    }
    // How many messages each account has in a directory.
    std::map<std::string, std::uint64_t> messages_in(const std::string& directory) {
        StoreOptions with = later_options();
        with.create_if_missing = false;
        auto opened = Store::open(directory, with, files);
        if (!opened) FAIL(opened.error().detail);
        std::map<std::string, std::uint64_t> counts;
        const std::vector<AccountRecord> accounts = *(*opened)->accounts();
        for (const AccountRecord& account : accounts)
            counts[account.name] =
                (*opened)->load_account(account.id)->mailboxes.at(0).counts.messages;
        return counts;
    }
    bool has(const std::string& directory, const std::string& name) {
        const std::vector<std::string> names = names_in(directory);
        return std::find(names.begin(), names.end(), name) != names.end();
    }
};

}  // namespace

TEST_CASE("a directory of a later format is backed up, verified and restored under its name") {
    LaterStore at;
    at.fill(8);
    const std::map<std::string, std::uint64_t> all = {{"a", 8}, {"b", 8}};
    const auto full = at.back_up("one");
    REQUIRE(full.has_value());
    CHECK(at.has("/backups/one", "db-3"));
    CHECK(!at.has("/backups/one", "db"));
    CHECK(read_manifest(at.files, "/backups/one")->format == kLater);
    CHECK(at.fault_of("/backups/one") == "");
    CHECK(at.restores("/backups/one"));
    CHECK(at.verify("/backups/one").empty());
    std::string restored = "/backups/one";
    SUBCASE("a full one") {}
    SUBCASE("an incremental one, which has tables only in the first") {
        BackupOptions next = at.backup_options("two");
        next.since = "/backups/one";
        next.omit_unchanged = true;
        const auto result = at.write(next);
        REQUIRE(result.has_value());
        CHECK(result->omitted_bytes > 0);
        CHECK(at.verify("/backups/two").empty());
        restored = "/backups/two";
    }
    at.store.reset();
    CHECK(at.verify("/data").empty());
    const auto result = restore_backup(at.files, at.to_new(restored));
    if (!result) FAIL(result.error().detail);
    CHECK(result->is_restored);
    // Tables are linked, not only segments.
    CHECK(result->counts.links > read_manifest(at.files, restored)->segments.size());
    CHECK(at.has("/new/data", "db-3"));
    CHECK(!at.has("/new/data", "db"));
    CHECK(at.verify("/new/data").empty());
    CHECK(at.messages_in("/new/data") == all);
}

TEST_CASE("a later format's store that nothing was committed to is backed up and restored") {
    LaterStore at;
    REQUIRE(at.back_up("one").has_value());
    CHECK(at.verify("/backups/one").empty());
    const auto result = restore_backup(at.files, at.to_new("/backups/one"));
    if (!result) FAIL(result.error().detail);
    CHECK(at.messages_in("/new/data").empty());
}

TEST_CASE("a backup of another format is refused before anything is made") {
    LaterStore at;
    at.fill(2);
    REQUIRE(at.back_up("one").has_value());
    RestoreOptions options = at.to_new("/backups/one");
    const auto kind = [&] {
        const auto refused = restore_backup(at.files, options);
        REQUIRE(!refused.has_value());
        MESSAGE(refused.error().detail);
        CHECK(at.names_in("/new").empty());
        return refused.error().kind;
    };
    SUBCASE("later than is known") {
        options.store.format = options.verify.format = kLater - 1;
        CHECK(kind() == StoreErrorKind::kTooNew);
    }
    SUBCASE("earlier") {
        options.store.format = options.verify.format = kLater + 1;
        CHECK(kind() == StoreErrorKind::kTooOld);
    }
}

TEST_CASE(
    "repair finds the database of a later format, or the one that counts where no file says") {
    LaterStore at;
    at.fill(4);
    at.store.reset();
    RepairOptions options;
    options.directory = "/data";
    options.into = "/new/data";
    options.store = later_options();
    options.now_micros = kNow;
    const std::map<std::string, std::uint64_t> all = {{"a", 4}, {"b", 4}};
    const auto repair = [&] {
        const auto report = tidemark::storage::repair(options, at.files);
        if (!report) FAIL(report.error().detail);
        for (const Loss& loss : report->losses) MESSAGE(to_string(loss));
        return *report;
    };
    // What a migration to `format` has made so far: accounts and nothing else.
    const auto begin_migration = [&](std::uint32_t format) {
        StoreOptions with = later_options();
        with.format = format;
        REQUIRE(Store::open("/begun", with, at.files).has_value());
        const std::string name = database_name(format);
        {
            RawDatabase begun(at.files, "/begun", name);
            begun.put(Family::kMeta, keys::migration(), encode(MigrationProgress()));
        }
        REQUIRE(at.files.rename("/begun/" + name, "/data/" + name).has_value());
    };
    SUBCASE("as the format file says") {
        CHECK(repair().losses.empty());
    }
    SUBCASE("without a format file") {
        REQUIRE(at.files.unlink("/data/format"));
        CHECK(repair().losses.empty());
    }
    SUBCASE("and not one that a migration has only begun") {
        REQUIRE(at.files.unlink("/data/format"));
        begin_migration(kLater - 1);
        CHECK(repair().losses.empty());
    }
    SUBCASE("not even when there is no other") {
        REQUIRE(at.files.unlink("/data/format"));
        begin_migration(kLater + 1);
        options.store.format = kLater + 1;
        at.files.replace_contents("/data/db-3/CURRENT", "nothing\n");
        const RepairReport report = repair();
        CHECK(!report.has_database);
        CHECK(report.made_up_names.size() == 2);
        CHECK(report.messages == 8);
        return;
    }
    SUBCASE("unless it is later than is known") {
        options.store.format = kLater - 1;
        const auto refused = tidemark::storage::repair(options, at.files);
        REQUIRE(!refused.has_value());
        CHECK(refused.error().kind == StoreErrorKind::kTooNew);
        CHECK(at.names_in("/new").empty());
        return;
    }
    CHECK(at.has("/new/data", "db-3"));
    CHECK(at.messages_in("/new/data") == all);
    CHECK(at.verify("/new/data").empty());
}
