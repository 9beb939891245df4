// The parts of imap_bench about clients that are kept in sync. Each in a process of its own.
#pragma once

namespace tidemark::bench {

// A client returns to a mailbox of 1,000,000 messages after 100 changes.
void bench_resync();
// One APPEND told to 1,000 sessions in IDLE.
void bench_push();
// 64 sessions that store flags in one mailbox, each with one STORE under way.
void bench_flags();

}  // namespace tidemark::bench
