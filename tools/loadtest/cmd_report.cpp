#include "tools/loadtest/commands.hpp"
#include "tools/loadtest/report.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <memory>

namespace tidemark::tools {

namespace {

struct Options {
    std::vector<std::string> inputs;
    std::string output;
};

CommandResult<loadtest::Result> read_result(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file.is_open() || file.bad()) return could_not_run(path + ": can not be read");
    auto result = loadtest::decode_result(text);
    if (!result) return could_not_run(path + ": " + result.error());
    return std::move(*result);
}

CommandResult<void> run(const Options& options, Terminal& terminal) {
    std::vector<loadtest::Result> results;
    for (const std::string& path : options.inputs) {
        auto result = read_result(path);
        if (!result) return tl::unexpected(result.error());
        results.push_back(std::move(*result));
    }
    std::ofstream file(options.output, std::ios::binary | std::ios::trunc);
    file << loadtest::make_report(results);
    file.close();
    if (!file) return could_not_run(options.output + ": can not be written");
    terminal.out << fmt::format("{}: {} run{}\n", options.output, results.size(),
                                results.size() == 1 ? "" : "s");
    return {};
}

}  // namespace

void add_loadtest_report(CLI::App& loadtest, CommandContext& context) {
    auto* sub = loadtest.add_subcommand(
        "report", "Make one HTML file with charts of results; several are drawn over each other");
    auto options = std::make_shared<Options>();
    sub->add_option("RESULT", options->inputs, "Files that loadtest run --json wrote")
        ->required()
        ->type_name("JSON");
    sub->add_option("-o,--output", options->output, "The report")->required()->type_name("FILE");
    sub->callback([options, &context] { context.finish(run(*options, context.terminal)); });
}

}  // namespace tidemark::tools
