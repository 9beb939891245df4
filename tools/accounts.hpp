// Working on a server's accounts, wherever they can be reached: through the admin socket while a
// server runs, else in the data directory itself. Blocking, one thread.
#pragma once

#include "protocol/secret_string.hpp"
#include "tools/admin_client.hpp"
#include "tools/command_error.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::tools {

struct AccountSummary {
    std::string name;
    bool enabled = true;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::uint64_t quota_bytes = 0;  // 0: none
};

class Accounts {
  public:
    virtual ~Accounts() = default;
    // kNo: exists already, the name is no account name, there is no such account.
    [[nodiscard]] virtual CommandResult<void> add(const std::string& name,
                                                  const protocol::SecretString& password) = 0;
    [[nodiscard]] virtual CommandResult<void> set_password(
        const std::string& name, const protocol::SecretString& password) = 0;
    [[nodiscard]] virtual CommandResult<void> remove(const std::string& name) = 0;
    // By name.
    [[nodiscard]] virtual CommandResult<std::vector<AccountSummary>> list() = 0;
    // One line NAME:PASSWORD or NAME:{SCHEME}HASH; an account that exists gets the password.
    [[nodiscard]] virtual CommandResult<void> import_line(std::string_view line) = 0;
};

// Calls account_add {name, password}, account_passwd {name, password}, account_remove {name},
// accounts and account_import {line}.
std::unique_ptr<Accounts> accounts_of_server(AdminClient client);

// The server said no: kNo. It could not be asked: kCouldNotRun.
CommandError to_command_error(const AdminError& error);

// Through the server if one runs, else directly. `admin_socket` empty: the directory's.
[[nodiscard]] CommandResult<std::unique_ptr<Accounts>> open_accounts(
    const std::string& data, const std::string& admin_socket);

}  // namespace tidemark::tools
