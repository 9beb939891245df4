#include "tools/loadtest/commands.hpp"
#include "tools/loadtest/load_options.hpp"
#include "tools/loadtest/report.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::tools {

namespace {

struct ReportArguments {
    std::vector<std::string> inputs;
    std::string output;
};

struct Inputs {
    std::vector<loadtest::Result> results;
    std::vector<loadtest::Comparison> comparisons;
};

CommandResult<void> read_input(const std::string& path, Inputs& inputs) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file.is_open() || file.bad()) return could_not_run(path + ": can not be read");
    if (loadtest::is_comparison(text)) {
        auto comparison = loadtest::decode_comparison(text);
        if (!comparison) return could_not_run(path + ": " + comparison.error());
        inputs.comparisons.push_back(std::move(*comparison));
        return {};
    }
    auto result = loadtest::decode_result(text);
    if (!result) return could_not_run(path + ": " + result.error());
    inputs.results.push_back(std::move(*result));
    return {};
}

std::string counted(std::size_t number, std::string_view what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

CommandResult<void> run(const ReportArguments& options, Terminal& terminal) {
    Inputs inputs;
    for (const std::string& path : options.inputs) {
        if (auto read = read_input(path, inputs); !read) return read;
    }
    auto written =
        write_file(options.output, loadtest::make_report(inputs.results, inputs.comparisons));
    if (!written) return written;
    terminal.out << options.output << ": " << counted(inputs.results.size(), "run");
    if (!inputs.comparisons.empty())
        terminal.out << ", " << counted(inputs.comparisons.size(), "comparison");
    terminal.out << '\n';
    return {};
}

}  // namespace

void add_loadtest_report(CLI::App& loadtest, CommandContext& context) {
    auto* sub = loadtest.add_subcommand(
        "report", "Make one HTML file with charts of results; several are drawn over each other");
    auto options = std::make_shared<ReportArguments>();
    sub->add_option("RESULT", options->inputs, "Files that --json of run or compare wrote")
        ->required()
        ->type_name("JSON");
    sub->add_option("-o,--output", options->output, "The report")->required()->type_name("FILE");
    sub->callback([options, &context] { context.finish(run(*options, context.terminal)); });
}

}  // namespace tidemark::tools
