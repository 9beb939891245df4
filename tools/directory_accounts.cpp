// Accounts of a data directory that no server has open, and making such a directory.
#include "actors/account_admin.hpp"
#include "actors/auth/auth_error.hpp"
#include "actors/auth/password.hpp"
#include "actors/auth/password_import.hpp"
#include "actors/clock.hpp"
#include "actors/tls_context.hpp"
#include "storage/store.hpp"
#include "tools/config.hpp"
#include "tools/server_bridge.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace tidemark::tools {

namespace {

// Of the certificate that `init` makes. Long, because nobody renews it by itself; it is there so
// that the first start works, not to be trusted.
constexpr unsigned kSelfSignedDays = 3650;

CommandError to_command_error(const storage::StoreError& error) {
    switch (error.kind) {
        case storage::StoreErrorKind::kNotFound:
        case storage::StoreErrorKind::kExists:
        case storage::StoreErrorKind::kLimit:
            return {ExitCode::kNo, error.detail};
        default:
            return {ExitCode::kCouldNotRun, error.detail};
    }
}

CommandResult<std::unique_ptr<storage::Store>> open_store(const std::string& data, bool create) {
    storage::StoreOptions options;
    options.create_if_missing = create;
    auto store = storage::Store::open(data, options, storage::posix_file_system());
    if (!store) return could_not_run(store.error().detail);
    return std::move(*store);
}

CommandResult<std::string> stored_form(const protocol::SecretString& password) {
    auto credentials = actors::make_credentials(password.view());
    if (!credentials) return refuse("the password is empty or contains what no password may");
    return actors::stored_password_text(*credentials);
}

class DirectoryAccounts final : public Accounts {
  public:
    explicit DirectoryAccounts(std::unique_ptr<storage::Store> store) : store_(std::move(store)) {}
    ~DirectoryAccounts() override { (void)store_->close(); }

    CommandResult<void> add(const std::string& name,
                            const protocol::SecretString& password) override {
        auto stored = stored_form(password);
        if (!stored) return tl::unexpected(stored.error());
        return add_stored(name, std::move(*stored));
    }

    CommandResult<void> set_password(const std::string& name,
                                     const protocol::SecretString& password) override {
        auto stored = stored_form(password);
        if (!stored) return tl::unexpected(stored.error());
        return change_stored(name, std::move(*stored));
    }

    CommandResult<void> remove(const std::string& name) override {
        if (auto done = actors::remove_account(*store_, name); !done)
            return tl::unexpected(to_command_error(done.error()));
        return {};
    }

    CommandResult<std::vector<AccountSummary>> list() override {
        auto records = store_->accounts();
        if (!records) return tl::unexpected(to_command_error(records.error()));
        std::vector<AccountSummary> accounts;
        for (const storage::AccountRecord& record : *records) {
            const auto loaded = store_->load_account(record.id);
            if (!loaded) return tl::unexpected(to_command_error(loaded.error()));
            accounts.push_back({record.name, record.enabled, loaded->counters.used_messages,
                                loaded->counters.used_bytes, record.quota_bytes});
        }
        std::sort(accounts.begin(), accounts.end(),
                  [](const auto& a, const auto& b) { return a.name < b.name; });
        return accounts;
    }

    CommandResult<void> import_line(std::string_view line) override {
        auto account = actors::parse_import_line(line);
        if (!account) return refuse("the line is not NAME:PASSWORD or NAME:{SCHEME}HASH");
        if (!*account) return {};
        std::string stored = actors::stored_password_text((*account)->password);
        if (store_->find_account((*account)->name))
            return change_stored((*account)->name, std::move(stored));
        return add_stored((*account)->name, std::move(stored));
    }

  private:
    CommandResult<void> add_stored(const std::string& name, std::string credentials) {
        actors::NewAccount account;
        account.name = name;
        account.credentials = std::move(credentials);
        auto added =
            actors::add_account(*store_, account, actors::SystemClock().wall_microseconds());
        if (!added) return tl::unexpected(to_command_error(added.error()));
        return {};
    }

    CommandResult<void> change_stored(const std::string& name, std::string credentials) {
        auto done =
            actors::change_account(*store_, name, [&credentials](storage::AccountRecord& record) {
                record.credentials = std::move(credentials);
            });
        if (!done) return tl::unexpected(to_command_error(done.error()));
        return {};
    }

    std::unique_ptr<storage::Store> store_;
};

CommandResult<void> write_private_file(const std::string& path, std::string_view text) {
    const int descriptor =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor < 0) return could_not_use(path, errno);
    const bool well =
        ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(descriptor) == 0;
    const int error = errno;
    ::close(descriptor);
    if (!well) return could_not_use(path, error);
    return {};
}

CommandResult<void> make_certificate(const std::string& data) {
    const Config::Tls paths;
    const std::string directory = resolve_path(data, "tls");
    if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return could_not_use(directory, errno);
    }
    std::vector<std::string> names;
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0')
        names.emplace_back(host.data());
    for (const char* local : {"localhost", "127.0.0.1", "::1"}) {
        if (std::find(names.begin(), names.end(), local) == names.end()) names.emplace_back(local);
    }
    // From a day ago on: the clocks of clients are not all right.
    const std::int64_t yesterday =
        actors::SystemClock().wall_microseconds() / 1'000'000 - std::int64_t{24} * 3600;
    auto pem = actors::make_self_signed(std::move(names), yesterday, kSelfSignedDays);
    if (!pem) return could_not_run(pem.error().text());
    if (auto key = write_private_file(resolve_path(data, paths.key), pem->key); !key) return key;
    return write_private_file(resolve_path(data, paths.certificate), pem->certificate);
}

}  // namespace

CommandResult<void> fill_data_directory(const std::string& data,
                                        const std::optional<FirstAccount>& account) {
    if (auto made = make_certificate(data); !made) return made;
    auto store = open_store(data, true);
    if (!store) return tl::unexpected(store.error());
    DirectoryAccounts accounts(std::move(*store));
    if (!account) return {};
    return accounts.add(account->name, account->password);
}

CommandResult<std::unique_ptr<Accounts>> accounts_of_directory(const std::string& data) {
    auto store = open_store(data, false);
    if (!store) return tl::unexpected(store.error());
    return std::make_unique<DirectoryAccounts>(std::move(*store));
}

}  // namespace tidemark::tools
