// Checks everything that a directory holds, a data directory or a backup, without changing a byte
// of it: it never repairs, migrates or leaves a log behind.
//
// A directory with a manifest is a backup, and is looked at as a restore would find it: only what
// the manifest names counts, in whichever backup of its chain it is.
//
// A data directory is locked meanwhile, so that no server begins to write to it. Memory: one
// mailbox of each thread as its server would have it, 24 bytes a message of one account of each
// thread, and bounded windows of everything else. Any thread; blocks for as long as it takes.
#pragma once

#include "storage/file_system.hpp"
#include "storage/limits.hpp"
#include "storage/types.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::storage {

// What was found to be wrong. The names that people and programs see are in finding.cpp; they stay.
enum class FindingCode : std::uint8_t {
    kManifest,        // a backup's manifest does not decode, or says other figures than are there
    kManifestDigest,  // a file of a backup is missing, or is not what the manifest says
    kFormat,          // the format file, or the format in the store's state
    kDatabaseOpen,    // RocksDB does not open
    kDatabaseBlock,   // a table has a block whose checksum is wrong, or can not be read
    kStoreState,      // the store's state is missing or does not decode
    kStoreSeq,        // the rounds in RocksDB's log do not follow one another, or end elsewhere
    kIdLimit,         // an id is not below the limit that the state has for such ids
    kKey,             // a key that is not one, or that belongs to nothing
    kValue,           // a value that does not decode or is not in its one form
    kAccount,         // an account's record, name or counters
    kAccountUsage,    // what an account uses is not the sum of its mailboxes
    kMailbox,         // a mailbox's numbers among themselves and against its account's
    kMailboxName,     // not legal, or twice in an account
    kSubscription,    // to a name that is not legal, or that is a mailbox
    kSpecialUse,      // of a mailbox that must have none
    kKeywords,        // a table with bad or repeated names, or flags that are not in it
    kUidOrder,        // uids or pages not ascending
    kUidNext,         // a uid not below UIDNEXT
    kHighestModseq,   // a modseq above the mailbox's, or the mailbox's above the account's
    kCreateModseq,    // a message changed before it was there
    kCounts,          // a mailbox's counts are not those of the fold of its log
    kFold,            // pages and log contradict each other
    kTombstone,       // a uid that the log has expunged is alive
    kBodyMissing,     // a message's body has no record, or its segment no file
    kBodyFrame,       // a body does not lie in a frame of its own
    kBodyCrc,         // a body's bytes are not those that were stored
    kBodyLength,      // a message's size is not its body's length, or the body lies outside
    kReferences,      // a body's reference counts are not the messages that name it
    kSegmentMissing,  // a segment has a record but no file
    kSegmentLength,   // a segment's file is not as long as its record says
    kSegmentLive,     // a segment's live bytes are not those of its bodies
    kSegmentFrame,    // between the bodies of a segment lies something that is no frame
    kSegmentDead,     // note: a sealed segment without a live body; compaction will remove it
    kUnknownFile,     // note: a file in mail/ that no record names, which a start will remove; in a
                      // backup one that the manifest does not name
    kSummary,         // a summary is not what the message gives, or belongs to no message
    kRead,            // a file could not be read
};
constexpr std::size_t kFindingCodeCount = static_cast<std::size_t>(FindingCode::kRead) + 1;
std::string_view name_of(FindingCode code);
std::optional<FindingCode> finding_code_of(std::string_view name);
// Waste and not damage: alone it does not make a directory bad.
bool is_note(FindingCode code);

struct Finding {
    FindingCode code{};
    std::string account;  // empty where it concerns none; the id where the name is not known
    std::string mailbox;
    Uid uid = 0;                          // 0: none
    std::string file;                     // relative to the directory
    std::optional<std::uint64_t> offset;  // in the file
    std::string text;                     // a sentence for a person
    friend auto operator<=>(const Finding&, const Finding&) = default;
};
// One line, without its end: "body-crc me/INBOX uid 7 mail/00000001.seg at 4711: …".
std::string to_string(const Finding& finding);

struct VerifyProgress {
    std::string_view what;  // "checking tables"; points to a constant
    std::string_view unit;  // "tables"
    std::uint64_t done = 0;
    std::uint64_t total = 0;
};

struct VerifyOptions {
    // Structure and sizes only: no segment is read, and nothing digested.
    bool quick = false;
    unsigned threads = 1;
    // Where the segments are, if not in the directory: the snapshot of a running store is a
    // database beside the server's own mail/. Files there that no record names, and segments
    // without a live body, are the server's business then.
    std::string mail_directory;
    // Where earlier backups are that this one leaves files out for; they are also looked for where
    // its manifest says, and beside it.
    std::vector<std::string> earlier;
    // False for a directory that the caller holds itself.
    bool lock = true;
    // The newest format that is known; only tests of migrations give another.
    std::uint32_t format = kFormat;
    // Never by two threads at a time.
    std::function<void(const VerifyProgress&)> on_progress;
    // Asked now and then; true ends the work with kUnavailable. Any thread.
    std::function<bool()> is_cancelled;

    // What storage can not know, from any thread. Empty: not checked.
    std::function<bool(BodyId body, std::string_view message, std::string_view stored)>
        summary_matches;
    std::function<bool(std::string_view name)> mailbox_name_is_legal;
    std::function<bool(std::string_view name)> account_name_is_legal;
    std::function<bool(std::string_view keyword)> keyword_is_legal;
};

struct VerifyCounts {
    std::uint64_t accounts = 0;
    std::uint64_t mailboxes = 0;
    std::uint64_t messages = 0;
    std::uint64_t log_entries = 0;
    std::uint64_t bodies = 0;
    std::uint64_t summaries = 0;
    std::uint64_t segments = 0;
    std::uint64_t body_bytes_read = 0;
    std::uint64_t tables = 0;
    // Rounds in RocksDB's log, whose numbers were seen to follow one another. Of older ones only
    // the last number is stored, so nothing can be said about them.
    std::uint64_t log_rounds = 0;
    StoreSeq store_seq = 0;
};

struct VerifyReport {
    std::vector<Finding> findings;  // sorted; at most kFindingsMax
    std::uint64_t findings_left_out = 0;
    VerifyCounts counts;
    bool is_backup = false;

    bool well() const;  // nothing but notes
};

// Findings are no error. kNotFound: there is no such directory; kLocked: a server has it; kTooNew:
// it is of a later format; kIo: it can not be read at all; kUnavailable: cancelled.
Result<VerifyReport> verify(std::string directory, const VerifyOptions& options,
                            FileSystem& file_system);

}  // namespace tidemark::storage
