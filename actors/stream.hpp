#pragma once

// A byte stream with a home core: TCP and Unix sockets, TLS over any stream, and a pair in memory.
//
// Concurrency: home thread only. At any time one coroutine may wait to read and one may wait to
// write. Memory: no buffer is held while waiting: wait_readable() first, then take a buffer and
// read_some(); give the buffer back when read_some() says would_block. Ending: cancel(reason) ends
// the present waits and makes all later ones return `reason`; read_some() and try_write() still
// work, so that a last line (BYE) can be tried. close() releases everything. interrupt() ends only
// the present wait_readable(), or the next one if nobody waits, with StreamErrc::interrupted: how a
// session that waits for its client is told that its mailbox changed. Lifetime: a stream is
// destroyed or moved only while nobody waits on it.

#include "actors/awaitable.hpp"

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace tidemark::actors {

class Core;

enum class StreamErrc {
    interrupted = 1,   // interrupt() was called
    timed_out,         // the usual reason for a cancel() by a deadline
    closed,            // the stream is closed, or was cancelled without a better reason
    task_cancelled,    // the waiting task was cancelled (TaskGroup::cancel)
    handshake_failed,  // TLS: no agreement with the peer; details are in TlsStream::last_failure()
    tls_protocol,      // TLS: the peer broke the protocol after the handshake
    not_movable,       // detach() of a stream on which somebody waits
};
const std::error_category& stream_category();
std::error_code make_error_code(StreamErrc code);

enum class IoStatus : std::uint8_t { ok, would_block, eof, error };

// ok: `bytes` > 0 (a write may be partial). would_block: wait, then try again. eof: the peer ended
// its side in order (reads only). error: `error` says what.
struct [[nodiscard]] IoResult {
    IoStatus status = IoStatus::ok;
    std::size_t bytes = 0;
    std::error_code error;
};

struct TlsInfo {
    std::string version;      // "TLSv1.3"
    std::string cipher;       // IANA name
    std::string alpn;         // "imap", or empty
    std::string server_name;  // SNI of the client, or empty
    bool resumed = false;
};

// Of the process at the other end of a Unix socket, as the kernel recorded it at connect.
struct PeerCredentials {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
};

class Stream {
  public:
    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    virtual ~Stream() = default;

    // Empty error: read_some() will make progress (data, end or error).
    [[nodiscard]] virtual Awaitable<std::error_code> wait_readable() = 0;
    virtual IoResult read_some(std::span<char> buffer) = 0;

    [[nodiscard]] virtual Awaitable<std::error_code> wait_writable() = 0;
    // Writes as much as goes without waiting, in order. Empty chunks are allowed.
    virtual IoResult try_write(std::span<const std::string_view> chunks) = 0;

    // All of it. The list and what it points to stay where they are until this returns (the caller
    // awaits it). A deadline is the caller's: a Timer that calls cancel(StreamErrc::timed_out).
    [[nodiscard]] Awaitable<std::error_code> write(std::span<const std::string_view> chunks);
    [[nodiscard]] Awaitable<std::error_code> write(std::string_view text);

    virtual void interrupt() = 0;
    virtual void cancel(std::error_code reason) = 0;
    void cancel() { cancel(make_error_code(StreamErrc::closed)); }

    // Tells the peer that nothing more will come (FIN, close_notify) as far as that goes without
    // waiting.
    virtual void shutdown_send() = 0;
    virtual void close() = 0;
    [[nodiscard]] virtual bool is_open() const = 0;

    // Moving to another core: detach() on the old home thread while nobody waits, attach() on the
    // new one; between them nothing else. Everything moves together (descriptor, TLS state). See
    // rehome() below.
    [[nodiscard]] virtual std::error_code detach() = 0;
    [[nodiscard]] virtual std::error_code attach(Core& core) = 0;

    // "192.0.2.1:4242", "[2001:db8::1]:4242", "unix", "memory".
    [[nodiscard]] virtual std::string peer_address() const = 0;
    [[nodiscard]] virtual std::string local_address() const = 0;
    [[nodiscard]] virtual std::optional<PeerCredentials> peer_credentials() const {
        return std::nullopt;
    }

    [[nodiscard]] virtual bool is_tls() const { return false; }
    [[nodiscard]] virtual TlsInfo tls_info() const { return {}; }
    // RFC 9266 tls-exporter channel binding (RFC 5705 label "EXPORTER-Channel-Binding", empty
    // context, 32 bytes). Nothing without TLS, or where it would not be unique (TLS 1.2 without
    // extended master secret).
    [[nodiscard]] virtual std::optional<std::array<char, 32>> tls_exporter() const {
        return std::nullopt;
    }
};

// Moves `stream` to `target` and calls `on_arrival(std::unique_ptr<Stream>)` there. Call on the
// stream's home thread, as the last thing its coroutine does with it. If the target core is gone or
// refuses, the stream is closed; on_arrival then gets null.
template <class OnArrival>
void rehome(std::unique_ptr<Stream> stream, Core& target, OnArrival on_arrival);

}  // namespace tidemark::actors

template <>
struct std::is_error_code_enum<tidemark::actors::StreamErrc> : std::true_type {};

#include "actors/core.hpp"

template <class OnArrival>
void tidemark::actors::rehome(std::unique_ptr<Stream> stream, Core& target, OnArrival on_arrival) {
    if (stream->detach()) stream.reset();
    target.post(
        [stream = std::move(stream), &target, on_arrival = std::move(on_arrival)]() mutable {
            if (stream && stream->attach(target)) stream.reset();
            on_arrival(std::move(stream));
        });
}
