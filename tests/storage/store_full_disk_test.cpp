// A full disk and failing syncs: no false success ever.
#include "tests/storage/test_store.hpp"

#include <doctest/doctest.h>

#include <cerrno>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

using Operation = FaultyFileSystem::Operation;

// Rounds until the next check of the free space is certain to be over.
void let_space_be_checked(TestStore& at, TestAccount& account) {
    for (int i = 0; i < 20; ++i) {
        if (at.store->statistics().disk_full) return;
        const auto result = at.commit(account.set_flags({1}, i % 2 == 0 ? kSeen : 0));
        if (result) account.accept();
    }
}

}  // namespace

TEST_CASE("below the reserve only what frees space is written, above it everything again") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"one", "two"}));
    at.files.set_capacity(at.files.used_bytes() + at.options.disk_reserve_bytes / 2);
    let_space_be_checked(at, me);
    const StoreStatistics before = at.store->statistics();
    REQUIRE(before.disk_full);
    CHECK(at.commit(me.append({"three"})).error().kind == StoreErrorKind::kNoSpace);
    CHECK(at.commit(me.set_flags({2}, kSeen)).error().kind == StoreErrorKind::kNoSpace);
    CHECK(at.store->statistics().store_seq == before.store_seq);
    CHECK(me.matches());
    at.run(me, me.expunge({1}));
    CHECK(me.matches());
    at.files.set_capacity(UINT64_MAX);
    at.run(me, me.append({"three"}));
    CHECK(me.matches());
    CHECK(!at.store->statistics().disk_full);
}

TEST_CASE("a body that does not fit is refused alone, its bytes are taken back") {
    TestStore at;
    at.options.disk_reserve_bytes = 0;
    at.reopen();
    TestAccount me = at.account("me");
    TestAccount you = at.account("you");
    at.run(me, me.append({"one"}));
    const std::string before = at.files.contents(at.segment_path(1));
    SUBCASE("reserving fails") {
        at.files.fail(Operation::kAllocate, ".seg", ENOSPC);
    }
    SUBCASE("writing fails") {
        at.files.fail(Operation::kWrite, ".seg", ENOSPC);
    }
    std::vector<Transaction> round;
    round.push_back(me.append({"a small one", std::string(6'000'000, 'x')}));
    round.push_back(you.set_flags({}, 0));
    const auto results = at.commit_all(std::move(round));
    CHECK(results[0].error().kind == StoreErrorKind::kNoSpace);
    REQUIRE(results[1].has_value());
    you.accept();
    CHECK(at.files.failures() > 0);
    CHECK(at.files.contents(at.segment_path(1)) == before);
    CHECK(me.matches());
    CHECK(you.matches());
    at.files.clear_failures();
    at.run(me, me.append({"later"}));
    CHECK(me.matches());
    at.crash(0);
    me.set_store(*at.store);
    CHECK(me.matches());
}

TEST_CASE("a streamed body that does not fit is refused when it is written") {
    TestStore at;
    const BodyId id = at.store->next_body_id();
    SUBCASE("at once") {
        at.files.set_capacity(at.files.used_bytes() + 1000);
        CHECK(at.store->stage_body(id, 1 << 20).error().kind == StoreErrorKind::kNoSpace);
    }
    SUBCASE("on the way") {
        auto staged = at.store->stage_body(id, 0);
        REQUIRE(staged.has_value());
        at.files.set_capacity(at.files.used_bytes() + 10'000);
        CHECK((*staged)->append(std::string(20'000, 'x')).error().kind == StoreErrorKind::kNoSpace);
        CHECK((*staged)->append("x").has_value() == false);
        CHECK((*staged)->finish().has_value() == false);
    }
    CHECK(at.segment_names().empty());
}

TEST_CASE(
    "when the log does not fit nothing is acknowledged, and writing goes on when there is room") {
    TestStore at;
    at.options.disk_reserve_bytes = 0;
    at.options.ballast_bytes = 1 << 20;
    at.reopen();
    TestAccount me = at.account("me");
    at.run(me, me.append({"one", "two"}));
    at.files.fail(Operation::kWrite, ".log", ENOSPC);
    CHECK(at.commit(me.append({"three"})).error().kind == StoreErrorKind::kNoSpace);
    CHECK(at.store->statistics().disk_full);
    CHECK(at.store->statistics().writable);
    CHECK(me.matches());
    at.files.set_capacity(at.files.used_bytes());
    CHECK(at.commit(me.expunge({1})).error().kind == StoreErrorKind::kNoSpace);
    CHECK(me.matches());
    SUBCASE("without a restart") {
        at.files.clear_failures();
        at.files.set_capacity(UINT64_MAX);
        at.run(me, me.append({"three"}));
        CHECK(me.matches());
        CHECK(!at.store->statistics().disk_full);
        at.crash(0);
    }
    SUBCASE("after one") {
        at.files.clear_failures();
        at.crash(99);
    }
    me.set_store(*at.store);
    CHECK(me.matches());
    at.run(me, me.append({"four"}));
    CHECK(me.matches());
}

TEST_CASE("on a disk that is full to the last byte deleting works and frees space") {
    TestStore at;
    at.options.disk_reserve_bytes = 256u << 10;
    at.reopen();
    TestAccount me = at.account("me");
    std::mt19937_64 random(3);
    for (int i = 0; i < 60; ++i) at.run(me, me.append({any_body(random, 20'000) + "x"}));
    const std::uint64_t used = at.files.used_bytes();
    at.files.set_capacity(used);
    // Everything but the reserve file is full: the first attempts fail until it is given up.
    std::vector<Uid> half;
    for (const Uid uid : me.uids()) {
        if (uid % 2 == 0) half.push_back(uid);
    }
    CHECK(at.commit(me.append({std::string(100'000, 'x')})).error().kind ==
          StoreErrorKind::kNoSpace);
    at.run(me, me.expunge(half));
    CHECK(me.matches());
    for (int i = 0; i < 40; ++i) {
        const std::vector<Uid> uids = me.uids();
        if (uids.size() < 3) break;
        at.run(me, me.expunge({uids[0]}));
    }
    for (int step = 0; *at.store->compact_step(1 << 20); ++step) REQUIRE(step < 200);
    CHECK(me.matches());
    CHECK(at.files.used_bytes() < used);
    SUBCASE("and the reserve file is made again when there is room") {
        at.files.set_capacity(UINT64_MAX);
        for (int i = 0; i < 20; ++i) at.run(me, me.append({"text"}));
        CHECK(at.files.status("/data/ballast")->has_value());
        CHECK(me.matches());
    }
}

TEST_CASE("after a failed sync nothing is acknowledged until a restart") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"one"}));
    const int code = [] {
        int value = EIO;
        SUBCASE("an input/output error") {
            value = EIO;
        }
        SUBCASE("a full disk, found at the sync") {
            value = ENOSPC;
        }
        return value;
    }();
    const char* part = [] {
        const char* value = ".seg";
        SUBCASE("of the segment") {
            value = ".seg";
        }
        SUBCASE("of the log") {
            value = ".log";
        }
        return value;
    }();
    at.files.fail(Operation::kSync, part, code, 1);
    CHECK(at.commit(me.append({"two"})).error().kind == StoreErrorKind::kUnavailable);
    REQUIRE(at.files.failures() == 1);
    at.files.clear_failures();
    CHECK(!at.store->statistics().writable);
    CHECK(at.commit(me.set_flags({1}, kSeen)).error().kind == StoreErrorKind::kUnavailable);
    CHECK(at.commit(me.expunge({1})).error().kind == StoreErrorKind::kUnavailable);
    CHECK(at.store->compact_step(1000).error().kind == StoreErrorKind::kUnavailable);
    CHECK(!at.store->close().has_value());
    CHECK(me.read(me.message(1).body) == "one");
    static_cast<void>(me.append({"two"}));
    at.crash(std::random_device{}());
    me.set_store(*at.store);
    CHECK(me.damaged().empty());
    TestAccount other = at.account("other");
    CHECK(other.matches());
}

TEST_CASE("a sync of the segment directory that fails is final too") {
    TestStore at;
    TestAccount me = at.account("me");
    at.files.fail(Operation::kSyncDirectory, "/mail", EIO, 1);
    CHECK(at.commit(me.append({"one"})).error().kind == StoreErrorKind::kUnavailable);
    CHECK(at.commit(me.append({"one"})).error().kind == StoreErrorKind::kUnavailable);
    at.crash(0);
    me.set_store(*at.store);
    CHECK(me.matches());
}

TEST_CASE(
    "an input/output error in a segment's write is final, and nothing of the round is there") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"one"}));
    at.files.fail(Operation::kWrite, ".seg", EIO, 1);
    CHECK(at.commit(me.append({"two"})).error().kind == StoreErrorKind::kUnavailable);
    CHECK(me.matches());
    at.crash(0);
    me.set_store(*at.store);
    CHECK(me.matches());
}
