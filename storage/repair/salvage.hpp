// What is found in a damaged directory, before anything is written. Not a public header.
#pragma once

#include "storage/repair/repair.hpp"
#include "storage/segments.hpp"
#include "storage/verify/database.hpp"

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidemark::storage {

constexpr FlagBits kSystemFlagsMask = (FlagBits{1} << kKeywordShift) - 1;

// A body whose frame and CRC are right.
struct WholeBody {
    SegmentId segment{};
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    Date internal_date;
    FlagBits system_flags = 0;
};

struct SegmentFinds {
    std::unordered_map<BodyId, WholeBody> bodies;
    struct Owned {
        BodyOwner owner;
        BodyId body{};
    };
    // Of whole bodies and of those whose bytes are wrong.
    std::vector<Owned> owned;
    std::vector<Loss> losses;
};
// Reads every segment in `segments` from end to end. kIo, kNotFound (no such directory).
Result<SegmentFinds> read_segments(const SegmentDirectory& segments,
                                   const std::function<void(const RepairProgress&)>& on_progress);

struct FoundMailbox {
    MailboxRecord record;
    // Null where its pages or its log can not be read.
    ViewPtr view;
};
struct FoundAccount {
    AccountRecord record;
    AccountCounters counters;
    std::map<MailboxId, FoundMailbox> mailboxes;
    bool has_all_mailboxes = false;  // one that is not there was deleted
    std::vector<std::string> subscriptions;
};
struct DatabaseFinds {
    std::map<AccountId, FoundAccount> accounts;
    bool has_all_accounts = false;  // one that is not there was removed
};
// What can be read of it; what can not is left out.
DatabaseFinds read_database(const Database& database);

// What the new directory will hold.
struct PlannedMailbox {
    MailboxRecord record;           // id and name are those of the old one
    std::vector<Message> messages;  // ascending by uid; body is that of the old directory
};
struct PlannedAccount {
    AccountRecord record;
    AccountCounters counters;  // of the old one
    std::vector<PlannedMailbox> mailboxes;
    std::vector<std::string> subscriptions;
};
// Adds losses and made-up names to `report`.
std::vector<PlannedAccount> make_plan(const SegmentFinds& segments, const DatabaseFinds& database,
                                      RepairReport& report);

// Copies `name`, a file or a directory with what is in it, from one directory into another, where
// it does not exist yet; synced, names too. What can not be read is added to `losses`; errors are
// of writing. Files are private to the server's user (there are keys among them).
Result<void> copy_other(FileSystem& files, const std::string& from_directory,
                        const std::string& to_directory, const std::string& name,
                        std::vector<Loss>& losses);

}  // namespace tidemark::storage
