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

// A certificate or key file. Chains of four RSA certificates are below 10 KB; this stops somebody
// who names a disk.
inline constexpr std::size_t kTlsFileBytesMax = 1024 * 1024;

// Certificates in one file, the server's own included.
inline constexpr std::size_t kTlsChainMax = 16;

// Plaintext that one try_write() of a TLS stream encrypts at most before it looks whether the peer
// takes it.
inline constexpr std::size_t kTlsWriteBytesMax = 4 * kTlsRecordBytesMax;

// What waits in each priority of the worker pool before callers are refused: with 10 ms a job, ten
// seconds' worth for one thread.
inline constexpr std::size_t kWorkerJobsMax = 1024;

// Connections that one turn of an accepting core takes before others get their turn.
inline constexpr std::size_t kAcceptsPerTurnMax = 64;

// How long accepting pauses when the process is out of descriptors or memory.
inline constexpr std::chrono::milliseconds kAcceptPause{200};

// Requests that wait in one account's inbox. Each session has at most one under way and LMTP a few
// deliveries; full is answered with NO [LIMIT] or 4xx.
inline constexpr std::size_t kAccountInboxMax = 4096;

// Log entries behind a mailbox's pages before they are folded: loading applies as many at most.
inline constexpr std::size_t kFoldAfterLogEntries = 256;

// Keywords of one mailbox: the bits of a 64-bit word that the five system flags leave.
inline constexpr std::size_t kKeywordsMax = 59;

// Mailboxes of one account; every one is in memory (about 300 bytes) while the account is loaded.
inline constexpr std::size_t kMailboxesMax = 100'000;
inline constexpr std::size_t kOrphanSubscriptionsMax = 10'000;

// Bytes of bodies and records that wait for the store while a round is being synced.
inline constexpr std::size_t kStoreQueueBytesMax = 256U << 20;

// One read of a connection. Lives once on each thread, not in the connection.
inline constexpr std::size_t kReadBufferBytes = 64 * 1024;

// Output of one command is sent once it is this much, and the session lets others run meanwhile.
inline constexpr std::size_t kFlushBytes = 256 * 1024;

// A client that does not read for this long is cut off: its output buffer is held all the while.
inline constexpr std::chrono::seconds kWriteTimeout{300};
// RFC 9051 §5.4: at least 30 minutes for a client that is logged in. The least that can be set.
inline constexpr std::chrono::seconds kIdleTimeout{30 * 60};
// Unless it is set: a person who types a password.
inline constexpr std::chrono::seconds kLoginTimeout{60};

// Commands in a row that are no IMAP before the connection is closed: somebody speaks another
// protocol.
inline constexpr unsigned kBadCommandsMax = 20;

// Flag texts that a session keeps; combinations beyond it are made again.
inline constexpr std::size_t kFlagTextsMax = 1024;

// Messages from this size on are streamed to a file in place of memory.
inline constexpr std::size_t kStagedBytesMin = 1024 * 1024;
// Parsing a message takes about 1 ms for each megabyte; above this it goes to a worker.
inline constexpr std::size_t kInlineParseBytesMax = 128 * 1024;

// Accounts whose credentials are remembered in memory (about 300 bytes each) after they were read.
inline constexpr std::size_t kKnownCredentialsMax = 4096;

// Failed logins on one connection before it is closed.
inline constexpr unsigned kFailedLoginsMax = 10;

// Summaries that SORT and THREAD ask the store for at once: a page of messages.
inline constexpr std::size_t kSummariesAtOnce = 256;

// Messages that a search by columns looks at on the network thread (about 1 ns each and key, and 10
// ns for each that is found); more go to a worker.
inline constexpr std::size_t kInlineSearchMessagesMax = 200'000;

// What a search by header fields reads of a message at first; more when the header is longer.
inline constexpr std::size_t kSearchHeaderBytes = 1024;

// Of what is kept ready for a page of messages (page_texts.hpp): one text, and all texts of one
// kind. Ten times what mail has; a message with more is read again each time it is asked for.
inline constexpr std::size_t kPageTextBytesMax = 16 * 1024;
inline constexpr std::size_t kPageTextsBytesMax = 1024 * 1024;

// RFC 5321 §4.5.3.1.8 asks for 100; each costs its address and one append.
inline constexpr std::size_t kLmtpRecipientsMax = 1000;
// RFC 5321 §4.5.3.2.7: a server waits at least 5 minutes for the next command.
inline constexpr std::chrono::minutes kLmtpTimeout{5};
// A mail system opens a few dozen; more than this is one that forgets to close them.
inline constexpr std::size_t kLmtpConnectionsMax = 1000;

// Whoever may open a Unix socket for LMTP may deliver to everybody here, as whoever reaches the TCP
// port may; its directory decides who that is (Postfix runs as another user).
inline constexpr unsigned kLmtpSocketMode = 0666;
inline constexpr unsigned kPrivateSocketMode = 0600;

// Connections to the admin socket at the same time: people and scripts of one machine.
inline constexpr std::size_t kAdminConnectionsMax = 32;
inline constexpr std::size_t kAdminReadBytes = 16 * 1024;
// A client of the admin socket may take a silence of 30 s for a server that hangs.
inline constexpr std::chrono::seconds kAdminProgressInterval{5};
// Lines of one accounts.import: each may cost a password hash of a millisecond.
inline constexpr std::size_t kAdminImportLinesMax = 10'000;
// Bytes of the messages of one mail.append that are in memory until they are committed: twice what
// `tidemark import` puts into one call.
inline constexpr std::size_t kAdminAppendBytesMax = 32U << 20;

// How often a core folds idle accounts, applies the log's horizon and looks for segments to
// compact.
inline constexpr std::chrono::minutes kMaintenanceInterval{5};
// Compaction moves this much between two rounds and then lets a pause pass: 80 MB/s at most.
inline constexpr std::uint64_t kCompactionBytesPerStep = 8U << 20;
inline constexpr std::chrono::milliseconds kCompactionPause{100};

// Messages from this size on are sent in pieces of kFlushBytes, never held as a whole.
inline constexpr std::size_t kStreamedBodyBytesMin = 1024 * 1024;

// Threads of one verification: more than any machine has cores for it; each holds one mailbox.
inline constexpr unsigned kVerifyThreadsMax = 256;

// How often a call that may take hours tells how far it is, so that a person sees a bar move, and
// one whose client has gone ends soon.
inline constexpr std::chrono::milliseconds kWatchedCallInterval{500};

}  // namespace tidemark::actors
