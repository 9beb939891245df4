// Restoring an incremental backup: the files are in several.
#include "storage/backup/chain.hpp"
#include "storage/backup/restore.hpp"
#include "tests/storage/backup/backup_fixture.hpp"

#include <doctest/doctest.h>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

// A full backup and three that leave out what the one before has, with changes between them.
struct Chain : BackupStore {
    Chain() {
        fill(12);
        REQUIRE(back_up("0").has_value());
        for (int i = 1; i <= 3; ++i) {
            std::mt19937_64 random(static_cast<unsigned>(i));
            for (TestAccount& one : people) run(one, one.append({any_body(random, 9000) + "x"}));
            remember();
            BackupOptions options = backup_options(std::to_string(i));
            options.since = "/backups/" + std::to_string(i - 1);
            options.omit_unchanged = true;
            const auto result = write(options);
            REQUIRE(result.has_value());
            CHECK(result->omitted > 0);
        }
        REQUIRE(files.make_directory("/new"));
    }
    RestoreOptions to_new() {
        RestoreOptions options;
        options.backup = "/backups/3";
        options.directory = "/new/data";
        options.now_micros = 1'764'000'000'000'000;
        options.store = small_options();
        return options;
    }
    void check_restored() {
        StoreOptions with = small_options();
        with.create_if_missing = false;
        auto opened = Store::open("/new/data", with, files);
        REQUIRE(opened.has_value());
        for (TestAccount& one : people) {
            const LoadedAccount loaded =
                *(*opened)->load_account(*(*opened)->find_account(one.name()));
            CHECK(loaded.mailboxes.at(0).counts.messages == one.state().bodies.size());
        }
    }
    void move(const std::string& from, const std::string& to) {
        REQUIRE(files.rename(from, to).has_value());
    }
};

}  // namespace

TEST_CASE("a full backup and its increments restore as one, wherever the earlier ones are") {
    Chain at;
    RestoreOptions options = at.to_new();
    SUBCASE("where they were") {}
    SUBCASE("moved together") {
        at.move("/backups", "/moved");
        options.backup = "/moved/3";
    }
    SUBCASE("renamed") {
        at.move("/backups/1", "/backups/old");
    }
    SUBCASE("elsewhere, as is said") {
        at.move("/backups/0", "/elsewhere");
        at.move("/backups/2", "/somewhere");
        options.earlier = {"/somewhere", "/elsewhere"};
    }
    const auto result = restore_backup(at.files, options);
    if (!result) FAIL(result.error().detail);
    CHECK(result->is_restored);
    CHECK(result->backups.size() > 1);
    at.check_restored();
}

TEST_CASE("an increment whose earlier backup is missing, or another, is refused") {
    Chain at;
    RestoreOptions options = at.to_new();
    StoreErrorKind expected = StoreErrorKind::kNotFound;
    SUBCASE("missing") {
        REQUIRE(remove_tree(at.files, "/backups/2"));
    }
    SUBCASE("the full one is missing") {
        REQUIRE(remove_tree(at.files, "/backups/0"));
    }
    SUBCASE("its manifest is damaged") {
        at.files.flip("/backups/1/manifest.json", 100);
    }
    SUBCASE("a file of an earlier one is damaged") {
        at.files.flip("/backups/0/mail/00000001.seg", 100);
        expected = StoreErrorKind::kCorrupt;
    }
    SUBCASE("a file of an earlier one is missing") {
        REQUIRE(at.files.unlink("/backups/0/mail/00000001.seg"));
        expected = StoreErrorKind::kCorrupt;
    }
    SUBCASE("a manifest in the chain that lacks what is left out") {
        auto manifest = *read_manifest(at.files, "/backups/0");
        manifest.segments.erase(manifest.segments.begin());
        at.files.replace_contents("/backups/0/manifest.json", encode(manifest));
        expected = StoreErrorKind::kCorrupt;
    }
    SUBCASE("a chain that bites its tail") {
        auto manifest = *read_manifest(at.files, "/backups/0");
        manifest.since = {read_manifest(at.files, "/backups/3")->id, "/backups/3"};
        manifest.segments[0].place = BackupManifest::Place::kPrevious;
        at.files.replace_contents("/backups/0/manifest.json", encode(manifest));
        expected = StoreErrorKind::kCorrupt;
    }
    const auto refused = restore_backup(at.files, options);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().kind == expected);
    CHECK(at.names_in("/new").empty());
}
