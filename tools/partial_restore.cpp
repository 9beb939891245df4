#include "tools/partial_restore.hpp"

#include "actors/auth/account_name.hpp"
#include "protocol/mailbox_name.hpp"
#include "storage/backup/past_mailbox.hpp"
#include "tools/admin_client.hpp"
#include "tools/data_directory.hpp"
#include "tools/import_flags.hpp"
#include "tools/import_target.hpp"
#include "tools/logging.hpp"
#include "tools/progress.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <utility>
#include <vector>

namespace tidemark::tools {

namespace {

using storage::MailboxRecord;
using storage::Moment;

CommandError to_command_error(const storage::StoreError& error) {
    const bool is_answer = error.kind == storage::StoreErrorKind::kLimit;
    return {is_answer ? ExitCode::kNo : ExitCode::kCouldNotRun, error.detail};
}

CommandResult<Moment> parse_moment(const std::string& text) {
    storage::ModSeq modseq = 0;
    const char* end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data(), end, modseq);
        read.ec == std::errc() && read.ptr == end && modseq > 0)
        return Moment(modseq);
    std::tm time{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
    if (rest == nullptr || *rest != '\0')
        return tl::unexpected(CommandError{
            ExitCode::kUsage, "--at takes a modseq or a time such as 2026-11-25T10:00:00Z"});
    constexpr std::int64_t kMicrosPerSecond = 1'000'000;
    // All of that second.
    return Moment(storage::UnixMicros{(::timegm(&time) + 1) * kMicrosPerSecond - 1});
}

CommandResult<std::string> valid_name(const std::string& text) {
    const auto name = protocol::MailboxName::from_utf8(text);
    if (!name)
        return refuse(fmt::format("{}: no name for a mailbox: {}", escape_for_log(text),
                                  protocol::describe(name.error())));
    return name->utf8();
}

// A mailbox with the name that it gets and the messages that go there.
struct Part {
    MailboxRecord record;
    std::string name;
    std::vector<storage::Message> messages;
};

CommandResult<std::vector<Part>> choose(std::vector<MailboxRecord> mailboxes,
                                        const PartialRestoreOptions& options) {
    std::sort(mailboxes.begin(), mailboxes.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    std::optional<std::string> wanted;
    if (options.mailbox) {
        auto name = valid_name(*options.mailbox);
        if (!name) return tl::unexpected(name.error());
        wanted = std::move(*name);
    }
    std::vector<Part> parts;
    for (MailboxRecord& record : mailboxes) {
        if (wanted && record.name != *wanted) continue;
        std::string text = record.name;
        if (options.as)
            text = wanted ? *options.as
                          : fmt::format("{}{}{}", *options.as, protocol::kHierarchySeparator,
                                        record.name);
        auto name = valid_name(text);
        if (!name) return tl::unexpected(name.error());
        parts.push_back({std::move(record), std::move(*name), {}});
    }
    if (parts.empty())
        return refuse(fmt::format("{} has no mailbox \"{}\" of that account", options.backup,
                                  options.mailbox.value_or("")));
    return parts;
}

// What an import remembers is of no use here; the file goes with this.
class TemporaryLedger {
  public:
    static CommandResult<std::string> path_in(const std::string& data) {
        const std::string directory = resolve_path(data, "imports");
        if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST)
            return could_not_run(
                fmt::format("{}: {}", directory, std::generic_category().message(errno)));
        return fmt::format("{}/restore-{}.ledger", directory, ::getpid());
    }
    explicit TemporaryLedger(std::string path) : path_(std::move(path)) {}
    ~TemporaryLedger() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    TemporaryLedger(const TemporaryLedger&) = delete;
    TemporaryLedger& operator=(const TemporaryLedger&) = delete;

  private:
    std::string path_;
};

class PartialRestore {
  public:
    PartialRestore(const storage::Store& store, ImportTarget& target, ImportLedger& ledger,
                   Terminal& terminal)
        : store_(store), target_(target), ledger_(ledger), terminal_(terminal) {}

    CommandResult<void> run(const std::vector<Part>& parts) {
        std::uint64_t total = 0;
        for (const Part& part : parts) total += part.messages.size();
        Progress progress("restoring", "messages", total);
        for (const Part& part : parts) {
            if (auto done = target_.create(part.name); !done) return done;
            for (const storage::Message& message : part.messages) {
                if (auto done = take(part, message); !done) return done;
                progress.update(restored_ + missing_);
            }
            if (auto done = flush(); !done) return done;
        }
        if (auto done = target_.finish(ledger_); !done) return done;
        progress.finish();
        if (missing_ == 0) return {};
        return refuse(
            fmt::format("{} messages are restored; of {} the bytes are gone (they were expunged "
                        "before the backup was made): an earlier backup has them",
                        restored_, missing_));
    }

  private:
    CommandResult<void> take(const Part& part, const storage::Message& stored) {
        // Never "would block": it is not asked for what is cached only.
        auto bytes =
            store_.open_body(stored.body, false)->and_then([](const storage::BodyReader& body) {
                return body.read_all();
            });
        if (!bytes) {
            ++missing_;
            terminal_.err << fmt::format("{}, uid {}: {}\n", escape_for_log(part.record.name),
                                         stored.uid, bytes.error().detail);
            return {};
        }
        if (batch_ && (batch_->messages.size() >= kImportBatchMessages ||
                       batch_->bytes + bytes->size() > kImportBatchBytes)) {
            if (auto done = flush(); !done) return done;
        }
        if (!batch_) {
            batch_ = std::make_unique<ImportBatch>();
            batch_->mailbox = part.name;
        }
        MailMessage message;
        message.flags = export_flags(stored.flags, part.record.keywords);
        message.unix_seconds = stored.internal_date.unix_seconds;
        message.bytes = std::move(*bytes);
        batch_->bytes += message.bytes.size();
        batch_->keys.push_back(import_key({part.name}, std::to_string(stored.uid)));
        batch_->messages.push_back(std::move(message));
        ++restored_;
        return {};
    }

    CommandResult<void> flush() {
        if (!batch_) return {};
        return target_.put(std::exchange(batch_, nullptr), ledger_);
    }

    const storage::Store& store_;
    ImportTarget& target_;
    ImportLedger& ledger_;
    Terminal& terminal_;
    std::unique_ptr<ImportBatch> batch_;
    std::uint64_t restored_ = 0;
    std::uint64_t missing_ = 0;
};

CommandResult<std::unique_ptr<ImportTarget>> open_target(const PartialRestoreOptions& options) {
    auto client = AdminClient::connect(options.admin.empty() ? admin_socket_path(options.data)
                                                             : options.admin);
    if (client) return import_to_server(std::move(*client), options.data, options.account);
    if (client.error().kind == AdminErrorKind::kDenied)
        return could_not_run(fmt::format(
            "{}; only root and the user that runs the server may ask it", client.error().text));
    if (client.error().kind != AdminErrorKind::kNoServer || options.online)
        return could_not_run(client.error().text);
    return import_to_directory(options.data, options.account);
}

CommandResult<void> check_free(ImportTarget& target, const std::vector<Part>& parts) {
    const auto present = target.mailboxes();
    if (!present) return tl::unexpected(present.error());
    for (const Part& part : parts) {
        for (const auto& [name, messages] : *present) {
            if (name != part.name || (name == "INBOX" && messages == 0)) continue;
            return refuse(
                fmt::format("there is a mailbox \"{}\" already, nothing was restored; "
                            "--as NAME puts it elsewhere",
                            escape_for_log(name)));
        }
    }
    return {};
}

}  // namespace

CommandResult<void> restore_partly(const PartialRestoreOptions& options, Terminal& terminal) {
    std::optional<Moment> moment;
    if (options.at) {
        auto parsed = parse_moment(*options.at);
        if (!parsed) return tl::unexpected(parsed.error());
        moment = *parsed;
    }
    const auto account = actors::normalize_account_name(options.account);
    if (!account)
        return refuse(fmt::format("\"{}\" can not be an account's name", options.account));
    storage::StoreOptions settings;
    settings.read_only = true;
    const auto store = storage::Store::open(options.backup, settings, storage::posix_file_system());
    if (!store) return could_not_run(store.error().detail);
    const auto id = (*store)->find_account(*account);
    if (!id) return refuse(fmt::format("{} has no account \"{}\"", options.backup, *account));
    auto loaded = (*store)->load_account(*id);
    if (!loaded) return tl::unexpected(to_command_error(loaded.error()));
    auto parts = choose(std::move(loaded->mailboxes), options);
    if (!parts) return tl::unexpected(parts.error());
    for (Part& part : *parts) {
        auto past = storage::mailbox_at(**store, *id, part.record,
                                        moment.value_or(Moment(part.record.highestmodseq)));
        if (!past) return tl::unexpected(to_command_error(past.error()));
        part.messages = std::move(past->messages);
    }
    auto target = open_target(options);
    if (!target) return tl::unexpected(target.error());
    if (auto free = check_free(**target, *parts); !free) return free;
    auto path = TemporaryLedger::path_in(options.data);
    if (!path) return tl::unexpected(path.error());
    const TemporaryLedger removed(*path);
    auto ledger = ImportLedger::open(*path);
    if (!ledger) return tl::unexpected(ledger.error());
    return PartialRestore(**store, **target, *ledger, terminal).run(*parts);
}

}  // namespace tidemark::tools
