#include "tools/accounts.hpp"
#include "tools/admin_client.hpp"
#include "tools/commands.hpp"
#include "tools/data_directory.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>

namespace tidemark::tools {

namespace {

using nlohmann::json;

struct Options {
    std::string data;
    std::string admin;
    bool json = false;
};

// One line a value, two levels deep: "connections" is followed by its members, indented. What lies
// deeper stays JSON.
std::string readable(const json& status) {
    std::string text;
    const auto value = [](const json& item) {
        return item.is_string() ? item.get<std::string>() : item.dump();
    };
    for (const auto& [name, item] : status.items()) {
        if (!item.is_object()) {
            text += fmt::format("{}: {}\n", name, value(item));
            continue;
        }
        text += name + ":\n";
        for (const auto& [inner_name, inner] : item.items()) {
            text += fmt::format("  {}: {}\n", inner_name, value(inner));
        }
    }
    return text;
}

CommandResult<void> run(const Options& options, Terminal& terminal) {
    auto client = AdminClient::connect(options.admin.empty() ? admin_socket_path(options.data)
                                                             : options.admin);
    if (!client) return tl::unexpected(to_command_error(client.error()));
    const auto status = client->call("status", nullptr);
    if (!status) return tl::unexpected(to_command_error(status.error()));
    terminal.out << (options.json || !status->is_object() ? status->dump() + "\n"
                                                          : readable(*status));
    return {};
}

}  // namespace

void add_status(CLI::App& app, CommandContext& context) {
    auto* sub = app.add_subcommand("status", "Tell how the running server is");
    auto options = std::make_shared<Options>();
    sub->add_option("--data", options->data, "The data directory")->required()->type_name("DIR");
    sub->add_option("--admin", options->admin, "The admin socket; else the directory's")
        ->type_name("PATH");
    sub->add_flag("--json", options->json, "As JSON, one line");
    sub->callback([options, &context] { context.finish(run(*options, context.terminal)); });
}

}  // namespace tidemark::tools
