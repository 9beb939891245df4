#include "actors/mailbox_admin.hpp"

#include "actors/account.hpp"

#include <memory>
#include <utility>

namespace tidemark::actors {

namespace {

using storage::AccountId;
using Made = Outcome<storage::MailboxRecord>;
using Subscribed = Outcome<void>;

tl::unexpected<AccountError> not_run() {
    return tl::unexpected(
        AccountError{AccountErrorKind::kUnavailable, "the server is shutting down"});
}

bool has_use(const Account& account, storage::SpecialUse use) {
    for (const auto& [name, id] : account.names()) {
        const Mailbox* mailbox = account.find_mailbox(id);
        if (mailbox != nullptr && mailbox->record.special_use == use) return true;
    }
    return false;
}

Awaitable<void> make_at_home(ServerContext* server, AccountId account, NewMailbox mailbox,
                             std::shared_ptr<ReplyTo<Made>> reply) {
    auto lease = co_await server->on(*Core::current()).accounts.acquire(account);
    if (!lease) {
        reply->send(tl::unexpected(lease.error()));
        co_return;
    }
    CreateRequest request;
    request.name = std::move(mailbox.name);
    request.subscribed = mailbox.subscribed;
    if (!has_use(*lease->get(), mailbox.special_use)) request.special_use = mailbox.special_use;
    reply->send(co_await (*lease)->call(std::move(request)));
}

Awaitable<void> subscribe_at_home(ServerContext* server, AccountId account, std::string name,
                                  std::shared_ptr<ReplyTo<Subscribed>> reply) {
    auto lease = co_await server->on(*Core::current()).accounts.acquire(account);
    if (!lease) {
        reply->send(tl::unexpected(lease.error()));
        co_return;
    }
    SubscribeRequest request;
    request.name = std::move(name);
    auto done = co_await (*lease)->call(std::move(request));
    if (done) {
        reply->send({});
    } else {
        reply->send(tl::unexpected(done.error()));
    }
}

}  // namespace

Awaitable<Made> make_mailbox(ServerContext* server, AccountId account, NewMailbox mailbox) {
    Reply<Made> reply(*Core::current());
    server->spawn_on(server->home_of(account), [server, account, mailbox = std::move(mailbox),
                                                to = std::make_shared<ReplyTo<Made>>(reply.to())] {
        return make_at_home(server, account, mailbox, to);
    });
    auto done = co_await reply.wait();
    if (!done) co_return not_run();
    co_return std::move(*done);
}

Awaitable<Subscribed> subscribe_mailbox(ServerContext* server, AccountId account,
                                        std::string name) {
    Reply<Subscribed> reply(*Core::current());
    server->spawn_on(server->home_of(account),
                     [server, account, name = std::move(name),
                      to = std::make_shared<ReplyTo<Subscribed>>(reply.to())] {
                         return subscribe_at_home(server, account, name, to);
                     });
    auto done = co_await reply.wait();
    if (!done) co_return not_run();
    co_return std::move(*done);
}

}  // namespace tidemark::actors
