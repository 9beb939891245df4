// IDLE (RFC 9051 §6.3.13).
#include "actors/commands/commands.hpp"

namespace tidemark::actors::commands {

Awaitable<void> idle(ImapSession* session, Tag tag, command::Idle) {
    session->begin_idle(std::move(tag));
    co_return;
}

}  // namespace tidemark::actors::commands
