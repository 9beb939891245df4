#include "tools/accounts.hpp"
#include "tools/admin_client.hpp"
#include "tools/commands.hpp"
#include "tools/data_directory.hpp"

#include <nlohmann/json.hpp>

#include <memory>

namespace tidemark::tools {

namespace {

struct CtlArguments {
    std::string data;
    std::string admin;
    std::string method;
    std::string params;
};

CommandResult<void> run(const CtlArguments& options, Terminal& terminal) {
    using nlohmann::json;
    json params;
    if (!options.params.empty()) {
        params = json::parse(options.params, nullptr, false);
        if (!params.is_object() && !params.is_array()) {
            return tl::unexpected(
                CommandError{ExitCode::kUsage, "the parameters must be a JSON object or array"});
        }
    }
    auto client = AdminClient::connect(options.admin.empty() ? admin_socket_path(options.data)
                                                             : options.admin);
    if (!client) return tl::unexpected(to_command_error(client.error()));
    const auto notified = [&](const std::string& method, const json& its_params) {
        terminal.err << method << ' ' << its_params.dump() << '\n';
    };
    const auto result = client->call(options.method, params, notified);
    if (!result) return tl::unexpected(to_command_error(result.error()));
    terminal.out << result->dump(2) << '\n';
    return {};
}

}  // namespace

void add_ctl(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand("ctl", "Call a method of the running server's admin socket");
    auto options = std::make_shared<CtlArguments>();
    sub->add_option("METHOD", options->method,
                    "status, accounts, connections, log_level, reload, shutdown …")
        ->required();
    sub->add_option("JSON", options->params, "Its parameters, a JSON object or array");
    sub->add_option("--data", options->data, "The data directory")->required()->type_name("DIR");
    sub->add_option("--admin", options->admin, "The admin socket; else the directory's")
        ->type_name("PATH");
    sub->callback([options, &context] { context.finish(run(*options, context.terminal)); });
}

}  // namespace tidemark::tools
