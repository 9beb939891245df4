// Cuts what an IMAP server sends into lines and literals, fast: nothing is parsed that a load test
// does not look at, nothing is copied that is whole in the buffer it came in.
//
// give() a chunk, then take() pieces until there is none; the pieces point into the chunk or, for a
// line that began in an earlier one, into the scanner, and are valid until the next call.
// A response is one or more text pieces with literals between them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::loadtest {

struct Piece {
    enum class Kind : std::uint8_t { none, text, data, broken };
    Kind kind = Kind::none;
    // A line without CRLF, or some bytes of a literal.
    std::string_view text;
    // text: begins, ends the response. data: the first, the last bytes of the literal.
    bool is_first = false;
    bool is_last = false;
    // text that does not end the response: the size of the literal that follows.
    std::uint64_t literal_bytes = 0;
};

class ResponseScanner {
  public:
    // A line longer than this is `broken`: no server's answer, and memory is finite.
    static constexpr std::size_t kLineBytesMax = 64u << 20;

    void give(std::string_view chunk);
    Piece take();
    void reset();
    // Within a response, or a line.
    bool is_inside() const { return in_response_ || !pending_.empty(); }

  private:
    Piece line(std::string_view text);

    std::string_view chunk_;
    std::string pending_;
    bool pending_given_ = false;  // pending_ holds the line of the last piece
    bool in_response_ = false;
    bool in_literal_ = false;
    bool literal_started_ = false;
    std::uint64_t literal_left_ = 0;
};

}  // namespace tidemark::loadtest
