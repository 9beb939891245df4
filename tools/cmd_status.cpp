#include "tools/accounts.hpp"
#include "tools/admin_client.hpp"
#include "tools/commands.hpp"
#include "tools/data_directory.hpp"

#include <nlohmann/json.hpp>

#include <memory>

namespace tidemark::tools {

namespace {

using nlohmann::json;

struct StatusArguments {
    std::string data;
    std::string admin;
    bool json = false;
};

// One line a value: "connections:" is followed by its members, indented, and so on below; what is
// not there is "none". Lists stay JSON.
void append_readable(std::string& text, const json& values, std::size_t depth) {
    for (const auto& [name, item] : values.items()) {
        text.append(2 * depth, ' ').append(name).append(":");
        if (item.is_object() && !item.empty()) {
            text += '\n';
            append_readable(text, item, depth + 1);
            continue;
        }
        const bool is_none = item.is_null() || (item.is_object() && item.empty());
        text.append(" ")
            .append(is_none            ? "none"
                    : item.is_string() ? item.get<std::string>()
                                       : item.dump())
            .append("\n");
    }
}

std::string readable(const json& status) {
    std::string text;
    append_readable(text, status, 0);
    return text;
}

CommandResult<void> run(const StatusArguments& options, Terminal& terminal) {
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
    auto options = std::make_shared<StatusArguments>();
    sub->add_option("--data", options->data, "The data directory")->required()->type_name("DIR");
    sub->add_option("--admin", options->admin, "The admin socket; else the directory's")
        ->type_name("PATH");
    sub->add_flag("--json", options->json, "As JSON, one line");
    sub->callback([options, &context] { context.finish(run(*options, context.terminal)); });
}

}  // namespace tidemark::tools
