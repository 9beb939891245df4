// The header line by which a message made here is known again, wherever a server has put it:
//
//   X-Loadtest: RRRRRRRR-IIIIIIIIIIIIIIII BBBBBBBBBB HHHHHHHHHHHHHHHH
//
// run, message, number of bytes after the line and their XXH3, all of fixed width. Servers may put
// lines before it (Return-Path, Received); what follows it must come back as it was sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::loadtest {

inline constexpr std::string_view kMarkerName = "X-Loadtest";
inline constexpr std::size_t kMarkerBytes = 67;  // with CRLF

struct Marker {
    std::uint32_t run = 0;
    std::uint64_t id = 0;
    std::uint64_t bytes = 0;
    std::uint64_t hash = 0;
};

std::uint64_t hash_of(std::string_view bytes);
// The line for a message whose `rest` follows it.
Marker make_marker(std::uint32_t run, std::uint64_t id, std::string_view rest);
void append_marker(std::string& out, const Marker& marker);
// Nothing: not a marker. `line` begins with the name; what follows the hash is not looked at.
std::optional<Marker> parse_marker(std::string_view line);
// The marker in a header and where the line after it begins.
struct FoundMarker {
    Marker marker;
    std::size_t end = 0;
};
std::optional<FoundMarker> find_marker(std::string_view text);

// Follows one literal, chunk by chunk, and compares it with its marker. One that has none within
// its first kHeadBytesMax is not checked. Allocates only for literals that come in pieces.
class BodyCheck {
  public:
    enum class Outcome : std::uint8_t { unmarked, right, wrong };
    static constexpr std::size_t kHeadBytesMax = 16 * 1024;

    BodyCheck();
    ~BodyCheck();

    void begin(std::uint64_t bytes);
    void add(std::string_view chunk);
    Outcome end();

  private:
    struct Hash;
    std::uint64_t size_ = 0;
    std::uint64_t seen_ = 0;
    std::optional<Marker> marker_;
    std::uint64_t after_marker_ = 0;
    std::string head_;
    bool gave_up_ = false;
    std::optional<Outcome> at_once_;
    std::unique_ptr<Hash> hash_;
};

}  // namespace tidemark::loadtest
