#include "protocol/message/substring_matcher.hpp"

#include "protocol/message/ascii.hpp"
#include "protocol/message/casemap.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace tidemark::protocol::message {
namespace {

/// Sixteen bytes at a time, on any processor (a clang and gcc extension).
using Lanes = std::uint8_t __attribute__((vector_size(16)));
constexpr std::size_t kLanes = sizeof(Lanes);

Lanes load_lower(const char* bytes) {
    Lanes lanes;
    std::memcpy(&lanes, bytes, sizeof(lanes));
    return lanes | 0x20;
}

bool any(Lanes mask) {
    std::uint64_t halves[2];
    std::memcpy(halves, &mask, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

bool equals_mapped(const char* text, std::string_view needle) {
    return std::equal(needle.begin(), needle.end(), text,
                      [](char wanted, char c) { return wanted == to_upper(c); });
}

/// Bytes of a UTF-8 sequence at the end of `text` that may go on in the next piece.
std::size_t incomplete_suffix_size(std::string_view text) {
    for (std::size_t size = 1; size <= 3 && size <= text.size(); ++size) {
        const auto byte = static_cast<unsigned char>(text[text.size() - size]);
        if (byte >= 0xC0) {
            const std::size_t wanted = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
            return size < wanted ? size : 0;
        }
        if (byte < 0x80) {
            return 0;
        }
    }
    return 0;
}

}  // namespace

SubstringMatcher::SubstringMatcher(std::string_view needle)
    : needle_(casemapped(needle)), is_ascii_(ascii_prefix_size(needle_) == needle_.size()) {}

bool SubstringMatcher::matches(std::string_view text) const {
    Scan scan(*this);
    scan.feed(text);
    return scan.finish();
}

bool SubstringMatcher::find_mapped(std::string_view mapped) const {
    // memmem is linear also where the text nearly matches everywhere; std::string_view::find is
    // not.
    return memmem(mapped.data(), mapped.size(), needle_.data(), needle_.size()) != nullptr;
}

/// Compares the first and the last byte of the needle at sixteen places at once, then the whole
/// where both fit.
bool SubstringMatcher::find_in_ascii(std::string_view text) const {
    const std::size_t size = needle_.size();
    if (text.size() < size) {
        return false;
    }
    const auto first = static_cast<std::uint8_t>(needle_.front() | 0x20);
    const auto last = static_cast<std::uint8_t>(needle_.back() | 0x20);
    const std::size_t places = text.size() - size + 1;
    std::size_t work_left = 4 * text.size() + 4 * size;
    std::size_t i = 0;
    while (i < places) {
        std::size_t end = i + 1;
        if (places - i >= kLanes) {
            const Lanes fits = (load_lower(text.data() + i) == first) &
                               (load_lower(text.data() + i + size - 1) == last);
            end = i + kLanes;
            if (!any(fits)) {
                i = end;
                continue;
            }
        }
        for (; i < end; ++i) {
            if ((static_cast<std::uint8_t>(text[i]) | 0x20) != first ||
                (static_cast<std::uint8_t>(text[i + size - 1]) | 0x20) != last) {
                continue;
            }
            if (equals_mapped(text.data() + i, needle_)) {
                return true;
            }
            if (work_left < size) {
                // The text nearly matches everywhere: what is left is mapped and searched in linear
                // time.
                return find_mapped(casemapped(text.substr(i)));
            }
            work_left -= size;
        }
    }
    return false;
}

void SubstringMatcher::Scan::restart() {
    tail_.clear();
    incomplete_.clear();
}

bool SubstringMatcher::Scan::feed(std::string_view piece) {
    if (found_ || piece.empty()) {
        return found_;
    }
    std::string joined;
    if (!incomplete_.empty()) {
        joined = incomplete_;
        joined.append(piece);
        incomplete_.clear();
        piece = joined;
    }
    const std::size_t held_back = incomplete_suffix_size(piece);
    incomplete_ = piece.substr(piece.size() - held_back);
    piece.remove_suffix(held_back);
    feed_whole(piece);
    return found_;
}

bool SubstringMatcher::Scan::finish() {
    if (!found_ && !incomplete_.empty()) {
        const std::string rest = std::exchange(incomplete_, {});
        feed_whole(rest);
    }
    return found_;
}

void SubstringMatcher::Scan::feed_whole(std::string_view piece) {
    const std::string& needle = matcher_->needle_;
    const std::size_t overlap = needle.size() - 1;
    if (ascii_prefix_size(piece) == piece.size()) {
        // The needle may begin in what came before and end in the first bytes of the piece.
        append_casemapped(piece.substr(0, overlap), tail_);
        found_ =
            matcher_->find_mapped(tail_) || (matcher_->is_ascii_ && matcher_->find_in_ascii(piece));
        if (piece.size() > overlap) {
            tail_.clear();
            append_casemapped(piece.substr(piece.size() - overlap), tail_);
        }
    } else {
        append_casemapped(piece, tail_);
        found_ = matcher_->find_mapped(tail_);
    }
    if (tail_.size() > overlap) {
        tail_.erase(0, tail_.size() - overlap);
    }
}

}  // namespace tidemark::protocol::message
