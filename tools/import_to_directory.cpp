// An import into a directory that no server has open: the whole server without listeners, in this
// process. Three batches are under way at once: one is read, one is summarised on all cores, one is
// committed.
#include "actors/auth/account_name.hpp"
#include "actors/clock.hpp"
#include "actors/delivery.hpp"
#include "actors/incoming_message.hpp"
#include "actors/server.hpp"
#include "tools/data_directory.hpp"
#include "tools/import_flags.hpp"
#include "tools/import_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <future>
#include <utility>

namespace tidemark::tools {

namespace {

using actors::AccountError;
using actors::AccountErrorKind;
using actors::AppendMessage;
using actors::AppendOutcome;
using actors::Awaitable;
using actors::Outcome;

// Messages that one job summarises: some milliseconds.
constexpr std::size_t kMessagesPerJob = 32;

CommandError to_command_error(const AccountError& error) {
    const bool refused = error.kind == AccountErrorKind::kLimit ||
                         error.kind == AccountErrorKind::kOverQuota ||
                         error.kind == AccountErrorKind::kAlreadyExists;
    return {refused ? ExitCode::kNo : ExitCode::kCouldNotRun, error.text};
}

struct Preparation {
    explicit Preparation(std::unique_ptr<ImportBatch> source)
        : batch(std::move(source)), results(batch->messages.size()) {}
    std::unique_ptr<ImportBatch> batch;
    std::vector<std::optional<Outcome<AppendMessage>>> results;
};

void prepare_range(storage::Store& store, Preparation& work, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
        MailMessage& source = work.batch->messages[i];
        auto message = actors::make_append_message(store, std::move(source.bytes));
        if (message) {
            message->flags = import_flags(source.flags);
            message->internal_date = {source.unix_seconds, source.zone_minutes};
        }
        work.results[i] = std::move(message);
    }
}

Awaitable<void> prepare_on_worker(actors::Server* server, std::shared_ptr<Preparation> work,
                                  std::size_t first, std::size_t last,
                                  std::shared_ptr<std::promise<void>> done) {
    storage::Store* store = &server->store();
    (void)co_await server->context().workers.run(
        actors::WorkPriority::interactive,
        [store, work, first, last] { prepare_range(*store, *work, first, last); });
    // A job that did not run has left its results empty.
    done->set_value();
}

using AppendPromise = std::promise<Outcome<AppendOutcome>>;

Awaitable<void> append(actors::Server* server, storage::AccountId account, std::string mailbox,
                       std::shared_ptr<std::vector<AppendMessage>> messages,
                       std::shared_ptr<AppendPromise> done) {
    done->set_value(co_await actors::import_messages(&server->context(), account,
                                                     std::move(mailbox), std::move(*messages)));
}

// On the server's first core.
template <class Answer>
Awaitable<void> pass_on(std::function<Awaitable<Answer>()> work,
                        std::shared_ptr<std::promise<Answer>> done) {
    done->set_value(co_await work());
}

class DirectoryTarget final : public ImportTarget {
  public:
    DirectoryTarget(std::unique_ptr<actors::SystemClock> clock,
                    std::unique_ptr<actors::Server> server, storage::AccountId account)
        : clock_(std::move(clock)), server_(std::move(server)), account_(account) {
        server_->start();
    }
    ~DirectoryTarget() override {
        if (committing_) committing_->wait();
        server_->request_stop();
        server_->wait();
    }

    std::uint64_t account_id() const override { return storage::raw(account_); }

    CommandResult<std::vector<std::pair<std::string, std::uint64_t>>> mailboxes() override {
        const auto loaded = server_->store().load_account(account_);
        if (!loaded) return could_not_run(loaded.error().detail);
        std::vector<std::pair<std::string, std::uint64_t>> found;
        for (const storage::MailboxRecord& record : loaded->mailboxes)
            found.emplace_back(record.name, record.counts.messages);
        return found;
    }

    CommandResult<std::vector<std::string>> keywords(const std::string& mailbox) override {
        auto record = find(mailbox);
        if (!record) return tl::unexpected(record.error());
        return *record ? (*record)->keywords : std::vector<std::string>();
    }

    CommandResult<bool> holds(const ImportMark& mark) override {
        auto record = find(mark.mailbox);
        if (!record) return tl::unexpected(record.error());
        if (mark.body == 0 || !*record) return false;
        const auto loaded = server_->store().load_mailbox(account_, **record);
        if (!loaded) return could_not_run(loaded.error().detail);
        for (const auto& page : loaded->view->pages()) {
            const auto bodies = page->fixed->body.to_vector();
            const auto found = std::find(bodies.begin(), bodies.end(), storage::BodyId{mark.body});
            if (found == bodies.end()) continue;
            const auto at = static_cast<std::size_t>(found - bodies.begin());
            return page->fixed->size[at] == mark.size &&
                   page->fixed->internal_seconds[at] == mark.seconds;
        }
        return false;
    }

    CommandResult<void> create(const std::string& mailbox) override {
        auto done = start_append(mailbox, {}).get();
        if (!done) return tl::unexpected(to_command_error(done.error()));
        return {};
    }

    CommandResult<void> make(const actors::NewMailbox& mailbox) override {
        return run<storage::MailboxRecord>([server = server_.get(), account = account_, mailbox] {
            return actors::make_mailbox(&server->context(), account, mailbox);
        });
    }
    CommandResult<void> subscribe(const std::string& name) override {
        return run<void>([server = server_.get(), account = account_, name] {
            return actors::subscribe_mailbox(&server->context(), account, name);
        });
    }

    CommandResult<void> put(std::unique_ptr<ImportBatch> batch, ImportLedger& ledger) override {
        std::shared_ptr<Preparation> before = std::exchange(preparing_, nullptr);
        std::vector<std::future<void>> jobs = std::exchange(jobs_, {});
        prepare(std::move(batch));
        return before ? commit(*before, jobs, ledger) : CommandResult<void>();
    }

    CommandResult<void> finish(ImportLedger& ledger) override {
        std::shared_ptr<Preparation> last = std::exchange(preparing_, nullptr);
        if (last) {
            auto done = commit(*last, std::exchange(jobs_, {}), ledger);
            if (!done) return done;
        }
        if (auto done = wait_for_commit(ledger); !done) return done;
        return ledger.sync();
    }

  private:
    CommandResult<std::optional<storage::MailboxRecord>> find(const std::string& mailbox) const {
        const auto loaded = server_->store().load_account(account_);
        if (!loaded) return could_not_run(loaded.error().detail);
        for (const storage::MailboxRecord& record : loaded->mailboxes) {
            if (record.name == mailbox) return record;
        }
        return std::nullopt;
    }

    template <class T>
    CommandResult<void> run(std::function<Awaitable<Outcome<T>>()> work) {
        auto promise = std::make_shared<std::promise<Outcome<T>>>();
        auto result = promise->get_future();
        server_->spawn_on(server_->cores()[0], [work = std::move(work), promise] {
            return pass_on<Outcome<T>>(work, promise);
        });
        const auto done = result.get();
        if (!done) return tl::unexpected(to_command_error(done.error()));
        return {};
    }

    void prepare(std::unique_ptr<ImportBatch> batch) {
        preparing_ = std::make_shared<Preparation>(std::move(batch));
        const std::size_t count = preparing_->results.size();
        for (std::size_t first = 0; first < count; first += kMessagesPerJob) {
            const std::size_t last = std::min(count, first + kMessagesPerJob);
            auto done = std::make_shared<std::promise<void>>();
            jobs_.push_back(done->get_future());
            server_->spawn_on(server_->cores()[0],
                              [server = server_.get(), work = preparing_, first, last, done] {
                                  return prepare_on_worker(server, work, first, last, done);
                              });
        }
    }

    std::future<Outcome<AppendOutcome>> start_append(std::string mailbox,
                                                     std::vector<AppendMessage> messages) {
        auto done = std::make_shared<AppendPromise>();
        auto result = done->get_future();
        server_->spawn_on(server_->cores()[0],
                          [server = server_.get(), account = account_, mailbox = std::move(mailbox),
                           all = std::make_shared<std::vector<AppendMessage>>(std::move(messages)),
                           done] { return append(server, account, mailbox, all, done); });
        return result;
    }

    // The batch is announced while the one before it is still being committed.
    CommandResult<void> commit(Preparation& work, const std::vector<std::future<void>>& jobs,
                               ImportLedger& ledger) {
        for (const auto& job : jobs) job.wait();
        std::vector<AppendMessage> messages;
        for (auto& result : work.results) {
            if (!result) return could_not_run("the work was given up");
            if (!*result) return tl::unexpected(to_command_error(result->error()));
            messages.push_back(std::move(**result));
        }
        const AppendMessage& first = messages.front();
        const ImportMark mark{storage::raw(first.body), first.size,
                              first.internal_date.unix_seconds, work.batch->mailbox};
        if (auto done = ledger.announce(mark, work.batch->keys); !done) return done;
        if (auto done = wait_for_commit(ledger); !done) return done;
        committing_ = start_append(work.batch->mailbox, std::move(messages));
        return {};
    }

    CommandResult<void> wait_for_commit(ImportLedger& ledger) {
        if (!committing_) return {};
        const auto outcome = committing_->get();
        committing_.reset();
        if (!outcome) return tl::unexpected(to_command_error(outcome.error()));
        ledger.confirm();
        return {};
    }

    std::unique_ptr<actors::SystemClock> clock_;
    std::unique_ptr<actors::Server> server_;
    storage::AccountId account_;
    std::shared_ptr<Preparation> preparing_;
    std::vector<std::future<void>> jobs_;  // of preparing_
    std::optional<std::future<Outcome<AppendOutcome>>> committing_;
};

}  // namespace

CommandResult<std::unique_ptr<ImportTarget>> import_to_directory(const std::string& data,
                                                                 const std::string& account) {
    auto config = load_config(data, std::nullopt);
    if (!config) return tl::unexpected(config.error());
    const auto name = actors::normalize_account_name(account);
    if (!name) return refuse(fmt::format("\"{}\" can not be an account's name", account));
    actors::ServerOptions options;
    options.directory = data;
    options.threads = 1;
    options.workers = config->server.workers;
    options.store.segment_bytes = config->store.segment_bytes;
    options.store.disk_reserve_bytes = config->store.disk_reserve_bytes;
    options.store.block_cache_bytes = config->store.block_cache_bytes;
    options.account_memory_bytes_max = config->limits.account_memory_bytes_max;
    options.change_horizon = config->store.change_horizon;
    auto clock = std::make_unique<actors::SystemClock>();
    auto server = actors::Server::open(std::move(options), *clock, storage::posix_file_system());
    if (!server) return could_not_run(server.error());
    const auto id = (*server)->store().find_account(*name);
    if (!id && id.error().kind != storage::StoreErrorKind::kNotFound)
        return could_not_run(id.error().detail);
    if (!id) return refuse(fmt::format("there is no account \"{}\"", *name));
    return std::make_unique<DirectoryTarget>(std::move(clock), std::move(*server), *id);
}

}  // namespace tidemark::tools
