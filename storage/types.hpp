// The words of the storage layer: identifiers, numbers and ranges. Plain values, no I/O, any
// thread.
#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::storage {

enum class AccountId : std::uint64_t {};
// Unique within its account and never used again, so that a deleted mailbox's records can not be
// taken for those of a later one with the same name.
enum class MailboxId : std::uint32_t {};
// Unique within the store and never used again.
enum class BodyId : std::uint64_t {};
enum class SegmentId : std::uint32_t {};

using Uid = std::uint32_t;       // 1 … 2^32-1 (RFC 9051 §2.3.1.1)
using ModSeq = std::uint64_t;    // 1 … 2^63-1 (RFC 7162 §3.1)
using StoreSeq = std::uint64_t;  // number of a committed round, gapless

constexpr ModSeq kModSeqMax = (std::uint64_t{1} << 63) - 1;

template <class Enum>
constexpr auto raw(Enum value) {
    return static_cast<std::underlying_type_t<Enum>>(value);
}

// Flags of one message: five system flags in fixed bits, the mailbox's keywords above them in the
// order of its keyword table. A bit is never given to another keyword.
using FlagBits = std::uint64_t;
constexpr FlagBits kSeen = 1u << 0;
constexpr FlagBits kAnswered = 1u << 1;
constexpr FlagBits kFlagged = 1u << 2;
constexpr FlagBits kDeleted = 1u << 3;
constexpr FlagBits kDraft = 1u << 4;
constexpr unsigned kKeywordShift = 5;

// A moment with the zone it was given in, as INTERNALDATE must give it back (RFC 9051 §2.3.3).
struct Date {
    std::int64_t unix_seconds = 0;
    std::int16_t zone_minutes = 0;
    friend bool operator==(const Date&, const Date&) = default;
};

struct UidRange {
    Uid first = 0;
    Uid last = 0;  // inclusive, >= first
    friend bool operator==(const UidRange&, const UidRange&) = default;
};
// Ascending, disjoint, not adjacent.
using UidRanges = std::vector<UidRange>;
// Appends `uid`, which must be above every number in `ranges`.
void append_uid(UidRanges& ranges, Uid uid);
// [first, last], likewise above everything in `ranges`.
void append_uids(UidRanges& ranges, Uid first, Uid last);
std::uint64_t count_uids(const UidRanges& ranges);

enum class StoreErrorKind : std::uint8_t {
    kNotFound,
    kExists,
    kCorrupt,  // bytes on disk are not what was written: answer SERVERBUG/CORRUPTION, log, count
    kNoSpace,  // nothing was changed; may be tried again when there is space
    kUnavailable,  // the store is read-only until a restart (a failed fsync), or is closing
    kIo,           // reading failed
    kFenced,       // somebody else owns the account or the directory
    kTooNew,       // the directory was written by a newer format version
    kTooOld,       // … by an older one, and must be migrated before it is written to
    kLocked,       // another process has the directory open
    kLimit,
};
struct StoreError {
    StoreErrorKind kind;
    std::string detail;  // for the log; never sent to a mail client
};
template <class T>
using Result = tl::expected<T, StoreError>;
inline tl::unexpected<StoreError> fail(StoreErrorKind kind, std::string detail) {
    return tl::unexpected<StoreError>(StoreError{kind, std::move(detail)});
}

}  // namespace tidemark::storage
