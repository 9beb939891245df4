#include "actors/commands/commands.hpp"

#include <spdlog/spdlog.h>

namespace tidemark::actors::commands {

namespace {

using Body = std::shared_ptr<const std::string>;

Outcome<Body> finish(ImapSession* session, storage::BodyId body,
                     storage::Result<std::string> read) {
    if (read) return std::make_shared<const std::string>(std::move(*read));
    return tl::unexpected(unreadable_body(session, body, read.error()));
}

}  // namespace

AccountError unreadable_body(ImapSession* session, storage::BodyId body,
                             const storage::StoreError& error) {
    if (error.kind == storage::StoreErrorKind::kNotFound) {
        // A message that was expunged so long ago that its body is gone, and that this session was
        // not told of.
        return {AccountErrorKind::kExpungeIssued, "the message is already expunged"};
    }
    if (error.kind == storage::StoreErrorKind::kCorrupt) {
        ++session->server().counters.damaged_messages;
        spdlog::error("body {}: damaged, not sent: {}", storage::raw(body), error.detail);
    } else {
        spdlog::error("body {}: can not be read: {}", storage::raw(body), error.detail);
    }
    return {AccountErrorKind::kServerBug, "the message can not be read from the disk"};
}

Awaitable<Outcome<Body>> read_body(ImapSession* session, storage::BodyId body) {
    auto& store = session->account()->store().store();
    // Warm: a point read of the index and a read from the page cache, together cheaper than two
    // changes of thread.
    if (auto opened = store.open_body(body, true)) {
        if (!*opened) co_return finish(session, body, tl::unexpected(std::move(opened->error())));
        if (auto read = (*opened)->try_read_all())
            co_return finish(session, body, std::move(*read));
    }
    auto read = co_await session->account()->workers().run(
        WorkPriority::interactive, [&store, body]() -> storage::Result<std::string> {
            auto opened = store.open_body(body, false);
            if (!opened) return storage::fail(storage::StoreErrorKind::kIo, "no answer");
            if (!*opened) return tl::unexpected(std::move(opened->error()));
            return (*opened)->read_all();
        });
    if (!read) {
        co_return tl::unexpected(
            AccountError{AccountErrorKind::kUnavailable, "the server is too busy to read it now"});
    }
    co_return finish(session, body, std::move(*read));
}

}  // namespace tidemark::actors::commands
