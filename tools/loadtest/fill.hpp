// Fills accounts with mail that can be checked later: every message carries its marker.
#pragma once

#include "tools/loadtest/connector.hpp"
#include "tools/loadtest/user_pattern.hpp"

#include <tl/expected.hpp>

#include <cstdint>
#include <string>

namespace tidemark::loadtest {

struct FillOptions {
    UserPattern users;
    std::string password;
    std::uint64_t messages = 100;  // for each account
    std::uint64_t size = 0;        // bytes; 0: log-normal
    std::string mailbox = "INBOX";
    unsigned batch = 50;
    unsigned connections = 4;
    std::uint64_t seed = 1;
    std::string directory;  // real mail, one message a file, taken in turn
    bool by_lmtp = false;
};

struct Filled {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
};

// Blocks until everything is acknowledged. The error is a sentence.
[[nodiscard]] tl::expected<Filled, std::string> fill_accounts(const FillOptions& options,
                                                              Connector& connector);

}  // namespace tidemark::loadtest
