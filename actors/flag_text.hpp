// Flags of messages as the text that FETCH sends, made once for each combination that occurs:
// "(\Seen $Forwarded)". One per session and mailbox; home core.
#pragma once

#include "storage/types.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidemark::actors {

class FlagText {
  public:
    // Text with its parentheses. `keywords` is the mailbox's table; it only ever grows, so texts
    // stay right. Valid until the next call.
    std::string_view get(storage::FlagBits flags, bool is_recent,
                         const std::vector<std::string>& keywords);

  private:
    struct Texts {
        std::unordered_map<storage::FlagBits, std::string> plain;
        std::unordered_map<storage::FlagBits, std::string> recent;
        // Those of `plain` that were asked for last, by some bits of the flags.
        std::array<const std::pair<const storage::FlagBits, std::string>*, 32> last{};
    };
    std::unique_ptr<Texts> texts_;  // made with the first: many sessions only wait
    storage::FlagBits last_flags_ = 0;
    const std::string* last_ = nullptr;
    bool last_recent_ = false;
};

// "\Seen" and the like, in the order in which they are listed.
std::vector<std::string> system_flag_names();

}  // namespace tidemark::actors
