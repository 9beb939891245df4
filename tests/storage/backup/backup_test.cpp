#include "tests/storage/backup/backup_fixture.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <thread>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

using Place = BackupManifest::Place;

// Everything that may happen to a store while it is backed up, one step at every sync of the
// backup's own.
class Traffic {
  public:
    Traffic(BackupStore& at, std::uint64_t seed)
        : at_(at), random_(seed), thread_(std::this_thread::get_id()) {
        // Not inside a round of the store's own.
        at_.files.on_sync([this](const std::string& path) {
            if (!path.starts_with("/data/db") && !path.starts_with("/data/mail")) step();
        });
    }
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;
    ~Traffic() { at_.files.on_sync({}); }

    void step() {
        if (busy_ || std::this_thread::get_id() != thread_) return;
        busy_ = true;
        TestAccount& one = at_.people[random_() % at_.people.size()];
        std::vector<Uid> some;
        for (const Uid uid : one.uids()) {
            if (random_() % 3 == 0 && some.size() < 5) some.push_back(uid);
        }
        switch (random_() % 4) {
            case 0:
                at_.run(one, one.expunge(some));
                break;
            case 1:
                at_.run(one, one.copy(some));
                break;
            default:
                at_.run(one, one.append({any_body(random_, 20'000), any_body(random_, 200)}));
        }
        at_.remember();
        for (int i = 0; i < 6 && at_.store->compact_step(100'000) == true; ++i) {
        }
        ++steps_;
        busy_ = false;
    }
    int steps() const { return steps_; }

  private:
    BackupStore& at_;
    std::mt19937_64 random_;
    std::thread::id thread_;
    bool busy_ = false;
    int steps_ = 0;
};

// Whether the backups under traffic with these seeds are all as they must be.
bool survives_traffic(StoreOptions::Faults faults) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        StoreOptions options = small_options();
        options.faults = faults;
        BackupStore at(options);
        at.fill(10);
        int steps = 0;
        Result<BackupResult> result;
        {
            Traffic traffic(at, seed);
            result = at.back_up("one");
            steps = traffic.steps();
        }
        REQUIRE(steps > 3);
        if (!result || !at.fault_of("/backups/one").empty() || !at.restores("/backups/one"))
            return false;
    }
    return true;
}

// Whether a store whose power is cut as it is about to make durable that segments are gone opens
// again, whatever of the names that it changed is kept. What a seed keeps also depends on what
// RocksDB's threads did by then.
bool survives_dropping(StoreOptions::Faults faults, std::uint64_t seeds) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        StoreOptions options = small_options();
        options.faults = faults;
        BackupStore at(options);
        at.fill(20);
        for (TestAccount& one : at.people) at.run(one, one.expunge(one.uids()));
        at.files.on_sync([&](const std::string& path) {
            if (path.starts_with("/data/db") && path.ends_with(".log")) at.files.cut_power();
        });
        for (int i = 0; i < 20 && at.store->compact_step(100'000) == true; ++i) {
        }
        at.files.on_sync({});
        REQUIRE(at.files.power_is_off());
        at.store.reset();
        at.files.restart(seed);
        if (!Store::open("/data", options, at.files).has_value()) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("a backup is whole, made of links, and opens as what the store held") {
    BackupStore at;
    at.fill();
    at.files.replace_contents("/data/auth-secret", std::string(32, 's'));
    at.files.replace_contents("/etc.toml", "[listen]\n");
    BackupOptions options = at.backup_options("one");
    options.config = {{"/etc.toml", "tidemark.toml"}};
    const auto result = at.write(options);
    REQUIRE(result.has_value());
    CHECK(result->accounts == 2);
    CHECK(result->counts.links > 5);
    CHECK(result->counts.copies == 3);
    CHECK(at.fault_of("/backups/one") == "");
    CHECK(at.restores("/backups/one"));
    CHECK(at.files.contents("/backups/one/config/tidemark.toml") == "[listen]\n");
    CHECK(at.names_in("/backups") == std::vector<std::string>{"one"});
    CHECK(at.names_in("/data/checkpoints").empty());
    const auto manifest = read_manifest(at.files, "/backups/one");
    CHECK(manifest->accounts[0].name == "a");
    CHECK(manifest->accounts[0].mailboxes == 1);
    CHECK(manifest->accounts[1].highest_modseq == at.people[1].state().counters.modseq);
    CHECK(manifest->find_file("auth-secret") != nullptr);

    SUBCASE("and stays that, whatever the store does after it") {
        std::mt19937_64 random(3);
        for (TestAccount& one : at.people) at.run(one, one.expunge(one.uids()));
        for (int i = 0; i < 30; ++i)
            at.run(at.people[0], at.people[0].append({any_body(random, 9000)}));
        for (int i = 0; i < 50 && at.store->compact_step(100'000) == true; ++i) {
        }
        CHECK(at.fault_of("/backups/one") == "");
        CHECK(at.restores("/backups/one"));
    }
    SUBCASE("and is never written over") {
        const auto again = at.back_up("one");
        REQUIRE(!again.has_value());
        CHECK(again.error().kind == StoreErrorKind::kExists);
        CHECK(at.fault_of("/backups/one") == "");
    }
    SUBCASE("and what is not finished is no backup") {
        REQUIRE(at.files.rename("/backups/one", "/backups/one.tidemark-unfinished-1"));
        CHECK(!read_manifest(at.files, "/backups/one.tidemark-unfinished-1"));
    }
}

TEST_CASE("the progress of a backup goes from nothing to all that its manifest names") {
    BackupStore at;
    at.fill();
    at.files.replace_contents("/data/auth-secret", std::string(32, 's'));
    at.files.replace_contents("/etc.toml", "[listen]\n");
    REQUIRE(at.back_up("earlier").has_value());
    at.files.mount("/backups/remote");
    BackupOptions options = at.backup_options("one");
    options.config = {{"/etc.toml", "tidemark.toml"}};
    std::uint64_t steps_least = 0;
    SUBCASE("linked") {}
    SUBCASE("copied, where a file is more than one step") {
        options.destination = "/backups/remote/one";
        std::mt19937_64 random(9);
        at.run(at.people[0], at.people[0].append(
                                 {any_body(random, 10) + std::string(3 * kBackupPieceBytes, 'x')}));
        steps_least = 3;
    }
    SUBCASE("linked from an earlier one") {
        options.since = "/backups/earlier";
    }
    SUBCASE("left out, as an earlier one has it") {
        options.since = "/backups/earlier";
        options.omit_unchanged = true;
    }
    std::vector<BackupProgress> told;
    options.progress = [&](const BackupProgress& progress) { told.push_back(progress); };
    const auto result = at.write(options);
    REQUIRE(result.has_value());
    REQUIRE(told.size() > 5);
    std::uint64_t before = 0;
    for (const BackupProgress& progress : told) {
        CHECK(progress.bytes_done >= before);
        CHECK(progress.bytes_total == result->bytes);
        before = progress.bytes_done;
    }
    CHECK(told.back().bytes_done == result->bytes);
    const auto manifest = read_manifest(at.files, options.destination);
    CHECK(told.size() >= manifest->segments.size() + manifest->files.size() + steps_least);
}

TEST_CASE("a backup of an empty store is a backup") {
    BackupStore at;
    at.remember();
    at.history.insert_or_assign(0, at.people);
    REQUIRE(at.back_up("one").has_value());
    CHECK(at.fault_of("/backups/one") == "");
    CHECK(at.restores("/backups/one"));
}

TEST_CASE("a backup while mail comes, goes and is compacted is one moment of the history") {
    CHECK(survives_traffic({}));
}

TEST_CASE("a store that unlinks segments under a hold is caught by that") {
    CHECK(!survives_traffic({.ignore_hold = true}));
}

TEST_CASE("a store that unlinks a segment before its record is gone is caught by a crash") {
    CHECK(survives_dropping({}, 8));
    // Each seed catches it by even chance or better.
    CHECK(!survives_dropping({.unlink_before_commit = true}, 64));
}

TEST_CASE("on another file system everything is copied, where one link fails one file") {
    BackupStore at;
    at.fill();
    SUBCASE("another file system") {
        at.files.mount("/backups/remote");
        const auto result = at.back_up("remote/one");
        REQUIRE(result.has_value());
        CHECK(result->counts.links == 0);
        CHECK(result->counts.copied_bytes == result->bytes);
        CHECK(at.fault_of("/backups/remote/one") == "");
        CHECK(at.restores("/backups/remote/one"));
    }
    SUBCASE("too many links to one segment") {
        at.files.fail(FaultyFileSystem::Operation::kLink, "/mail/00000002.seg", EMLINK, 1);
        const auto result = at.back_up("one");
        REQUIRE(result.has_value());
        CHECK(result->counts.copies == 2);  // and "format"
        CHECK(at.fault_of("/backups/one") == "");
    }
    SUBCASE("copying is paced") {
        at.files.mount("/backups/remote");
        BackupOptions options = at.backup_options("remote/one");
        std::chrono::microseconds now{};
        options.pace.bytes_per_second_max = 10'000;
        options.pace.now = [&] { return now; };
        options.pace.pause = [&](std::chrono::microseconds wait) {
            now += wait;
            return true;
        };
        const auto result = at.write(options);
        REQUIRE(result.has_value());
        const double seconds = static_cast<double>(now.count()) / 1e6;
        CHECK(seconds >= static_cast<double>(result->counts.copied_bytes) / 10'000 * 0.5);
    }
    SUBCASE("and it can be given up at any piece") {
        for (int after = 0; after < 12; ++after) {
            BackupOptions options = at.backup_options("two");
            int left = after;
            options.pace.pause = [&](std::chrono::microseconds) { return left-- > 0; };
            REQUIRE(!at.write(options).has_value());
            CHECK(at.names_in("/backups").empty());
        }
    }
}

TEST_CASE("an incremental backup has what is new, links the rest or names it") {
    BackupStore at;
    at.fill();
    REQUIRE(at.back_up("one").has_value());
    at.run(at.people[0], at.people[0].append({"new mail"}));
    at.remember();
    BackupOptions options = at.backup_options("two");
    options.since = "/backups/one";
    SUBCASE("linked from the earlier one") {
        const auto result = at.write(options);
        REQUIRE(result.has_value());
        CHECK(result->omitted == 0);
        CHECK(at.fault_of("/backups/two") == "");
        CHECK(at.restores("/backups/two"));
    }
    SUBCASE("left out") {
        options.omit_unchanged = true;
        const auto result = at.write(options);
        REQUIRE(result.has_value());
        CHECK(result->omitted > 3);
        CHECK(result->omitted_bytes > 50'000);
        CHECK(at.fault_of("/backups/two") != "");
        CHECK(at.fault_of("/backups/two", {"/backups/one"}) == "");
        CHECK(at.restores("/backups/two", {"/backups/one"}));
        CHECK(read_manifest(at.files, "/backups/two")->since->path == "/backups/one");

        // And one more on top of it: what the second left out is still only in the first.
        at.run(at.people[1], at.people[1].append({"newer mail"}));
        at.remember();
        BackupOptions third = at.backup_options("three");
        third.since = "/backups/two";
        third.omit_unchanged = true;
        REQUIRE(at.write(third).has_value());
        CHECK(at.fault_of("/backups/three", {"/backups/two", "/backups/one"}) == "");
        CHECK(at.restores("/backups/three", {"/backups/two", "/backups/one"}));
    }
    SUBCASE("left out because the earlier one is on another file system") {
        at.files.mount("/backups/remote");
        options.destination = "/backups/remote/two";
        const auto result = at.write(options);
        REQUIRE(result.has_value());
        CHECK(result->omitted > 3);
        CHECK(at.restores("/backups/remote/two", {"/backups/one"}));
    }
    SUBCASE("not on a backup of another store, nor on none") {
        BackupManifest other = *read_manifest(at.files, "/backups/one");
        other.fence_owner += 1;
        at.files.replace_contents("/backups/one/manifest.json", encode(other));
        const auto refused = at.write(options);
        REQUIRE(!refused.has_value());
        CHECK(refused.error().kind == StoreErrorKind::kLimit);
        options.since = "/backups/none";
        CHECK(at.write(options).error().kind == StoreErrorKind::kNotFound);
        CHECK(at.names_in("/backups").size() == 1);
    }
}
