// Backups that a server makes by itself, with a clock that goes only when told.
#include "actors/backup_schedule.hpp"

#include "storage/backup/file_copier.hpp"
#include "storage/backup/manifest.hpp"
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <functional>
#include <string>
#include <thread>
#include <vector>

using namespace tidemark;
using namespace tidemark::test;
using storage::BackupManifest;

namespace {

constexpr std::chrono::hours kEvery{1};

TestServer::Options scheduled(storage::KeepRules keep = {}) {
    TestServer::Options options;
    options.backup_schedule.every = kEvery;
    options.backup_schedule.directory = "/backups";
    options.backup_schedule.keep = keep;
    options.before_start = [](testing::FaultyFileSystem& files) {
        REQUIRE(files.make_directory("/backups").has_value());
    };
    return options;
}

// The clock goes on by a minute at a time until it is so.
void let_time_pass(TestServer& server, const std::function<bool()>& is_so) {
    while (!is_so()) {
        server.clock.advance(std::chrono::minutes(1));
        std::this_thread::yield();
    }
}

// That many were made since the server started.
void wait_for_made(TestServer& server, std::uint64_t count) {
    let_time_pass(server, [&] { return server.server().snapshots().status().made >= count; });
}

std::vector<storage::FoundBackup> backups_of(TestServer& server) {
    auto found = storage::list_backups(server.files, "/backups");
    REQUIRE(found.has_value());
    return *found;
}

BackupManifest manifest_of(TestServer& server, const storage::FoundBackup& backup) {
    auto manifest = storage::read_manifest(server.files, "/backups/" + backup.name);
    REQUIRE(manifest.has_value());
    return *manifest;
}

}  // namespace

TEST_CASE("a schedule makes a backup when the server starts, and then one each interval") {
    TestServer server(scheduled());
    wait_for_made(server, 3);
    auto found = backups_of(server);
    REQUIRE(found.size() >= 3);
    for (std::size_t i = 1; i < found.size(); ++i) {
        CAPTURE(i);
        CHECK(found[i].created_micros - found[i - 1].created_micros >=
              std::chrono::microseconds(kEvery).count());
        // The name tells when it was begun, and the clock may have gone on since then.
        CHECK(found[i].name <= actors::backup_name(found[i].created_micros));
        CHECK(found[i].name > actors::backup_name(found[i - 1].created_micros));
        const auto since = manifest_of(server, found[i]).since;
        REQUIRE(since.has_value());
        CHECK(since->id == found[i - 1].id);
    }
    // A server that starts waits for what is left of the interval.
    const auto before = found.back().created_micros;
    server.restart();
    wait_for_made(server, 1);
    found = backups_of(server);
    CHECK(found.back().created_micros - before >= std::chrono::microseconds(kEvery).count());
}

TEST_CASE("a scheduled backup that fails is told, and the next one comes at its time") {
    TestServer server(scheduled());
    wait_for_made(server, 1);
    server.files.fail(testing::FaultyFileSystem::Operation::kMakeDirectory, "/backups/", ENOSPC, 1);
    auto& snapshots = server.server().snapshots();
    let_time_pass(server, [&] { return snapshots.status().failed >= 1; });
    CHECK(snapshots.status().last->error != "");
    CHECK(backups_of(server).size() == snapshots.status().made);
    const auto made = snapshots.status().made;
    wait_for_made(server, made + 1);
    CHECK(snapshots.status().failed == 1);
    CHECK(snapshots.status().last->error == "");
}

TEST_CASE("a scheduled backup does not build on one of another store") {
    TestServer server(scheduled());
    wait_for_made(server, 1);
    server.stop();
    const auto made = backups_of(server).size();
    REQUIRE(storage::remove_tree(server.files, "/data").has_value());
    server.restart();
    server.add_account("ann");
    wait_for_made(server, 1);
    const auto found = backups_of(server);
    REQUIRE(found.size() > made);  // the clock may have been far enough for another one
    CHECK(!manifest_of(server, found[made]).since.has_value());
    CHECK(manifest_of(server, found[made]).fence_owner !=
          manifest_of(server, found.front()).fence_owner);
}

TEST_CASE("a schedule removes what its rules do not keep, and never what is no backup") {
    TestServer server(scheduled({.last = 2}));
    REQUIRE(server.files.make_directory("/backups/mine").has_value());
    wait_for_made(server, 5);
    server.stop();  // pruning follows the backup, and the end of the server waits for neither
    server.restart();
    wait_for_made(server, 1);
    const std::vector<storage::FoundBackup> before = backups_of(server);
    let_time_pass(server, [&] { return backups_of(server).size() == 2; });
    CHECK(before.size() <= 4);
    CHECK(server.files.status("/backups/mine")->has_value());
    CHECK(backups_of(server).back().created_micros >= before.back().created_micros);
}
