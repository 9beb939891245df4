#include "storage/backup/fence.hpp"

#include "tests/storage/test_store.hpp"

#include <doctest/doctest.h>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

constexpr std::int64_t kFencedAt = 1'764'000'000'000'000;

FenceOptions options_at(std::int64_t now_micros) {
    FenceOptions options;
    options.now_micros = now_micros;
    return options;
}

// Three messages, of which one is expunged, partly folded.
TestAccount with_mail(TestStore& store, const std::string& name) {
    TestAccount account = store.account(name);
    store.run(account, account.append({"one", "two", "three"}));
    store.run(account, account.fold());
    store.run(account, account.expunge({2}));
    store.run(account, account.set_flags({3}, kSeen));
    return account;
}

}  // namespace

TEST_CASE("fencing puts every number above those that were given out, and gives all a new modseq") {
    TestStore test;
    TestAccount account = with_mail(test, "ann");
    const LoadedAccount before = *test.store->load_account(account.id());
    const BodyId body = test.store->next_body_id();
    const AccountId next_account = test.store->next_account_id();

    const Result<FenceReport> report = fence_restored(*test.store, options_at(kFencedAt));
    REQUIRE(report.has_value());
    CHECK(report->accounts == 1);
    CHECK(report->mailboxes == 1);
    test.reopen();

    const LoadedAccount after = *test.store->load_account(account.id());
    CHECK(after.counters.modseq == static_cast<ModSeq>(kFencedAt));
    CHECK(after.counters.mailbox_id >= before.counters.mailbox_id + kMailboxGap);
    CHECK(after.counters.uidvalidity >= kFencedAt / 1'000'000 + kMailboxGap);
    CHECK(raw(test.store->next_body_id()) >= raw(body) + kBodyIdGap);
    CHECK(raw(test.store->next_account_id()) >= raw(next_account) + kAccountIdGap);

    const MailboxRecord& mailbox = after.mailboxes.at(0);
    CHECK(mailbox.uidvalidity == before.mailboxes.at(0).uidvalidity);
    CHECK(mailbox.uidnext == 4 + kUidGapLeast);
    CHECK(mailbox.highestmodseq == after.counters.modseq);
    CHECK(mailbox.fence == RestoreFence{before.mailboxes.at(0).highestmodseq, after.counters.modseq,
                                        4, 4 + kUidGapLeast});
    CHECK(!mailbox.log_tells_since(after.counters.modseq - 1));
    CHECK(mailbox.log_tells_since(after.counters.modseq));

    const LoadedMailbox loaded = *test.store->load_mailbox(account.id(), mailbox);
    CHECK(loaded.view->uids() == UidRanges{{1, 1}, {3, 3}});
    CHECK(loaded.view->uidnext() == mailbox.uidnext);
    CHECK(loaded.view->counts() == mailbox.counts);
    for (const Uid uid : {1u, 3u}) {
        const Message message = loaded.view->at(*loaded.view->find_uid(uid));
        CHECK(message.modseq == after.counters.modseq);
        CHECK(message.createseq == account.message(uid).createseq);
        CHECK(message.flags == account.message(uid).flags);
    }
    CHECK(loaded.view->pages().at(0)->modseq_max == after.counters.modseq);
}

TEST_CASE("fencing again lies above the fence before, whatever the clock says") {
    TestStore test;
    TestAccount account = with_mail(test, "ann");
    REQUIRE(fence_restored(*test.store, options_at(kFencedAt)).has_value());
    const LoadedAccount first = *test.store->load_account(account.id());
    REQUIRE(fence_restored(*test.store, options_at(1)).has_value());  // a clock that was reset
    const LoadedAccount second = *test.store->load_account(account.id());
    CHECK(second.counters.modseq == first.counters.modseq + kModSeqGap);
    CHECK(second.counters.uidvalidity > first.counters.uidvalidity);
    CHECK(second.mailboxes.at(0).uidnext == first.mailboxes.at(0).uidnext + kUidGapLeast);
    CHECK(second.mailboxes.at(0).fence.backup_modseq == first.counters.modseq);
}

TEST_CASE("one backup restored twice gives two servers that share no number") {
    TestStore first;
    TestAccount account = with_mail(first, "ann");
    TestStore second;
    TestAccount same = with_mail(second, "ann");
    FenceOptions options = options_at(kFencedAt);
    REQUIRE(fence_restored(*first.store, options).has_value());
    options.now_micros += 60'000'000;
    options.earlier_restores = 1;
    options.uid_gap *= 2;
    REQUIRE(fence_restored(*second.store, options).has_value());
    const LoadedAccount one = *first.store->load_account(account.id());
    const LoadedAccount two = *second.store->load_account(same.id());
    CHECK(two.counters.modseq >= one.counters.modseq + 60'000'000);
    CHECK(two.counters.mailbox_id >= one.counters.mailbox_id + kMailboxGap);
    CHECK(two.counters.uidvalidity >= one.counters.uidvalidity + kMailboxGap);
    CHECK(two.mailboxes.at(0).uidnext >= one.mailboxes.at(0).uidnext + kUidGapLeast);
    CHECK(raw(second.store->next_body_id()) >= raw(first.store->next_body_id()) + 60'000'000);
    CHECK(raw(second.store->next_account_id()) >=
          raw(first.store->next_account_id()) + kAccountIdGap);
}

TEST_CASE("a mailbox with too few UIDs left refuses the fence, and nothing is changed") {
    TestStore test;
    TestAccount account = with_mail(test, "ann");
    const LoadedAccount before = *test.store->load_account(account.id());
    FenceOptions options = options_at(kFencedAt);
    options.uid_gap = std::uint64_t{UINT32_MAX} - kUidsLeftMin - 4;
    SUBCASE("by one") {
        options.uid_gap += 1;
        const Result<FenceReport> refused = fence_restored(*test.store, options);
        REQUIRE(!refused.has_value());
        CHECK(refused.error().kind == StoreErrorKind::kLimit);
        CHECK(refused.error().detail.find("INBOX") != std::string::npos);
        const LoadedAccount after = *test.store->load_account(account.id());
        CHECK(after.counters == before.counters);
        CHECK(after.mailboxes == before.mailboxes);
    }
    SUBCASE("just enough") {
        CHECK(fence_restored(*test.store, options).has_value());
    }
    SUBCASE("by far") {
        options.uid_gap = std::uint64_t{1} << 40;
        CHECK(fence_restored(*test.store, options).error().kind == StoreErrorKind::kLimit);
    }
}

TEST_CASE("the gap for UIDs grows with the age of the backup") {
    CHECK(uid_gap_for(-5) == kUidGapLeast);
    CHECK(uid_gap_for(86'400) == kUidGapLeast + 86'400 * kUidGapPerSecond);
    CHECK(uid_gap_for(INT64_MAX) > UINT32_MAX);  // refused later, not wrapped
}
