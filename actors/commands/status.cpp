// STATUS (RFC 9051 §6.3.11; RFC 7162 §3.1.7, RFC 8438, RFC 8474 §4.3, RFC 7889 §3).
#include "actors/commands/commands.hpp"

namespace tidemark::actors::commands {

using protocol::StatusItem;

Awaitable<bool> status_of(ImapSession* session, std::string name, protocol::StatusItems items,
                          protocol::StatusData* data) {
    const Mailbox* mailbox = session->account()->find_mailbox(name);
    if (mailbox == nullptr) co_return false;
    if (items.contains(StatusItem::recent) &&
        mailbox->record.recent_uid < mailbox->record.uidnext && !mailbox->view) {
        // How many of the uids above the mark still exist is known to the view only.
        OpenRequest open;
        open.name = name;
        if (!(co_await session->account()->call(std::move(open)))) co_return false;
        mailbox = session->account()->find_mailbox(name);
        if (mailbox == nullptr) co_return false;
    }
    const auto& record = mailbox->record;
    data->present = items;
    data->messages = record.counts.messages;
    data->unseen = record.counts.unseen;
    data->deleted = record.counts.deleted;
    data->size = record.counts.bytes;
    data->uid_next = record.uidnext;
    data->uid_validity = record.uidvalidity;
    data->highest_modseq = record.highestmodseq;
    data->mailbox_id = record.object_id;
    data->append_limit = session->server().options.append_bytes_max;
    if (mailbox->view) {
        if (const auto first = mailbox->view->lower_bound(record.recent_uid)) {
            data->recent = mailbox->view->count() - mailbox->view->seq_of(*first) + 1;
        }
    }
    auto encoded = protocol::MailboxName::from_utf8(name);
    data->mailbox = encoded ? encoded->to_wire(session->encoding()) : name;
    co_return true;
}

void write_status_of(ImapSession* session, const std::string& name,
                     const protocol::StatusData& data) {
    // RFC 7162 §3.2: a client that drops after the HIGHESTMODSEQ of its selected mailbox must have
    // been told of every expunge below it.
    if (session->selected() != nullptr && session->selected()->name == name) session->sync(true);
    protocol::write_status(session->out(), data, session->encoding());
}

Awaitable<void> status(ImapSession* session, Tag tag, command::Status status) {
    auto name = session->mailbox_name(tag, status.mailbox);
    if (!name) co_return;
    protocol::StatusData data;
    const bool there = co_await status_of(session, *name, status.items, &data);
    if (!there) {
        session->no(tag, protocol::CodeKind::nonexistent, "there is no such mailbox");
        co_return;
    }
    if (status.items.contains(StatusItem::highest_modseq)) session->enable_condstore();
    write_status_of(session, *name, data);
    session->finish(tag, "told");
}

}  // namespace tidemark::actors::commands
