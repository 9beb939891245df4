// A new data directory from what is whole of a damaged one. The messages come from the segments,
// whose frames say for whom they were stored; what can still be read of the database adds names,
// credentials, flags, copies, and which messages were expunged. Without a database accounts and
// mailboxes get names made of their numbers, and every message that a segment still holds comes
// back, expunged ones too.
//
// The old directory is only read, and locked meanwhile. UIDVALIDITY is a new one everywhere:
// clients load everything again. Uids stay. Memory: about 150 bytes a message. One thread; blocks.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::storage {

// What could not be saved.
struct Loss {
    std::string account;  // empty where it is not known
    std::string mailbox;
    Uid uid = 0;                          // 0: not known
    std::string file;                     // relative to the old directory
    std::optional<std::uint64_t> offset;  // in the file
    std::string text;                     // a sentence for a person
    friend auto operator<=>(const Loss&, const Loss&) = default;
};
// One line without its end: "me/INBOX uid 7 mail/00000001.seg at 4711: …".
std::string to_string(const Loss& loss);

struct RepairProgress {
    std::string_view what;  // points to a constant
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
};

struct RepairOptions {
    std::string directory;
    std::string into;  // must not exist, its parent must
    // What else of the old directory the new one gets, by relative name: files, and directories
    // with all that is in them. What is not there is passed over, what can not be read is a loss.
    std::vector<std::string> others;
    StoreOptions store;
    std::int64_t now_micros = 0;  // unix
    std::function<void(const RepairProgress&)> on_progress;
};

struct RepairReport {
    std::uint64_t accounts = 0;
    std::uint64_t mailboxes = 0;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::vector<Loss> losses;  // sorted
    // Accounts and mailboxes whose names are made up, as "account-7" and "me/Mailbox 3".
    std::vector<std::string> made_up_names;
    // False: the database could not be opened at all.
    bool has_database = false;
};

// Losses are no error. After one there is no `into`, and nothing beside it but perhaps a directory
// that the next call removes. kNotFound: `directory` has no segments, or the parent of `into` does
// not exist; kExists: `into` does; kLocked: a server has `directory`. kNoSpace, kIo, kTooNew.
Result<RepairReport> repair(const RepairOptions& options, FileSystem& file_system);

}  // namespace tidemark::storage
