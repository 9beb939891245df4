// Flags of a command as the account's messages take them.
#pragma once

#include "actors/account_messages.hpp"
#include "protocol/types.hpp"

#include <vector>

namespace tidemark::actors::commands {

// \Recent and unknown backslash flags can not be set by a client (RFC 3501 §2.3.2): they are left
// out.
FlagNames to_flag_names(const std::vector<protocol::Flag>& flags);
storage::FlagBits to_flag_bits(protocol::SystemFlag flag);

}  // namespace tidemark::actors::commands
