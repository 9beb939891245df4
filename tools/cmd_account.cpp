#include "tools/accounts.hpp"
#include "tools/commands.hpp"
#include "tools/config.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <fstream>
#include <memory>
#include <system_error>

namespace tidemark::tools {

namespace {

struct AccountArguments {
    std::string data;
    std::string admin;
    std::string name;
    std::string file;
    bool json = false;
};

CommandResult<void> with_password(
    const AccountArguments& options, Terminal& terminal,
    CommandResult<void> (Accounts::*action)(const std::string&, const protocol::SecretString&)) {
    auto password = read_password(terminal, options.name);
    if (!password) return tl::unexpected(password.error());
    auto accounts = open_accounts(options.data, options.admin);
    if (!accounts) return tl::unexpected(accounts.error());
    return ((**accounts).*action)(options.name, *password);
}

CommandResult<void> run_add(const AccountArguments& options, Terminal& terminal) {
    return with_password(options, terminal, &Accounts::add);
}

CommandResult<void> run_passwd(const AccountArguments& options, Terminal& terminal) {
    return with_password(options, terminal, &Accounts::set_password);
}

CommandResult<void> run_remove(const AccountArguments& options, Terminal&) {
    auto accounts = open_accounts(options.data, options.admin);
    if (!accounts) return tl::unexpected(accounts.error());
    return (*accounts)->remove(options.name);
}

CommandResult<void> run_list(const AccountArguments& options, Terminal& terminal) {
    auto accounts = open_accounts(options.data, options.admin);
    if (!accounts) return tl::unexpected(accounts.error());
    auto list = (*accounts)->list();
    if (!list) return tl::unexpected(list.error());
    for (const AccountSummary& account : *list) {
        if (options.json) {
            const nlohmann::ordered_json line = {{"name", account.name},
                                                 {"enabled", account.enabled},
                                                 {"messages", account.messages},
                                                 {"bytes", account.bytes},
                                                 {"quota_bytes", account.quota_bytes}};
            terminal.out << line.dump() << '\n';
        } else {
            terminal.out << fmt::format("{}\t{} messages\t{} bytes{}\n", account.name,
                                        account.messages, account.bytes,
                                        account.enabled ? "" : "\tdisabled");
        }
    }
    return {};
}

CommandResult<void> run_import(const AccountArguments& options, Terminal& terminal) {
    std::ifstream file(options.file);
    if (!file) {
        return could_not_use(options.file, errno);
    }
    auto accounts = open_accounts(options.data, options.admin);
    if (!accounts) return tl::unexpected(accounts.error());
    std::size_t number = 0;
    std::size_t refused = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (line.ends_with('\r')) line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        const auto done = (*accounts)->import_line(line);
        protocol::wipe(line);
        if (done) continue;
        if (done.error().exit != ExitCode::kNo) return done;
        // One bad line does not keep the others out.
        terminal.err << fmt::format("{}:{}: {}\n", options.file, number, done.error().text);
        ++refused;
    }
    if (refused > 0) return refuse(fmt::format("{} of {} lines were refused", refused, number));
    return {};
}

}  // namespace

void add_account(CLI::App& app, CommandContext& context) {
    auto* account = app.add_subcommand("account", "Add, change, remove, list and import accounts");
    account->require_subcommand(1);
    auto options = std::make_shared<AccountArguments>();
    account->add_option("--data", options->data, "The data directory")
        ->required()
        ->type_name("DIR");
    account->add_option("--admin", options->admin, "The admin socket; else the directory's")
        ->type_name("PATH");

    using Run = CommandResult<void> (*)(const AccountArguments&, Terminal&);
    const auto add = [&](const char* name, const char* purpose, Run run) {
        auto* sub = account->add_subcommand(name, purpose);
        sub->fallthrough();  // so that --data may come behind
        sub->callback(
            [options, run, &context] { context.finish(run(*options, context.terminal)); });
        return sub;
    };
    const auto add_named = [&](const char* name, const char* purpose, Run run) {
        add(name, purpose, run)->add_option("NAME", options->name, "The account")->required();
    };
    add_named("add", "Add an account; its password is read from the standard input", run_add);
    add_named("passwd", "Set a password, read from the standard input", run_passwd);
    add_named("remove", "Remove an account and all its mail", run_remove);
    add("list", "List the accounts", run_list)
        ->add_flag("--json", options->json, "One JSON object a line");
    add("import", "Add the accounts of a file of lines NAME:PASSWORD or NAME:{SCHEME}HASH",
        run_import)
        ->add_option("FILE", options->file, "The file")
        ->required();
}

}  // namespace tidemark::tools
