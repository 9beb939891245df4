// Flags of imported mail as a mailbox takes them. Pure.
#pragma once

#include "actors/account_messages.hpp"
#include "tools/mail/message.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::tools {

actors::FlagNames import_flags(const MailFlags& flags);
MailFlags export_flags(storage::FlagBits flags, const std::vector<std::string>& keywords);

// A name that some program gave a label, as an IMAP keyword: what may not stand in an atom (RFC
// 9051 §9 flag-keyword) becomes "_". Empty: nothing is left of it.
std::string clean_keyword(std::string_view name);

// The keywords of one mailbox, of which there is only room for so many (actors::kKeywordsMax).
class KeywordRoom {
  public:
    explicit KeywordRoom(const std::vector<std::string>& present);
    // Cleans the keywords, and leaves those out that have no room; whether that happened.
    bool fit(MailFlags& flags);

  private:
    std::set<std::string> known_;  // lower case
};

}  // namespace tidemark::tools
