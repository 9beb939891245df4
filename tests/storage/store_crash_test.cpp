// Power cut at any operation on the disk: what was acknowledged is there, nothing is there by half.
#include "tests/storage/test_store.hpp"

#include <doctest/doctest.h>

#include <cerrno>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

using Random = std::mt19937_64;

std::vector<Uid> some_of(Random& random, const std::vector<Uid>& uids, unsigned share) {
    std::vector<Uid> chosen;
    for (const Uid uid : uids) {
        if (random() % share == 0) chosen.push_back(uid);
    }
    return chosen;
}

// None when the power went while a body was streamed.
std::optional<Transaction> any_transaction(Random& random, TestAccount& account) {
    const std::vector<Uid> uids = account.uids();
    switch (random() % 10) {
        case 0:
        case 1:
        case 2:
        case 3: {
            std::vector<std::string> bodies(1 + random() % 4);
            for (std::string& body : bodies)
                body = any_body(random, random() % 8 == 0 ? 30'000 : 2500);
            return account.append(bodies);
        }
        case 4:
            return account.append_staged(any_body(random, 60'000));
        case 5:
            return account.copy(some_of(random, uids, 5));
        case 6:
            return account.set_flags(some_of(random, uids, 3), random() % 32);
        case 7:
            return account.fold();
        case 8:
            return account.trim();
        default:
            return account.expunge(some_of(random, uids, 2));
    }
}

// Whether all of these accounts are in their state before the round, or all behind it.
void check_all_or_nothing(std::vector<TestAccount*> round, std::vector<TestAccount>& accounts) {
    for (TestAccount& account : accounts) {
        const bool under_way = std::find(round.begin(), round.end(), &account) != round.end();
        CHECK(account.matches(under_way));
    }
}

void run_until_power_is_cut(std::uint64_t seed, StoreOptions options) {
    CAPTURE(seed);
    Random random(seed);
    TestStore at(options);
    std::vector<TestAccount> accounts;
    accounts.reserve(3);
    for (int i = 0; i < 3; ++i) accounts.push_back(at.account("account" + std::to_string(i)));
    for (int crash = 0; crash < 6; ++crash) {
        at.files.cut_power_after(1 + random() % 250);
        std::vector<TestAccount*> under_way;
        while (!at.files.power_is_off()) {
            if (random() % 4 == 0) {
                static_cast<void>(at.store->compact_step(1 + random() % 20'000));
                continue;
            }
            if (random() % 15 == 0) {
                if (at.store->hold_segments()) at.store->release_segments();
                continue;
            }
            std::vector<Transaction> round;
            under_way.clear();
            for (TestAccount& account : accounts) {
                if (random() % 2 == 0) continue;
                std::optional<Transaction> transaction = any_transaction(random, account);
                if (!transaction) break;
                round.push_back(std::move(*transaction));
                under_way.push_back(&account);
            }
            const auto results = at.commit_all(std::move(round));
            bool all = true;
            for (std::size_t i = 0; i < results.size(); ++i) {
                if (results[i]) under_way[i]->accept();
                all = all && results[i].has_value();
            }
            if (!all) break;
            under_way.clear();
        }
        at.crash(random() % 4 == 0 ? 0 : random());
        for (TestAccount& account : accounts) account.set_store(*at.store);
        check_all_or_nothing(under_way, accounts);
        // The state found is the one to go on from.
        for (TestAccount& account : accounts) REQUIRE(account.damaged().empty());
    }
    // And the store works: everything can be written, compacted and taken away again.
    for (TestAccount& account : accounts) {
        at.run(account, account.append({"after"}));
        at.run(account, account.expunge(account.uids()));
        CHECK(account.matches());
    }
    for (int step = 0; *at.store->compact_step(1 << 20); ++step) REQUIRE(step < 200);
    CHECK(at.store->statistics().live_bytes == 0);
    CHECK(at.store->statistics().segments <= 1);
}

}  // namespace

TEST_CASE(
    "whenever the power is cut, what was acknowledged is there and nothing is there by half") {
    std::uint64_t base = std::random_device{}();
    if (const char* given = std::getenv("TIDEMARK_TEST_SEED"))
        base = std::strtoull(given, nullptr, 10);
    MESSAGE("seed " << base << " (TIDEMARK_TEST_SEED repeats it)");
    for (std::uint64_t run = 0; run < 12; ++run)
        run_until_power_is_cut(base + run, small_options());
}

TEST_CASE("the same with memory tables that are written out all the time") {
    StoreOptions options = small_options();
    options.wal_bytes_max = 20'000;
    const std::uint64_t base = std::random_device{}();
    MESSAGE("seed " << base);
    for (std::uint64_t run = 0; run < 3; ++run) run_until_power_is_cut(base + run, options);
}

TEST_CASE("compaction survives a crash at each of its steps") {
    // Counts the operations of a whole compaction, then cuts the power at each of them.
    for (std::uint64_t cut = 0;; ++cut) {
        CAPTURE(cut);
        StoreOptions options = small_options();
        TestStore at(options);
        TestAccount me = at.account("me");
        Random random(7);
        for (int i = 0; i < 30; ++i) at.run(me, me.append({any_body(random, 6000) + "x"}));
        std::vector<Uid> dead;
        for (const Uid uid : me.uids()) {
            if (uid % 4 != 0) dead.push_back(uid);
        }
        at.run(me, me.expunge(dead));
        at.files.cut_power_after(cut);
        bool whole = false;
        for (;;) {
            const Result<bool> more = at.store->compact_step(10'000);
            if (!more) break;
            if (!*more) {
                whole = true;
                break;
            }
        }
        at.crash(cut % 3 == 0 ? 0 : cut);
        me.set_store(*at.store);
        CHECK(me.matches());
        for (int step = 0; *at.store->compact_step(1 << 20); ++step) REQUIRE(step < 100);
        CHECK(me.matches());
        const StoreStatistics statistics = at.store->statistics();
        CHECK(statistics.live_bytes * 2 >= statistics.segment_bytes);
        if (whole) break;
        REQUIRE(cut < 500);
    }
}

TEST_CASE("the tail of the log is recovered, its middle must be whole") {
    TestStore at;
    TestAccount me = at.account("me");
    for (int i = 0; i < 20; ++i) at.run(me, me.append({"text " + std::to_string(i)}));
    const std::vector<std::string> names = *at.files.list("/data/db");
    std::string log;
    for (const std::string& name : names) {
        if (name.ends_with(".log")) log = std::max(log, "/data/db/" + name);
    }
    REQUIRE(!log.empty());
    at.store.reset();
    std::string bytes = at.files.contents(log);
    SUBCASE("half a record at the end is what was never acknowledged") {
        at.files.replace_contents(log, bytes + bytes.substr(0, 50));
        at.open();
        me.set_store(*at.store);
        CHECK(me.matches());
    }
    SUBCASE("a record cut off is forgotten whole") {
        at.files.replace_contents(log, bytes.substr(0, bytes.size() - 3));
        at.open();
        me.set_store(*at.store);
        CHECK(!me.matches());
        CHECK(at.store->load_account(me.id())->mailboxes[0].counts.messages == 19);
        // Its body's bytes lay behind the committed end and are gone.
        CHECK(at.files.contents(at.segment_path(1)).find("text 18") != std::string::npos);
        CHECK(at.files.contents(at.segment_path(1)).find("text 19") == std::string::npos);
    }
    SUBCASE("a damaged record before others refuses the start") {
        at.files.flip(log, bytes.size() / 2);
        std::string detail;
        CHECK(at.open_error(&detail) == StoreErrorKind::kCorrupt);
        CHECK(detail.find("restore a backup") != std::string::npos);
    }
}
