#include "actors/account.hpp"

#include "actors/account_batch.hpp"
#include "actors/limits.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace tidemark::actors {

using storage::MailboxId;
using storage::ModSeq;
using storage::raw;

AccountError to_account_error(const storage::StoreError& error) {
    switch (error.kind) {
        case storage::StoreErrorKind::kNotFound:
            return {AccountErrorKind::kNonexistent, "no such thing"};
        case storage::StoreErrorKind::kExists:
            return {AccountErrorKind::kAlreadyExists, "it exists already"};
        case storage::StoreErrorKind::kNoSpace:
            return {AccountErrorKind::kNoSpace, "no room on the server's disk"};
        case storage::StoreErrorKind::kLimit:
            return {AccountErrorKind::kLimit, "a limit was reached"};
        case storage::StoreErrorKind::kCorrupt:
            return {AccountErrorKind::kServerBug,
                    "stored data is damaged; the administrator was told"};
        case storage::StoreErrorKind::kUnavailable:
        case storage::StoreErrorKind::kIo:
        case storage::StoreErrorKind::kFenced:
        case storage::StoreErrorKind::kTooNew:
        case storage::StoreErrorKind::kTooOld:
        case storage::StoreErrorKind::kLocked:
            break;
    }
    return {AccountErrorKind::kUnavailable, "the mail store takes no changes now, try again later"};
}

Account::Account(AccountContext context, storage::AccountId id)
    : context_(context), id_(id), inbox_(context.core, kAccountInboxMax) {}

Account::~Account() = default;

void Account::start(TaskGroup* group) {
    group->spawn(run());
}

tl::unexpected<AccountError> Account::busy() {
    return tl::unexpected(
        AccountError{AccountErrorKind::kBusy, "too many changes at once, try again"});
}

tl::unexpected<AccountError> Account::dropped() {
    return tl::unexpected(
        AccountError{AccountErrorKind::kUnavailable, "the server is closing this account"});
}

Awaitable<Outcome<void>> Account::loaded() {
    if (load_error_) co_return tl::unexpected(*load_error_);
    if (is_loaded_) co_return Outcome<void>{};
    Reply<Outcome<void>> reply(context_.core);
    waiting_for_load_.push_back(reply.to());
    auto answer = co_await reply.wait();
    if (!answer) co_return dropped();
    co_return std::move(*answer);
}

const Mailbox* Account::find_mailbox(std::string_view name) const {
    const auto it = names_.find(name);
    return it == names_.end() ? nullptr : find_mailbox(it->second);
}

const Mailbox* Account::find_mailbox(MailboxId id) const {
    const auto it = mailboxes_.find(raw(id));
    return it == mailboxes_.end() ? nullptr : &it->second;
}

Mailbox* Account::mailbox(MailboxId id) {
    const auto it = mailboxes_.find(raw(id));
    return it == mailboxes_.end() ? nullptr : &it->second;
}

void Account::watch(MailboxId id, MailboxWatcher* watcher) {
    if (Mailbox* found = mailbox(id)) found->watchers.push_back(watcher);
}

void Account::unwatch(MailboxId id, MailboxWatcher* watcher) {
    if (Mailbox* found = mailbox(id)) std::erase(found->watchers, watcher);
}

storage::UidRange Account::claim_recent(MailboxId id) {
    Mailbox* found = mailbox(id);
    if (found == nullptr || found->record.recent_uid >= found->record.uidnext) return {0, 0};
    const storage::UidRange claimed{found->record.recent_uid, found->record.uidnext - 1};
    found->record.recent_uid = found->record.uidnext;
    found->recent_moved = true;
    return claimed;
}

std::size_t Account::memory_bytes() const {
    std::size_t bytes = sizeof(*this);
    for (const auto& [id, mailbox] : mailboxes_) {
        bytes += sizeof(Mailbox) + 2 * mailbox.record.name.size() + 128;
        for (const std::string& keyword : mailbox.record.keywords)
            bytes += sizeof(std::string) + keyword.size();
        if (mailbox.view) bytes += mailbox.view->memory_bytes();
    }
    return bytes;
}

Awaitable<void> Account::run() {
    auto result = co_await load();
    if (!result) load_error_ = result.error();
    is_loaded_ = result.has_value();
    for (auto& waiting : waiting_for_load_) waiting.send(result);
    waiting_for_load_.clear();

    for (;;) {
        auto requests = co_await inbox_.pop_all();
        if (requests.empty()) break;
        if (!is_loaded_) continue;  // dropping a request answers it
        working_ = true;
        try {
            co_await run_batch(std::move(requests));
        } catch (const std::exception& e) {
            // Our own bug or no memory. The published state is only changed by
            // AccountBatch::commit, which does not throw half-way for reasons of input, so the
            // account can go on; who asked is told by the dropped replies.
            spdlog::error("account {}: a round failed: {}", raw(id_), e.what());
        }
        working_ = false;
    }
    if (is_loaded_) co_await fold(true, 0);
    ended_ = true;
    for (auto& waiting : waiting_for_end_) waiting.send(true);
}

Awaitable<void> Account::wait_ended() {
    if (ended_) co_return;
    Reply<bool> reply(context_.core);
    waiting_for_end_.push_back(reply.to());
    (void)co_await reply.wait();
}

void Account::end_sessions() {
    for (auto& [id, mailbox] : mailboxes_) {
        // A copy: a watcher may leave as soon as it is told.
        for (MailboxWatcher* watcher : std::vector(mailbox.watchers)) watcher->on_account_gone();
    }
}

Awaitable<Outcome<void>> Account::load() {
    auto& store = context_.store.store();
    const auto id = id_;
    auto loaded = co_await context_.workers.run(WorkPriority::interactive,
                                                [&store, id] { return store.load_account(id); });
    if (!loaded) co_return busy();
    if (!*loaded) co_return tl::unexpected(to_account_error(loaded->error()));
    storage::LoadedAccount& account = **loaded;
    record_ = std::move(account.record);
    counters_ = account.counters;
    orphan_subscriptions_ = std::move(account.orphan_subscriptions);
    for (storage::MailboxRecord& record : account.mailboxes) {
        names_.emplace(record.name, record.id);
        Mailbox mailbox;
        mailbox.record = std::move(record);
        mailboxes_.emplace(raw(mailbox.record.id), std::move(mailbox));
    }
    co_return Outcome<void>{};
}

Awaitable<Outcome<void>> Account::load_view(MailboxId id) {
    Mailbox* found = mailbox(id);
    if (found == nullptr || found->view) co_return Outcome<void>{};
    auto& store = context_.store.store();
    const auto account = id_;
    auto record = found->record;
    auto loaded = co_await context_.workers.run(WorkPriority::interactive,
                                                [&store, account, record = std::move(record)] {
                                                    return store.load_mailbox(account, record);
                                                });
    if (!loaded) co_return busy();
    if (!*loaded) {
        spdlog::error("account {} mailbox {}: can not be loaded: {}", raw(id_), raw(id),
                      loaded->error().detail);
        co_return tl::unexpected(to_account_error(loaded->error()));
    }
    found = mailbox(
        id);  // still there: only run() adds and removes mailboxes, and run() is what waits here
    found->view = (*loaded)->view;
    found->folded = (*loaded)->folded;
    found->log_entries = (*loaded)->log_entries;
    for (MailboxWatcher* watcher : found->watchers) watcher->on_mailbox_loaded(found->view);
    co_return Outcome<void>{};
}

// Views that a request needs are loaded before the batch is applied, because applying does not
// suspend.
Awaitable<void> Account::load_needed(const AccountRequest* request) {
    std::optional<MailboxId> needed;
    if (const auto* store = std::get_if<StoreRequest>(request)) needed = store->mailbox;
    if (const auto* expunge = std::get_if<ExpungeRequest>(request)) needed = expunge->mailbox;
    if (const auto* copy = std::get_if<CopyRequest>(request)) needed = copy->source;
    const std::string* name = nullptr;
    if (const auto* open = std::get_if<OpenRequest>(request)) {
        if (raw(open->id) != 0) {
            needed = open->id;
        } else {
            name = &open->name;
        }
    }
    if (const auto* remove = std::get_if<DeleteRequest>(request)) name = &remove->name;
    if (const auto* rename = std::get_if<RenameRequest>(request); rename && rename->from == kInbox)
        name = &rename->from;
    if (name != nullptr) {
        if (const auto it = names_.find(*name); it != names_.end()) needed = it->second;
    }
    if (needed) (void)co_await load_view(*needed);
    for (const MailboxId id : watched_by_record(*request)) {
        if (co_await load_view(id)) continue;
        // The change goes on; these sessions could never be told what it was a change of.
        for (MailboxWatcher* watcher : std::vector(mailbox(id)->watchers))
            watcher->on_account_gone();
    }
}

// Mailboxes without a view that somebody watches and that the request may change without needing
// their view itself.
std::vector<MailboxId> Account::watched_by_record(const AccountRequest& request) const {
    std::vector<MailboxId> found;
    const auto consider = [&found](const Mailbox* mailbox) {
        if (mailbox != nullptr && !mailbox->view && !mailbox->watchers.empty())
            found.push_back(mailbox->record.id);
    };
    if (const auto* append = std::get_if<AppendRequest>(&request))
        consider(find_mailbox(append->mailbox));
    if (const auto* copy = std::get_if<CopyRequest>(&request))
        consider(find_mailbox(copy->destination));
    if (const auto* subscribe = std::get_if<SubscribeRequest>(&request))
        consider(find_mailbox(subscribe->name));
    if (std::holds_alternative<RenameRequest>(request)) {
        for (const auto& [id, mailbox] : mailboxes_) consider(&mailbox);
    }
    return found;
}

Awaitable<void> Account::run_batch(std::vector<AccountRequest> requests) {
    bool fold_all = false;
    std::int64_t horizon = 0;
    std::vector<ReplyTo<MaintainRequest::Answer>> maintained;
    for (const AccountRequest& request : requests) co_await load_needed(&request);
    AccountBatch batch(*this, context_.core.clock().wall_microseconds());
    for (AccountRequest& request : requests) {
        if (auto* maintain = std::get_if<MaintainRequest>(&request)) {
            fold_all = fold_all || maintain->fold_all;
            horizon = std::max(horizon, maintain->horizon_micros);
            maintained.push_back(std::move(maintain->reply));
            continue;
        }
        batch.apply(std::move(request));
    }
    if (!batch.changes_anything()) {
        batch.commit();
    } else {
        const auto result = co_await context_.store.commit(batch.take_transaction());
        if (result) {
            batch.commit();
        } else {
            spdlog::warn("account {}: changes refused: {}", raw(id_), result.error().detail);
            batch.fail(to_account_error(result.error()));
        }
    }
    co_await fold(fold_all, horizon);
    for (auto& reply : maintained) reply.send(counters_.modseq);
    if (fold_all) unload_unwatched();
}

// Rewrites the pages that changed since the last fold, for mailboxes whose log has grown long (or
// all). The transaction is lazy: it repeats what the log says, so losing it in a crash loses
// nothing.
Awaitable<void> Account::fold(bool all, std::int64_t horizon_micros) {
    std::vector<MailboxId> due;
    std::vector<MailboxId> old;
    for (auto& [id, mailbox] : mailboxes_) {
        const storage::MailboxRecord& record = mailbox.record;
        const bool behind = record.folded_modseq < record.highestmodseq;
        if (mailbox.log_entries >= kFoldAfterLogEntries ||
            (all && (behind || mailbox.recent_moved || !record.knows_first_unseen()))) {
            due.push_back(record.id);
        }
        if (horizon_micros > 0 && record.horizon_modseq < record.highestmodseq) {
            old.push_back(record.id);
        }
    }
    for (const MailboxId id : due) co_await fold_mailbox(id);
    for (const MailboxId id : old) co_await trim_mailbox(id, horizon_micros);
}

// Drops the entries of the log that are older than the horizon and that the pages hold. Needs no
// view: a mailbox that nobody opens is trimmed as well.
Awaitable<void> Account::trim_mailbox(MailboxId id, std::int64_t horizon_micros) {
    const ModSeq old = co_await horizon_modseq(id, horizon_micros);
    storage::MailboxRecord record = mailbox(id)->record;
    const ModSeq horizon = std::min(old, record.folded_modseq);
    if (horizon <= record.horizon_modseq) co_return;
    auto transaction = std::make_unique<storage::Transaction>(id_, counters_.modseq);
    transaction->set_lazy();
    transaction->trim_changes(id, horizon);
    record.horizon_modseq = horizon;
    transaction->put_mailbox(record);
    // Before the commit: who reads the log from now on may find it trimmed already. A horizon that
    // is too high makes answers longer, never wrong.
    mailbox(id)->record.horizon_modseq = horizon;
    (void)co_await context_.store.commit(std::move(transaction));
}

Awaitable<void> Account::fold_mailbox(MailboxId id) {
    if (!(co_await load_view(id))) co_return;
    Mailbox& before = *mailbox(id);
    auto transaction = std::make_unique<storage::Transaction>(id_, counters_.modseq);
    transaction->set_lazy();
    std::unordered_set<const storage::Page*> old_pages;
    std::unordered_set<storage::Uid> old_keys;
    for (const auto& page : before.folded->pages()) {
        old_pages.insert(page.get());
        old_keys.insert(page->first_uid());
    }
    for (const auto& page : before.view->pages()) {
        old_keys.erase(page->first_uid());
        if (!old_pages.contains(page.get())) transaction->put_page(id, *page);
    }
    for (const storage::Uid first_uid : old_keys) transaction->delete_page(id, first_uid);
    storage::MailboxRecord record = before.record;
    record.folded_modseq = record.highestmodseq;
    record.folded_unseen_seq = before.view->first_unseen_seq().value_or(0);
    transaction->put_mailbox(record);
    const storage::ViewPtr view = before.view;
    const auto result = co_await context_.store.commit(std::move(transaction));
    if (!result) {
        spdlog::warn("account {} mailbox {}: fold put off: {}", raw(id_), raw(id),
                     result.error().detail);
        co_return;
    }
    // Nothing but claim_recent can have changed the record meanwhile: changes pass through run(),
    // which waited here.
    Mailbox& after = *mailbox(id);
    after.record.folded_modseq = record.folded_modseq;
    after.record.folded_unseen_seq = record.folded_unseen_seq;
    after.recent_moved = after.record.recent_uid != record.recent_uid;
    after.folded = view;
    after.log_entries = 0;
}

// The modseq of the newest log entry that is older than the horizon; 0 if there is none.
Awaitable<ModSeq> Account::horizon_modseq(MailboxId id, std::int64_t horizon_micros) {
    auto& store = context_.store.store();
    const auto account = id_;
    const ModSeq since = mailbox(id)->record.horizon_modseq;
    auto found = co_await context_.workers.run(
        WorkPriority::background, [&store, account, id, since, horizon_micros] {
            ModSeq newest = 0;
            const auto scanned = store.changes_since(
                account, id, since, [&](ModSeq modseq, const storage::ChangeRecord& change) {
                    if (change.time_micros >= horizon_micros) return false;
                    newest = modseq;
                    return true;
                });
            return scanned ? newest : ModSeq{0};
        });
    co_return found ? *found : 0;
}

void Account::unload_unwatched() {
    for (auto& [id, mailbox] : mailboxes_) {
        if (mailbox.watchers.empty() &&
            mailbox.record.folded_modseq == mailbox.record.highestmodseq) {
            mailbox.view = nullptr;
            mailbox.folded = nullptr;
        }
    }
}

}  // namespace tidemark::actors
