#include "tools/dump.hpp"

#include "tools/dump_lines.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace tidemark::tools {

namespace {

CommandResult<void> to_command(const storage::Result<void>& result) {
    if (!result) return could_not_run(result.error().detail);
    return {};
}

class Dumper {
  public:
    Dumper(const storage::Store& store, const DumpOptions& options, const DumpSink& sink)
        : store_(store), options_(options), sink_(sink) {}

    CommandResult<DumpCounts> run() {
        if (auto done = put(dump_lines::head()); !done) return tl::unexpected(done.error());
        auto records = wanted_accounts();
        if (!records) return tl::unexpected(records.error());
        for (const storage::AccountRecord& record : *records) {
            if (auto done = account(record.id); !done) return tl::unexpected(done.error());
        }
        std::optional<storage::AccountId> only;
        if (options_.account) only = records->front().id;
        if (auto done = bodies(only); !done) return tl::unexpected(done.error());
        if (auto done = put(dump_lines::end(counts_)); !done) return tl::unexpected(done.error());
        return counts_;
    }

  private:
    CommandResult<void> put(const nlohmann::ordered_json& line) {
        // Names are UTF-8 in a sound store; in a damaged one they must not end the dump.
        return sink_(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }

    CommandResult<std::vector<storage::AccountRecord>> wanted_accounts() {
        auto records = store_.accounts();
        if (!records) return could_not_run(records.error().detail);
        if (!options_.account) return std::move(*records);
        std::erase_if(*records,
                      [this](const auto& record) { return record.name != *options_.account; });
        if (records->empty())
            return refuse(fmt::format("there is no account \"{}\"", *options_.account));
        return std::move(*records);
    }

    CommandResult<void> account(storage::AccountId id) {
        auto loaded = store_.load_account(id);
        if (!loaded) return could_not_run(loaded.error().detail);
        ++counts_.accounts;
        if (auto done = put(dump_lines::account(*loaded)); !done) return done;
        std::sort(loaded->orphan_subscriptions.begin(), loaded->orphan_subscriptions.end());
        for (const std::string& name : loaded->orphan_subscriptions) {
            if (auto done = put(dump_lines::subscription(id, name)); !done) return done;
        }
        for (const storage::MailboxRecord& record : loaded->mailboxes) {
            if (auto done = mailbox(loaded->record, record); !done) return done;
        }
        return {};
    }

    CommandResult<void> mailbox(const storage::AccountRecord& account,
                                const storage::MailboxRecord& record) {
        const auto loaded = store_.load_mailbox(account.id, record);
        if (!loaded) {
            return could_not_run(fmt::format("account \"{}\", mailbox \"{}\": {}", account.name,
                                             record.name, loaded.error().detail));
        }
        ++counts_.mailboxes;
        if (auto done = put(dump_lines::mailbox(account.id, record)); !done) return done;
        for (const storage::PagePtr& page : loaded->view->pages()) {
            if (auto done = messages(account, record, *page); !done) return done;
        }
        CommandResult<void> outcome;
        const auto scanned = store_.changes_since(
            account.id, record.id, 0,
            [&](storage::ModSeq modseq, const storage::ChangeRecord& change) {
                ++counts_.changes;
                outcome = put(dump_lines::change(account.id, record, modseq, change));
                return outcome.has_value();
            });
        return outcome ? to_command(scanned) : outcome;
    }

    CommandResult<void> messages(const storage::AccountRecord& account,
                                 const storage::MailboxRecord& record, const storage::Page& page) {
        const auto summaries = store_.summaries(account.id, page.fixed->body.to_vector(), false);
        if (!summaries || !*summaries)
            return could_not_run(summaries ? summaries->error().detail : "no summaries");
        for (std::size_t i = 0; i < page.count(); ++i) {
            const storage::Message message = page.at(i);
            std::optional<std::string> digest;
            if (options_.bodies) {
                auto read = body_digest(message.body);
                if (!read) {
                    return could_not_run(fmt::format("account \"{}\", mailbox \"{}\", uid {}: {}",
                                                     account.name, record.name, message.uid,
                                                     read.error().detail));
                }
                digest = std::move(*read);
            }
            ++counts_.messages;
            auto done =
                put(dump_lines::message(account.id, record, message, (**summaries)[i], digest));
            if (!done) return done;
        }
        return {};
    }

    storage::Result<std::string> body_digest(storage::BodyId id) {
        const auto reader = store_.open_body(id, false);
        if (!reader || !*reader) {
            return tl::unexpected(reader ? reader->error()
                                         : storage::StoreError{storage::StoreErrorKind::kIo, ""});
        }
        const storage::BodyReader& body = **reader;
        if (body.length() <= storage::kReadPieceBytes) {
            return body.read_all().map(
                [](const std::string& bytes) { return dump_lines::digest(bytes); });
        }
        if (auto whole = body.verify(); !whole) return tl::unexpected(whole.error());
        XXH3_128bits_reset(hash_.get());
        for (std::uint32_t at = 0; at < body.length();) {
            const auto size = static_cast<std::uint32_t>(
                std::min<std::size_t>(storage::kReadPieceBytes, body.length() - at));
            const auto piece = body.read(at, size);
            if (!piece) return tl::unexpected(piece.error());
            XXH3_128bits_update(hash_.get(), piece->data(), piece->size());
            at += size;
        }
        return dump_lines::digest_text(XXH3_128bits_digest(hash_.get()));
    }

    CommandResult<void> bodies(std::optional<storage::AccountId> only) {
        CommandResult<void> outcome;
        const auto scanned =
            store_.visit_bodies([&](storage::BodyId id, const storage::BodyRecord& record) {
                const auto names = [&only](const auto& one) { return one.account == *only; };
                if (only && std::none_of(record.references.begin(), record.references.end(), names))
                    return true;
                ++counts_.bodies;
                outcome = put(dump_lines::body(id, record));
                return outcome.has_value();
            });
        return outcome ? to_command(scanned) : outcome;
    }

    const storage::Store& store_;
    const DumpOptions& options_;
    const DumpSink& sink_;
    DumpCounts counts_;
    // Its size is not part of the library's interface.
    std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash_{XXH3_createState(),
                                                                          XXH3_freeState};
};

}  // namespace

CommandResult<DumpCounts> dump_store(const storage::Store& store, const DumpOptions& options,
                                     const DumpSink& sink) {
    return Dumper(store, options, sink).run();
}

CommandResult<DumpCounts> dump_directory(const std::string& directory, const DumpOptions& options,
                                         const DumpSink& sink) {
    storage::StoreOptions settings;
    settings.read_only = true;
    const auto store = storage::Store::open(directory, settings, storage::posix_file_system());
    if (!store) return could_not_run(store.error().detail);
    return dump_store(**store, options, sink);
}

}  // namespace tidemark::tools
