#include "actors/account_admin.hpp"

#include "actors/account.hpp"
#include "actors/actor.hpp"
#include "actors/auth/account_name.hpp"

#include <fmt/format.h>

#include <utility>

namespace tidemark::actors {

using storage::AccountId;
using storage::SpecialUse;
using storage::StoreErrorKind;

namespace {

struct FirstMailbox {
    const char* name;
    SpecialUse use;
};
constexpr FirstMailbox kFirstMailboxes[] = {
    {"INBOX", SpecialUse::kNone},  {"Drafts", SpecialUse::kDrafts},
    {"Sent", SpecialUse::kSent},   {"Junk", SpecialUse::kJunk},
    {"Trash", SpecialUse::kTrash}, {"Archive", SpecialUse::kArchive},
};

tl::expected<std::string, storage::StoreError> normalised(std::string_view name) {
    auto normal = normalize_account_name(name);
    if (!normal) {
        return storage::fail(StoreErrorKind::kLimit,
                             fmt::format("\"{}\" is not a name that an account can have", name));
    }
    return *normal;
}

storage::Result<AccountId> find(storage::Store& store, std::string_view name) {
    auto normal = normalised(name);
    if (!normal) return tl::unexpected(normal.error());
    auto id = store.find_account(*normal);
    if (!id)
        return storage::fail(StoreErrorKind::kNotFound,
                             fmt::format("there is no account \"{}\"", *normal));
    return id;
}

}  // namespace

tl::expected<std::unique_ptr<storage::Transaction>, std::string> new_account_transaction(
    storage::Store& store, const NewAccount& account, std::int64_t now_micros) {
    auto name = normalised(account.name);
    if (!name) return tl::unexpected(name.error().detail);
    storage::AccountRecord record;
    record.id = store.next_account_id();
    record.name = *name;
    record.credentials = account.credentials;
    record.quota_bytes = account.quota_bytes;
    record.created_seconds = now_micros / 1'000'000;
    storage::AccountCounters counters;
    auto transaction = std::make_unique<storage::Transaction>(record.id, 0);
    transaction->put_account(record);
    // One number for the account's creation: everything of it came to be at once.
    counters.modseq = 1;
    counters.uidvalidity = static_cast<std::uint32_t>(record.created_seconds);
    for (const FirstMailbox& first : kFirstMailboxes) {
        storage::MailboxRecord mailbox;
        mailbox.id = storage::MailboxId{++counters.mailbox_id};
        mailbox.name = first.name;
        mailbox.uidvalidity = counters.uidvalidity++;
        mailbox.highestmodseq = mailbox.folded_modseq = mailbox.created_modseq = counters.modseq;
        mailbox.special_use = first.use;
        mailbox.subscribed = true;
        mailbox.object_id = fmt::format("M{:x}-{:x}-{:x}", storage::raw(record.id),
                                        storage::raw(mailbox.id), mailbox.uidvalidity);
        mailbox.created_seconds = record.created_seconds;
        transaction->put_mailbox(mailbox);
        storage::ChangeRecord change;
        change.kind = storage::ChangeKind::kMailboxCreated;
        change.time_micros = now_micros;
        change.new_name = mailbox.name;
        transaction->put_change(mailbox.id, counters.modseq, change);
    }
    transaction->put_counters(counters);
    return transaction;
}

storage::Result<AccountId> add_account(storage::Store& store, const NewAccount& account,
                                       std::int64_t now_micros) {
    if (find(store, account.name)) {
        return storage::fail(StoreErrorKind::kExists,
                             fmt::format("there is an account \"{}\" already", account.name));
    }
    auto transaction = new_account_transaction(store, account, now_micros);
    if (!transaction) return storage::fail(StoreErrorKind::kLimit, transaction.error());
    storage::Transaction* one = transaction->get();
    auto results = store.commit({&one, 1});
    if (!results.front()) return tl::unexpected(results.front().error());
    return one->account();
}

storage::Result<void> change_account(storage::Store& store, std::string_view name,
                                     const std::function<void(storage::AccountRecord&)>& change) {
    auto id = find(store, name);
    if (!id) return tl::unexpected(id.error());
    auto loaded = store.load_account(*id);
    if (!loaded) return tl::unexpected(loaded.error());
    change(loaded->record);
    storage::Transaction transaction(*id, loaded->counters.modseq);
    transaction.put_account(loaded->record);
    ++loaded->counters.modseq;
    transaction.put_counters(loaded->counters);
    storage::Transaction* one = &transaction;
    return std::move(store.commit({&one, 1}).front());
}

storage::Result<void> remove_account(storage::Store& store, std::string_view name) {
    auto id = find(store, name);
    if (!id) return tl::unexpected(id.error());
    for (;;) {
        auto done = store.remove_account_step(*id);
        if (!done) return tl::unexpected(done.error());
        if (*done) return {};
    }
}

Awaitable<storage::Result<AccountId>> add_account(ServerContext* server, NewAccount account) {
    auto& store = server->store.store();
    if (find(store, account.name)) {
        co_return storage::fail(StoreErrorKind::kExists,
                                fmt::format("there is an account \"{}\" already", account.name));
    }
    auto transaction =
        new_account_transaction(store, account, Core::current()->clock().wall_microseconds());
    if (!transaction) co_return storage::fail(StoreErrorKind::kLimit, transaction.error());
    const AccountId id = (*transaction)->account();
    auto done = co_await server->store.commit(std::move(*transaction));
    if (!done) co_return tl::unexpected(done.error());
    server->auth.account_changed(storage::raw(id));
    co_return id;
}

namespace {

Awaitable<void> change_at_home(ServerContext* server, AccountId id,
                               std::function<void(storage::AccountRecord&)> change,
                               ReplyTo<storage::Result<void>> reply) {
    auto lease = co_await server->on(*Core::current()).accounts.acquire(id);
    if (!lease) {
        reply.send(storage::fail(StoreErrorKind::kIo, lease.error().text));
        co_return;
    }
    UpdateAccountRequest request;
    request.change = std::move(change);
    auto done = co_await (*lease)->call(std::move(request));
    if (done) {
        reply.send({});
    } else {
        reply.send(storage::fail(StoreErrorKind::kUnavailable, done.error().text));
    }
}

Awaitable<void> forget_at_home(ServerContext* server, AccountId id, ReplyTo<bool> reply) {
    server->on(*Core::current()).accounts.forget(id);
    reply.send(true);
    co_return;
}

}  // namespace

Awaitable<storage::Result<void>> change_account(
    ServerContext* server, std::string name, std::function<void(storage::AccountRecord&)> change) {
    auto id = find(server->store.store(), name);
    if (!id) co_return tl::unexpected(id.error());
    Reply<storage::Result<void>> reply(*Core::current());
    server->spawn_on(server->home_of(*id),
                     [server, account = *id, change = std::move(change),
                      to = std::make_shared<ReplyTo<storage::Result<void>>>(reply.to())]() mutable {
                         return change_at_home(server, account, std::move(change), std::move(*to));
                     });
    auto done = co_await reply.wait();
    server->auth.account_changed(storage::raw(*id));
    if (!done) co_return storage::fail(StoreErrorKind::kUnavailable, "the server is closing");
    co_return std::move(*done);
}

Awaitable<storage::Result<void>> remove_account(ServerContext* server, std::string name) {
    auto id = find(server->store.store(), name);
    if (!id) co_return tl::unexpected(id.error());
    Reply<bool> reply(*Core::current());
    server->spawn_on(
        server->home_of(*id),
        [server, account = *id, to = std::make_shared<ReplyTo<bool>>(reply.to())]() mutable {
            return forget_at_home(server, account, std::move(*to));
        });
    (void)co_await reply.wait();
    auto& store = server->store.store();
    for (;;) {
        auto done = co_await server->store.run_between_rounds(
            [&store, account = *id] { return store.remove_account_step(account); });
        // The first step makes that nobody can log in any more.
        server->auth.account_changed(storage::raw(*id));
        if (!done) co_return tl::unexpected(done.error());
        if (*done) break;
    }
    co_return storage::Result<void>{};
}

}  // namespace tidemark::actors
