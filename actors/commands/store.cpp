// STORE and UID STORE (RFC 9051 §6.4.6; conditional: RFC 7162 §3.1.3).
#include "actors/commands/commands.hpp"
#include "actors/commands/flag_names.hpp"

namespace tidemark::actors::commands {

using protocol::CodeKind;

namespace {

// MODIFIED names sequence numbers or UIDs, as the command did.
protocol::RangeSet failed_numbers(const Selected& box, const storage::UidRanges& failed,
                                  bool by_uid) {
    if (by_uid) return to_range_set(failed);
    protocol::RangeSet numbers;
    for (const auto& range : failed) {
        for (auto at = box.told->lower_bound(range.first);
             at && box.told->uid_at(*at) <= range.last;) {
            numbers.add(box.told->seq_of(*at));
            at = box.told->next(*at);
        }
    }
    return numbers;
}

}  // namespace

Awaitable<void> store(ImapSession* session, Tag tag, command::Store store) {
    if (session->selected()->is_read_only) {
        session->no(tag, CodeKind::read_only, "the mailbox is open read-only");
        co_return;
    }
    auto uids = session->resolve(tag, store.set, store.by_uid);
    if (!uids) co_return;
    StoreRequest request;
    request.mailbox = session->selected()->id;
    request.uids = *uids;
    request.flags = to_flag_names(store.flags);
    request.unchanged_since = store.unchanged_since;
    switch (store.mode) {
        case command::Store::Mode::replace:
            request.mode = StoreMode::kReplace;
            break;
        case command::Store::Mode::add:
            request.mode = StoreMode::kAdd;
            break;
        case command::Store::Mode::remove:
            request.mode = StoreMode::kRemove;
            break;
    }
    const StoreMode mode = request.mode;
    auto done = co_await session->account()->call(std::move(request));
    if (!done) {
        session->no(tag, done.error());
        co_return;
    }
    if (session->selected() == nullptr || session->mailbox() == nullptr) co_return;
    if (store.unchanged_since) session->enable_condstore();
    protocol::RangeSet told = to_range_set(*uids);
    told.remove(to_range_set(done->failed));
    told.remove(to_range_set(done->missing));
    StoreEcho echo;
    echo.uids = to_uid_ranges(told);
    echo.is_silent = store.is_silent;
    echo.is_conditional = store.unchanged_since.has_value();
    echo.mode = mode;
    echo.given = done->given;
    const auto numbers = failed_numbers(*session->selected(), done->failed, store.by_uid);
    session->sync(store.by_uid, &echo);
    if (!done->failed.empty()) {
        // RFC 7162 §3.1.3: the answer stays OK; what could not be changed is named.
        session->ok(tag, protocol::ResponseCode::modified(numbers),
                    "some messages were changed by another session");
    } else if (!done->missing.empty() && !store.by_uid) {
        // RFC 2180 §4.2.2: numbers that the client still has, of messages that are gone.
        session->no(tag, CodeKind::expunge_issued, "some of the messages are already expunged");
    } else {
        session->ok(tag, "stored");
    }
}

}  // namespace tidemark::actors::commands
