#include "actors/delivery.hpp"

#include "actors/account.hpp"
#include "actors/auth/account_name.hpp"
#include "protocol/mailbox_name.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::actors {

namespace {

using storage::AccountId;

// The account with this address; nothing when there is none, or it is no address of an account.
tl::expected<std::optional<AccountId>, AddressError> find_name(const storage::Store& store,
                                                               std::string_view address) {
    const auto name = normalize_account_name(address);
    if (!name) return std::nullopt;
    const auto id = store.find_account(*name);
    if (id) return *id;
    if (id.error().kind == storage::StoreErrorKind::kNotFound) return std::nullopt;
    return tl::unexpected(AddressError::kUnavailable);
}

using DeliverReply = ReplyTo<Outcome<AppendOutcome>>;

Awaitable<Outcome<AppendOutcome>> deliver_here(ServerContext* server, DeliveryTarget target,
                                               AppendMessage message) {
    auto lease = co_await server->on(*Core::current()).accounts.acquire(target.account);
    if (!lease) co_return tl::unexpected(lease.error());
    for (std::string& folder : target.folders) {
        if (folder == kInbox || (*lease)->find_mailbox(folder) == nullptr) continue;
        AppendRequest request;
        request.kind = storage::ChangeKind::kDelivery;
        request.mailbox = std::move(folder);
        request.messages.push_back(message);
        auto outcome = co_await (*lease)->call(std::move(request));
        // Deleted since it was found: nothing of the message was stored yet.
        if (!outcome && outcome.error().kind == AccountErrorKind::kNonexistent) continue;
        co_return outcome;
    }
    AppendRequest request;
    request.kind = storage::ChangeKind::kDelivery;
    request.mailbox = kInbox;
    request.messages.push_back(std::move(message));
    co_return co_await (*lease)->call(std::move(request));
}

Awaitable<void> deliver_and_reply(ServerContext* server, DeliveryTarget target,
                                  AppendMessage message, DeliverReply reply) {
    reply.send(co_await deliver_here(server, std::move(target), std::move(message)));
}

Awaitable<Outcome<AppendOutcome>> import_here(ServerContext* server, AccountId account,
                                              std::string mailbox,
                                              std::vector<AppendMessage> messages) {
    auto lease = co_await server->on(*Core::current()).accounts.acquire(account);
    if (!lease) co_return tl::unexpected(lease.error());
    if ((*lease)->find_mailbox(mailbox) == nullptr) {
        CreateRequest create;
        create.name = mailbox;
        create.subscribed = true;
        auto made = co_await (*lease)->call(std::move(create));
        if (!made && made.error().kind != AccountErrorKind::kAlreadyExists)
            co_return tl::unexpected(made.error());
    }
    if (messages.empty()) co_return AppendOutcome{};
    AppendRequest request;
    request.mailbox = std::move(mailbox);
    request.messages = std::move(messages);
    co_return co_await (*lease)->call(std::move(request));
}

Awaitable<void> import_and_reply(ServerContext* server, AccountId account, std::string mailbox,
                                 std::vector<AppendMessage> messages, DeliverReply reply) {
    reply.send(co_await import_here(server, account, std::move(mailbox), std::move(messages)));
}

Outcome<AppendOutcome> not_run() {
    return tl::unexpected(
        AccountError{AccountErrorKind::kUnavailable, "the server is shutting down"});
}

}  // namespace

std::vector<std::string> folders_of_detail(std::string_view detail) {
    std::vector<std::string> folders;
    const auto add = [&folders](std::string_view path) {
        auto name = protocol::MailboxName::from_utf8(path);
        if (name && (folders.empty() || folders.back() != name->utf8()))
            folders.push_back(name->utf8());
    };
    add(detail);
    std::string path(detail);
    std::replace(path.begin(), path.end(), '.', protocol::kHierarchySeparator);
    add(path);
    return folders;
}

tl::expected<DeliveryTarget, AddressError> find_recipient(const storage::Store& store,
                                                          const protocol::lmtp::Path& path) {
    const auto parts = protocol::lmtp::split_subaddress(path.local_part);
    // The whole address first. Account names have no '+' in their local part, so there is only one
    // way to read an address with a detail.
    std::vector<std::string> candidates;
    if (!path.domain.empty()) candidates.push_back(std::string(parts.user) + '@' + path.domain);
    candidates.emplace_back(parts.user);
    std::optional<AccountId> account;
    for (const std::string& candidate : candidates) {
        auto found = find_name(store, candidate);
        if (!found) return tl::unexpected(found.error());
        if ((account = *found)) break;
    }
    if (!account) return tl::unexpected(AddressError::kUnknown);
    const auto record = store.account(*account);
    if (!record) {
        return tl::unexpected(record.error().kind == storage::StoreErrorKind::kNotFound
                                  ? AddressError::kUnknown
                                  : AddressError::kUnavailable);
    }
    if (!record->enabled) return tl::unexpected(AddressError::kDisabled);
    DeliveryTarget target;
    target.account = *account;
    if (parts.detail) target.folders = folders_of_detail(*parts.detail);
    return target;
}

Awaitable<std::vector<Outcome<AppendOutcome>>> deliver(ServerContext* server,
                                                       std::vector<DeliveryTarget> targets,
                                                       AppendMessage message) {
    std::vector<Outcome<AppendOutcome>> outcomes;
    Core& here = *Core::current();
    if (targets.size() == 1 && &server->home_of(targets.front().account) == &here) {
        outcomes.push_back(
            co_await deliver_here(server, std::move(targets.front()), std::move(message)));
        co_return outcomes;
    }
    message.is_shared_body = targets.size() > 1;
    std::vector<Reply<Outcome<AppendOutcome>>> replies;
    for (DeliveryTarget& target : targets) {
        replies.emplace_back(here);
        Core& home = server->home_of(target.account);
        server->spawn_on(home, [server, target = std::move(target), message,
                                to =
                                    std::make_shared<DeliverReply>(replies.back().to())]() mutable {
            return deliver_and_reply(server, std::move(target), std::move(message), std::move(*to));
        });
    }
    for (auto& reply : replies) {
        auto outcome = co_await reply.wait();
        outcomes.push_back(outcome ? std::move(*outcome) : not_run());
    }
    co_return outcomes;
}

Awaitable<Outcome<AppendOutcome>> import_messages(ServerContext* server, AccountId account,
                                                  std::string mailbox,
                                                  std::vector<AppendMessage> messages) {
    Core& here = *Core::current();
    Reply<Outcome<AppendOutcome>> reply(here);
    server->spawn_on(server->home_of(account),
                     [server, account, mailbox = std::move(mailbox),
                      batch = std::make_shared<std::vector<AppendMessage>>(std::move(messages)),
                      to = std::make_shared<DeliverReply>(reply.to())]() mutable {
                         return import_and_reply(server, account, std::move(mailbox),
                                                 std::move(*batch), std::move(*to));
                     });
    auto outcome = co_await reply.wait();
    co_return outcome ? std::move(*outcome) : not_run();
}

}  // namespace tidemark::actors
