// The part of imap_bench about backups of a server under load. In a process of its own.
#pragma once

namespace tidemark::bench {

// The pause of writers, APPEND with and without a backup beside it, and the time that one takes
// with 10,000 and with 1,000,000 messages.
void bench_backup();

}  // namespace tidemark::bench
