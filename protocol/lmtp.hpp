#pragma once

#include "protocol/output_buffer.hpp"

#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

// LMTP, RFC 2033, with the command syntax of RFC 5321 and PIPELINING, 8BITMIME (RFC 6152), SIZE
// (RFC 1870), SMTPUTF8 (RFC 6531) and ENHANCEDSTATUSCODES (RFC 2034).
//
// The order of commands (503) is the session's business. Values only, one thread at a time.

namespace tidemark::protocol::lmtp {

// Bytes of a command line with its CRLF. RFC 5321 §4.5.3.1.4 asks for 512 plus what the extensions
// add; UTF-8 paths and long bounce addresses need more.
inline constexpr std::size_t kCommandLineBytesMax = 2048;
// Bytes of an address without the angle brackets. RFC 5321 §4.5.3.1.3 asks for 256.
inline constexpr std::size_t kPathBytesMax = 512;

// An answer, or the part of it that parsing decides.
struct Reply {
    std::uint16_t code = 250;
    std::string_view enhanced;  // RFC 3463, "2.1.0"; empty: none (greeting, LHLO, 354)
    std::string_view text;      // US-ASCII; a line end makes it a reply of several lines
};

// RFC 5321 §4.1.2 "Path" without its source route, which is ignored (appendix C). A recipient of
// local delivery may have no domain.
struct Path {
    std::string local_part;  // unquoted
    std::string domain;      // as written; "[192.0.2.1]" for an address literal
    bool is_null() const { return local_part.empty() && domain.empty(); }  // "<>"
    // The address without brackets, the local part quoted where it must be.
    std::string to_string() const;
    friend bool operator==(const Path&, const Path&) = default;
};

// RFC 5233: "user+detail". No separator, or nothing in front of it: all is user.
struct Subaddress {
    std::string_view user;
    std::optional<std::string_view> detail;
};
Subaddress split_subaddress(std::string_view local_part, char separator = '+');

struct Lhlo {
    std::string domain;
    friend bool operator==(const Lhlo&, const Lhlo&) = default;
};
enum class BodyType : std::uint8_t { seven_bit, eight_bit_mime };
struct MailFrom {
    Path path;
    std::optional<std::uint64_t> size_bytes;
    BodyType body = BodyType::seven_bit;
    bool is_utf8 = false;
    friend bool operator==(const MailFrom&, const MailFrom&) = default;
};
struct RcptTo {
    Path path;
    friend bool operator==(const RcptTo&, const RcptTo&) = default;
};
struct Data {
    friend bool operator==(const Data&, const Data&) = default;
};
struct Rset {
    friend bool operator==(const Rset&, const Rset&) = default;
};
struct Noop {
    friend bool operator==(const Noop&, const Noop&) = default;
};
struct Quit {
    friend bool operator==(const Quit&, const Quit&) = default;
};
struct Vrfy {
    std::string text;
    friend bool operator==(const Vrfy&, const Vrfy&) = default;
};
struct Help {
    friend bool operator==(const Help&, const Help&) = default;
};
using Command = std::variant<Lhlo, MailFrom, RcptTo, Data, Rset, Noop, Quit, Vrfy, Help>;

// One line without its CRLF. The error is the answer to send. `is_utf8_transaction`: MAIL of this
// transaction had SMTPUTF8, so that RCPT may name 8-bit addresses.
[[nodiscard]] tl::expected<Command, Reply> parse_command(std::string_view line,
                                                         bool is_utf8_transaction = false);

// Cuts the stream into command lines. They end with CRLF and nothing else: a line with a bare CR or
// LF in it is one line, and refused, so that no two programs can disagree about where a command
// begins. A line that is too long is dropped to its end.
class LineReader {
  public:
    struct NeedMore {};
    struct Line {
        std::string_view text;  // without CRLF; valid until the next call and as long as the input
    };
    struct BadLine {
        Reply reply;
    };
    using Event = std::variant<NeedMore, Line, BadLine>;

    // Takes what it needs from the front of `input`; all of it when the answer is NeedMore.
    [[nodiscard]] Event next(std::string_view& input);
    void reset();

  private:
    std::string held_;
    bool is_held_stale_ = false;
    bool is_too_long_ = false;
    bool ends_with_cr_ = false;  // of what is_too_long_ dropped
};

// Reads what follows "354": removes the dots that were put in front (RFC 5321 §4.5.2) and finds the
// end, which is CRLF "." CRLF and nothing that only resembles it. All other bytes, bare CR and LF
// too, come out as they came in. Holds at most two bytes between calls.
class DataReader {
  public:
    struct NeedMore {};
    struct Bytes {
        std::string_view bytes;  // not empty; points into the input or to static text
    };
    struct End {
        std::uint64_t bytes = 0;    // of the message, also where it was too large
        bool is_too_large = false;  // no bytes came out from the limit on: 552 5.3.4
        bool has_nul = false;       // refuse it unless NUL was announced: 554 5.6.0
    };
    using Event = std::variant<NeedMore, Bytes, End>;

    explicit DataReader(std::uint64_t message_bytes_max) : bytes_max_(message_bytes_max) {}

    // As LineReader::next. After End the rest of the input is the next command.
    [[nodiscard]] Event next(std::string_view& input);

    std::uint64_t bytes() const { return bytes_; }

  private:
    enum class State : std::uint8_t {
        line_start,
        line,
        line_cr,  // after a CR
        dot,      // "." at the start of a line, held back
        dot_cr,   // "." CR at the start of a line, held back
        ended,
    };
    std::string_view take_run(std::string_view& input);
    Event give(std::string_view bytes);

    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
    State state_ = State::line_start;
    bool has_nul_ = false;
};

// "250 2.1.0 text", or "250-2.1.0 first" … "250 2.1.0 last".
void write_reply(OutputBuffer& out, const Reply& reply);
// The answer to LHLO: the name of the host, then one line for each extension.
void write_lhlo_reply(OutputBuffer& out, std::string_view host,
                      std::span<const std::string_view> extensions);

}  // namespace tidemark::protocol::lmtp
