// After a run: is every message there that the server has acknowledged, and just once?
//
// Looks at mailboxes from their end, where the run's messages are, and goes on until all were found
// or the mailbox is through. A message that was not acknowledged may be there or not.
#pragma once

#include "tools/loadtest/imap_client.hpp"
#include "tools/loadtest/user_pattern.hpp"

#include <cstdint>
#include <string>

namespace tidemark::loadtest {

struct CensusPlan {
    const UserPattern* users = nullptr;
    std::string password;
    std::uint32_t run_id = 0;
    Ledger delivered;
    std::uint64_t messages = 0;  // counted here
};

[[nodiscard]] actors::Awaitable<void> take_census(ThreadState* thread, CensusPlan* plan);

}  // namespace tidemark::loadtest
