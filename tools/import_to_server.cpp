// An import into a running server, through its admin socket (mail.append). One batch at a time; its
// bytes go through a file in DIR/imports that only lives as long as the call.
#include "actors/auth/account_name.hpp"
#include "actors/special_use.hpp"
#include "tools/accounts.hpp"
#include "tools/admin_client.hpp"
#include "tools/config.hpp"
#include "tools/import_target.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace tidemark::tools {

namespace {

using nlohmann::json;

constexpr std::string_view kBatchPrefix = "batch-";

// Removes what killed processes left; files of living ones are locked.
void remove_left_batches(const std::string& directory) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
        if (!entry.path().filename().string().starts_with(kBatchPrefix)) continue;
        const int descriptor = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (descriptor < 0) continue;
        if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
        ::close(descriptor);
    }
}

// A file in DIR/imports, removed with this.
class BatchFile {
  public:
    explicit BatchFile(const std::string& data)
        : name_(fmt::format("{}{}", kBatchPrefix, ::getpid())),
          path_(resolve_path(data, "imports/" + name_)) {
        struct stat status{};
        do {  // until it is not one that another process has just removed as left
            if (descriptor_ >= 0) ::close(descriptor_);
            descriptor_ =
                ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                       S_IRUSR | S_IWUSR);
            if (descriptor_ < 0 || ::flock(descriptor_, LOCK_EX) != 0 ||
                ::fstat(descriptor_, &status) != 0) {
                error_ = errno;
                return;
            }
        } while (status.st_nlink == 0);
        // Root may import into a server of another user, which has to be able to read it.
        if (::geteuid() == 0 && ::stat(data.c_str(), &status) == 0 &&
            ::fchown(descriptor_, status.st_uid, status.st_gid) != 0)
            error_ = errno;
    }
    ~BatchFile() {
        if (descriptor_ < 0) return;
        ::unlink(path_.c_str());
        ::close(descriptor_);
    }
    BatchFile(const BatchFile&) = delete;
    BatchFile& operator=(const BatchFile&) = delete;

    const std::string& name() const { return name_; }
    CommandResult<void> write(std::string_view bytes) {
        if (error_ != 0) return could_not_use(path_, error_);
        while (!bytes.empty()) {
            const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return could_not_use(path_, errno);
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        return {};
    }

  private:
    std::string name_;
    std::string path_;
    int descriptor_ = -1;
    int error_ = 0;
};

json flag_list(const MailFlags& flags) {
    auto list = json::array();
    if (flags.seen) list.push_back("\\Seen");
    if (flags.answered) list.push_back("\\Answered");
    if (flags.flagged) list.push_back("\\Flagged");
    if (flags.deleted) list.push_back("\\Deleted");
    if (flags.draft) list.push_back("\\Draft");
    for (const std::string& keyword : flags.keywords) list.push_back(keyword);
    return list;
}

class ServerTarget final : public ImportTarget {
  public:
    ServerTarget(AdminClient client, std::string data, std::string account, std::uint64_t id)
        : client_(std::move(client)),
          data_(std::move(data)),
          account_(std::move(account)),
          id_(id) {
        remove_left_batches(resolve_path(data_, "imports"));
    }

    std::uint64_t account_id() const override { return id_; }

    CommandResult<std::vector<std::pair<std::string, std::uint64_t>>> mailboxes() override {
        auto list = call("mailboxes.list", {{"account", account_}});
        if (!list) return tl::unexpected(list.error());
        std::vector<std::pair<std::string, std::uint64_t>> found;
        for (const json& item : *list) {
            if (item.is_object())
                found.emplace_back(item.value("name", ""), item.value("messages", 0U));
        }
        return found;
    }

    CommandResult<std::vector<std::string>> keywords(const std::string& mailbox) override {
        auto list = call("mailboxes.list", {{"account", account_}});
        if (!list) return tl::unexpected(list.error());
        std::vector<std::string> keywords;
        for (const json& item : *list) {
            if (!item.is_object() || item.value("name", "") != mailbox) continue;
            for (const json& keyword : item.value("keywords", json::array())) {
                if (keyword.is_string()) keywords.push_back(keyword.get<std::string>());
            }
        }
        return keywords;
    }

    // The server numbers the bodies, so an unfinished batch can not be found again: a run that was
    // killed within a call leaves at most this one batch to be brought in twice.
    CommandResult<bool> holds(const ImportMark&) override { return false; }

    CommandResult<void> create(const std::string& mailbox) override {
        return told(
            call("mail.append",
                 {{"account", account_}, {"mailbox", mailbox}, {"messages", json::array()}}));
    }

    CommandResult<void> make(const actors::NewMailbox& mailbox) override {
        return told(call("mailboxes.create",
                         {{"account", account_},
                          {"mailbox", mailbox.name},
                          {"special_use", actors::special_use_name(mailbox.special_use)},
                          {"subscribed", mailbox.subscribed}}));
    }
    CommandResult<void> subscribe(const std::string& name) override {
        return told(call("mailboxes.subscribe", {{"account", account_}, {"mailbox", name}}));
    }

    CommandResult<void> put(std::unique_ptr<ImportBatch> batch, ImportLedger& ledger) override {
        BatchFile file(data_);
        auto messages = json::array();
        for (const MailMessage& message : batch->messages) {
            if (auto done = file.write(message.bytes); !done) return done;
            json item = {{"bytes", message.bytes.size()},
                         {"internal_date", message.unix_seconds},
                         {"flags", flag_list(message.flags)}};
            if (message.zone_minutes != 0) item["zone"] = message.zone_minutes;
            messages.push_back(std::move(item));
        }
        const ImportMark mark{0, batch->messages.front().bytes.size(),
                              batch->messages.front().unix_seconds, batch->mailbox};
        if (auto done = ledger.announce(mark, batch->keys); !done) return done;
        auto done = told(call("mail.append", {{"account", account_},
                                              {"mailbox", batch->mailbox},
                                              {"file", file.name()},
                                              {"messages", std::move(messages)}}));
        if (done) ledger.confirm();
        return done;
    }

    CommandResult<void> finish(ImportLedger& ledger) override { return ledger.sync(); }

  private:
    CommandResult<json> call(const std::string& method, const json& params) {
        auto result = client_.call(method, params);
        if (!result) return tl::unexpected(to_command_error(result.error()));
        return std::move(*result);
    }
    static CommandResult<void> told(const CommandResult<json>& result) {
        if (!result) return tl::unexpected(result.error());
        return {};
    }

    AdminClient client_;
    std::string data_;
    std::string account_;
    std::uint64_t id_;
};

}  // namespace

CommandResult<std::unique_ptr<ImportTarget>> import_to_server(AdminClient client,
                                                              const std::string& data,
                                                              const std::string& account) {
    const auto name = actors::normalize_account_name(account);
    if (!name) return refuse(fmt::format("\"{}\" can not be an account's name", account));
    const auto accounts = client.call("accounts.list", nullptr);
    if (!accounts) return tl::unexpected(to_command_error(accounts.error()));
    for (const json& item : *accounts) {
        if (item.is_object() && item.value("name", "") == *name && item.contains("id"))
            return std::make_unique<ServerTarget>(std::move(client), data, *name,
                                                  item["id"].get<std::uint64_t>());
    }
    return refuse(fmt::format("there is no account \"{}\"", *name));
}

}  // namespace tidemark::tools
