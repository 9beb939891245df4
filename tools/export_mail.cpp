// `tidemark export`: reads a store that no server has open.
#include "actors/auth/account_name.hpp"
#include "protocol/mailbox_name.hpp"
#include "storage/store.hpp"
#include "tools/import_flags.hpp"
#include "tools/mail/maildir_writer.hpp"
#include "tools/mail/mbox_writer.hpp"
#include "tools/progress.hpp"
#include "tools/server_bridge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

namespace tidemark::tools {

namespace {

using storage::MailboxRecord;

CommandError to_command_error(const storage::StoreError& error) {
    return {ExitCode::kCouldNotRun, error.detail};
}

// Both writers do the same with other files.
class Writer {
  public:
    static CommandResult<Writer> create(const TransferOptions& options) {
        if (options.format == MailFormat::kMaildir) {
            auto maildir = MaildirWriter::create(options.path);
            if (!maildir) return could_not_run(maildir.error());
            return Writer(std::move(*maildir));
        }
        auto mbox = MboxWriter::create(options.path);
        if (!mbox) return could_not_run(mbox.error());
        return Writer(std::move(*mbox));
    }
    CommandResult<void> add_folder(const std::vector<std::string>& folder) {
        return told(std::visit([&](auto& one) { return one.add_folder(folder); }, writer_));
    }
    CommandResult<void> write(const MailMessage& message) {
        return told(std::visit([&](auto& one) { return one.write(message); }, writer_));
    }
    CommandResult<void> finish() {
        return told(std::visit([](auto& one) { return one.finish(); }, writer_));
    }

  private:
    using Any = std::variant<MaildirWriter, MboxWriter>;
    explicit Writer(Any writer) : writer_(std::move(writer)) {}
    static CommandResult<void> told(MailResult<void> result) {
        if (!result) return could_not_run(result.error());
        return {};
    }
    Any writer_;
};

std::vector<std::string> folder_of(const std::string& mailbox) {
    std::vector<std::string> folder;
    if (mailbox == "INBOX") return folder;
    for (std::size_t begin = 0;;) {
        const std::size_t end = mailbox.find(protocol::kHierarchySeparator, begin);
        folder.push_back(mailbox.substr(begin, end - begin));
        if (end == std::string::npos) return folder;
        begin = end + 1;
    }
}

class Export {
  public:
    Export(const storage::Store& store, storage::AccountId account, Writer& writer,
           Terminal& terminal)
        : store_(store), account_(account), writer_(writer), terminal_(terminal) {}

    CommandResult<void> run(const std::vector<MailboxRecord>& mailboxes) {
        std::uint64_t total = 0;
        for (const MailboxRecord& record : mailboxes) total += record.counts.messages;
        Progress progress("exporting", "messages", total);
        for (const MailboxRecord& record : mailboxes) {
            if (auto done = write_mailbox(record, progress); !done) return done;
        }
        if (auto done = writer_.finish(); !done) return done;
        progress.finish();
        terminal_.out << fmt::format("{} exported, {} can not be read\n", count_, damaged_);
        if (damaged_ > 0) return refuse(fmt::format("{} messages can not be read", damaged_));
        return {};
    }

  private:
    CommandResult<void> write_mailbox(const MailboxRecord& record, Progress& progress) {
        MailMessage message;
        message.folder = folder_of(record.name);
        if (auto done = writer_.add_folder(message.folder); !done) return done;
        const auto loaded = store_.load_mailbox(account_, record);
        if (!loaded) return tl::unexpected(to_command_error(loaded.error()));
        for (const auto& page : loaded->view->pages()) {
            for (std::size_t i = 0; i < page->count(); ++i) {
                const storage::Message stored = page->at(i);
                // Never "would block": it is not asked for what is cached only.
                auto bytes =
                    store_.open_body(stored.body, false)
                        ->and_then([](const storage::BodyReader& body) { return body.read_all(); });
                progress.update(count_ + damaged_);
                if (!bytes) {
                    // One damaged message does not keep the others from getting out.
                    ++damaged_;
                    terminal_.err << fmt::format("{}, uid {}: {}\n", record.name, stored.uid,
                                                 bytes.error().detail);
                    continue;
                }
                message.bytes = std::move(*bytes);
                message.flags = export_flags(stored.flags, record.keywords);
                message.unix_seconds = stored.internal_date.unix_seconds;
                if (auto done = writer_.write(message); !done) return done;
                ++count_;
            }
        }
        return {};
    }

    const storage::Store& store_;
    storage::AccountId account_;
    Writer& writer_;
    Terminal& terminal_;
    std::uint64_t count_ = 0;
    std::uint64_t damaged_ = 0;
};

// Parents first, and the same order each time. Only the one that is wanted, if one is.
CommandResult<std::vector<MailboxRecord>> choose(std::vector<MailboxRecord> mailboxes,
                                                 const std::optional<std::string>& wanted) {
    std::sort(mailboxes.begin(), mailboxes.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    if (!wanted) return mailboxes;
    const auto name = protocol::MailboxName::from_utf8(*wanted);
    const auto found = std::find_if(
        mailboxes.begin(), mailboxes.end(),
        [&](const MailboxRecord& record) { return name && record.name == name->utf8(); });
    if (found == mailboxes.end()) return refuse(fmt::format("there is no mailbox \"{}\"", *wanted));
    return std::vector<MailboxRecord>{std::move(*found)};
}

CommandResult<void> export_from(const storage::Store& store, const TransferOptions& options,
                                Terminal& terminal) {
    const auto name = actors::normalize_account_name(options.account);
    if (!name) return refuse(fmt::format("\"{}\" can not be an account's name", options.account));
    const auto account = store.find_account(*name);
    if (!account && account.error().kind != storage::StoreErrorKind::kNotFound)
        return tl::unexpected(to_command_error(account.error()));
    if (!account) return refuse(fmt::format("there is no account \"{}\"", *name));
    auto loaded = store.load_account(*account);
    if (!loaded) return tl::unexpected(to_command_error(loaded.error()));
    auto mailboxes = choose(std::move(loaded->mailboxes), options.mailbox);
    if (!mailboxes) return tl::unexpected(mailboxes.error());
    auto writer = Writer::create(options);
    if (!writer) return tl::unexpected(writer.error());
    return Export(store, *account, *writer, terminal).run(*mailboxes);
}

}  // namespace

CommandResult<void> export_mail(const TransferOptions& options, Terminal& terminal) {
    auto store =
        storage::Store::open(options.data, storage::StoreOptions(), storage::posix_file_system());
    if (!store && store.error().kind == storage::StoreErrorKind::kLocked)
        return could_not_run(fmt::format(
            "{}: a server has it open; stop it, or fetch the mail through IMAP", options.data));
    if (!store) return could_not_run(store.error().detail);
    auto done = export_from(**store, options, terminal);
    (void)(*store)->close();
    return done;
}

}  // namespace tidemark::tools
