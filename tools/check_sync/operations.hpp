// What a session does next, at random: commands that change the mailbox it has selected and others.
// Values only; the same seed and the same view give the same operation.
#pragma once

#include "tools/check_sync/client_view.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace tidemark::check_sync {

enum class OperationKind : std::uint8_t {
    command,         // send it and wait
    drop,            // send it and end the connection without waiting
    switch_mailbox,  // select `mailbox`
    come_back,       // end the connection, connect again
    recreate,        // delete `mailbox` and make it again
    idle,
    count_all,  // fetch everything of the selected mailbox and compare
};

struct Operation {
    OperationKind kind = OperationKind::command;
    std::string command;
    std::string literal;
    std::string mailbox;
};

struct ServerAbilities {
    bool has_condstore = false;
    bool has_qresync = false;
    bool has_uidplus = false;
    bool has_move = false;
    bool has_idle = false;
    bool has_esearch = false;
};

class OperationGenerator {
  public:
    OperationGenerator(std::uint64_t seed, std::uint32_t session,
                       std::vector<std::string> mailboxes, std::size_t messages_wanted);

    [[nodiscard]] Operation next(const ClientView& view, const ServerAbilities& server);
    [[nodiscard]] std::string pick_mailbox();
    std::uint64_t below(std::uint64_t bound);
    bool one_in(std::uint64_t n) { return below(n) == 0; }

  private:
    Operation append(const ClientView& view);
    Operation store(const ClientView& view, bool may_be_silent);
    Operation compare_and_swap(const ClientView& view);
    Operation copy(const ClientView& view, const ServerAbilities& server);
    Operation expunge(const ClientView& view, const ServerAbilities& server);
    Operation look(const ClientView& view, const ServerAbilities& server);
    // Some messages in a row that the client knows; empty if there are none.
    protocol::RangeSet pick_uids(const Selection& box, std::size_t count_max);
    std::string pick_flags(std::size_t count_max);

    std::mt19937_64 random_;
    std::uint32_t session_;
    std::vector<std::string> mailboxes_;
    std::size_t messages_wanted_;
    std::uint64_t appended_ = 0;
};

}  // namespace tidemark::check_sync
