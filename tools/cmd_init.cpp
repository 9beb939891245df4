#include "tools/commands.hpp"
#include "tools/data_directory.hpp"
#include "tools/server_bridge.hpp"

#include <fmt/format.h>

#include <memory>

namespace tidemark::tools {

namespace {

struct InitArguments {
    std::string directory;
    std::string account;
};

CommandResult<void> run(const InitArguments& options, Terminal& terminal) {
    std::optional<FirstAccount> account;
    if (!options.account.empty()) {
        auto password = read_password(terminal, options.account);
        if (!password) return tl::unexpected(password.error());
        account = FirstAccount{options.account, std::move(*password)};
    }
    if (auto made = make_data_directory(options.directory); !made) return made;
    return fill_data_directory(options.directory, account);
}

}  // namespace

void add_init(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand(
        "init", "Make a data directory: store, configuration, self-signed certificate");
    auto options = std::make_shared<InitArguments>();
    sub->add_option("DIR", options->directory, "The directory; new or empty")->required();
    sub->add_option("--account", options->account,
                    "Also add this account; its password is read from the standard input");
    sub->callback([options, &context] { context.finish(run(*options, context.terminal)); });
}

}  // namespace tidemark::tools
