// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 §6.3.4 – §6.3.8; RFC 6154 §3).
#include "actors/commands/commands.hpp"
#include "actors/special_use.hpp"

namespace tidemark::actors::commands {

using protocol::CodeKind;

namespace {

Awaitable<void> set_subscribed(ImapSession* session, Tag tag, protocol::WireMailbox mailbox,
                               bool subscribed) {
    auto name = session->mailbox_name(tag, mailbox);
    if (!name) co_return;
    SubscribeRequest request;
    request.name = std::move(*name);
    request.subscribed = subscribed;
    auto done = co_await session->account()->call(std::move(request));
    if (!done) {
        session->no(tag, done.error());
        co_return;
    }
    session->finish(tag, subscribed ? "subscribed" : "unsubscribed");
}

}  // namespace

Awaitable<void> create(ImapSession* session, Tag tag, command::Create create) {
    auto name = protocol::MailboxName::from_wire(create.mailbox.bytes, session->encoding(),
                                                 protocol::MailboxName::TrailingSeparator::drop);
    if (!name) {
        session->no(tag, CodeKind::cannot, protocol::describe(name.error()));
        co_return;
    }
    CreateRequest request;
    request.name = name->utf8();
    if (create.use_attributes.size() > 1) {
        session->no(tag, CodeKind::use_attr, "a mailbox has one special use here");
        co_return;
    }
    for (const std::string& attribute : create.use_attributes) {
        const auto use = find_special_use(attribute);
        // \All and \Flagged are views of other mailboxes, which this server does not make.
        if (!use || *use == storage::SpecialUse::kAll || *use == storage::SpecialUse::kFlagged) {
            session->no(tag, CodeKind::use_attr, "this special use is not supported");
            co_return;
        }
        request.special_use = *use;
    }
    auto made = co_await session->account()->call(std::move(request));
    if (!made) {
        session->no(tag, made.error());
        co_return;
    }
    session->sync(true);
    session->ok(tag, protocol::ResponseCode::mailbox_id(made->object_id),
                "created");  // RFC 8474 §4.2
}

Awaitable<void> delete_mailbox(ImapSession* session, Tag tag, command::Delete remove) {
    auto name = session->mailbox_name(tag, remove.mailbox);
    if (!name) co_return;
    // RFC 9051 §6.3.5 leaves open what happens to the own selected mailbox: it is closed first, so
    // that the session lives.
    if (session->selected() != nullptr && session->mailbox() != nullptr &&
        session->mailbox()->record.name == *name && *name != kInbox) {
        session->unselect();
    }
    DeleteRequest request;
    request.name = std::move(*name);
    auto done = co_await session->account()->call(std::move(request));
    if (!done) {
        session->no(tag, done.error());
        co_return;
    }
    session->finish(tag, "deleted");
}

Awaitable<void> rename(ImapSession* session, Tag tag, command::Rename rename) {
    auto from = session->mailbox_name(tag, rename.from);
    if (!from) co_return;
    auto to = protocol::MailboxName::from_wire(rename.to.bytes, session->encoding(),
                                               protocol::MailboxName::TrailingSeparator::drop);
    if (!to) {
        session->no(tag, CodeKind::cannot, protocol::describe(to.error()));
        co_return;
    }
    RenameRequest request;
    request.from = std::move(*from);
    request.to = to->utf8();
    auto done = co_await session->account()->call(std::move(request));
    if (!done) {
        session->no(tag, done.error());
        co_return;
    }
    session->finish(tag, "renamed");
}

Awaitable<void> subscribe(ImapSession* session, Tag tag, command::Subscribe subscribe) {
    return set_subscribed(session, std::move(tag), std::move(subscribe.mailbox), true);
}

Awaitable<void> unsubscribe(ImapSession* session, Tag tag, command::Unsubscribe unsubscribe) {
    return set_subscribed(session, std::move(tag), std::move(unsubscribe.mailbox), false);
}

}  // namespace tidemark::actors::commands
