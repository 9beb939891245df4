// What of a backup goes where in an account. Blocking, one thread; reads the backup only.
#pragma once

#include "storage/backup/backup_reader.hpp"
#include "tools/command_error.hpp"
#include "tools/partial_restore.hpp"

#include <string>
#include <vector>

namespace tidemark::tools {

// A mailbox as the backup has it, the name that it gets, and the messages that go there.
struct RestorePart {
    storage::MailboxRecord record;
    std::string name;
    // Only a mailbox under its own name keeps its special use: a copy elsewhere is not the one that
    // clients should use.
    storage::SpecialUse special_use() const {
        return name == record.name ? record.special_use : storage::SpecialUse::kNone;
    }
    std::vector<storage::Message> messages;
};

struct RestorePlan {
    std::vector<RestorePart> parts;  // by their names in the backup
    // To names that are no mailboxes in the backup, as they are called from now on.
    std::vector<std::string> subscriptions;
};

// What the store's own errors come to: kNo where the backup is to blame.
CommandError to_command_error(const storage::StoreError& error);

// Messages that were expunged are searched for in the backup's segments, so that `backup` knows all
// that it can give. kNo: no such account or mailbox in it, a name that is none, a moment that the
// log does not reach. kUsage: --at is neither a modseq nor a time.
[[nodiscard]] CommandResult<RestorePlan> plan_restore(storage::BackupReader& backup,
                                                      const PartialRestoreOptions& options);

}  // namespace tidemark::tools
