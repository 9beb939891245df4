// What the checks of one account and of one mailbox hand to one another. Not a public header.
#pragma once

#include "storage/verify/verify_run.hpp"

namespace tidemark::storage {

struct VerifyRun::AccountWork {
    AccountId id{};
    bool is_enabled = true;
    bool is_being_removed = false;  // its mailboxes are half gone, by design
    bool is_complete = true;        // false: something could not be read, sums mean nothing
    std::optional<AccountCounters> counters;
    std::vector<MailboxId> mailbox_ids;  // ascending
    std::vector<std::string> names;
    std::vector<NamedBody> bodies;  // of all messages
    std::uint64_t bytes = 0;
};

struct VerifyRun::MailboxWork {
    AccountWork& account;
    const MailboxRecord& record;
    ViewPtr pages;                  // what the stored pages hold
    std::uint64_t log_entries = 0;  // all that are there
    std::vector<Uid> expunged;      // by entries that are there
    Place place(Uid uid = 0) const { return {account.id, record.id, uid}; }
};

}  // namespace tidemark::storage
