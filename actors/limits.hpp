#pragma once

// Every limit of the actors, with its unit and why it is what it is.

#include <chrono>
#include <cstddef>

namespace tidemark::actors {

// One sendmsg() takes at most this many chunks: IOV_MAX is 1024, but more than this does not pay
// and the list is on the stack.
inline constexpr std::size_t kWriteChunksMax = 64;

// Plaintext that goes into one TLS record: the protocol's own maximum (RFC 8446 §5.1).
inline constexpr std::size_t kTlsRecordBytesMax = 16384;

// What waits in each priority of the worker pool before callers are refused: with 10 ms a job, ten
// seconds' worth for one thread.
inline constexpr std::size_t kWorkerJobsMax = 1024;

// Connections that one turn of an accepting core takes before others get their turn.
inline constexpr std::size_t kAcceptsPerTurnMax = 64;

// How long accepting pauses when the process is out of descriptors or memory.
inline constexpr std::chrono::milliseconds kAcceptPause{200};

}  // namespace tidemark::actors
