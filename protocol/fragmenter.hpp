#pragma once

#include "protocol/limits.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

// Cuts the byte stream of a client into commands: knows lines and literals, and nothing else of the
// grammar.
//
//   while (input is not empty or something changed)
//       std::visit(…, fragmenter.next(input));
//
// next() takes what it needs from the front of `input` (the view is advanced) and returns what
// happened. It returns NeedMore only when `input` is used up; then the caller may free its buffer.
// The caller calls next() again on the same buffer for pipelined commands.
//
// - Lines end with CRLF or with a bare LF (deviation from RFC 9051 §2.2: some clients and every
// person with a terminal
//   send LF). A CR elsewhere, NUL and 8-bit bytes pass through; the parser refuses them where the
//   grammar does.
// - A line that ends with {n}, {n+}, ~{n} or ~{n+} is followed by a literal of n bytes and by more
// of the command
//   (RFC 9051 §4.3; RFC 7888 §3). `n` is never looked for inside of a literal.
// - Limits are applied before memory is used: a literal is refused when it is announced, a line as
// soon as it is too
//   long. Refused bytes are read and dropped exactly as they were announced, or the connection must
//   be closed; they never become a command.
// - The message literals of APPEND are not collected but streamed (when
// FragmenterLimits::stream_append is set): see
//   StreamStart.
// - What is returned as a view points into `input` when the whole command was there and had no
// literal, else into the
//   fragmenter. It is valid until the next call of next(), reset() or release(), and as long as the
//   input lives.
//
// Idle it owns no heap memory. Not thread safe; moves with its connection.

namespace tidemark::protocol {

struct FragmenterLimits {
    std::size_t line_bytes_max = kLineBytesMaxBeforeLogin;
    // Lines, literals and their announcements of one command; streamed literals excluded.
    std::size_t command_bytes_max = kCommandBytesMaxBeforeLogin;
    // Non-synchronising literals that are not streamed. The command budget suffices for LITERAL+;
    // 4096 gives LITERAL- (RFC 7888 §5).
    std::uint64_t nonsync_literal_bytes_max = UINT64_MAX;
    // Bytes of all refused literals of one command that are read and dropped before closing is
    // preferred.
    std::uint64_t swallow_bytes_max = kSwallowBytesMaxBeforeLogin;
    bool stream_append = false;
    std::uint64_t append_bytes_max = kAppendBytesMaxDefault;
};
inline constexpr FragmenterLimits kFragmenterLimitsBeforeLogin{};
inline constexpr FragmenterLimits kFragmenterLimitsAfterLogin{
    .line_bytes_max = kLineBytesMax,
    .command_bytes_max = kCommandBytesMax,
    .swallow_bytes_max = kSwallowBytesMax,
    .stream_append = true,
};

// The input is used up and no command is complete.
struct NeedMore {};

// A whole command without its last line end; literals stand in it as on the wire ("{3}\r\nfoo").
// For parse_command.
struct CommandReady {
    std::string_view bytes;
};

// A synchronising literal was accepted: send "+ " and go on calling next().
struct NeedContinuation {
    std::uint64_t literal_bytes = 0;
};

// A whole line without its end, in line mode.
struct LineReady {
    std::string_view bytes;
};

// The message literal of an APPEND begins. `head` is the command up to and including the
// announcement "{n}"; for the second and later messages (RFC 3502) what stood between the literals.
// The caller decides by
//   accept_stream()   and, when is_sync, sends "+ "; then StreamData…, StreamEnd follow
//   refuse_stream()   and answers the command itself
// A message over append_bytes_max is not announced: Rejected comes instead.
struct StreamStart {
    std::string_view head;
    std::uint64_t bytes = 0;
    bool is_sync = true;
    bool is_literal8 = false;
    bool is_first = true;
};
struct StreamData {
    std::string_view bytes;  // not empty
};
// All bytes of the literal were handed out.
struct StreamEnd {
    bool has_nul = false;  // not looked for in a literal8, where NUL is allowed
};
// After the last StreamEnd: the rest of the APPEND, mostly empty. The command is complete.
struct StreamCommandEnd {
    std::string_view tail;
};

enum class RejectReason : std::uint8_t {
    line_too_long,
    command_too_large,
    literal_too_large,  // also a literal whose size is no number64
    message_too_large,  // APPEND over append_bytes_max: answer NO [TOOBIG] (RFC 7889 §4)
};
// The command can not be taken. Answer it at once with the tag at the start of `head` (find_tag;
// none: answer untagged BAD), then go on: the rest of the command is dropped. The head is empty for
// the later lines of a streamed APPEND, whose tag the caller knows from its StreamStart. With
// must_close say BYE and close; next() must not be called again. That may also come, with an empty
// head, while the rest of an answered command is being dropped and turns out to be too much.
struct Rejected {
    RejectReason reason = RejectReason::line_too_long;
    std::string_view
        head;  // the beginning of the command, at least its tag unless that is longer than allowed
    bool must_close = false;
};

using FragmenterEvent =
    std::variant<NeedMore, CommandReady, NeedContinuation, LineReady, StreamStart, StreamData,
                 StreamEnd, StreamCommandEnd, Rejected>;

class Fragmenter {
  public:
    // `limits` must outlive the fragmenter or the next set_limits().
    explicit Fragmenter(const FragmenterLimits& limits = kFragmenterLimitsBeforeLogin)
        : limits_(&limits) {}

    // May be called between commands; it counts from the next command on.
    void set_limits(const FragmenterLimits& limits) { limits_ = &limits; }

    [[nodiscard]] FragmenterEvent next(std::string_view& input);

    // The next line as it is, without looking for a literal: "DONE" after IDLE (RFC 9051 §6.3.13),
    // the client's answers in AUTHENTICATE (§6.2.2). Returns NeedMore, LineReady or
    // Rejected{line_too_long}. The caller must read with one of the two functions until a line or
    // command is complete before it uses the other.
    [[nodiscard]] FragmenterEvent next_line(std::string_view& input);

    // Right after StreamStart.
    void accept_stream();
    // After StreamStart, also when it was accepted and some StreamData came, but not after
    // StreamEnd. What is left of the literal and of the command is dropped; of a synchronising
    // literal that was not yet accepted nothing will come. False when that is too much to read: say
    // BYE and close. The caller answers the command.
    [[nodiscard]] bool refuse_stream();

    // Forgets everything, also half a command: for STARTTLS, whose earlier bytes must not count
    // (RFC 9051 §6.2.1).
    void reset();
    // Gives memory back that only served the view of the last event.
    void release();

    // Nothing is half read: the connection may be moved, or closed without loss.
    bool is_idle() const {
        return state_ == State::line && (held_.empty() || is_held_stale_) && !is_streaming_;
    }

  private:
    enum class State : std::uint8_t {
        line,             // collecting a line
        literal,          // collecting a literal of remaining_ bytes
        stream_decision,  // StreamStart was returned
        stream,           // handing out a literal of remaining_ bytes
        swallow_line,     // dropping a line; held_ has its last bytes
        swallow_literal,  // dropping remaining_ bytes
        closed,
    };

    std::optional<FragmenterEvent> take_line(std::string_view& input, bool is_raw);
    std::optional<FragmenterEvent> finish_line(std::string_view command, std::size_t line_start,
                                               bool is_raw);
    std::optional<FragmenterEvent> start_literal(std::uint64_t bytes, std::size_t start,
                                                 bool is_sync, bool is_literal8, bool is_readable);
    FragmenterEvent take_stream(std::string_view& input);
    FragmenterEvent reject_line(RejectReason reason, std::string_view piece, bool is_raw);
    FragmenterEvent reject_literal(RejectReason reason, std::uint64_t bytes, bool is_sync);
    FragmenterEvent reject_and_close(RejectReason reason);
    FragmenterEvent close_swallowing(RejectReason reason);
    [[nodiscard]] bool start_swallowing_literal(std::uint64_t bytes);
    std::optional<FragmenterEvent> swallow(std::string_view& input);
    void begin_command();
    void hold(std::string bytes);

    const FragmenterLimits* limits_;
    // The command so far, or nothing. After a rejected line: its head, and from line_start_ on its
    // end.
    std::string held_;
    std::uint64_t remaining_ = 0;  // bytes of the current literal still to come
    std::uint64_t swallowed_ = 0;  // bytes of this command that were or will be dropped
    std::size_t line_start_ = 0;   // where the current line begins in held_: after the last literal
    std::size_t spent_ = 0;        // bytes of this command that are no longer in held_
    State state_ = State::line;
    bool is_streaming_ = false;  // a streamed literal of this command was announced
    bool stream_is_sync_ = false;
    bool stream_is_literal8_ = false;
    bool stream_has_nul_ = false;
    bool swallow_is_raw_ = false;
    bool is_held_stale_ = false;  // held_ only serves the view of the last event
};

}  // namespace tidemark::protocol
