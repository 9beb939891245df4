#include "tools/loadtest/marker.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>
#include <iterator>

namespace tidemark::loadtest {

namespace {

constexpr std::string_view kStart = "X-Loadtest: ";

template <class T>
bool take(std::string_view text, std::size_t at, std::size_t digits, int base, T& value) {
    const char* end = text.data() + at + digits;
    const auto [stop, error] = std::from_chars(text.data() + at, end, value, base);
    return error == std::errc{} && stop == end;
}

}  // namespace

std::uint64_t hash_of(std::string_view bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

Marker make_marker(std::uint32_t run, std::uint64_t id, std::string_view rest) {
    return {run, id, rest.size(), hash_of(rest)};
}

void append_marker(std::string& out, const Marker& marker) {
    fmt::format_to(std::back_inserter(out), "{}{:08x}-{:016x} {:010} {:016x}\r\n", kStart,
                   marker.run, marker.id, marker.bytes, marker.hash);
}

std::optional<Marker> parse_marker(std::string_view line) {
    if (line.size() < kMarkerBytes - 2 || !line.starts_with(kStart)) return std::nullopt;
    Marker marker;
    const bool is_whole = take(line, 12, 8, 16, marker.run) && line[20] == '-' &&
                          take(line, 21, 16, 16, marker.id) && line[37] == ' ' &&
                          take(line, 38, 10, 10, marker.bytes) && line[48] == ' ' &&
                          take(line, 49, 16, 16, marker.hash);
    return is_whole ? std::optional(marker) : std::nullopt;
}

std::optional<FoundMarker> find_marker(std::string_view text) {
    for (std::size_t at = text.find(kStart); at != std::string_view::npos;
         at = text.find(kStart, at + 1)) {
        if (at != 0 && text[at - 1] != '\n') continue;
        if (text.size() < at + kMarkerBytes) return std::nullopt;
        const auto marker = parse_marker(text.substr(at));
        if (marker) return FoundMarker{*marker, at + kMarkerBytes};
    }
    return std::nullopt;
}

struct BodyCheck::Hash {
    Hash() : state(XXH3_createState()) {}
    ~Hash() { XXH3_freeState(state); }
    Hash(const Hash&) = delete;
    Hash& operator=(const Hash&) = delete;
    XXH3_state_t* state;
};

BodyCheck::BodyCheck() = default;
BodyCheck::~BodyCheck() = default;

void BodyCheck::begin(std::uint64_t bytes) {
    size_ = bytes;
    seen_ = 0;
    marker_.reset();
    after_marker_ = 0;
    head_.clear();
    gave_up_ = false;
    at_once_.reset();
}

void BodyCheck::add(std::string_view chunk) {
    seen_ += chunk.size();
    if (gave_up_) return;
    if (chunk.size() == size_) {
        const auto found = find_marker(chunk.substr(0, kHeadBytesMax));
        if (!found) {
            at_once_ = Outcome::unmarked;
        } else {
            const std::string_view rest = chunk.substr(found->end);
            const bool is_right =
                rest.size() == found->marker.bytes && hash_of(rest) == found->marker.hash;
            at_once_ = is_right ? Outcome::right : Outcome::wrong;
        }
        return;
    }
    if (marker_) {
        after_marker_ += chunk.size();
        XXH3_64bits_update(hash_->state, chunk.data(), chunk.size());
        return;
    }
    head_ += chunk;
    const auto found = find_marker(head_);
    if (!found) {
        gave_up_ = head_.size() > kHeadBytesMax;
        return;
    }
    marker_ = found->marker;
    if (!hash_) hash_ = std::make_unique<Hash>();
    XXH3_64bits_reset(hash_->state);
    after_marker_ = head_.size() - found->end;
    XXH3_64bits_update(hash_->state, head_.data() + found->end, after_marker_);
    head_.clear();
}

BodyCheck::Outcome BodyCheck::end() {
    if (at_once_) return *at_once_;
    if (!marker_) return Outcome::unmarked;
    const bool is_right = after_marker_ == marker_->bytes && seen_ == size_ &&
                          XXH3_64bits_digest(hash_->state) == marker_->hash;
    return is_right ? Outcome::right : Outcome::wrong;
}

}  // namespace tidemark::loadtest
