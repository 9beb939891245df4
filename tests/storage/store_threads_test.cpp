// Readers on other threads while rounds are committed and segments compacted. Meant for the thread
// sanitizer; checks what readers see in any build.
#include "tests/storage/test_store.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

TEST_CASE("readers see whole states while rounds are committed and segments compacted") {
    TestStore at;
    TestAccount writer = at.account("me");
    const AccountId account = writer.id();
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> wrong = 0;
    std::atomic<std::uint64_t> loads = 0;
    std::atomic<std::uint64_t> bodies_read = 0;
    const auto read = [&] {
        while (!stop) {
            const Result<LoadedAccount> loaded = at.store->load_account(account);
            if (!loaded || loaded->mailboxes.size() != 1) {
                ++wrong;
                continue;
            }
            const Result<LoadedMailbox> mailbox =
                at.store->load_mailbox(account, loaded->mailboxes[0]);
            if (!mailbox) continue;  // folded between the two reads
            ++loads;
            std::vector<BodyId> bodies;
            for (const PagePtr& page : mailbox->view->pages()) {
                for (const BodyId body : page->fixed->body) bodies.push_back(body);
            }
            static_cast<void>(at.store->summaries(account, bodies, loads % 2 == 0));
            for (const BodyId body : bodies) {
                const auto reader = at.store->open_body(body, loads % 3 == 0);
                if (!reader) continue;
                if (!*reader) {
                    if (reader->error().kind != StoreErrorKind::kNotFound) ++wrong;
                    continue;
                }
                if (!(*reader)->read_all()) ++wrong;
                ++bodies_read;
            }
            static_cast<void>(at.store->expunged_since(account, MailboxId{1}, 0));
            static_cast<void>(at.store->statistics());
            static_cast<void>(at.store->next_body_id());
        }
    };
    std::thread first(read);
    std::thread second(read);
    std::thread stager([&] {
        while (!stop) {
            const auto staged = at.store->stage_body(at.store->next_body_id(), 100);
            if (!staged || !(*staged)->append("given up")) ++wrong;
        }
    });
    std::mt19937_64 random(5);
    for (int round = 0; round < 150 || loads < 5; ++round) {
        at.run(writer, writer.append({any_body(random), any_body(random)}));
        if (round % 3 == 0 && writer.uids().size() > 20) {
            const std::vector<Uid> uids = writer.uids();
            at.run(writer, writer.expunge({uids.begin(), uids.begin() + 8}));
        }
        if (round % 10 == 0) at.run(writer, writer.fold());
        static_cast<void>(at.store->compact_step(20'000));
    }
    stop = true;
    first.join();
    second.join();
    stager.join();
    CHECK(wrong == 0);
    CHECK(bodies_read > 0);
    CHECK(writer.matches());
}
