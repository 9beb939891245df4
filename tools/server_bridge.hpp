// What the subcommands need of the server library; the only file of tools/ (with its .cpp) through
// which they reach it.
#pragma once

#include "protocol/secret_string.hpp"
#include "tools/accounts.hpp"
#include "tools/command_error.hpp"
#include "tools/config.hpp"
#include "tools/serve_flags.hpp"
#include "tools/terminal.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::tools {

struct ServeOptions {
    std::string data;
    Config config;  // file and flags together; relative paths are below `data` (see resolve_path)
    // For reading the configuration again on SIGHUP: load_config(data, config_file), then
    // apply_flags(flags, …).
    std::optional<std::string> config_file;
    ServeFlags flags;
};

// Where everything listens, with real ports: the one line of stdout that a script can wait for.
//     tidemark ready imap=127.0.0.1:1143 imaps=127.0.0.1:1993 lmtp=unix:/run/lmtp.sock
//     admin=/var/lib/t/admin.sock
// A name comes once for each of its addresses.
struct Listening {
    std::vector<std::string> imap;
    std::vector<std::string> imaps;
    std::vector<std::string> lmtp;
    std::string admin;
};
std::string ready_line(const Listening& listening);

// Runs until it is told to stop. Writes ready_line() to terminal.out once everything listens.
[[nodiscard]] CommandResult<void> serve(const ServeOptions& options, Terminal& terminal);

// In a directory that make_data_directory() made: certificate and key, an empty store, the first
// account.
struct FirstAccount {
    std::string name;
    protocol::SecretString password;
};
[[nodiscard]] CommandResult<void> fill_data_directory(const std::string& data,
                                                      const std::optional<FirstAccount>& account);

// Opens the store itself; kCouldNotRun when a server has it.
[[nodiscard]] CommandResult<std::unique_ptr<Accounts>> accounts_of_directory(
    const std::string& data);

enum class MailFormat { kMaildir, kMbox };
struct TransferOptions {
    std::string data;
    std::string account;
    MailFormat format = MailFormat::kMaildir;
    std::string path;  // the source of an import, the destination of an export
    std::optional<std::string>
        mailbox;  // import: where mail without a folder goes and folders begin; export: only this
};
[[nodiscard]] CommandResult<void> import_mail(const TransferOptions& options, Terminal& terminal);
[[nodiscard]] CommandResult<void> export_mail(const TransferOptions& options, Terminal& terminal);

}  // namespace tidemark::tools
