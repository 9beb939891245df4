// COPY and MOVE (RFC 9051 §6.4.7, §6.4.8; COPYUID: §7.1; MOVE: RFC 6851 §3, with CONDSTORE RFC 7162
// §3.1.12).
#include "actors/commands/commands.hpp"

namespace tidemark::actors::commands {

using protocol::CodeKind;
using protocol::ResponseCode;

namespace {

protocol::OrderedRanges ordered(const storage::UidRanges& ranges) {
    protocol::OrderedRanges result;
    for (const auto& range : ranges) result.push_back({range.first, range.last});
    return result;
}

Awaitable<void> copy_or_move(ImapSession* session, Tag tag, protocol::SequenceSet set, bool by_uid,
                             protocol::WireMailbox mailbox, bool is_move) {
    auto name = session->mailbox_name(tag, mailbox);
    if (!name) co_return;
    if (is_move && session->selected()->is_read_only) {
        session->no(tag, CodeKind::read_only, "the mailbox is open read-only");
        co_return;
    }
    auto uids = session->resolve(tag, set, by_uid);
    if (!uids) co_return;
    CopyRequest request;
    request.source = session->selected()->id;
    request.uids = std::move(*uids);
    request.destination = std::move(*name);
    request.move = is_move;
    request.all_required = !by_uid;
    auto done = co_await session->account()->call(std::move(request));
    if (!done) {
        session->no(tag, done.error(), true);
        co_return;
    }
    if (done->modseq == 0) {
        // RFC 9051 §6.4.8: a UID set that names nothing is no error, and there is no COPYUID for
        // nothing.
        session->finish(tag, "no message of those", by_uid || is_move);
        co_return;
    }
    const auto code = ResponseCode::copy_uid(done->uidvalidity, ordered(done->source_uids),
                                             ordered(done->destination_uids));
    if (!is_move) {
        // Expunges may not be told during COPY by sequence number only where a FETCH, STORE or
        // SEARCH runs: COPY may.
        session->sync(true);
        session->ok(tag, code, "copied");
        co_return;
    }
    // RFC 6851 §4.3: COPYUID first, untagged, then the messages disappear.
    protocol::write_untagged(session->out(), protocol::Condition::ok, code, "moved");
    session->sync(true);
    if (session->has_condstore() && session->selected() != nullptr) {
        session->ok(tag,
                    ResponseCode::of(CodeKind::highest_modseq, session->selected()->synced_modseq),
                    "moved");
    } else {
        session->ok(tag, "moved");
    }
}

}  // namespace

Awaitable<void> copy(ImapSession* session, Tag tag, command::Copy copy) {
    return copy_or_move(session, std::move(tag), std::move(copy.set), copy.by_uid,
                        std::move(copy.mailbox), false);
}

Awaitable<void> move(ImapSession* session, Tag tag, command::Move move) {
    return copy_or_move(session, std::move(tag), std::move(move.set), move.by_uid,
                        std::move(move.mailbox), true);
}

}  // namespace tidemark::actors::commands
