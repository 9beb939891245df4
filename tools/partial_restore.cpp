#include "tools/partial_restore.hpp"

#include "tools/admin_client.hpp"
#include "tools/data_directory.hpp"
#include "tools/import_flags.hpp"
#include "tools/import_target.hpp"
#include "tools/logging.hpp"
#include "tools/progress.hpp"
#include "tools/restore_plan.hpp"
#include "tools/verify_output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

namespace tidemark::tools {

namespace {

using nlohmann::json;

// Names that an error lists.
constexpr std::size_t kNamesMax = 5;

// What an import remembers is of no use here: the file has no name any more, so that nothing of a
// killed restore stays.
CommandResult<ImportLedger> open_unnamed_ledger(const std::string& data) {
    const std::string directory = resolve_path(data, "imports");
    if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return could_not_use(directory, errno);
    const std::string path = fmt::format("{}/restore-{}.ledger", directory, ::getpid());
    auto ledger = ImportLedger::open(path);
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return ledger;
}

class PartialRestore {
  public:
    // `present`: the target's mailboxes.
    PartialRestore(const storage::BackupReader& backup, ImportTarget& target, ImportLedger& ledger,
                   Terminal& terminal, std::set<std::string> present)
        : backup_(backup),
          target_(target),
          ledger_(ledger),
          terminal_(terminal),
          present_(std::move(present)) {}

    json to_json(double seconds) const {
        return {{"mailboxes", begun_.size()},
                {"messages", restored_},
                {"bytes", bytes_},
                {"missing", missing_},
                {"seconds", seconds}};
    }
    // Whether the restore came to its end, if not with everything.
    bool has_ended() const { return has_ended_; }

    CommandResult<void> run(const RestorePlan& plan) {
        auto done = restore(plan);
        if (!done) return tl::unexpected(CommandError{done.error().exit, stopped(done.error())});
        if (gone_ + damaged_ == 0) return {};
        std::string why;
        if (gone_ > 0)
            why = fmt::format(
                ", the bytes of {} are gone (they were expunged before the backup was made): an "
                "earlier backup has them",
                gone_);
        if (damaged_ > 0)
            why += fmt::format(", {} are damaged in the backup: another one has them", damaged_);
        return refuse(fmt::format("{} messages are restored{}", restored_, why));
    }

  private:
    CommandResult<void> restore(const RestorePlan& plan) {
        std::uint64_t total = 0;
        for (const RestorePart& part : plan.parts) total += part.messages.size();
        Progress progress("restoring", "messages", total);
        for (const RestorePart& part : plan.parts) {
            if (auto done = begin(part); !done) return done;
            for (const storage::Message& message : part.messages) {
                if (auto done = take(part, message); !done) return done;
                progress.update(restored_ + gone_ + damaged_);
            }
            if (auto done = flush(); !done) return done;
        }
        if (auto done = target_.finish(ledger_); !done) return done;
        for (const std::string& name : plan.subscriptions) {
            // That of a mailbox which is there is its user's.
            if (present_.contains(name)) continue;
            if (auto done = target_.subscribe(name); !done) return done;
        }
        progress.finish();
        has_ended_ = true;
        return {};
    }

    CommandResult<void> begin(const RestorePart& part) {
        // An INBOX without messages.
        if (present_.contains(part.name)) {
            begun_.push_back(part.name);
            return part.record.subscribed ? target_.subscribe(part.name) : CommandResult<void>();
        }
        auto made = target_.make({part.name, part.special_use(), part.record.subscribed});
        if (made) {
            begun_.push_back(part.name);
        } else {
            made.error().text =
                fmt::format("\"{}\": {}", escape_for_log(part.name), made.error().text);
        }
        return made;
    }

    // An error, with what is there of the restore all the same.
    std::string stopped(const CommandError& error) const {
        if (begun_.empty()) return fmt::format("{}; nothing was restored", error.text);
        std::string names;
        for (std::size_t i = 0; i < begun_.size() && i < kNamesMax; ++i)
            names += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", escape_for_log(begun_[i]));
        if (begun_.size() > kNamesMax)
            names += fmt::format(" and {} more", begun_.size() - kNamesMax);
        return fmt::format("{}; the restore ended midway and is there in part: {}", error.text,
                           names);
    }

    CommandResult<void> take(const RestorePart& part, const storage::Message& stored) {
        auto bytes = backup_.read(stored);
        if (!bytes) {
            const bool is_gone = bytes.error().kind == storage::StoreErrorKind::kNotFound;
            ++(is_gone ? gone_ : damaged_);
            missing_.push_back({{"mailbox", part.record.name},
                                {"uid", stored.uid},
                                {"damaged", !is_gone},
                                {"why", bytes.error().detail}});
            terminal_.err << fmt::format("{}, uid {}: {}\n", escape_for_log(part.record.name),
                                         stored.uid, escape_for_log(bytes.error().detail));
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
        message.zone_minutes = stored.internal_date.zone_minutes;
        message.bytes = std::move(*bytes);
        batch_->bytes += message.bytes.size();
        bytes_ += message.bytes.size();
        batch_->keys.push_back(import_key({part.name}, std::to_string(stored.uid)));
        batch_->messages.push_back(std::move(message));
        ++restored_;
        return {};
    }

    CommandResult<void> flush() {
        if (!batch_) return {};
        return target_.put(std::exchange(batch_, nullptr), ledger_);
    }

    const storage::BackupReader& backup_;
    ImportTarget& target_;
    ImportLedger& ledger_;
    Terminal& terminal_;
    std::unique_ptr<ImportBatch> batch_;
    std::set<std::string> present_;
    std::vector<std::string> begun_;  // mailboxes
    json missing_ = json::array();
    bool has_ended_ = false;
    std::uint64_t bytes_ = 0;
    std::uint64_t restored_ = 0;
    std::uint64_t gone_ = 0;
    std::uint64_t damaged_ = 0;
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

// The names of the target's mailboxes, none of which is in the way.
CommandResult<std::set<std::string>> check_free(ImportTarget& target, const RestorePlan& plan) {
    const auto present = target.mailboxes();
    if (!present) return tl::unexpected(present.error());
    std::set<std::string> names;
    for (const auto& [name, messages] : *present) names.insert(name);
    for (const RestorePart& part : plan.parts) {
        for (const auto& [name, messages] : *present) {
            if (name != part.name || (name == "INBOX" && messages == 0)) continue;
            return refuse(
                fmt::format("there is a mailbox \"{}\" already, nothing was restored; "
                            "--as NAME puts it elsewhere",
                            escape_for_log(name)));
        }
    }
    return names;
}

}  // namespace

CommandResult<void> restore_partly(const PartialRestoreOptions& options, Terminal& terminal) {
    const auto began = std::chrono::steady_clock::now();
    ProgressBars bars;
    auto backup = storage::BackupReader::open(
        options.backup, options.earlier, storage::posix_file_system(),
        [&bars](const storage::BackupReadProgress& progress) {
            bars.draw(progress.what, "bytes", progress.bytes_done, progress.bytes_total);
        });
    if (!backup) return tl::unexpected(to_command_error(backup.error()));
    const auto plan = plan_restore(**backup, options);
    bars.finish();
    if (!plan) return tl::unexpected(plan.error());
    auto target = open_target(options);
    if (!target) return tl::unexpected(target.error());
    auto present = check_free(**target, *plan);
    if (!present) return tl::unexpected(present.error());
    auto ledger = open_unnamed_ledger(options.data);
    if (!ledger) return tl::unexpected(ledger.error());
    PartialRestore restore(**backup, **target, *ledger, terminal, std::move(*present));
    auto done = restore.run(*plan);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (options.json && restore.has_ended())
        write_json_line(restore.to_json(took.count()), terminal);
    return done;
}

}  // namespace tidemark::tools
