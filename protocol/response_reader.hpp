#pragma once

#include "protocol/limits.hpp"
#include "protocol/parse_response.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// Cuts what a server sends into responses and parses them: the client's counterpart of Fragmenter.
//
//   while (input is not empty or something changed)
//       std::visit(…, reader.next(input, response));
//
// next() takes what it needs from the front of `input` and returns NeedMore only when all of it is
// used up. A response that stands in `input` whole and without a literal is parsed where it is; all
// others are collected. Idle it owns no heap memory. `response` may be shared by all readers of a
// thread, as long as one is done with it before the next uses it.

namespace tidemark::protocol {

struct ResponseReaderLimits {
    std::size_t response_bytes_max = kResponseBytesMax;  // in memory, streamed literals excluded
    std::uint64_t literal_bytes_max = kResponseLiteralBytesMax;  // longer ones are streamed
};

class ResponseReader {
  public:
    struct NeedMore {};
    // `response` is filled. Its views hold until the next call, and as long as the input lives.
    struct Ready {};
    // A literal above literal_bytes_max begins. `head` is the response up to its announcement.
    struct StreamStart {
        std::string_view head;
        std::uint64_t bytes = 0;
    };
    struct StreamBytes {
        std::string_view bytes;  // not empty
        bool is_last = false;
    };
    // One response does not match the grammar. Reading may go on with the next one.
    struct Malformed {
        ParseError error;
        std::string_view bytes;
    };
    // A response beyond the limits, or after one: the connection is of no more use.
    struct TooLarge {};
    using Event = std::variant<NeedMore, Ready, StreamStart, StreamBytes, Malformed, TooLarge>;

    explicit ResponseReader(ResponseReaderLimits limits = {}) : limits_(limits) {}

    [[nodiscard]] Event next(std::string_view& input, Response& response);

    // Forgets everything: after STARTTLS.
    void reset();
    // Nothing is half read.
    bool is_idle() const { return state_ == State::line && (held_.empty() || is_held_stale_); }

  private:
    enum class State : std::uint8_t { line, literal, stream, closed };

    Event take_line(std::string_view& input, Response& response, bool& is_done);
    Event finish(std::string_view bytes, Response& response);
    Event close();
    void release();

    ResponseReaderLimits limits_;
    std::string held_;                       // the response so far, or nothing
    std::vector<StreamedLiteral> streamed_;  // of this response
    std::uint64_t remaining_ = 0;            // bytes of the current literal still to come
    std::size_t line_start_ = 0;             // in held_: behind the last literal
    State state_ = State::line;
    bool may_have_literal_ = false;
    bool is_held_stale_ = false;  // held_ only serves the views of the last event
};

}  // namespace tidemark::protocol
