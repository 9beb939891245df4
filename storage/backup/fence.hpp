// What makes a restored directory safe for the clients of the server that was lost. That server
// went on after the backup: it gave out modseqs, UIDs, UIDVALIDITYs, mailbox ids and body ids that
// nobody here knows of, and clients remember them. So every number goes on from above anything that
// it can have given out, and every mailbox gets one log entry (ChangeKind::kRestore) that gives all
// its messages a new modseq. Why this is enough, number by number: schema.md, "Restores".
//
// Costs one transaction an account and two records a mailbox, whatever is in them. Not atomic for
// the whole store: a directory whose fencing was cut short must not be served.
#pragma once

#include "storage/store.hpp"

#include <cstdint>

namespace tidemark::storage {

// Modseqs are unix microseconds at least: no account makes a million changes a second for long, so
// a later restore lies above all that any earlier server gave out, whichever backups they came
// from, and the numbers stay below 2^53 for two hundred years (clients that keep them in floating
// point). This much more than the backup's in any case, for clocks that were wrong.
constexpr ModSeq kModSeqGap = ModSeq{1} << 32;
constexpr std::uint64_t kBodyIdGap = std::uint64_t{1} << 32;
// UIDs have 32 bits, so their gap is thrifty: what one mailbox can have taken in at once (an
// import, a full fetch from another server) …
constexpr Uid kUidGapLeast = 1'000'000;
// … and, for each second since the backup, more than a busy mailbox gets on the average.
constexpr std::uint64_t kUidGapPerSecond = 20;
// What a mailbox keeps after a restore: a million messages are more than it will get before
// somebody has moved it.
constexpr Uid kUidsLeftMin = 1'000'000;
// Mailboxes that an account may have made since the backup beyond one a second: UIDVALIDITY is the
// time in seconds or the next number, whichever is more.
constexpr std::uint32_t kMailboxGap = 65'536;
constexpr std::uint64_t kAccountIdGap = 65'536;

// The default for a backup of that age.
std::uint64_t uid_gap_for(std::int64_t seconds_since_backup);

struct FenceOptions {
    std::int64_t now_micros = 0;  // unix
    std::uint64_t uid_gap = kUidGapLeast;
    // Restores of the same backup before this one; each moves the numbers further, so that they do
    // not depend on the clock alone.
    std::uint32_t earlier_restores = 0;

    // What a broken program would do; only tests of tests set it.
    struct Faults {
        bool keep_modseqs = false;  // they go on from the backup's
        bool keep_uids = false;
        bool keep_uidvalidity = false;  // of mailboxes that are made later
    } faults;
};
struct FenceReport {
    std::uint64_t accounts = 0;
    std::uint64_t mailboxes = 0;
};

// The store must be open for writing, and nobody else may use it. kLimit when a mailbox has not
// enough UIDs left (nothing was changed); what commit() gives.
Result<FenceReport> fence_restored(Store& store, const FenceOptions& options);

}  // namespace tidemark::storage
