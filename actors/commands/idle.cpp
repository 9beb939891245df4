// IDLE (RFC 9051 §6.3.13).
#include "actors/commands/commands.hpp"
#include "protocol/ascii.hpp"

namespace tidemark::actors::commands {

Awaitable<void> idle(ImapSession* session, Tag tag, command::Idle) {
    auto& counter = session->server().counters.connections_idle;
    ++counter;
    session->sync(true);
    protocol::write_continuation(session->out(), "idling");
    bool has_input = false;
    while (!has_input && co_await session->flush()) {
        has_input = co_await session->wait_for_input_or_change();
        if (!has_input) session->sync(true);
    }
    --counter;
    if (session->is_gone()) co_return;
    const auto line = co_await session->read_line();
    if (!line) co_return;
    if (!protocol::ascii_iequals(*line, "DONE")) {
        session->bad(tag, "DONE was expected");
        co_return;
    }
    session->finish(tag, "idle ended");
}

}  // namespace tidemark::actors::commands
