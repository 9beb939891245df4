// Results as one HTML file with charts that loads nothing: the page of report/, uPlot and the
// results themselves in it. The page is made part of the program by report/embed.py.
#pragma once

#include "tools/loadtest/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::loadtest {

// The page up to and from the place of the results.
extern const std::string_view kReportBefore;
extern const std::string_view kReportAfter;

// The first result is the one whose machine is named; runs without a label are told apart by their
// server's address.
[[nodiscard]] std::string make_report(const std::vector<Result>& results);

}  // namespace tidemark::loadtest
