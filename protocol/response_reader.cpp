#include "protocol/response_reader.hpp"

#include "protocol/ascii.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace tidemark::protocol {
namespace {

// Responses that end in free text have no literal: "* OK see {5}" is only text.
bool begins_with_text(std::string_view bytes) {
    if (!bytes.starts_with("* ")) {
        return true;  // continuation or tagged
    }
    const auto word =
        bytes.substr(2, std::min<std::size_t>(bytes.find_first_of(" \r\n", 2), 16) - 2);
    return find_condition(word).has_value();
}

// The size that a line ending in "{n}" or "{n+}" announces.
std::optional<std::uint64_t> announced_literal(std::string_view line) {
    if (!line.ends_with('}')) {
        return std::nullopt;
    }
    line.remove_suffix(1);
    if (line.ends_with('+')) {
        line.remove_suffix(1);
    }
    const auto open = line.rfind('{');
    if (open == std::string_view::npos) {
        return std::nullopt;
    }
    const auto digits = line.substr(open + 1);
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    if (!all_of_class(digits, is_digit)) {
        return std::nullopt;
    }
    return error == std::errc() ? size : UINT64_MAX;
}

std::string_view without_line_end(std::string_view line) {
    line.remove_suffix(1);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line;
}

}  // namespace

void ResponseReader::release() {
    // A single large response must not pin its memory for the life of the connection.
    constexpr std::size_t kKeptBytesMax = 64 * 1024;
    if (held_.capacity() > kKeptBytesMax) {
        held_ = std::string();
    }
    held_.clear();
    streamed_.clear();
    line_start_ = 0;
    is_held_stale_ = false;
}

void ResponseReader::reset() {
    release();
    held_ = std::string();
    state_ = State::line;
}

ResponseReader::Event ResponseReader::close() {
    reset();
    state_ = State::closed;
    return TooLarge{};
}

ResponseReader::Event ResponseReader::finish(std::string_view bytes, Response& response) {
    is_held_stale_ = true;
    if (const auto parsed = parse_response(bytes, response, streamed_); !parsed) {
        return Malformed{parsed.error(), bytes};
    }
    return Ready{};
}

// Takes one line, or all input when it has no line end. Sets is_done unless reading goes on inside
// of next().
ResponseReader::Event ResponseReader::take_line(std::string_view& input, Response& response,
                                                bool& is_done) {
    const auto newline = input.find('\n');
    const bool is_whole = newline != std::string_view::npos;
    const auto piece = is_whole ? input.substr(0, newline + 1) : input;
    if (held_.size() + piece.size() > limits_.response_bytes_max) {
        return close();
    }
    input.remove_prefix(piece.size());
    if (!is_whole) {
        held_ += piece;
        return NeedMore{};
    }
    std::string_view whole = piece;
    if (!held_.empty()) {
        held_ += piece;
        whole = held_;
    }
    if (line_start_ == 0) {
        may_have_literal_ = !begins_with_text(whole);
    }
    const auto size = may_have_literal_
                          ? announced_literal(without_line_end(whole.substr(line_start_)))
                          : std::nullopt;
    if (!size) {
        return finish(without_line_end(whole), response);
    }
    if (held_.empty()) {
        held_ = piece;
    }
    remaining_ = *size;
    if (*size > limits_.literal_bytes_max) {
        state_ = State::stream;
        streamed_.push_back({held_.size(), *size});
        return StreamStart{without_line_end(held_), *size};
    }
    if (held_.size() + *size > limits_.response_bytes_max) {
        return close();
    }
    state_ = State::literal;
    is_done = false;
    return NeedMore{};
}

ResponseReader::Event ResponseReader::next(std::string_view& input, Response& response) {
    if (is_held_stale_) {
        release();
    }
    while (true) {
        if (state_ == State::closed) {
            return TooLarge{};
        }
        if (state_ == State::stream && remaining_ > 0) {
            if (input.empty()) {
                return NeedMore{};
            }
            const auto piece = input.substr(0, std::min<std::uint64_t>(remaining_, input.size()));
            input.remove_prefix(piece.size());
            remaining_ -= piece.size();
            return StreamBytes{piece, remaining_ == 0};
        }
        if (state_ == State::literal) {
            const auto piece = input.substr(0, std::min<std::uint64_t>(remaining_, input.size()));
            held_ += piece;
            input.remove_prefix(piece.size());
            remaining_ -= piece.size();
            if (remaining_ > 0) {
                return NeedMore{};
            }
        }
        if (state_ != State::line) {
            state_ = State::line;
            line_start_ = held_.size();
        }
        if (input.empty()) {
            return NeedMore{};
        }
        bool is_done = true;
        auto event = take_line(input, response, is_done);
        if (is_done) {
            return event;
        }
    }
}

}  // namespace tidemark::protocol
