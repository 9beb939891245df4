#include "tools/accounts.hpp"

#include "tools/data_directory.hpp"
#include "tools/server_bridge.hpp"

#include <fmt/format.h>

#include <utility>

namespace tidemark::tools {

namespace {

using nlohmann::json;

class ServerAccounts final : public Accounts {
  public:
    explicit ServerAccounts(AdminClient client) : client_(std::move(client)) {}

    CommandResult<void> add(const std::string& name,
                            const protocol::SecretString& password) override {
        return call("account_add", {{"name", name}, {"password", password.view()}});
    }
    CommandResult<void> set_password(const std::string& name,
                                     const protocol::SecretString& password) override {
        return call("account_passwd", {{"name", name}, {"password", password.view()}});
    }
    CommandResult<void> remove(const std::string& name) override {
        return call("account_remove", {{"name", name}});
    }
    CommandResult<std::vector<AccountSummary>> list() override {
        auto result = client_.call("accounts", nullptr);
        if (!result) return tl::unexpected(to_command_error(result.error()));
        std::vector<AccountSummary> accounts;
        if (!result->is_array()) return could_not_run("the server's list of accounts is not one");
        for (const json& item : *result) {
            if (!item.is_object()) return could_not_run("the server's list of accounts is not one");
            AccountSummary account;
            account.name = item.value("name", "");
            account.enabled = item.value("enabled", true);
            account.messages = item.value("messages", std::uint64_t{0});
            account.bytes = item.value("bytes", std::uint64_t{0});
            account.quota_bytes = item.value("quota_bytes", std::uint64_t{0});
            accounts.push_back(std::move(account));
        }
        return accounts;
    }
    CommandResult<void> import_line(std::string_view line) override {
        return call("account_import", {{"line", line}});
    }

  private:
    CommandResult<void> call(const std::string& method, const json& params) {
        const auto result = client_.call(method, params);
        if (!result) return tl::unexpected(to_command_error(result.error()));
        return {};
    }

    AdminClient client_;
};

}  // namespace

CommandError to_command_error(const AdminError& error) {
    return {error.kind == AdminErrorKind::kRemote ? ExitCode::kNo : ExitCode::kCouldNotRun,
            error.text};
}

std::unique_ptr<Accounts> accounts_of_server(AdminClient client) {
    return std::make_unique<ServerAccounts>(std::move(client));
}

CommandResult<std::unique_ptr<Accounts>> open_accounts(const std::string& data,
                                                       const std::string& admin_socket) {
    auto client =
        AdminClient::connect(admin_socket.empty() ? admin_socket_path(data) : admin_socket);
    if (client) return accounts_of_server(std::move(*client));
    if (client.error().kind != AdminErrorKind::kNoServer)
        return tl::unexpected(to_command_error(client.error()));
    return accounts_of_directory(data);
}

}  // namespace tidemark::tools
