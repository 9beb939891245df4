// What comparing two servers found, as values, as JSON and as tables.
//
// The file is one object:
//
//   comparison  1, the format
//   version     of the program that measured
//   start       when it began
//   a, b        what the two servers are called
//   machine     as in a result (result.hpp)
//   notes       [text...], may be absent: what a reader must know of all of it
//   scenarios   [{name, description, headline, ok, reasons: [text...],
//                 target: {floor, aim}, may be absent: what the first measure's ratio should be,
//                 pairs: [{a: result, b: result}...],
//                 measures: [{name, unit, more_is_better, a: [value...], b: [value...],
//                             a_median, b_median, ratio: {median, least, most}}...]}]
//
// A ratio says how many times better `b` is: the cost on `a` divided by the cost on `b`, pair by
// pair, and for what is better when it is more, the other way round. Results whose answers were
// wrong are among the pairs, and the scenario is then not ok.
#pragma once

#include "tools/loadtest/result.hpp"

#include <tl/expected.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::loadtest {

inline constexpr unsigned kComparisonFormat = 1;
// Fewer pairs are measured when asked for, but the table says so.
inline constexpr std::size_t kPairsWanted = 5;

struct Spread {
    double median = 0;
    double least = 0;
    double most = 0;
};
// The middle one of `values`, or of the two in the middle their mean; 0 without values.
[[nodiscard]] double median_of(std::vector<double> values);
[[nodiscard]] Spread spread_of(const std::vector<double>& values);

struct Measure {
    std::string name;  // "FETCH FLAGS p50"
    std::string unit;  // "us", "/s", "bytes"
    bool more_is_better = false;
    std::vector<double> a;  // one of each pair
    std::vector<double> b;
    double a_median = 0;
    double b_median = 0;
    Spread ratio;
};

struct Pair {
    Result a;
    Result b;
};

// Of the ratio of the first measure.
struct Target {
    double floor = 0;
    double aim = 0;
};

struct ComparedScenario {
    std::string name;
    std::string description;
    std::string headline;  // the name of the measure to put first; may be empty
    bool ok = true;
    std::vector<std::string> reasons;
    std::optional<Target> target;
    std::vector<Pair> pairs;
    std::vector<Measure> measures;

    // Fills `measures` with what every one of the pairs has. First the headline; without one, or
    // where the pairs lack it, what says most: figures of other programs, then operations a second
    // (last in open loop, where the rate was given), processor time, memory, latencies.
    void measure();
    // The pair whose ratio of the first measure is in the middle; there is at least one pair.
    const Pair& typical_pair() const;
};

struct Comparison {
    std::string version;
    std::string start;
    std::string a;
    std::string b;
    Machine machine;
    std::vector<std::string> notes;
    std::vector<ComparedScenario> scenarios;

    bool ok() const;
};

[[nodiscard]] std::string encode_comparison(const Comparison& comparison);
// The error is a sentence.
[[nodiscard]] tl::expected<Comparison, std::string> decode_comparison(std::string_view text);
// Whether a file holds a comparison and not a result, as far as its first member tells.
[[nodiscard]] bool is_comparison(std::string_view text);

// For a terminal, and as Markdown.
[[nodiscard]] std::string comparison_table(const Comparison& comparison);
[[nodiscard]] std::string comparison_markdown(const Comparison& comparison);
// "1.25 ms", "640 KiB", "1,204 /s".
[[nodiscard]] std::string figure_text(double value, std::string_view unit);

}  // namespace tidemark::loadtest
