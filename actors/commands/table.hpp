// Which handler runs a command, and in which states (RFC 9051 §6).
#pragma once

#include "actors/awaitable.hpp"
#include "protocol/command.hpp"

namespace tidemark::actors {
class ImapSession;
}

namespace tidemark::actors::commands {

enum class Needs : std::uint8_t {
    kAny,
    kNotAuthenticated,
    kAuthenticated,
    kSelected,
    kMessages,  // selected, and its messages loaded
};

struct Entry {
    Needs needs;
    Awaitable<void> (*run)(ImapSession* session, protocol::Command command);
};
// Every verb has an entry.
const Entry& find(protocol::Verb verb);

}  // namespace tidemark::actors::commands
