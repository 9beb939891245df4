// The table that imap_bench prints: a figure, its unit, what the design asks for, whether it is
// met.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::bench {

enum class Better { kLower, kHigher };

struct Target {
    double value = 0;
    Better better = Better::kLower;
};
inline Target at_most(double value) {
    return {value, Better::kLower};
}
inline Target at_least(double value) {
    return {value, Better::kHigher};
}

inline void print_row(std::string_view what, double value, std::string_view unit,
                      std::optional<Target> target = std::nullopt) {
    const auto number = [](double n) {
        return n < 100 ? fmt::format("{:.2f}", n) : fmt::format("{:.0f}", n);
    };
    std::string wanted;
    std::string_view met;
    if (target) {
        const bool lower = target->better == Better::kLower;
        wanted = fmt::format("{} {:g}", lower ? "<=" : ">=", target->value);
        met = (lower ? value <= target->value : value >= target->value) ? "met" : "MISSED";
    }
    fmt::print("{:<64} {:>10}  {:<12} {:<10} {}\n", what, number(value), unit, wanted, met);
    std::fflush(stdout);
}

}  // namespace tidemark::bench
