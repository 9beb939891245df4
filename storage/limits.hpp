// Every limit and tunable of the storage layer that is not an option, with its unit and its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tidemark::storage {

// What this program writes. A directory with a higher number is refused (kTooNew).
constexpr std::uint32_t kFormat = 1;

// A body's length and its offset in the segment are 32 bits; a frame's header comes on top.
constexpr std::uint64_t kBodyBytesMax = 2ull << 30;
// A header line, padding included. It is also what a streamed body reserves in front of itself, so
// it must hold a header with at least one owner; a page keeps the body's first byte aligned.
constexpr std::size_t kFrameLineBytesMax = 4096;
// Segments grow by reservations of this size: large enough that most rounds only write into
// reserved blocks, small enough that a fresh store does not take 64 MiB.
constexpr std::uint64_t kPreallocateBytes = 4u << 20;
// Reading or copying in pieces: a good size for the disk that may be held in memory by each reader.
constexpr std::size_t kReadPieceBytes = 256u << 10;
// What BodyReader::verify() looks at in one go: stays in a core's own cache.
constexpr std::size_t kVerifyPieceBytes = 64u << 10;

// Ids are reserved in the store's state in blocks of this many.
constexpr std::uint64_t kBodyIdBlock = 65'536;
constexpr std::uint64_t kAccountIdBlock = 64;
// Accounts whose counters are remembered (24 bytes each); when there are more, all are forgotten
// and read again.
constexpr std::size_t kCountersCachedMax = 200'000;

// statvfs is asked again after this many rounds or bytes, and in every round while space is short.
constexpr unsigned kSpaceCheckRounds = 16;
constexpr std::uint64_t kSpaceCheckBytes = 4u << 20;

// A sealed segment whose live share is below this is worth copying: the space won is at least as
// large as the writing.
constexpr unsigned kCompactBelowPercent = 50;
// Every hold seals the active segment however small it is. With more than this many sealed segments
// below this share of the full size the smallest are joined.
constexpr unsigned kSmallSegmentsMax = 16;
constexpr std::uint64_t kSmallSegmentShare = 16;
// A body whose record changes under its reader (compaction moved it) is looked up again this often
// before the reader gives up; more than one move in that moment does not happen.
constexpr int kOpenBodyTries = 4;

// Bodies that can still be read after their last message was expunged, for sessions that were not
// told yet: about 100 bytes each, 13 MB for all. The age covers the half hour after which a client
// that says nothing is cut off (RFC 9051 §5.4): one that speaks is told sooner, and if it only
// sends commands during which it must not be told, it ends up with NO [EXPUNGEISSUED] (RFC 2180
// §4.1.2).
constexpr std::size_t kExpungedBodiesMax = 131'072;
constexpr std::chrono::minutes kExpungedBodiesAge{35};

// Messages whose references one step of removing an account gives back.
constexpr std::size_t kRemovePagesPerStep = 16;

// Verification. Findings that are kept: enough to see what is wrong with a directory in which
// everything is.
constexpr std::size_t kFindingsMax = 10'000;
// Blocks of RocksDB's tables, indexes above all, that are kept while everything is read once.
constexpr std::size_t kVerifyCacheBytes = 32u << 20;
// A migration writes this much at a time; what an interrupted one does over is at most that and
// what its step kept back.
constexpr std::uint64_t kMigrationBatchBytes = 4u << 20;
// Body records that are sorted by where they lie before the bodies are read: about 12 MB.
constexpr std::size_t kVerifyBodiesAtATime = 131'072;
// Bodies up to this size are read whole and their summaries compared; larger ones are read in
// pieces, by one thread at a time with kReadPieceBytes.
constexpr std::size_t kVerifySummaryBytesMax = 128u << 20;

// A checkpoint copies RocksDB's log while it is below this and has it written to tables when it is
// longer: a copy is cheaper for the writers than up to seven new tables, for each of which the log
// is switched, but who opens the checkpoint reads it again (some 2 ms a MiB).
constexpr std::uint64_t kCheckpointLogBytesMax = 16u << 20;
// Between two looks at the bandwidth and at whether to go on, in bytes of a file that is copied.
constexpr std::uint64_t kBackupPieceBytes = 1u << 20;

constexpr std::size_t kWriteBufferBytes =
    16u << 20;  // of each column family; the WAL's limit is usually reached first
constexpr std::size_t kBlockBytes = 8u << 10;  // of a table: one or two pages of a mailbox
constexpr int kOpenTablesMax = 512;

}  // namespace tidemark::storage
