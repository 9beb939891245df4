#include "tools/loadtest/user_pattern.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace tidemark::loadtest {

namespace {

// More accounts than any server has; keeps first + size from overflowing.
constexpr std::uint64_t kNumberMax = 1'000'000'000'000;

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
    return value <= kNumberMax ? std::optional(value) : std::nullopt;
}

}  // namespace

tl::expected<UserPattern, std::string> UserPattern::parse(std::string_view text) {
    UserPattern pattern;
    pattern.text_ = text;
    if (text.empty()) return tl::unexpected(std::string("the pattern of the users is empty"));
    const auto open = text.find('{');
    if (open == std::string_view::npos) {
        pattern.before_ = text;
        return pattern;
    }
    const auto wrong = [text] {
        return tl::unexpected(
            fmt::format("\"{}\" is no pattern of users; write one like u{{1..1000}}", text));
    };
    const auto close = text.find('}', open);
    if (close == std::string_view::npos || text.find('{', open + 1) != std::string_view::npos)
        return wrong();
    const std::string_view range = text.substr(open + 1, close - open - 1);
    const auto dots = range.find("..");
    if (dots == std::string_view::npos) return wrong();
    const auto first = number(range.substr(0, dots));
    const auto last = number(range.substr(dots + 2));
    if (!first || !last || *first > *last) return wrong();
    pattern.before_ = text.substr(0, open);
    pattern.after_ = text.substr(close + 1);
    pattern.has_number_ = true;
    pattern.first_ = *first;
    pattern.last_ = *last;
    if (range.starts_with('0') && dots > 1) pattern.digits_ = dots;
    return pattern;
}

std::string UserPattern::name(std::uint64_t index) const {
    if (!has_number_) return before_;
    return fmt::format("{}{:0{}}{}", before_, first_ + index, digits_, after_);
}

}  // namespace tidemark::loadtest
