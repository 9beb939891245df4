// One client of the run: connects, keeps a mailbox synchronised in its style, changes mail or only
// looks, goes away and comes back.
//
// Styles: full (fetches everything whenever it selects), CONDSTORE (asks for what changed and which
// UIDs are left), QRESYNC (is told both by SELECT), IDLE (as QRESYNC, or what the server has of it,
// and waits in IDLE between). What the server lacks is left out.
#pragma once

#include "tools/check_sync/connection.hpp"
#include "tools/check_sync/operations.hpp"
#include "tools/check_sync/settings.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace tidemark::check_sync {

enum class Style : std::uint8_t { full, condstore, qresync, idle };
inline constexpr unsigned kStyleCount = 4;

// What all sessions share.
struct Shared {
    actors::Core* core = nullptr;
    History* history = nullptr;
    Connector* connector = nullptr;
    const Login* login = nullptr;
    ServerAbilities server;
    std::uint64_t operations_left = 0;  // of this phase
    std::uint64_t operations_done = 0;
    std::uint64_t connections = 0;
    std::uint64_t resynchronisations = 0;
    std::uint64_t idle_lines = 0;
    bool is_lost = false;  // the server can no longer be reached
    std::string failure;
};

class Session {
  public:
    Session(Shared& shared, OperationGenerator generator, Style style, bool is_observer,
            SessionId id);

    // Operations until none is left in the phase.
    [[nodiscard]] actors::Awaitable<void> work();
    // Hears what there is to hear; nothing else happens meanwhile.
    [[nodiscard]] actors::Awaitable<void> settle();
    // Selects the mailbox as new and fetches everything.
    [[nodiscard]] actors::Awaitable<bool> count(std::string mailbox);
    void close() { connection_.close(); }
    Connection& connection() { return connection_; }
    [[nodiscard]] actors::Awaitable<bool> connect();

  private:
    [[nodiscard]] actors::Awaitable<void> step();
    [[nodiscard]] actors::Awaitable<void> observe();
    [[nodiscard]] actors::Awaitable<void> change();
    [[nodiscard]] actors::Awaitable<bool> select(std::string mailbox);
    [[nodiscard]] actors::Awaitable<bool> resynchronise_condstore();
    // Fetches what was only counted so far.
    [[nodiscard]] actors::Awaitable<bool> fill();
    [[nodiscard]] actors::Awaitable<void> fetch_all();
    [[nodiscard]] actors::Awaitable<void> recreate(std::string mailbox);
    std::string select_command(const std::string& mailbox);
    bool uses_modseqs() const;

    Shared& shared_;
    OperationGenerator generator_;
    Style style_;
    bool is_observer_;
    Connection connection_;
};

}  // namespace tidemark::check_sync
