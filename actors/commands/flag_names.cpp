#include "actors/commands/flag_names.hpp"

namespace tidemark::actors::commands {

storage::FlagBits to_flag_bits(protocol::SystemFlag flag) {
    switch (flag) {
        case protocol::SystemFlag::answered:
            return storage::kAnswered;
        case protocol::SystemFlag::flagged:
            return storage::kFlagged;
        case protocol::SystemFlag::deleted:
            return storage::kDeleted;
        case protocol::SystemFlag::seen:
            return storage::kSeen;
        case protocol::SystemFlag::draft:
            return storage::kDraft;
        case protocol::SystemFlag::recent:
            break;
    }
    return 0;
}

FlagNames to_flag_names(const std::vector<protocol::Flag>& flags) {
    FlagNames names;
    for (const auto& flag : flags) {
        if (flag.is_system()) names.system |= to_flag_bits(flag.system());
        if (flag.is_keyword()) names.keywords.emplace_back(flag.name());
    }
    return names;
}

}  // namespace tidemark::actors::commands
