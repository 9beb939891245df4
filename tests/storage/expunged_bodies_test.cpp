// Bodies stay readable for a while after their last message was expunged.
#include "storage/limits.hpp"
#include "tests/storage/test_store.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <thread>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

struct Time {
    std::atomic<std::int64_t> micros{0};
};

StoreOptions keeping_options(Time& time) {
    StoreOptions options = small_options();
    options.expunged_kept = kExpungedBodiesAge;
    options.steady_now = [&time] { return std::chrono::microseconds(time.micros); };
    return options;
}

constexpr std::int64_t kAgeMicros = std::chrono::microseconds(kExpungedBodiesAge).count();

std::string read(const Store& store, BodyId body) {
    const auto opened = store.open_body(body, false);
    REQUIRE(opened.has_value());
    if (!*opened) return "error " + std::to_string(static_cast<int>(opened->error().kind));
    const auto bytes = (*opened)->read_all();
    REQUIRE(bytes.has_value());
    return *bytes;
}

bool is_gone(const Store& store, BodyId body) {
    const auto opened = store.open_body(body, false);
    return opened && !*opened && opened->error().kind == StoreErrorKind::kNotFound;
}

void compact(TestStore& at) {
    for (int step = 0; *at.store->compact_step(1 << 20); ++step) REQUIRE(step < 200);
}

// Five segments and a bit.
void fill(TestStore& at, TestAccount& account) {
    for (int i = 0; i < 60; ++i)
        at.run(account, account.append({std::to_string(i) + std::string(6000, 'x')}));
}

}  // namespace

TEST_CASE("an expunged body can be read until its age, through compaction, and not after it") {
    Time time;
    TestStore at(keeping_options(time));
    TestAccount me = at.account("me");
    fill(at, me);
    const BodyId first = me.message(1).body;
    const std::string text = me.state().bodies.at(1);
    const std::uint64_t used = at.files.used_bytes();
    at.run(me, me.expunge(me.uids()));
    CHECK(read(*at.store, first) == text);
    time.micros = kAgeMicros - 1;
    compact(at);
    CHECK(at.store->statistics().segments < 3);
    CHECK(at.files.status(at.segment_path(1))->has_value());
    CHECK(read(*at.store, first) == text);
    time.micros = kAgeMicros;
    compact(at);
    CHECK(!at.files.status(at.segment_path(1))->has_value());
    CHECK(is_gone(*at.store, first));
    CHECK(at.files.used_bytes() < used);
}

TEST_CASE("compaction of a mostly dead segment leaves its expunged bodies readable") {
    Time time;
    TestStore at(keeping_options(time));
    TestAccount me = at.account("me");
    fill(at, me);
    const BodyId dead = me.message(2).body;
    const std::string text = me.state().bodies.at(2);
    std::vector<Uid> uids;
    for (const Uid uid : me.uids()) {
        if (uid % 5 != 0) uids.push_back(uid);
    }
    at.run(me, me.expunge(uids));
    compact(at);
    CHECK(me.matches());
    CHECK(read(*at.store, dead) == text);
}

TEST_CASE("a body that still has a message, copied or of another account, is no expunged one") {
    Time time;
    TestStore at(keeping_options(time));
    TestAccount me = at.account("me");
    at.run(me, me.append({"text"}));
    at.run(me, me.copy({1}));
    const BodyId body = me.message(1).body;
    at.run(me, me.expunge({1}));
    time.micros = kAgeMicros * 2;
    compact(at);
    CHECK(read(*at.store, body) == "text");
}

TEST_CASE("on a full disk the space of expunged bodies is given back at once") {
    Time time;
    TestStore at(keeping_options(time));
    TestAccount me = at.account("me");
    fill(at, me);
    const BodyId first = me.message(1).body;
    at.files.set_capacity(at.files.used_bytes() + at.options.disk_reserve_bytes / 2);
    const std::uint64_t used = at.files.used_bytes();
    at.run(me, me.expunge(me.uids()));
    for (int i = 0; i < 20 && !at.store->statistics().disk_full; ++i)
        static_cast<void>(at.store->compact_step(1 << 20));
    REQUIRE(at.store->statistics().disk_full);
    compact(at);
    CHECK(at.files.used_bytes() < used);
    CHECK(is_gone(*at.store, first));
}

TEST_CASE("a round that fails buries nothing, and a restart forgets what was buried") {
    Time time;
    StoreOptions options = keeping_options(time);
    options.ballast_bytes = 0;
    TestStore at(options);
    TestAccount me = at.account("me");
    at.run(me, me.append({"one", "two"}));
    const BodyId one = me.message(1).body;
    at.files.fail(FaultyFileSystem::Operation::kWrite, ".log", ENOSPC);
    CHECK(!at.commit(me.expunge({1})).has_value());
    at.files.clear_failures();
    CHECK(me.matches());
    at.run(me, me.expunge({1}));
    CHECK(read(*at.store, one) == "one");
    at.reopen();
    me.set_store(*at.store);
    CHECK(is_gone(*at.store, one));
    CHECK(me.matches());
}

TEST_CASE("there is no moment at which a body that is being expunged can not be read") {
    Time time;
    TestStore at(keeping_options(time));
    TestAccount me = at.account("me");
    at.run(me, me.append(std::vector<std::string>(200, "text")));
    std::vector<BodyId> bodies;
    for (const Uid uid : me.uids()) bodies.push_back(me.message(uid).body);
    std::atomic<bool> stop = false;
    std::atomic<int> missed = 0;
    std::thread reader([&] {
        while (!stop) {
            for (const BodyId body : bodies) {
                const auto opened = at.store->open_body(body, false);
                if (!opened || !*opened) ++missed;
            }
        }
    });
    for (const Uid uid : me.uids()) at.run(me, me.expunge({uid}));
    stop = true;
    reader.join();
    CHECK(missed == 0);
}
