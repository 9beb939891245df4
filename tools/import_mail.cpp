// `tidemark import`: from a source, in batches, to where the account is.
#include "protocol/mailbox_name.hpp"
#include "tools/admin_client.hpp"
#include "tools/data_directory.hpp"
#include "tools/import_flags.hpp"
#include "tools/import_target.hpp"
#include "tools/logging.hpp"
#include "tools/mail/maildir_source.hpp"
#include "tools/mail/mbox_source.hpp"
#include "tools/progress.hpp"
#include "tools/server_bridge.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

namespace tidemark::tools {

namespace {

CommandResult<std::unique_ptr<MailSource>> open_source(const TransferOptions& options,
                                                       MailSourceOptions source_options) {
    MailResult<std::unique_ptr<MailSource>> source;
    if (options.format == MailFormat::kMaildir) {
        source = MaildirSource::open(options.path, std::move(source_options));
    } else {
        source = MboxSource::open(options.path, std::move(source_options));
    }
    if (!source) return could_not_run(source.error());
    return std::move(*source);
}

CommandResult<std::unique_ptr<ImportTarget>> open_target(const TransferOptions& options) {
    auto client = AdminClient::connect(admin_socket_path(options.data));
    if (client) return import_to_server(std::move(*client), options.data, options.account);
    if (client.error().kind != AdminErrorKind::kNoServer) return could_not_run(client.error().text);
    return import_to_directory(options.data, options.account);
}

// One a source, account and place in the account: DIR/imports/<hash>.ledger.
CommandResult<std::string> ledger_path(const TransferOptions& options, std::uint64_t account) {
    const std::string directory = resolve_path(options.data, "imports");
    if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return could_not_use(directory, errno);
    std::error_code error;
    const auto source = std::filesystem::canonical(options.path, error);
    if (error) return could_not_run(fmt::format("{}: {}", options.path, error.message()));
    const std::string text =
        fmt::format("{}\n{}\n{}\n{}", account, static_cast<int>(options.format), source.string(),
                    options.mailbox.value_or(""));
    const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
    return fmt::format("{}/{:016x}{:016x}.ledger", directory, hash.high64, hash.low64);
}

class Import {
  public:
    Import(const TransferOptions& options, Terminal& terminal, ImportTarget& target,
           ImportLedger& ledger)
        : options_(options), terminal_(terminal), target_(target), ledger_(ledger) {}

    CommandResult<void> run(std::uint64_t message_bytes_max) {
        if (auto done = settle(); !done) return done;
        MailSourceOptions source_options;
        source_options.message_bytes_max = message_bytes_max;
        source_options.on_skip = [this](const std::string& text) { skip(text); };
        source_options.is_known = [this](const std::vector<std::string>& folder,
                                         const std::string& key) {
            const bool known = ledger_.has(import_key(folder, key));
            if (known) ++known_;
            return known;
        };
        auto source = open_source(options_, std::move(source_options));
        if (!source) return tl::unexpected(source.error());
        for (const auto& folder : (*source)->folders()) {
            auto name = mailbox_of(folder);
            if (!name) return tl::unexpected(name.error());
            if (auto done = target_.create(*name); !done) return done;
        }
        if (auto done = read_all(**source); !done) return done;
        terminal_.out << fmt::format("{} imported, {} were imported before, {} left out\n",
                                     imported_, known_, skipped_);
        return {};
    }

  private:
    // What a run that was killed left open.
    CommandResult<void> settle() {
        while (ledger_.unsettled()) {
            const auto held = target_.holds(*ledger_.unsettled());
            if (!held) return tl::unexpected(held.error());
            ledger_.settle(*held);
        }
        return ledger_.sync();
    }

    CommandResult<void> read_all(MailSource& source) {
        const MailProgress start = source.progress();
        Progress progress("importing", start.unit, start.total);
        for (;;) {
            auto message = source.next();
            if (!message) return could_not_run(message.error());
            progress.update(source.progress().done);
            if (!*message) break;
            if (auto done = take(std::move(**message)); !done) return done;
        }
        if (auto done = flush(); !done) return done;
        if (auto done = target_.finish(ledger_); !done) return done;
        progress.finish();
        return {};
    }

    CommandResult<void> take(MailMessage message) {
        if (message.bytes.empty()) {
            skip(fmt::format("{}: an empty message", message.key));
            return {};
        }
        auto mailbox = mailbox_of(message.folder);
        if (!mailbox) return tl::unexpected(mailbox.error());
        if (batch_ &&
            (batch_->mailbox != *mailbox || batch_->messages.size() >= kImportBatchMessages ||
             batch_->bytes + message.bytes.size() > kImportBatchBytes)) {
            if (auto done = flush(); !done) return done;
        }
        if (!batch_) {
            batch_ = std::make_unique<ImportBatch>();
            batch_->mailbox = *mailbox;
        }
        auto room = room_of(*mailbox);
        if (!room) return tl::unexpected(room.error());
        if ((*room)->fit(message.flags) && told_.insert(*mailbox).second)
            terminal_.err << fmt::format(
                "{}: some keywords are left behind: a mailbox has room for so many only\n",
                escape_for_log(*mailbox));
        batch_->bytes += message.bytes.size();
        batch_->keys.push_back(import_key(message.folder, message.key));
        batch_->messages.push_back(std::move(message));
        return {};
    }

    CommandResult<void> flush() {
        if (!batch_) return {};
        imported_ += batch_->messages.size();
        return target_.put(std::exchange(batch_, nullptr), ledger_);
    }

    CommandResult<KeywordRoom*> room_of(const std::string& mailbox) {
        const auto found = rooms_.find(mailbox);
        if (found != rooms_.end()) return &found->second;
        auto present = target_.keywords(mailbox);
        if (!present) return tl::unexpected(present.error());
        return &rooms_.emplace(mailbox, KeywordRoom(*present)).first->second;
    }

    CommandResult<std::string> mailbox_of(const std::vector<std::string>& folder) const {
        std::string name = options_.mailbox.value_or("");
        for (const std::string& level : folder) {
            if (!name.empty()) name += protocol::kHierarchySeparator;
            name += level;
        }
        if (name.empty()) return std::string("INBOX");
        const auto valid = protocol::MailboxName::from_utf8(name);
        if (!valid)
            return refuse(fmt::format("{}: no name for a mailbox: {}", escape_for_log(name),
                                      protocol::describe(valid.error())));
        return valid->utf8();
    }

    void skip(const std::string& text) {
        ++skipped_;
        terminal_.err << "left out: " << escape_for_log(text) << '\n';
    }

    const TransferOptions& options_;
    Terminal& terminal_;
    ImportTarget& target_;
    ImportLedger& ledger_;
    std::unique_ptr<ImportBatch> batch_;
    std::map<std::string, KeywordRoom> rooms_;  // by mailbox
    std::set<std::string> told_;                // mailboxes whose lost keywords were told
    std::uint64_t imported_ = 0;
    std::uint64_t known_ = 0;
    std::uint64_t skipped_ = 0;
};

}  // namespace

CommandResult<void> import_mail(const TransferOptions& options, Terminal& terminal) {
    const auto config = load_config(options.data, std::nullopt);
    if (!config) return tl::unexpected(config.error());
    auto target = open_target(options);
    if (!target) return tl::unexpected(target.error());
    auto path = ledger_path(options, (*target)->account_id());
    if (!path) return tl::unexpected(path.error());
    auto ledger = ImportLedger::open(*path);
    if (!ledger) return tl::unexpected(ledger.error());
    return Import(options, terminal, **target, *ledger).run(config->limits.message_bytes_max);
}

}  // namespace tidemark::tools
