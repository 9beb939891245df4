#include "tests/storage/test_store.hpp"

#include <doctest/doctest.h>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

void fill(TestStore& at, TestAccount& account, int messages) {
    std::mt19937_64 random(11);
    for (int i = 0; i < messages; ++i)
        at.run(account, account.append({any_body(random, 6000) + "x"}));
}

void expunge_all_but(TestStore& at, TestAccount& account, unsigned every) {
    std::vector<Uid> dead;
    for (const Uid uid : account.uids()) {
        if (uid % every != 0) dead.push_back(uid);
    }
    at.run(account, account.expunge(dead));
}

void compact(TestStore& at) {
    for (int step = 0; *at.store->compact_step(20'000); ++step) REQUIRE(step < 200);
}

}  // namespace

TEST_CASE("compaction copies what is live, a few bytes at a time, and removes the rest") {
    TestStore at;
    TestAccount me = at.account("me");
    fill(at, me, 100);
    const StoreStatistics before = at.store->statistics();
    expunge_all_but(at, me, 5);
    CHECK(at.store->compact_step(10'000) == true);
    CHECK(me.matches());
    compact(at);
    CHECK(me.matches());
    const StoreStatistics after = at.store->statistics();
    CHECK(after.segments < before.segments);
    CHECK(after.segment_bytes < before.segment_bytes / 2);
    CHECK(after.segments == at.segment_names().size());
    CHECK(at.store->compact_step(10'000) == false);
    at.crash(0);
    me.set_store(*at.store);
    CHECK(me.matches());
}

TEST_CASE("compaction leaves alone what is mostly live, however small the messages are") {
    TestStore at;
    TestAccount me = at.account("me");
    for (int i = 0; i < 40; ++i) at.run(me, me.append(std::vector<std::string>(60, "x")));
    REQUIRE(at.store->statistics().segments > 1);
    const auto names = at.segment_names();
    CHECK(at.store->compact_step(1 << 20) == false);
    CHECK(at.segment_names() == names);
}

TEST_CASE("a segment is not unlinked while somebody reads from it") {
    TestStore at;
    TestAccount me = at.account("me");
    fill(at, me, 60);
    const std::string text = me.state().bodies.at(1);
    auto reader = std::make_unique<BodyReader>(**at.store->open_body(me.message(1).body, false));
    expunge_all_but(at, me, 1000);
    compact(at);
    CHECK(at.files.status(at.segment_path(1))->has_value());
    CHECK(*reader->read_all() == text);
    reader.reset();
    compact(at);
    CHECK(!at.files.status(at.segment_path(1))->has_value());
}

TEST_CASE("while a hold exists no segment is unlinked, and the active one was sealed") {
    TestStore at;
    TestAccount me = at.account("me");
    fill(at, me, 60);
    REQUIRE(at.store->hold_segments().has_value());
    const auto held = at.segment_names();
    for (const std::string& name : held) CHECK(at.files.is_read_only("/data/mail/" + name));
    const std::string last = at.files.contents("/data/mail/" + held.back());
    at.run(me, me.append({"after the hold"}));
    CHECK(at.files.contents("/data/mail/" + held.back()) == last);
    expunge_all_but(at, me, 1000);
    compact(at);
    for (const std::string& name : held) CHECK(at.files.status("/data/mail/" + name)->has_value());
    at.store->release_segments();
    CHECK(!at.files.status("/data/mail/" + held.front())->has_value());
    CHECK(me.matches());
    SUBCASE("holds are counted") {
        REQUIRE(at.store->hold_segments().has_value());
        REQUIRE(at.store->hold_segments().has_value());
        at.store->release_segments();
        at.run(me, me.expunge(me.uids()));
        const auto names = at.segment_names();
        compact(at);
        CHECK(at.segment_names() == names);
        at.store->release_segments();
        CHECK(at.segment_names().size() < names.size());
    }
}

TEST_CASE("a segment with a damaged body is left as it is, reported and counted once") {
    TestStore at;
    TestAccount me = at.account("me");
    fill(at, me, 60);
    Uid damaged = 0;
    for (const Uid uid : me.uids()) {
        if (uid % 5 == 0 && me.state().bodies.at(uid).size() > 500) {
            damaged = uid;
            break;
        }
    }
    const std::string& text = me.state().bodies.at(damaged);
    const std::size_t at_byte = at.files.contents(at.segment_path(1)).find(text);
    REQUIRE(at_byte != std::string::npos);
    at.files.flip(at.segment_path(1), at_byte + 100);
    expunge_all_but(at, me, 5);
    int errors = 0;
    for (int step = 0; step < 200; ++step) {
        const Result<bool> more = at.store->compact_step(20'000);
        if (!more) {
            CHECK(more.error().kind == StoreErrorKind::kCorrupt);
            ++errors;
        } else if (!*more) {
            break;
        }
    }
    CHECK(errors == 1);
    CHECK(at.files.status(at.segment_path(1))->has_value());
    CHECK(me.damaged() == std::vector<Uid>{damaged});
    at.reopen();
    me.set_store(*at.store);
    CHECK(me.damaged() == std::vector<Uid>{damaged});
}

TEST_CASE("many small segments, as holds leave them, are joined") {
    TestStore at;
    TestAccount me = at.account("me");
    for (int i = 0; i < 40; ++i) {
        at.run(me, me.append({"a few bytes"}));
        REQUIRE(at.store->hold_segments().has_value());
        at.store->release_segments();
    }
    REQUIRE(at.segment_names().size() == 40);
    compact(at);
    CHECK(at.segment_names().size() < 20);
    CHECK(me.matches());
}

TEST_CASE("references that change while their body moves are kept") {
    TestStore at;
    TestAccount me = at.account("me");
    fill(at, me, 60);
    expunge_all_but(at, me, 3);
    int copies = 0;
    for (int step = 0; *at.store->compact_step(5'000); ++step) {
        REQUIRE(step < 300);
        const std::vector<Uid> uids = me.uids();
        if (uids.size() < 10) continue;
        at.run(me, me.copy({uids[step % uids.size()]}));
        at.run(me, me.expunge({uids[(step * 7) % uids.size()]}));
        ++copies;
    }
    CHECK(copies > 5);
    CHECK(me.matches());
}
