// The undo of a mailbox's log against the states that were seen when they were there.
#include "storage/backup/past_mailbox.hpp"

#include "tests/storage/test_store.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <random>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

using Seen = std::map<ModSeq, std::vector<Message>>;

std::vector<Message> messages_of(const MailboxView& view) {
    std::vector<Message> messages;
    for (const PagePtr& page : view.pages()) {
        for (std::size_t i = 0; i < page->count(); ++i) messages.push_back(page->at(i));
    }
    return messages;
}

void see(Seen& seen, const TestAccount& account) {
    seen[account.state().mailbox.highestmodseq] = messages_of(*account.state().view);
}

std::vector<Uid> some_uids(const TestAccount& account, std::mt19937_64& random) {
    std::vector<Uid> uids;
    for (const Uid uid : account.uids()) {
        if (random() % 3 == 0) uids.push_back(uid);
    }
    return uids;
}

void change(TestStore& at, TestAccount& account, std::mt19937_64& random) {
    const std::vector<Uid> uids = some_uids(account, random);
    switch (random() % 6) {
        case 0:
            if (!uids.empty()) at.run(account, account.copy({uids.front()}));
            break;
        case 1:
            if (!uids.empty()) at.run(account, account.set_flags(uids, random() % 32));
            break;
        case 2:
            if (!uids.empty()) at.run(account, account.expunge(uids));
            break;
        case 3:
            at.run(account, account.fold());
            break;
        default:
            at.run(account, account.append({any_body(random, 50), any_body(random, 50)}));
    }
}

// Flags and all that an append gives; of the modseq that it is never too high.
void check_same(const PastMailbox& past, const std::vector<Message>& seen) {
    REQUIRE(past.messages.size() == seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
        Message message = past.messages[i];
        if (message.modseq == 0) message.modseq = seen[i].modseq;
        CHECK(message == seen[i]);
    }
}

}  // namespace

TEST_CASE("a mailbox is told as it was at every modseq and time above the horizon of its log") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        TestStore at;
        TestAccount account = at.account("anna");
        Seen seen;
        see(seen, account);
        for (int i = 0; i < 60; ++i) {
            change(at, account, random);
            see(seen, account);
            if (i != 30 || seed % 2 == 0) continue;
            at.run(account, account.fold());
            at.run(account, account.trim());
        }
        const MailboxRecord record = at.store->load_account(account.id())->mailboxes.at(0);
        CHECK((record.horizon_modseq > 0) == (seed % 2 == 1));
        for (const auto& [modseq, messages] : seen) {
            CAPTURE(modseq);
            const auto past = mailbox_at(*at.store, account.id(), record, modseq);
            const auto timed =
                mailbox_at(*at.store, account.id(), record, UnixMicros{account.time_of(modseq)});
            if (modseq < record.horizon_modseq) {
                REQUIRE(!past);
                CHECK(past.error().kind == StoreErrorKind::kLimit);
                CHECK(!timed);
                continue;
            }
            REQUIRE(past);
            check_same(*past, messages);
            // The entry at the horizon itself is gone, and with it its time.
            if (modseq == record.horizon_modseq) continue;
            REQUIRE(timed);
            check_same(*timed, messages);
        }
        CHECK(mailbox_at(*at.store, account.id(), record, ModSeq{1'000'000})->undone == 0);
    }
}

TEST_CASE("before a mailbox was made there was none, whatever is left of its log") {
    TestStore at;
    TestAccount account = at.account("anna");
    for (int i = 0; i < 6; ++i) at.run(account, account.append({"x"}));
    MailboxRecord record = at.store->load_account(account.id())->mailboxes.at(0);
    // As if the first three changes had been another mailbox's.
    record.created_modseq = 4;
    record.created_seconds = 4;
    const auto kind = [&](Moment moment) {
        const auto past = mailbox_at(*at.store, account.id(), record, moment);
        return past ? std::nullopt : std::optional(past.error().kind);
    };
    CHECK(kind(ModSeq{3}) == StoreErrorKind::kNotFound);
    CHECK(!kind(ModSeq{4}));
    record.horizon_modseq = 5;
    CHECK(kind(ModSeq{3}) == StoreErrorKind::kNotFound);
    CHECK(kind(ModSeq{4}) == StoreErrorKind::kLimit);
    // The entries begin at the second 6, for whoever sees the log from its horizon on.
    CHECK(kind(UnixMicros{3'999'999}) == StoreErrorKind::kNotFound);
    CHECK(kind(UnixMicros{4'000'000}) == StoreErrorKind::kLimit);
    CHECK(!kind(UnixMicros{6'000'000}));
}
