#include "protocol/fragmenter.hpp"

#include "protocol/ascii.hpp"
#include "protocol/secret_string.hpp"
#include "protocol/types.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <optional>

namespace tidemark::protocol {

namespace {

// "~{9223372036854775807+}" has 23 bytes; the rest is room for leading zeros, of which the grammar
// allows any number. A longer announcement is refused by closing.
constexpr std::size_t kAnnouncementBytesMax = 32;

// What is kept of the end of a line that is dropped: an announcement and its CR, and one byte more,
// so that a longer announcement shows.
constexpr std::size_t kTailBytes = kAnnouncementBytesMax + 2;

// What Rejected::head shows of a command: enough for the longest tag and the verb.
constexpr std::size_t kRejectedHeadBytesMax = 2 * kTagBytesMax;
static_assert(kRejectedHeadBytesMax < kLineBytesMaxBeforeLogin);

struct Announcement {
    std::uint64_t bytes = 0;  // UINT64_MAX: more than a number64
    std::size_t start = 0;    // of "{" or "~{" in the line
    bool is_sync = true;
    bool is_literal8 = false;
    bool is_readable = true;
};

// RFC 9051 §9 "literal", "literal8"; RFC 7888 §8; RFC 4466 §3 "literal8":
//   literal  = "{" number64 ["+"] "}" CRLF *CHAR8
//   literal8 = "~{" number ["+"] "}" CRLF *OCTET
// `line` has no line end. Only its last kAnnouncementBytesMax + 1 bytes matter.
std::optional<Announcement> find_announcement(std::string_view line) {
    if (line.empty() || line.back() != '}') return std::nullopt;
    const std::size_t window_start =
        line.size() > kAnnouncementBytesMax ? line.size() - kAnnouncementBytesMax : 0;
    Announcement found;
    std::size_t end = line.size() - 1;
    if (end > window_start && line[end - 1] == '+') {
        found.is_sync = false;
        --end;
    }
    std::size_t begin = end;
    while (begin > window_start && is_digit(line[begin - 1])) --begin;
    if (begin == end) return std::nullopt;
    if (begin <= window_start + 1 && window_start > 0) {
        found.is_readable = false;
        return found;
    }
    if (begin == 0 || line[begin - 1] != '{') return std::nullopt;
    found.is_literal8 = begin >= 2 && line[begin - 2] == '~';
    found.start = begin - (found.is_literal8 ? 2 : 1);
    const auto error = std::from_chars(line.data() + begin, line.data() + end, found.bytes).ec;
    if (error != std::errc{} || found.bytes > kNumber64Max) found.bytes = UINT64_MAX;
    return found;
}

// True when a literal announced at `start` of `command` is a message of an APPEND: everything but
// the mailbox, which is the only other literal that the grammar allows there.
bool is_append_message(std::string_view command, std::size_t start) {
    const std::size_t tag_end = command.find(' ');
    constexpr std::string_view kVerb = "APPEND ";
    return tag_end != std::string_view::npos && tag_end + 1 + kVerb.size() < start &&
           ascii_iequals(command.substr(tag_end + 1, kVerb.size()), kVerb);
}

std::string_view without_cr(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

}  // namespace

FragmenterEvent Fragmenter::next(std::string_view& input) {
    release();
    for (;;) {
        switch (state_) {
            case State::line: {
                if (auto event = take_line(input, false)) return *std::move(event);
                break;
            }
            case State::literal: {
                const std::size_t taken =
                    static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size()));
                held_.append(input.substr(0, taken));
                input.remove_prefix(taken);
                remaining_ -= taken;
                if (remaining_ > 0) return NeedMore{};
                line_start_ = held_.size();
                state_ = State::line;
                break;
            }
            case State::stream:
                return take_stream(input);
            case State::swallow_line:
            case State::swallow_literal: {
                if (auto event = swallow(input)) return *std::move(event);
                break;
            }
            case State::stream_decision:
            case State::closed:
                assert(false && "next() before the stream was decided, or after must_close");
                input = {};
                return NeedMore{};
        }
    }
}

FragmenterEvent Fragmenter::next_line(std::string_view& input) {
    release();
    for (;;) {
        switch (state_) {
            case State::line: {
                if (auto event = take_line(input, true)) return *std::move(event);
                break;
            }
            case State::swallow_line:
            case State::swallow_literal: {
                if (auto event = swallow(input)) return *std::move(event);
                break;
            }
            default:
                assert(false && "next_line() within a command");
                input = {};
                return NeedMore{};
        }
    }
}

// The line of which `input` brings the next piece. Nothing: go on with the state that was set.
std::optional<FragmenterEvent> Fragmenter::take_line(std::string_view& input, bool is_raw) {
    const std::size_t line_end = input.find('\n');
    const bool is_whole = line_end != std::string_view::npos;
    const std::string_view piece = input.substr(0, is_whole ? line_end : input.size());

    // A CR at the end is not counted as long as it may belong to the line end, so that the verdict
    // does not depend on where the input was cut.
    const std::size_t held_line_bytes = held_.size() - line_start_;
    const bool ends_with_cr =
        piece.empty() ? held_line_bytes > 0 && held_.back() == '\r' : piece.back() == '\r';
    const std::size_t line_bytes = held_line_bytes + piece.size() - (ends_with_cr ? 1 : 0);
    const std::size_t earlier_bytes = spent_ + line_start_;
    const std::size_t budget =
        limits_->command_bytes_max - std::min(limits_->command_bytes_max, earlier_bytes);
    if (line_bytes > std::min(limits_->line_bytes_max, budget)) {
        return reject_line(budget < limits_->line_bytes_max ? RejectReason::command_too_large
                                                            : RejectReason::line_too_long,
                           piece, is_raw);
    }

    if (!is_whole) {
        held_.append(piece);
        input = {};
        return NeedMore{};
    }
    input.remove_prefix(line_end + 1);
    if (held_.empty()) return finish_line(without_cr(piece), 0, is_raw);
    held_.append(piece);
    // Only the CR of the line, never the last byte of a literal before it.
    if (held_.size() > line_start_ && held_.back() == '\r') held_.pop_back();
    return finish_line(held_, line_start_, is_raw);
}

// `command` is everything of the command so far, in the input or in held_; its last line starts at
// `line_start`.
std::optional<FragmenterEvent> Fragmenter::finish_line(std::string_view command,
                                                       std::size_t line_start, bool is_raw) {
    if (!is_raw) {
        if (auto found = find_announcement(command.substr(line_start))) {
            if (held_.empty()) held_ = command;
            return start_literal(found->bytes, line_start + found->start, found->is_sync,
                                 found->is_literal8, found->is_readable);
        }
    }
    const bool was_streaming = is_streaming_;
    begin_command();
    is_held_stale_ = !held_.empty();
    if (is_raw) return LineReady{command};
    if (was_streaming) return StreamCommandEnd{command};
    return CommandReady{command};
}

// A literal of `bytes` was announced at `start` of held_.
std::optional<FragmenterEvent> Fragmenter::start_literal(std::uint64_t bytes, std::size_t start,
                                                         bool is_sync, bool is_literal8,
                                                         bool is_readable) {
    if (!is_readable) return reject_and_close(RejectReason::literal_too_large);

    const bool is_message =
        limits_->stream_append && (is_streaming_ || is_append_message(held_, start));
    if (is_message) {
        if (bytes > limits_->append_bytes_max) {
            return reject_literal(RejectReason::message_too_large, bytes, is_sync);
        }
        const bool is_first = !is_streaming_;
        is_streaming_ = true;
        stream_is_sync_ = is_sync;
        stream_is_literal8_ = is_literal8;
        stream_has_nul_ = false;
        remaining_ = bytes;
        state_ = State::stream_decision;
        spent_ += held_.size();
        line_start_ = 0;
        is_held_stale_ = true;
        return StreamStart{held_, bytes, is_sync, is_literal8, is_first};
    }

    const std::size_t used = spent_ + held_.size();
    const std::size_t budget = limits_->command_bytes_max;
    if (used > budget || bytes > budget - used ||
        (!is_sync && bytes > limits_->nonsync_literal_bytes_max)) {
        return reject_literal(RejectReason::literal_too_large, bytes, is_sync);
    }
    held_ += "\r\n";
    remaining_ = bytes;
    state_ = State::literal;
    if (is_sync) return NeedContinuation{bytes};
    return std::nullopt;
}

FragmenterEvent Fragmenter::take_stream(std::string_view& input) {
    if (remaining_ == 0) {
        state_ = State::line;
        return StreamEnd{stream_has_nul_};
    }
    if (input.empty()) return NeedMore{};
    const std::string_view bytes = input.substr(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
    input.remove_prefix(bytes.size());
    remaining_ -= bytes.size();
    if (!stream_is_literal8_ && std::memchr(bytes.data(), '\0', bytes.size()) != nullptr) {
        stream_has_nul_ = true;
    }
    return StreamData{bytes};
}

void Fragmenter::accept_stream() {
    assert(state_ == State::stream_decision);
    state_ = State::stream;
}

bool Fragmenter::refuse_stream() {
    assert(state_ == State::stream_decision || state_ == State::stream);
    if (state_ == State::stream_decision && stream_is_sync_) {
        begin_command();
        return true;
    }
    return start_swallowing_literal(remaining_);
}

// A line that is too long, of which `piece` is not yet taken from the input: the swallowing goes
// over it, so that a literal announced at its end is seen.
FragmenterEvent Fragmenter::reject_line(RejectReason reason, std::string_view piece, bool is_raw) {
    std::string head = held_.substr(0, kRejectedHeadBytesMax);
    head.append(piece.substr(0, kRejectedHeadBytesMax - head.size()));
    const std::string_view line = std::string_view(held_).substr(line_start_);
    swallowed_ += line.size();
    const std::string_view tail = line.substr(line.size() - std::min(line.size(), kTailBytes));
    line_start_ = head.size();
    head.append(tail);
    hold(std::move(head));
    is_held_stale_ = true;
    swallow_is_raw_ = is_raw;
    state_ = State::swallow_line;
    return Rejected{
        reason, is_streaming_ ? std::string_view() : std::string_view(held_).substr(0, line_start_),
        false};
}

FragmenterEvent Fragmenter::reject_literal(RejectReason reason, std::uint64_t bytes, bool is_sync) {
    const bool had_stream = is_streaming_;
    held_.resize(std::min(held_.size(), kRejectedHeadBytesMax));
    is_held_stale_ = true;
    line_start_ = held_.size();
    bool must_close = false;
    if (is_sync) {
        begin_command();
    } else {
        must_close = !start_swallowing_literal(bytes);
    }
    return Rejected{reason, had_stream ? std::string_view() : std::string_view(held_), must_close};
}

FragmenterEvent Fragmenter::reject_and_close(RejectReason reason) {
    const bool had_stream = is_streaming_;
    held_.resize(std::min(held_.size(), kRejectedHeadBytesMax));
    is_held_stale_ = true;
    state_ = State::closed;
    return Rejected{reason, had_stream ? std::string_view() : std::string_view(held_), true};
}

bool Fragmenter::start_swallowing_literal(std::uint64_t bytes) {
    if (swallowed_ > limits_->swallow_bytes_max ||
        bytes > limits_->swallow_bytes_max - swallowed_) {
        state_ = State::closed;
        return false;
    }
    swallowed_ += bytes;
    remaining_ = bytes;
    swallow_is_raw_ = false;
    state_ = State::swallow_literal;
    return true;
}

// The command was answered already: no head.
FragmenterEvent Fragmenter::close_swallowing(RejectReason reason) {
    state_ = State::closed;
    return Rejected{reason, {}, true};
}

// Drops the rest of a refused command. held_ is the end of the line that is being dropped. Nothing:
// the state has changed, go on.
std::optional<FragmenterEvent> Fragmenter::swallow(std::string_view& input) {
    if (state_ == State::swallow_literal) {
        const std::size_t dropped =
            static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size()));
        input.remove_prefix(dropped);
        remaining_ -= dropped;
        if (remaining_ > 0) return NeedMore{};
        held_.clear();
        state_ = State::swallow_line;
        return std::nullopt;
    }

    const std::size_t line_end = input.find('\n');
    const bool is_whole = line_end != std::string_view::npos;
    const std::string_view piece = input.substr(0, is_whole ? line_end : input.size());
    input.remove_prefix(is_whole ? line_end + 1 : input.size());
    swallowed_ += piece.size();
    if (swallowed_ > limits_->swallow_bytes_max) {
        return close_swallowing(RejectReason::line_too_long);
    }
    held_.append(piece.substr(piece.size() - std::min(piece.size(), kTailBytes)));
    if (held_.size() > kTailBytes) held_.erase(0, held_.size() - kTailBytes);
    if (!is_whole) return NeedMore{};

    const auto found = swallow_is_raw_ ? std::nullopt : find_announcement(without_cr(held_));
    if (found && !found->is_readable) return close_swallowing(RejectReason::literal_too_large);
    if (!found || found->is_sync) {
        // Of a synchronising literal nothing follows: the command has its answer already.
        begin_command();
        hold({});
        return std::nullopt;
    }
    held_.clear();
    if (!start_swallowing_literal(found->bytes)) {
        return close_swallowing(RejectReason::literal_too_large);
    }
    return std::nullopt;
}

void Fragmenter::begin_command() {
    state_ = State::line;
    remaining_ = 0;
    swallowed_ = 0;
    spent_ = 0;
    line_start_ = 0;
    is_streaming_ = false;
    swallow_is_raw_ = false;
}

// Replaces held_ and gives its memory back; it may have held a password.
void Fragmenter::hold(std::string bytes) {
    wipe(held_);
    held_ = std::move(bytes);
}

void Fragmenter::release() {
    if (!is_held_stale_) return;
    is_held_stale_ = false;
    // After a rejected line its end must still be looked at for a literal.
    hold(state_ == State::swallow_line ? held_.substr(line_start_) : std::string());
    line_start_ = 0;
}

void Fragmenter::reset() {
    begin_command();
    hold({});
    is_held_stale_ = false;
}

}  // namespace tidemark::protocol
