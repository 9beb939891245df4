// EXPUNGE, UID EXPUNGE, CLOSE, UNSELECT (RFC 9051 §6.4.1 – §6.4.3, §6.4.9; RFC 7162 §3.2.7,
// §3.2.8).
#include "actors/commands/commands.hpp"

namespace tidemark::actors::commands {

using protocol::CodeKind;
using protocol::ResponseCode;

Awaitable<void> expunge(ImapSession* session, Tag tag, command::Expunge expunge) {
    if (session->selected()->is_read_only) {
        session->no(tag, CodeKind::read_only, "the mailbox is open read-only");
        co_return;
    }
    ExpungeRequest request;
    request.mailbox = session->selected()->id;
    if (expunge.uids) request.only = session->resolve(tag, *expunge.uids, true);
    auto done = co_await session->account()->call(std::move(request));
    if (!done) {
        session->sync(true);
        session->no(tag, done.error());
        co_return;
    }
    session->sync(true);
    if (session->has_condstore() && done->modseq != 0 && session->selected() != nullptr) {
        // What other sessions did in the meantime was told as well.
        session->ok(tag,
                    ResponseCode::of(CodeKind::highest_modseq, session->selected()->synced_modseq),
                    "expunged");
    } else {
        session->ok(tag, "expunged");
    }
}

// RFC 7162 §3.2.8: no HIGHESTMODSEQ here; the client was not told of the expunges that it would
// cover.
Awaitable<void> close(ImapSession* session, Tag tag, command::Close) {
    if (!session->selected()->is_read_only) {
        ExpungeRequest request;
        request.mailbox = session->selected()->id;
        auto done = co_await session->account()->call(std::move(request));
        if (!done) {
            // RFC 9051 §6.4.1 knows no NO for CLOSE, but an OK would claim what did not happen.
            session->no(tag, done.error());
            co_return;
        }
    }
    session->unselect();
    session->ok(tag, "closed");
}

Awaitable<void> unselect(ImapSession* session, Tag tag, command::Unselect) {
    session->unselect();
    session->ok(tag, "closed without expunging");
    co_return;
}

}  // namespace tidemark::actors::commands
