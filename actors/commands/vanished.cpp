#include "actors/commands/commands.hpp"

namespace tidemark::actors::commands {

Awaitable<Outcome<protocol::RangeSet>> vanished_since(ImapSession* session,
                                                      protocol::RangeSet asked,
                                                      storage::ModSeq since) {
    const Mailbox* mailbox = session->mailbox();
    if (mailbox == nullptr || asked.empty()) co_return protocol::RangeSet{};
    // What the client was told is there is not gone for it, whatever was expunged since: that is
    // told by sync(). Nor is what it was not yet told of.
    const storage::ViewPtr told = session->selected()->told;
    const storage::ViewPtr current = mailbox->view;
    const auto absent = [&](const protocol::RangeSet& of) {
        auto uids = told->absent(to_uid_ranges(of));
        return to_range_set(current == told ? uids : current->absent(uids));
    };
    const storage::Uid uidnext = current->uidnext();
    if (uidnext <= 1) co_return protocol::RangeSet{};
    // Uids that were never given out are not gone (RFC 7162 §3.2.6). Those that a restore stepped
    // over are: the server that was lost may have given them out.
    asked = asked.intersect(protocol::RangeSet::of(1, uidnext - 1));
    if (!mailbox->record.log_tells_since(since)) co_return absent(asked);
    if (since >= mailbox->record.highestmodseq) co_return protocol::RangeSet{};
    auto& store = session->account()->store().store();
    const auto account = session->account()->id();
    const auto id = mailbox->record.id;
    auto found = co_await session->account()->workers().run(
        WorkPriority::interactive,
        [&store, account, id, since] { return store.expunged_since(account, id, since); });
    if (session->is_gone()) co_return protocol::RangeSet{};
    mailbox = session->mailbox();
    if (mailbox == nullptr || !found || !*found || since < mailbox->record.horizon_modseq) {
        // Deleted meanwhile, or too busy, or the log can not be read, or it was trimmed: what is
        // absent is exact too, only longer.
        co_return absent(asked);
    }
    co_return absent(asked.intersect(to_range_set(**found)));
}

}  // namespace tidemark::actors::commands
