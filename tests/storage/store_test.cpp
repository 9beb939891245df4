#include "storage/store.hpp"

#include "tests/storage/test_store.hpp"

#include <doctest/doctest.h>

#include <cerrno>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

TEST_CASE("what was committed is read back, before and after a restart") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"first", "second", std::string(5000, 'x')}));
    at.run(me, me.set_flags({1, 3}, kSeen | kFlagged));
    at.run(me, me.expunge({2}));
    CHECK(me.matches());
    at.reopen();
    me.set_store(*at.store);
    CHECK(me.matches());
    at.run(me, me.append({"third"}));
    CHECK(me.matches());

    SUBCASE("with the pages folded") {
        at.run(me, me.fold());
        CHECK(me.matches());
        at.run(me, me.set_flags({1}, 0));
        CHECK(me.matches());
        at.run(me, me.trim());
        CHECK(me.matches());
        at.reopen();
        me.set_store(*at.store);
        CHECK(me.matches());
    }
    SUBCASE("after a clean end") {
        CHECK(at.store->close().has_value());
        CHECK(at.commit(me.append({"late"})).error().kind == StoreErrorKind::kUnavailable);
        at.reopen();
        me.set_store(*at.store);
        CHECK(me.matches());
    }
}

TEST_CASE(
    "a transaction that does not build on the account's modseq is refused and holds nobody up") {
    TestStore at;
    TestAccount me = at.account("me");
    TestAccount you = at.account("you");
    Transaction stale(me.id(), 0);
    MailboxRecord intruder;
    intruder.id = MailboxId{99};
    stale.put_mailbox(intruder);
    std::vector<Transaction> round;
    round.push_back(std::move(stale));
    round.push_back(you.append({"hello"}));
    const auto results = at.commit_all(std::move(round));
    CHECK(results[0].error().kind == StoreErrorKind::kFenced);
    REQUIRE(results[1].has_value());
    you.accept();
    CHECK(you.matches());
    CHECK(me.matches());
}

TEST_CASE("several commands of one account in one round build on each other") {
    TestStore at;
    TestAccount me = at.account("me");
    std::vector<Transaction> round;
    round.push_back(me.append({"one"}));
    me.accept();
    round.push_back(me.copy({1}));
    me.accept();
    round.push_back(me.set_flags({2}, kSeen));
    me.accept();
    for (const auto& result : at.commit_all(std::move(round))) REQUIRE(result.has_value());
    CHECK(me.matches());
    CHECK(at.store->statistics().rounds == 2);
}

TEST_CASE("two accounts can not have one name") {
    TestStore at;
    TestAccount me = at.account("me");
    TestAccount other(*at.store, "me");
    CHECK(at.commit(other.create()).error().kind == StoreErrorKind::kExists);
    SUBCASE("not in one round either") {
        TestAccount a(*at.store, "new");
        TestAccount b(*at.store, "new");
        std::vector<Transaction> round;
        round.push_back(a.create());
        round.push_back(b.create());
        const auto results = at.commit_all(std::move(round));
        CHECK(results[0].has_value());
        CHECK(results[1].error().kind == StoreErrorKind::kExists);
    }
    SUBCASE("but a name that was given up is free") {
        AccountRecord record = *at.store->account(me.id());
        record.name = "renamed";
        Transaction rename(me.id(), me.state().counters.modseq);
        rename.rename_account(record, "me");
        REQUIRE(at.commit(std::move(rename)).has_value());
        CHECK(at.store->find_account("renamed") == me.id());
        CHECK(at.commit(other.create()).has_value());
        CHECK(at.store->accounts()->size() == 2);
    }
}

TEST_CASE(
    "a body goes with its last reference, and the account's summary with the account's last") {
    TestStore at;
    TestAccount me = at.account("me");
    TestAccount you = at.account("you");
    const BodyId body = at.store->next_body_id();
    Transaction both(me.id(), me.state().counters.modseq);
    NewBody shared;
    shared.id = body;
    shared.bytes = std::make_shared<const std::string>("to both of you");
    shared.owners = {{me.id(), MailboxId{1}, 1}, {you.id(), MailboxId{1}, 1}};
    both.add_body(std::move(shared));
    both.put_summary(body, "mine");
    REQUIRE(at.commit(std::move(both)).has_value());
    Transaction yours(you.id(), you.state().counters.modseq);
    yours.put_summary(body, "yours");
    REQUIRE(at.commit(std::move(yours)).has_value());
    const std::uint64_t live = at.store->statistics().live_bytes;
    CHECK(live > 14);

    const auto give_back = [&](const TestAccount& account, std::int32_t delta) {
        Transaction transaction(account.id(), account.state().counters.modseq);
        transaction.change_reference(body, delta);
        return at.commit(std::move(transaction));
    };
    const auto summary = [&](const TestAccount& account) {
        return (*at.store->summaries(account.id(), std::vector{body}, false))->at(0);
    };
    CHECK(give_back(me, 1).has_value());
    CHECK(give_back(me, -1).has_value());
    CHECK(summary(me) == "mine");
    CHECK(give_back(me, -1).has_value());
    CHECK(summary(me).empty());
    CHECK(summary(you) == "yours");
    CHECK(me.read(body) == "to both of you");
    CHECK(at.store->statistics().live_bytes == live);
    CHECK(give_back(me, -1).error().kind == StoreErrorKind::kCorrupt);
    CHECK(give_back(you, -1).has_value());
    CHECK((*at.store->open_body(body, false)).error().kind == StoreErrorKind::kNotFound);
    CHECK(at.store->statistics().live_bytes == 0);
    CHECK(give_back(you, -1).error().kind == StoreErrorKind::kNotFound);
}

TEST_CASE("a move inside an account touches neither body nor summary") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"text"}));
    Transaction move(me.id(), me.state().counters.modseq);
    move.change_reference(me.message(1).body, -1);
    move.change_reference(me.message(1).body, 1);
    REQUIRE(at.commit(std::move(move)).has_value());
    CHECK(me.matches());
}

TEST_CASE("segments are filled, sealed, made read-only and followed by the next") {
    TestStore at;
    TestAccount me = at.account("me");
    std::mt19937_64 random(1);
    for (int i = 0; i < 40; ++i)
        at.run(me, me.append({any_body(random, 8000), any_body(random, 8000)}));
    CHECK(me.matches());
    const auto names = at.segment_names();
    REQUIRE(names.size() > 3);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string path = "/data/mail/" + names[i];
        CHECK(at.files.is_read_only(path) == (i + 1 < names.size()));
        CHECK(at.files.contents(path).size() <= at.options.segment_bytes);
    }
    at.reopen();
    me.set_store(*at.store);
    CHECK(me.matches());
    at.run(me, me.append({"more"}));
    CHECK(at.segment_names() == names);
    CHECK(me.matches());
}

TEST_CASE("a body larger than a segment has one of its own") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"small", std::string(200'000, 'b'), "small too"}));
    CHECK(me.matches());
    CHECK(at.segment_names().size() == 3);
}

TEST_CASE("a streamed body becomes a sealed segment when committed and leaves nothing when not") {
    TestStore at;
    TestAccount me = at.account("me");
    const std::string text(300'000, 's');
    SUBCASE("committed") {
        at.run(me, *me.append_staged(text));
        CHECK(me.matches());
        REQUIRE(at.segment_names().size() == 1);
        CHECK(at.files.is_read_only(at.segment_path(1)));
        at.crash(0);
        me.set_store(*at.store);
        CHECK(me.matches());
        at.run(me, me.append({"next"}));
        CHECK(me.matches());
        at.run(me, me.expunge({1}));
        CHECK(at.store->compact_step(1 << 20).has_value());
        CHECK(at.segment_names().size() == 1);
    }
    SUBCASE("given up") {
        {
            const Transaction dropped = *me.append_staged(text);
            CHECK(at.segment_names().size() == 1);
        }
        CHECK(at.segment_names().empty());
    }
    SUBCASE("refused") {
        {
            Transaction staged = *me.append_staged(text);
            at.run(me, me.append({"between"}));
            Transaction* pointer = &staged;
            CHECK(at.store->commit({&pointer, 1})[0].error().kind == StoreErrorKind::kFenced);
        }
        CHECK(at.segment_names().size() == 1);
        CHECK(me.matches());
    }
    SUBCASE("left behind by a crash") {
        const Transaction staged = *me.append_staged(text);
        at.crash(5);
        CHECK(at.segment_names().empty());
    }
}

TEST_CASE("one round of many transactions makes one sync of the segment and one of the log") {
    TestStore at;
    std::vector<TestAccount> accounts;
    accounts.reserve(20);
    for (int i = 0; i < 20; ++i) accounts.push_back(at.account("account" + std::to_string(i)));
    at.run(accounts[0], accounts[0].append({"first"}));
    const StoreStatistics before = at.store->statistics();
    std::vector<Transaction> round;
    round.reserve(accounts.size());
    for (TestAccount& account : accounts) round.push_back(account.append({"mail"}));
    for (const auto& result : at.commit_all(std::move(round))) CHECK(result.has_value());
    const StoreStatistics after = at.store->statistics();
    CHECK(after.segment_syncs - before.segment_syncs == 1);
    CHECK(after.wal_syncs - before.wal_syncs == 1);
    CHECK(after.rounds - before.rounds == 1);
    CHECK(after.transactions - before.transactions == 20);
    CHECK(after.store_seq - before.store_seq == 1);
    for (TestAccount& account : accounts) {
        account.accept();
        CHECK(account.matches());
    }
    SUBCASE("and one of only lazy transactions none") {
        at.run(accounts[1], accounts[1].fold());
        CHECK(at.store->statistics().wal_syncs == after.wal_syncs);
        at.crash(0);
        accounts[1].set_store(*at.store);
        CHECK(accounts[1].matches());
    }
}

TEST_CASE("the log gives the changes and the expunged uids after a modseq") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"1", "2", "3", "4", "5", "6"}));  // modseq 2
    at.run(me, me.expunge({2, 3}));                         // 3
    at.run(me, me.set_flags({1}, kSeen));                   // 4
    at.run(me, me.expunge({4, 6}));                         // 5
    const auto since = [&](ModSeq modseq) {
        return *at.store->expunged_since(me.id(), me.mailbox(), modseq);
    };
    CHECK(since(0) == UidRanges{{2, 4}, {6, 6}});
    CHECK(since(3) == UidRanges{{4, 4}, {6, 6}});
    CHECK(since(5).empty());
    CHECK(since(kModSeqMax).empty());
    std::vector<ModSeq> seen;
    const auto collect = [&](ModSeq modseq, const ChangeRecord&) {
        seen.push_back(modseq);
        return seen.size() < 2;
    };
    CHECK(at.store->changes_since(me.id(), me.mailbox(), 2, collect).has_value());
    CHECK(seen == std::vector<ModSeq>{3, 4});
    SUBCASE("a deleted mailbox has no log, which is not the same as an empty one") {
        at.run(me, me.delete_mailbox());
        const auto gone = at.store->expunged_since(me.id(), me.mailbox(), 3);
        REQUIRE(!gone.has_value());
        CHECK(gone.error().kind == StoreErrorKind::kNotFound);
    }
    SUBCASE("a trimmed log begins behind its horizon") {
        at.run(me, me.fold());
        at.run(me, me.set_flags({1}, 0));
        at.run(me, me.trim());
        CHECK(since(0).empty());
        seen.clear();
        CHECK(at.store->changes_since(me.id(), me.mailbox(), 0, collect).has_value());
        CHECK(seen == std::vector<ModSeq>{6});
        CHECK(me.matches());
    }
}

TEST_CASE("summaries come in the order asked, with gaps, from memory only when asked so") {
    TestStore at;
    TestAccount me = at.account("me");
    std::vector<std::string> texts(60, "text");
    at.run(me, me.append(texts));
    at.run(me, me.expunge({7, 30}));
    std::vector<BodyId> bodies;
    for (const Uid uid : {40u, 1u, 2u, 3u, 60u, 50u}) bodies.push_back(me.message(uid).body);
    bodies.push_back(BodyId{raw(me.message(6).body) + 1});  // of uid 7, which is gone
    const auto found = *at.store->summaries(me.id(), bodies, false);
    REQUIRE(found.has_value());
    for (std::size_t i = 0; i + 1 < bodies.size(); ++i) {
        CHECK((*found)[i] == "summary of " + std::to_string(raw(bodies[i])));
    }
    CHECK(found->back().empty());
    CHECK(at.store->summaries(me.id(), bodies, true).has_value());
    REQUIRE(at.store->close().has_value());
    at.reopen();
    CHECK(!at.store->summaries(me.id(), bodies, true).has_value());
    CHECK(at.store->summaries(me.id(), bodies, false).has_value());
    CHECK(at.store->summaries(me.id(), bodies, true).has_value());
}

TEST_CASE("bodies are read without blocking only from memory") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"some text"}));
    const BodyId body = me.message(1).body;
    CHECK(!at.store->open_body(body, true).has_value());  // its file is not open
    const auto reader = *at.store->open_body(body, false);
    REQUIRE(reader.has_value());
    CHECK(reader->length() == 9);
    CHECK(**reader->try_read_all() == "some text");
    CHECK(*reader->read(5, 100) == "text");
    CHECK(reader->read(9, 1)->empty());
    CHECK(reader->verify().has_value());
    CHECK(at.store->open_body(body, true).has_value());
    at.files.set_cold(true);
    CHECK(!reader->try_read_all().has_value());
}

TEST_CASE("a damaged body is never given out, and counted") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"the first text", "the second text"}));
    const std::string path = at.segment_path(1);
    at.files.flip(path, at.files.contents(path).find("second"));
    CHECK(me.damaged() == std::vector<Uid>{2});
    const auto reader = *at.store->open_body(me.message(2).body, false);
    CHECK(reader->read_all().error().kind == StoreErrorKind::kCorrupt);
    CHECK(reader->try_read_all()->error().kind == StoreErrorKind::kCorrupt);
    CHECK(reader->verify().error().kind == StoreErrorKind::kCorrupt);
    CHECK(at.store->statistics().crc_failures == 4);
}

TEST_CASE("an account is removed in steps, with everything that only it has") {
    TestStore at;
    TestAccount me = at.account("me");
    TestAccount you = at.account("you");
    at.run(you, you.append({"yours"}));
    std::vector<std::string> texts(9000, "mine");
    at.run(me, me.append(texts));
    at.run(me, me.copy({1, 2, 3}));
    at.run(me, me.fold());
    at.run(me, me.expunge({5}));
    const BodyId body = me.message(1).body;
    const bool crashing = [] {
        bool value = false;
        SUBCASE("without a crash") {
            value = false;
        }
        SUBCASE("with a crash after every step") {
            value = true;
        }
        return value;
    }();
    int steps = 0;
    for (bool done = false; !done; ++steps) {
        const Result<bool> step = at.store->remove_account_step(me.id());
        REQUIRE(step.has_value());
        done = *step;
        REQUIRE(steps < 20);
        if (crashing) at.crash(0);
        me.set_store(*at.store);
        you.set_store(*at.store);
        if (!done) CHECK(at.commit(me.append({"late"})).error().kind == StoreErrorKind::kFenced);
    }
    CHECK(steps > 3);
    CHECK(at.store->find_account("me").error().kind == StoreErrorKind::kNotFound);
    CHECK(at.store->load_account(me.id()).error().kind == StoreErrorKind::kNotFound);
    CHECK((*at.store->open_body(body, false)).error().kind == StoreErrorKind::kNotFound);
    CHECK((*at.store->summaries(me.id(), std::vector{body}, false))->at(0).empty());
    CHECK(at.store->statistics().live_bytes < 200);
    CHECK(you.matches());
    CHECK(*at.store->remove_account_step(me.id()));
    TestAccount again = at.account("me");
    CHECK(again.id() != me.id());
    CHECK(again.matches());
}

TEST_CASE("deleting a mailbox removes its pages, log and bodies") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"1", "2"}));
    at.run(me, me.fold());
    at.run(me, me.delete_mailbox());
    CHECK(at.store->load_account(me.id())->mailboxes.empty());
    MailboxRecord empty;
    empty.id = me.mailbox();
    CHECK(at.store->load_mailbox(me.id(), empty)->view->count() == 0);
    CHECK(at.store->statistics().live_bytes == 0);
}

TEST_CASE("a directory that is not ours, in use, newer or damaged is refused with its reason") {
    std::string detail;
    SUBCASE("in use") {
        TestStore at;
        CHECK(at.open_error(&detail) == StoreErrorKind::kLocked);
        CHECK(detail.find("in use") != std::string::npos);
    }
    SUBCASE("newer by its format file") {
        TestStore at;
        at.store.reset();
        at.files.replace_contents("/data/format", "tidemark data directory, format 2\n");
        CHECK(at.open_error(&detail) == StoreErrorKind::kTooNew);
        CHECK(detail.find("newer version") != std::string::npos);
    }
    SUBCASE("a format file of something else") {
        TestStore at;
        at.store.reset();
        at.files.replace_contents("/data/format", "hello\n");
        CHECK(at.open_error() == StoreErrorKind::kCorrupt);
    }
    SUBCASE("not there") {
        FaultyFileSystem files;
        StoreOptions options = small_options();
        options.create_if_missing = false;
        CHECK(Store::open("/data", options, files).error().kind == StoreErrorKind::kNotFound);
        REQUIRE(files.make_directory("/data").has_value());
        CHECK(Store::open("/data", options, files).error().kind == StoreErrorKind::kNotFound);
    }
    SUBCASE("a segment is missing") {
        TestStore at;
        TestAccount me = at.account("me");
        at.run(me, me.append({"text"}));
        at.store.reset();
        REQUIRE(at.files.unlink(at.segment_path(1)).has_value());
        CHECK(at.open_error(&detail) == StoreErrorKind::kCorrupt);
        CHECK(detail.find("00000001.seg is missing") != std::string::npos);
    }
    SUBCASE("a segment is cut short") {
        TestStore at;
        TestAccount me = at.account("me");
        at.run(me, me.append({"text"}));
        at.store.reset();
        at.files.replace_contents(at.segment_path(1), "T");
        CHECK(at.open_error() == StoreErrorKind::kCorrupt);
    }
}

TEST_CASE("a store opened for reading changes nothing and refuses to") {
    TestStore at;
    TestAccount me = at.account("me");
    at.run(me, me.append({"text"}));
    at.store.reset();
    const std::uint64_t before = at.files.operations();
    at.options.read_only = true;
    at.open();
    me.set_store(*at.store);
    CHECK(me.matches());
    CHECK(at.commit(me.set_flags({1}, kSeen)).error().kind == StoreErrorKind::kUnavailable);
    CHECK(at.store->compact_step(1000).error().kind == StoreErrorKind::kUnavailable);
    CHECK(!at.store->statistics().writable);
    CHECK(at.files.operations() == before);
}

TEST_CASE("a store is read by many or written by one") {
    TestStore at;
    StoreOptions reading = at.options;
    reading.read_only = true;
    CHECK(Store::open("/data", reading, at.files).error().kind == StoreErrorKind::kLocked);
    at.store.reset();
    const auto one = Store::open("/data", reading, at.files);
    const auto two = Store::open("/data", reading, at.files);
    CHECK(one.has_value());
    CHECK(two.has_value());
    CHECK(at.open_error() == StoreErrorKind::kLocked);
}

TEST_CASE("ids are never given out twice, also across crashes") {
    TestStore at;
    TestAccount me = at.account("me");
    BodyId last{};
    AccountId last_account = me.id();
    for (int run = 0; run < 5; ++run) {
        at.run(me, me.append({"text"}));
        const BodyId body = me.message(me.uids().back()).body;
        CHECK(body > last);
        last = body;
        TestAccount other = at.account("other" + std::to_string(run));
        CHECK(other.id() > last_account);
        last_account = other.id();
        at.crash(0);
        me.set_store(*at.store);
    }
    CHECK(me.matches());
}

TEST_CASE("a shared streamed body that everybody has given up is not stored a second time") {
    TestStore at;
    TestAccount me = at.account("me");
    TestAccount you = at.account("you");
    NewBody body;
    body.id = at.store->next_body_id();
    body.is_shared = true;
    body.staged = *at.store->stage_body(body.id, 0);
    REQUIRE(body.staged->append("text").has_value());
    REQUIRE(body.staged->finish().has_value());
    const auto next = [](const TestAccount& account, ModSeq behind) {
        Transaction transaction(account.id(), account.state().counters.modseq + behind);
        AccountCounters counters = account.state().counters;
        counters.modseq += behind + 1;
        transaction.put_counters(counters);
        return transaction;
    };
    Transaction first = next(me, 0);
    body.owners = {{me.id(), me.mailbox(), 1}};
    first.add_body(body);
    REQUIRE(at.commit(std::move(first)).has_value());
    Transaction removal = next(me, 1);
    removal.change_reference(body.id, -1);
    REQUIRE(at.commit(std::move(removal)).has_value());

    const auto names = at.segment_names();
    Transaction late = next(you, 0);
    body.owners = {{you.id(), you.mailbox(), 1}};
    late.add_body(body);
    const auto result = at.commit(std::move(late));
    REQUIRE(!result.has_value());
    CHECK(result.error().kind == StoreErrorKind::kNotFound);
    CHECK(at.segment_names() == names);
    at.reopen();
    you.set_store(*at.store);
    CHECK(you.matches());
}
