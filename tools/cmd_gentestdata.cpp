#include "tools/commands.hpp"
#include "tools/testdata/generate.hpp"

#include <fmt/format.h>

#include <memory>

namespace tidemark::tools {

void add_gentestdata(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand(
        "gentestdata", "Make a data directory with one of everything that can be stored");
    sub->footer(fmt::format(
        "The same seed and numbers give the same content (see `tidemark dump`) on every machine. "
        "Every account's\npassword is \"{}\": not for a server that strangers can reach.",
        testdata::kPassword));
    auto options = std::make_shared<testdata::GenerateOptions>();
    sub->add_option("DIR", options->directory, "The directory; new or empty")->required();
    sub->add_option("--seed", options->seed, "Other mail for another number")
        ->capture_default_str();
    sub->add_option("--accounts", options->accounts, "How many accounts")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    sub->add_option("--messages", options->messages, "How many messages come to each account")
        ->check(CLI::Range(0, 500'000))
        ->capture_default_str();
    sub->callback([options, &context] { context.finish(testdata::generate(*options)); });
}

}  // namespace tidemark::tools
