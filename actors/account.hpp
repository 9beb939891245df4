// One account: owner of its mailboxes' state, and the one place where its changes are put in order.
//
// Lifecycle: made by the AccountDirectory on its home core when somebody first needs it; run()
// loads it from the store, then takes everything that waits in the inbox, applies it to drafts,
// sends one transaction, and when that is durable publishes the new views, answers the requesters
// and tells the watchers — in that order, so nobody hears of a change that is not durable, and
// everybody hears of changes in the order of their modseqs. Requests that change nothing are
// answered with the same round.
// Concurrency: home core only, but for inbox().try_push. Sessions of the account live on the same
// core and read the published state (mailboxes, views) directly between two suspensions. Failure: a
// refused transaction leaves the published state as it was; its requesters get the error. Memory:
// what memory_bytes() says; the directory unloads accounts that nobody uses.
#pragma once

#include "actors/account_messages.hpp"
#include "actors/actor.hpp"
#include "actors/store_actor.hpp"
#include "actors/task_group.hpp"
#include "actors/worker_pool.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tidemark::actors {

// A session that has the mailbox selected. Called on the home core, after the change was published;
// must not suspend and must not unwatch inside the call.
class MailboxWatcher {
  public:
    virtual ~MailboxWatcher() = default;
    virtual void on_mailbox_changed() = 0;
    // The view that this session selected without having it is there; nothing changed between.
    virtual void on_mailbox_loaded(const storage::ViewPtr& view) = 0;
    virtual void on_mailbox_deleted() = 0;
    // The account is being removed or has failed: the session has to end.
    virtual void on_account_gone() = 0;
    // New messages become \Recent in the first watcher that wants them (RFC 3501 §2.3.2).
    virtual bool takes_recent() const = 0;
    virtual void add_recent(storage::UidRange uids) = 0;
};

struct Mailbox {
    storage::MailboxRecord record;
    storage::ViewPtr view;    // null while not loaded
    storage::ViewPtr folded;  // what the pages in the store hold; null while not loaded
    std::vector<MailboxWatcher*> watchers;
    std::size_t log_entries = 0;  // behind the fold, counted since the account was loaded
    bool recent_moved = false;    // record.recent_uid is ahead of the stored one
};

struct AccountContext {
    Core& core;
    StoreActor& store;
    WorkerPool& workers;
};

class Account {
  public:
    Account(AccountContext context, storage::AccountId id);
    ~Account();
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    storage::AccountId id() const { return id_; }
    // Spawns run(); `group` joins it.
    void start(TaskGroup* group);
    // No more requests; run() ends when what waits is done.
    void close() { inbox_.close(); }
    // run() has ended: what the account had to write is written. wait_ended() is for any number of
    // waiters.
    bool ended() const { return ended_; }
    Awaitable<void> wait_ended();
    // Tells every watcher that the account is gone.
    void end_sessions();
    // Waits until the account is loaded, or says why it can not be.
    Awaitable<Outcome<void>> loaded();

    // Sends a request and waits for its answer. A full inbox answers kBusy.
    template <class Request>
    Awaitable<typename Request::Answer> call(Request request) {
        Reply<typename Request::Answer> reply(*Core::current());
        request.reply = reply.to();
        AccountRequest message(std::move(request));
        if (!inbox_.try_push(std::move(message))) co_return busy();
        auto answer = co_await reply.wait();
        if (!answer) co_return dropped();
        co_return std::move(*answer);
    }

    // The published state. Pointers stay valid until the next suspension.
    const storage::AccountRecord& record() const { return record_; }
    const storage::AccountCounters& counters() const { return counters_; }
    const Mailbox* find_mailbox(std::string_view name) const;
    const Mailbox* find_mailbox(storage::MailboxId id) const;
    // By UTF-8 name.
    const std::map<std::string, storage::MailboxId, std::less<>>& names() const { return names_; }
    const std::vector<std::string>& orphan_subscriptions() const { return orphan_subscriptions_; }

    void watch(storage::MailboxId mailbox, MailboxWatcher* watcher);
    void unwatch(storage::MailboxId mailbox, MailboxWatcher* watcher);
    // Nothing waits and nothing is being committed: no change can be published before a later
    // request. A session may then watch a mailbox whose view is not loaded and tell what its record
    // says: whatever changes the mailbox loads it first, and tells by on_mailbox_loaded().
    bool settled() const { return !working_ && inbox_.size() == 0; }
    // Gives the messages that are \Recent to the caller and to nobody after it (SELECT, not
    // EXAMINE). Durable lazily.
    storage::UidRange claim_recent(storage::MailboxId mailbox);

    // Who uses the account (sessions, deliveries). The directory unloads it only at 0.
    void add_user() { ++users_; }
    void remove_user() { --users_; }
    std::size_t users() const { return users_; }
    // Sessions that are logged in, which are users as well.
    void add_session() { ++sessions_; }
    void remove_session() { --sessions_; }
    std::size_t sessions() const { return sessions_; }
    bool idle() const { return users_ == 0 && settled(); }
    std::size_t memory_bytes() const;
    StoreActor& store() { return context_.store; }
    WorkerPool& workers() { return context_.workers; }

  private:
    friend class AccountBatch;

    static tl::unexpected<AccountError> busy();
    static tl::unexpected<AccountError> dropped();
    Awaitable<void> run();
    Awaitable<Outcome<void>> load();
    Awaitable<void> run_batch(std::vector<AccountRequest> requests);
    Awaitable<void> load_needed(const AccountRequest* request);
    std::vector<storage::MailboxId> watched_by_record(const AccountRequest& request) const;
    Awaitable<Outcome<void>> load_view(storage::MailboxId mailbox);
    Awaitable<void> fold(bool all, std::int64_t horizon_micros);
    Awaitable<void> fold_mailbox(storage::MailboxId mailbox);
    Awaitable<void> trim_mailbox(storage::MailboxId mailbox, std::int64_t horizon_micros);
    Awaitable<storage::ModSeq> horizon_modseq(storage::MailboxId mailbox,
                                              std::int64_t horizon_micros);
    Mailbox* mailbox(storage::MailboxId id);
    void unload_unwatched();

    AccountContext context_;
    storage::AccountId id_;
    Inbox<AccountRequest> inbox_;
    bool is_loaded_ = false;
    std::optional<AccountError> load_error_;
    std::vector<ReplyTo<Outcome<void>>> waiting_for_load_;
    bool ended_ = false;
    std::vector<ReplyTo<bool>> waiting_for_end_;
    bool working_ = false;
    std::size_t users_ = 0;
    std::size_t sessions_ = 0;

    storage::AccountRecord record_;
    storage::AccountCounters counters_;
    std::unordered_map<std::uint32_t, Mailbox> mailboxes_;
    std::map<std::string, storage::MailboxId, std::less<>> names_;
    std::vector<std::string> orphan_subscriptions_;
};

// RFC 3501 §5.1: case does not matter in INBOX; names come normalised from protocol::MailboxName.
inline constexpr std::string_view kInbox = "INBOX";

}  // namespace tidemark::actors
