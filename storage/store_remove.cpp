// Removing an account in bounded steps, each of which leaves a consistent store: first nobody can
// use it, then its mailboxes go a few pages at a time with the references that these hold, its name
// last, so that a removal cut short by a crash can be found and finished.
#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/store_round.hpp"

#include <algorithm>

namespace tidemark::storage {

Result<bool> StoreImpl::remove_account_step(AccountId account) {
    check_space();
    if (auto ready = check_writable().and_then([&] { return resume_after_no_space(); }); !ready) {
        return tl::unexpected(ready.error());
    }
    Result<AccountRecord> record = this->account(account);
    if (!record) {
        if (record.error().kind == StoreErrorKind::kNotFound) return true;
        return tl::unexpected(record.error());
    }
    const Result<std::string> counters = get(Family::kAccounts, keys::counters(account));
    if (!counters && counters.error().kind != StoreErrorKind::kNotFound)
        return tl::unexpected(counters.error());
    Round round(*this);
    round.forget_account(account);
    if (counters || record->enabled) {
        // Without counters every transaction that somebody still sends is refused.
        record->enabled = false;
        round.batch().Put(family(Family::kAccounts), keys::account(account), encode(*record));
        round.batch().Delete(family(Family::kAccounts), keys::counters(account));
        return round.finish(true).map([] { return false; });
    }
    std::optional<MailboxRecord> mailbox;
    const std::string first = keys::mailboxes(account);
    const std::string end = keys::after(first);
    const Result<void> scanned =
        scan({}, Family::kMailboxes, first, end,
             [&](std::string_view, std::string_view value) -> Result<bool> {
                 Result<MailboxRecord> decoded = decode_mailbox(value);
                 if (!decoded) return tl::unexpected(decoded.error());
                 mailbox = std::move(*decoded);
                 return false;
             });
    if (!scanned) return tl::unexpected(scanned.error());
    if (mailbox) return remove_mailbox_step(account, *mailbox);

    for (const Family which : {Family::kPages, Family::kChanges, Family::kSummaries}) {
        round.batch().DeleteRange(family(which), first, end);
    }
    const std::string names = keys::subscriptions(account);
    round.batch().DeleteRange(family(Family::kAccounts), names, keys::after(names));
    round.batch().Delete(family(Family::kAccounts), keys::account(account));
    if (find_account(record->name) == account) {
        round.batch().Delete(family(Family::kAccounts), keys::account_name(record->name));
    }
    return round.finish(true).map([] { return true; });
}

Result<bool> StoreImpl::remove_mailbox_step(AccountId account, MailboxRecord& mailbox) {
    Round round(*this);
    round.bury_nothing();
    const std::string first = keys::of_mailbox(account, mailbox.id);
    const std::string end = keys::after(first);
    if (mailbox.folded_modseq < mailbox.highestmodseq) {
        const Result<LoadedMailbox> loaded = load_mailbox(account, mailbox);
        if (!loaded) return tl::unexpected(loaded.error());
        round.batch().DeleteRange(family(Family::kPages), first, end);
        round.batch().DeleteRange(family(Family::kChanges), first, end);
        for (const PagePtr& page : loaded->view->pages()) {
            round.batch().Put(family(Family::kPages),
                              keys::page(account, mailbox.id, page->first_uid()),
                              encode_page(*page));
        }
        mailbox.folded_modseq = mailbox.highestmodseq;
        mailbox.folded_unseen_seq = loaded->view->first_unseen_seq().value_or(0);
        round.batch().Put(family(Family::kMailboxes), keys::mailbox(account, mailbox.id),
                          encode(mailbox));
        return round.finish(true).map([] { return false; });
    }

    std::vector<BodyId> bodies;
    std::size_t pages = 0;
    const Result<void> scanned =
        scan({}, Family::kPages, first, end,
             [&](std::string_view key, std::string_view value) -> Result<bool> {
                 const Result<Page> page = decode_page(value);
                 if (!page) return tl::unexpected(page.error());
                 for (const BodyId body : page->fixed->body) bodies.push_back(body);
                 round.batch().Delete(family(Family::kPages), slice(key));
                 return ++pages < kRemovePagesPerStep;
             });
    if (!scanned) return tl::unexpected(scanned.error());
    std::sort(bodies.begin(), bodies.end());
    std::vector<std::pair<BodyId, std::int64_t>> deltas;
    for (const BodyId body : bodies) {
        if (deltas.empty() || deltas.back().first != body) deltas.emplace_back(body, 0);
        --deltas.back().second;
    }
    if (auto changed = round.change_references(account, deltas); !changed)
        return tl::unexpected(changed.error());
    if (pages < kRemovePagesPerStep) {
        round.batch().DeleteRange(family(Family::kChanges), first, end);
        round.batch().Delete(family(Family::kMailboxes), keys::mailbox(account, mailbox.id));
    }
    return round.finish(true).map([] { return false; });
}

}  // namespace tidemark::storage
