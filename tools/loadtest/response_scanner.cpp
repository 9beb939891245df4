#include "tools/loadtest/response_scanner.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace tidemark::loadtest {

namespace {

// What a connection keeps for its next line that came in pieces.
constexpr std::size_t kKeptBytesMax = 4096;

// RFC 9051 §4.3: the size of the literal that a line ends with. "literal8" (RFC 3516) ends alike.
std::optional<std::uint64_t> announced(std::string_view line) {
    if (!line.ends_with('}')) return std::nullopt;
    const auto open = line.rfind('{');
    if (open == std::string_view::npos) return std::nullopt;
    std::uint64_t size = 0;
    const char* end = line.data() + line.size() - 1;
    const auto [stop, error] = std::from_chars(line.data() + open + 1, end, size);
    return error == std::errc() && stop == end ? std::optional(size) : std::nullopt;
}

}  // namespace

void ResponseScanner::reset() {
    *this = ResponseScanner();
}

void ResponseScanner::give(std::string_view chunk) {
    chunk_ = chunk;
}

Piece ResponseScanner::line(std::string_view text) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    Piece piece{Piece::Kind::text, text, !in_response_, true, 0};
    if (const auto size = announced(text)) {
        piece.is_last = false;
        piece.literal_bytes = *size;
        in_literal_ = true;
        literal_started_ = false;
        literal_left_ = *size;
    }
    in_response_ = !piece.is_last;
    return piece;
}

Piece ResponseScanner::take() {
    if (pending_given_) {
        pending_.clear();
        if (pending_.capacity() > kKeptBytesMax) pending_ = std::string();
        pending_given_ = false;
    }
    if (in_literal_) {
        if (chunk_.empty() && literal_left_ > 0) return {};
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(literal_left_, chunk_.size()));
        Piece piece{Piece::Kind::data, chunk_.substr(0, size), !literal_started_,
                    size == literal_left_, 0};
        chunk_.remove_prefix(size);
        literal_left_ -= size;
        literal_started_ = true;
        in_literal_ = !piece.is_last;
        return piece;
    }
    if (chunk_.empty()) return {};
    const void* found = std::memchr(chunk_.data(), '\n', chunk_.size());
    if (found == nullptr) {
        pending_ += chunk_;
        chunk_ = {};
        if (pending_.size() > kLineBytesMax) return {Piece::Kind::broken, {}, false, false, 0};
        return {};
    }
    const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - chunk_.data());
    const std::string_view rest = chunk_.substr(0, length);
    chunk_.remove_prefix(length + 1);
    if (pending_.empty()) return line(rest);
    pending_ += rest;
    pending_given_ = true;
    return line(pending_);
}

}  // namespace tidemark::loadtest
