// The special uses of mailboxes by their names (RFC 6154 §2, RFC 8457 §3). Pure.
#pragma once

#include "storage/records.hpp"

#include <optional>
#include <string_view>

namespace tidemark::actors {

// "\Drafts"; empty for kNone.
std::string_view special_use_name(storage::SpecialUse use);
// Without regard to case; nullopt when there is none of that name.
std::optional<storage::SpecialUse> find_special_use(std::string_view name);

}  // namespace tidemark::actors
