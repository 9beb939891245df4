#include "protocol/sequence_set.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace tidemark::protocol {

namespace {

constexpr std::uint32_t kNumberMax = std::numeric_limits<std::uint32_t>::max();

void append_number(std::string& out, std::uint32_t number) {
    char digits[10];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, end);
}

// True when `next` may not be a range of its own after `range`, which starts no later.
bool touches(const NumberRange& range, const NumberRange& next) {
    return range.last == kNumberMax || next.first <= range.last + 1;
}

// Appends a range that starts no earlier than the last one of `ranges`.
void append_merging(std::vector<NumberRange>& ranges, NumberRange range) {
    if (!ranges.empty() && touches(ranges.back(), range)) {
        ranges.back().last = std::max(ranges.back().last, range.last);
    } else {
        ranges.push_back(range);
    }
}

bool starts_before(const NumberRange& a, const NumberRange& b) {
    return a.first < b.first;
}

}  // namespace

RangeSet RangeSet::from_unsorted(std::vector<NumberRange> ranges) {
    if (!std::is_sorted(ranges.begin(), ranges.end(), starts_before)) {
        std::sort(ranges.begin(), ranges.end(), starts_before);
    }
    // Merges in place: the write position never passes the read position.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        if (kept > 0 && touches(ranges[kept - 1], ranges[i])) {
            ranges[kept - 1].last = std::max(ranges[kept - 1].last, ranges[i].last);
        } else {
            ranges[kept++] = ranges[i];
        }
    }
    ranges.resize(kept);
    RangeSet set;
    set.ranges_ = std::move(ranges);
    return set;
}

void RangeSet::add(std::uint32_t first, std::uint32_t last) {
    const NumberRange added{first, last};
    if (ranges_.empty() || ranges_.back().first <= first) {
        append_merging(ranges_, added);
        return;
    }
    // The first range that touches the added one or lies after it, and the first that lies wholly
    // after it.
    auto begin =
        std::partition_point(ranges_.begin(), ranges_.end(), [&](const NumberRange& range) {
            return range.last != kNumberMax && range.last + 1 < first;
        });
    auto end = std::partition_point(begin, ranges_.end(), [&](const NumberRange& range) {
        return last == kNumberMax || range.first <= last + 1;
    });
    if (begin == end) {
        ranges_.insert(begin, added);
        return;
    }
    begin->first = std::min(begin->first, first);
    begin->last = std::max((end - 1)->last, last);
    ranges_.erase(begin + 1, end);
}

void RangeSet::add(const RangeSet& other) {
    if (other.empty()) return;
    if (ranges_.empty() || ranges_.back().first <= other.ranges_.front().first) {
        for (const NumberRange& range : std::vector<NumberRange>(other.ranges_)) {
            append_merging(ranges_, range);
        }
        return;
    }
    std::vector<NumberRange> merged;
    merged.reserve(ranges_.size() + other.ranges_.size());
    auto a = ranges_.begin();
    auto b = other.ranges_.begin();
    while (a != ranges_.end() || b != other.ranges_.end()) {
        const bool take_a =
            b == other.ranges_.end() || (a != ranges_.end() && a->first <= b->first);
        append_merging(merged, take_a ? *a++ : *b++);
    }
    ranges_ = std::move(merged);
}

void RangeSet::remove(const RangeSet& other) {
    if (empty() || other.empty()) return;
    std::vector<NumberRange> left;
    auto hole = other.ranges_.begin();
    for (NumberRange range : ranges_) {
        while (hole != other.ranges_.end() && hole->last < range.first) ++hole;
        bool is_used_up = false;
        // A hole that reaches beyond the range stays current for the next one.
        for (auto inner = hole; inner != other.ranges_.end() && inner->first <= range.last;
             ++inner) {
            if (range.first < inner->first) left.push_back({range.first, inner->first - 1});
            if (inner->last >= range.last) {
                is_used_up = true;
                break;
            }
            range.first = inner->last + 1;
            hole = inner;
        }
        if (!is_used_up) left.push_back(range);
    }
    ranges_ = std::move(left);
}

bool RangeSet::contains(std::uint32_t number) const {
    const auto after = std::upper_bound(
        ranges_.begin(), ranges_.end(), number,
        [](std::uint32_t wanted, const NumberRange& range) { return wanted < range.first; });
    return after != ranges_.begin() && number <= (after - 1)->last;
}

RangeSet RangeSet::intersect(const RangeSet& other) const {
    RangeSet common;
    auto a = ranges_.begin();
    auto b = other.ranges_.begin();
    while (a != ranges_.end() && b != other.ranges_.end()) {
        const std::uint32_t first = std::max(a->first, b->first);
        const std::uint32_t last = std::min(a->last, b->last);
        // Pieces of disjoint, non-adjacent ranges are so as well.
        if (first <= last) common.ranges_.push_back({first, last});
        (a->last < b->last ? a : b)++;
    }
    return common;
}

bool RangeSet::intersects(const RangeSet& other) const {
    auto a = ranges_.begin();
    auto b = other.ranges_.begin();
    while (a != ranges_.end() && b != other.ranges_.end()) {
        if (std::max(a->first, b->first) <= std::min(a->last, b->last)) return true;
        (a->last < b->last ? a : b)++;
    }
    return false;
}

std::uint64_t RangeSet::size() const {
    std::uint64_t count = 0;
    for (const NumberRange& range : ranges_) count += range.size();
    return count;
}

void RangeSet::append_to(std::string& out) const {
    bool is_first = true;
    for (const NumberRange& range : ranges_) {
        if (!is_first) out += ',';
        is_first = false;
        append_number(out, range.first);
        if (range.last == range.first) continue;
        out += ':';
        append_number(out, range.last);
    }
}

std::string RangeSet::to_string() const {
    std::string text;
    append_to(text);
    return text;
}

namespace {

class SetReader {
  public:
    explicit SetReader(std::string_view text) : text_(text) {}

    // seq-number = nz-number / "*"
    bool read_number(std::uint32_t& number) {
        if (position_ < text_.size() && text_[position_] == '*') {
            ++position_;
            number = 0;
            return true;
        }
        const char* const begin = text_.data() + position_;
        const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
        if (error == std::errc::result_out_of_range) return fail(ParseErrorKind::out_of_range);
        if (error != std::errc{}) return fail(ParseErrorKind::syntax);
        // Also refuses "00" and "01": an nz-number starts with digit-nz.
        if (*begin == '0') return fail(ParseErrorKind::out_of_range);
        position_ += static_cast<std::size_t>(end - begin);
        return true;
    }
    bool accept(char c) {
        if (position_ >= text_.size() || text_[position_] != c) return false;
        ++position_;
        return true;
    }
    bool fail(ParseErrorKind kind) {
        error_ = {kind, static_cast<std::uint32_t>(position_), "sequence-set"};
        return false;
    }
    std::size_t position() const { return position_; }
    const ParseError& error() const { return error_; }

  private:
    std::string_view text_;
    std::size_t position_ = 0;
    ParseError error_;
};

}  // namespace

// RFC 9051 §9:
//   sequence-set    = (seq-number / seq-range) ["," sequence-set]
//   sequence-set    =/ seq-last-command
//   seq-last-command = "$"
//   seq-range       = seq-number ":" seq-number
// so that "$" can only stand last.
Result<SequenceSet> SequenceSet::parse_prefix(std::string_view& text) {
    SetReader reader(text);
    SequenceSet set;
    do {
        if (reader.accept('$')) {
            set.has_saved_result_ = true;
            break;
        }
        SequenceRange range;
        if (!reader.read_number(range.first)) return tl::unexpected(reader.error());
        range.last = range.first;
        if (reader.accept(':') && !reader.read_number(range.last)) {
            return tl::unexpected(reader.error());
        }
        if (set.ranges_.size() == kSequenceRangesMax) {
            (void)reader.fail(ParseErrorKind::too_many);
            return tl::unexpected(reader.error());
        }
        set.ranges_.push_back(range);
    } while (reader.accept(','));
    text.remove_prefix(reader.position());
    return set;
}

Result<SequenceSet> SequenceSet::parse(std::string_view text) {
    std::string_view rest = text;
    auto set = parse_prefix(rest);
    if (set && !rest.empty()) {
        return tl::unexpected(ParseError{ParseErrorKind::syntax,
                                         static_cast<std::uint32_t>(text.size() - rest.size()),
                                         "sequence-set"});
    }
    return set;
}

SequenceSet SequenceSet::saved_result() {
    SequenceSet set;
    set.has_saved_result_ = true;
    return set;
}

SequenceSet SequenceSet::of(std::vector<SequenceRange> ranges) {
    SequenceSet set;
    set.ranges_ = std::move(ranges);
    return set;
}

SequenceSet SequenceSet::of(const RangeSet& numbers) {
    SequenceSet set;
    set.ranges_.reserve(numbers.ranges().size());
    for (const NumberRange& range : numbers.ranges()) {
        set.ranges_.push_back({range.first, range.last});
    }
    return set;
}

bool SequenceSet::has_star() const {
    return std::any_of(ranges_.begin(), ranges_.end(),
                       [](const SequenceRange& range) { return range.has_star(); });
}

RangeSet SequenceSet::resolve(std::uint32_t max, const RangeSet* saved) const {
    std::vector<NumberRange> numbers;
    numbers.reserve(ranges_.size());
    for (const SequenceRange& range : ranges_) {
        if (range.has_star() && max == 0) continue;
        const std::uint32_t first = range.first == 0 ? max : range.first;
        const std::uint32_t last = range.last == 0 ? max : range.last;
        numbers.push_back({std::min(first, last), std::max(first, last)});
    }
    RangeSet resolved = RangeSet::from_unsorted(std::move(numbers));
    if (has_saved_result_ && saved != nullptr) resolved.add(*saved);
    return resolved;
}

bool SequenceSet::is_within(std::uint32_t count) const {
    return std::all_of(ranges_.begin(), ranges_.end(), [&](const SequenceRange& range) {
        return range.first <= count && range.last <= count && (count > 0 || !range.has_star());
    });
}

void SequenceSet::append_to(std::string& out) const {
    const auto append = [&](std::uint32_t number) {
        if (number == 0) {
            out += '*';
        } else {
            append_number(out, number);
        }
    };
    bool is_first = true;
    for (const SequenceRange& range : ranges_) {
        if (!is_first) out += ',';
        is_first = false;
        append(range.first);
        if (range.last == range.first) continue;
        out += ':';
        append(range.last);
    }
    if (has_saved_result_) out += is_first ? "$" : ",$";
}

std::string SequenceSet::to_string() const {
    std::string text;
    append_to(text);
    return text;
}

}  // namespace tidemark::protocol
