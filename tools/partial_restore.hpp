// One account or one mailbox of a backup, put beside what a data directory has: through the admin
// socket when a server runs on it, else directly. Blocking, one thread.
#pragma once

#include "tools/command_error.hpp"
#include "tools/terminal.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tidemark::tools {

struct PartialRestoreOptions {
    std::string backup;  // or a data directory that no server has open
    // Where backups are that this one leaves files out for, if not beside it or where they were.
    std::vector<std::string> earlier;
    std::string data;
    std::string admin;    // the server's admin socket; empty: the directory's
    bool online = false;  // refuse when no server runs on `data`
    std::string account;
    std::optional<std::string> mailbox;
    // Instead of `mailbox`; without one, all mailboxes go below it.
    std::optional<std::string> as;
    std::optional<std::string> at;  // a modseq, or a time: 2026-11-25T10:00:00Z
    // What was restored, as one object on stdout: mailboxes, messages, bytes, missing (of each
    // message mailbox, uid, why and whether it is damaged), seconds.
    bool json = false;
};

// Nothing that exists is changed: kNo when a mailbox is there already (an INBOX without messages
// does not count), when the moment is below the horizon of the log, when the backup is damaged, or
// when the bytes of some messages are gone or damaged: each of them is told on stderr, and the
// others are restored. Every other error comes before anything is restored, or says what is.
[[nodiscard]] CommandResult<void> restore_partly(const PartialRestoreOptions& options,
                                                 Terminal& terminal);

}  // namespace tidemark::tools
