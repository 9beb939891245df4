// Results as one HTML file with charts that loads nothing: the page of report/, uPlot and the
// results themselves in it. The page is made part of the program by report/embed.py.
#pragma once

#include "tools/loadtest/comparison.hpp"
#include "tools/loadtest/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::loadtest {

// The page up to and from the place of the results.
extern const std::string_view kReportBefore;
extern const std::string_view kReportAfter;

// Results are drawn over each other; runs without a label are told apart by their server's address.
// Of a comparison's pairs the typical one is drawn for each scenario, its measures are from all.
[[nodiscard]] std::string make_report(const std::vector<Result>& results,
                                      const std::vector<Comparison>& comparisons = {});

}  // namespace tidemark::loadtest
