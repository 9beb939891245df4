// The rows of the accounts, and what the mailboxes of an account must be together.
#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/verify/account_work.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark::storage {

// Rows that do not decode are told by check_account_rows(); the account is checked all the same.
void VerifyRun::load_account_ids() {
    const std::string prefix = keys::accounts();
    const Result<void> scanned = db_->scan_prefix(
        Family::kAccounts, prefix, [&](std::string_view key, std::string_view) -> Result<bool> {
            const std::optional<AccountId> id = keys::account_of(key.substr(prefix.size()));
            if (id && keys::account(*id) == key) accounts_.push_back(*id);
            return !cancelled();
        });
    if (!scanned) find_unread(scanned.error(), "the accounts");
    counts_.accounts = accounts_.size();
    if (state_ && !accounts_.empty() && raw(accounts_.back()) >= state_->account_id_limit) {
        find(FindingCode::kIdLimit, {accounts_.back(), {}, 0},
             fmt::format("its id {} is not below the limit {}", raw(accounts_.back()),
                         state_->account_id_limit));
    }
}

void VerifyRun::check_account_name_row(std::string_view key, std::string_view value) {
    const std::string name(key.substr(1));
    const std::optional<AccountId> id = keys::decode_account_id(value);
    if (!id) {
        find(FindingCode::kValue, {},
             fmt::format("the entry of the account name {} does not decode", name));
        return;
    }
    const Result<AccountRecord> record =
        db_->get(Family::kAccounts, keys::account(*id)).and_then(decode_account);
    if (record && record->name == name) return;
    if (!record && record.error().kind != StoreErrorKind::kNotFound) return;  // told there
    find(FindingCode::kAccount, {},
         fmt::format("the account name {} names account {}, which {}", name, raw(*id),
                     record ? "has another name" : "does not exist"));
}

void VerifyRun::check_subscription_row(std::string_view key, std::string_view value) {
    const std::optional<AccountId> id = keys::account_of(key.substr(1));
    if (!id) return find(FindingCode::kKey, {}, "a subscription's key has a wrong shape");
    const std::string_view name = key.substr(keys::subscriptions(*id).size());
    if (!is_account(*id)) {
        find(FindingCode::kKey, {},
             fmt::format("a subscription to {} is of account {}, which does not exist", name,
                         raw(*id)));
        return;
    }
    if (value != std::string_view("\x01", 1)) {
        find(FindingCode::kValue, {id, {}, 0},
             fmt::format("the subscription to {} has another value", name));
    }
    if (options_.mailbox_name_is_legal && !options_.mailbox_name_is_legal(name)) {
        find(FindingCode::kSubscription, {id, {}, 0},
             fmt::format("{} is not a legal mailbox name", name));
    }
}

void VerifyRun::check_account_rows() {
    const Result<void> scanned = db_->scan(
        Family::kAccounts, {}, {},
        [&](std::string_view key, std::string_view value) -> Result<bool> {
            const auto tag = key.empty() ? keys::AccountTag{}
                                         : keys::AccountTag{static_cast<std::uint8_t>(key[0])};
            const std::optional<AccountId> id =
                key.empty() ? std::nullopt : keys::account_of(key.substr(1));
            switch (tag) {
                case keys::AccountTag::kName:
                    check_account_name_row(key, value);
                    break;
                case keys::AccountTag::kSubscription:
                    check_subscription_row(key, value);
                    break;
                case keys::AccountTag::kRecord:
                    if (!id || keys::account(*id) != key)
                        find(FindingCode::kKey, {}, "an account's key has a wrong shape");
                    break;
                case keys::AccountTag::kCounters:
                    if (!id || keys::counters(*id) != key) {
                        find(FindingCode::kKey, {}, "the key of counters has a wrong shape");
                    } else if (!is_account(*id)) {
                        find(FindingCode::kKey, {},
                             fmt::format("counters of account {}, which does not exist", raw(*id)));
                    }
                    break;
                default:
                    find(FindingCode::kKey, {}, "a key of an unknown kind among the accounts");
            }
            return !cancelled();
        });
    if (!scanned) find_unread(scanned.error(), "the accounts");
}

// Rows whose account does not exist. Those of one that does are seen when it is checked, so this
// only steps from account to account.
void VerifyRun::check_stray_rows_of(Family which, std::string_view what) {
    std::string from;
    bool more = true;
    while (more && !cancelled()) {
        more = false;
        const Result<void> scanned =
            db_->scan(which, from, {}, [&](std::string_view key, std::string_view) -> Result<bool> {
                const std::optional<AccountId> id = keys::account_of(key);
                if (!id) {
                    find(FindingCode::kKey, {}, fmt::format("{} has a key of a wrong shape", what));
                    from = std::string(key) + '\0';
                } else {
                    if (!is_account(*id)) {
                        find(FindingCode::kKey, {},
                             fmt::format("{} of account {}, which does not exist", what, raw(*id)));
                    }
                    from = end_of(keys::mailboxes(*id));
                }
                more = !from.empty();
                return false;
            });
        if (!scanned) return find_unread(scanned.error(), what);
    }
}

void VerifyRun::check_stray_rows() {
    check_stray_rows_of(Family::kMailboxes, "a mailbox");
    check_stray_rows_of(Family::kChanges, "a log entry");
    check_stray_rows_of(Family::kPages, "a page");
    check_stray_rows_of(Family::kSummaries, "a summary");
}

void VerifyRun::check_account(AccountId account) {
    AccountWork work;
    work.id = account;
    check_account_record(work);
    check_account_counters(work);
    const std::string first = keys::mailboxes(account);
    std::vector<MailboxRecord> mailboxes;
    const Result<void> scanned = db_->scan_prefix(
        Family::kMailboxes, first,
        [&](std::string_view key, std::string_view value) -> Result<bool> {
            const std::optional<MailboxId> id = keys::mailbox_of(key);
            if (!id || keys::mailbox(account, *id) != key) {
                find(FindingCode::kKey, {account, {}, 0}, "a mailbox's key has a wrong shape");
                return true;
            }
            work.mailbox_ids.push_back(*id);
            Result<MailboxRecord> record = decode_mailbox(value);
            if (!record || encode(*record) != value) {
                find(FindingCode::kValue, {account, id, 0},
                     record ? "its record is not in its one form" : record.error().detail);
                work.is_complete = false;
                return true;
            }
            if (record->id != *id) {
                find(FindingCode::kMailbox, {account, id, 0},
                     fmt::format("its record says that its id is {}", raw(record->id)));
                record->id = *id;
            }
            work.names.push_back(record->name);
            mailboxes.push_back(std::move(*record));
            return true;
        });
    if (!scanned) {
        work.is_complete = false;
        find_unread(scanned.error(), "the mailboxes", {account, {}, 0});
    }
    for (const MailboxRecord& record : mailboxes) {
        if (cancelled()) return;
        check_mailbox(work, record);
    }
    std::sort(work.names.begin(), work.names.end());
    check_mailbox_names(work);
    check_account_usage(work);
    check_subscriptions(work);
    check_mailbox_rows(work, Family::kChanges, "a log entry");
    check_mailbox_rows(work, Family::kPages, "a page");
    check_references(work);
    check_summary_rows(work);
    const std::lock_guard lock(mutex_);
    counts_.mailboxes += mailboxes.size();
    counts_.messages += work.bodies.size();
}

void VerifyRun::check_account_record(AccountWork& work) {
    const Place place{work.id, {}, 0};
    const Result<std::string> bytes = db_->get(Family::kAccounts, keys::account(work.id));
    if (!bytes) return find_unread(bytes.error(), "the account", place);
    const Result<AccountRecord> record = decode_account(*bytes);
    if (!record) return find(FindingCode::kValue, place, record.error().detail);
    if (encode(*record) != *bytes)
        find(FindingCode::kValue, place, "its record is not in its one form");
    if (record->id != work.id) {
        find(FindingCode::kAccount, place,
             fmt::format("its record says that its id is {}", raw(record->id)));
    }
    if (record->name.empty() ||
        (options_.account_name_is_legal && !options_.account_name_is_legal(record->name))) {
        find(FindingCode::kAccount, place, "its name is not legal");
    }
    work.is_enabled = record->enabled;
    const Result<std::string> entry = db_->get(Family::kAccounts, keys::account_name(record->name));
    if (!entry && entry.error().kind != StoreErrorKind::kNotFound)
        return find_unread(entry.error(), "its name's entry", place);
    if (entry && !keys::decode_account_id(*entry)) return;  // told there
    if (!entry) {
        find(FindingCode::kAccount, place, "its name has no entry, nobody can log in");
    } else if (keys::decode_account_id(*entry) != work.id) {
        find(FindingCode::kAccount, place, "its name's entry names another account");
    }
}

void VerifyRun::check_account_counters(AccountWork& work) {
    const Place place{work.id, {}, 0};
    const Result<std::string> bytes = db_->get(Family::kAccounts, keys::counters(work.id));
    if (!bytes && bytes.error().kind != StoreErrorKind::kNotFound)
        return find_unread(bytes.error(), "the account's counters", place);
    if (!bytes) {
        // What is left of an account whose removal was cut short; the next start goes on with it.
        work.is_being_removed = !work.is_enabled;
        if (!work.is_being_removed) find(FindingCode::kAccount, place, "its counters are missing");
        return;
    }
    const Result<AccountCounters> counters = decode_counters(*bytes);
    if (!counters || encode(*counters) != *bytes) {
        find(FindingCode::kValue, place,
             counters ? "its counters are not in their one form" : counters.error().detail);
        return;
    }
    work.counters = *counters;
}

void VerifyRun::check_mailbox_names(const AccountWork& work) {
    const Place place{work.id, {}, 0};
    for (std::size_t i = 0; i < work.names.size(); ++i) {
        const std::string& name = work.names[i];
        if (i > 0 && name == work.names[i - 1]) {
            find(FindingCode::kMailboxName, place,
                 fmt::format("two mailboxes are called {}", name));
        }
        if (name.empty() ||
            (options_.mailbox_name_is_legal && !options_.mailbox_name_is_legal(name))) {
            find(FindingCode::kMailboxName, place,
                 fmt::format("\"{}\" is not a legal mailbox name", name));
        }
    }
    if (work.is_complete && !work.is_being_removed &&
        !std::binary_search(work.names.begin(), work.names.end(), std::string("INBOX"))) {
        find(FindingCode::kMailboxName, place, "there is no INBOX");
    }
}

void VerifyRun::check_account_usage(const AccountWork& work) {
    if (!work.counters || !work.is_complete) return;
    if (work.counters->used_bytes == work.bytes &&
        work.counters->used_messages == work.bodies.size()) {
        return;
    }
    find(FindingCode::kAccountUsage, {work.id, {}, 0},
         fmt::format("its counters say {} messages and {} bytes, its mailboxes have {} and {}",
                     work.counters->used_messages, work.counters->used_bytes, work.bodies.size(),
                     work.bytes));
}

void VerifyRun::check_subscriptions(const AccountWork& work) {
    const std::string prefix = keys::subscriptions(work.id);
    const Result<void> scanned = db_->scan_prefix(
        Family::kAccounts, prefix, [&](std::string_view key, std::string_view) -> Result<bool> {
            const std::string name(key.substr(prefix.size()));
            if (std::binary_search(work.names.begin(), work.names.end(), name)) {
                find(FindingCode::kSubscription, {work.id, {}, 0},
                     fmt::format("{} is a mailbox; its own record says whether it is subscribed",
                                 name));
            }
            return true;
        });
    if (!scanned) find_unread(scanned.error(), "the subscriptions", {work.id, {}, 0});
}

// Rows whose mailbox does not exist; those of one that does are seen when it is checked.
void VerifyRun::check_mailbox_rows(AccountWork& work, Family which, std::string_view what) {
    const std::string end = end_of(keys::mailboxes(work.id));
    std::string from = keys::mailboxes(work.id);
    bool more = true;
    while (more && !cancelled()) {
        more = false;
        const Result<void> scanned = db_->scan(
            which, from, end, [&](std::string_view key, std::string_view) -> Result<bool> {
                const std::optional<MailboxId> id = keys::mailbox_of(key);
                if (!id) {
                    find(FindingCode::kKey, {work.id, {}, 0},
                         fmt::format("{} has a key of a wrong shape", what));
                    from = std::string(key) + '\0';
                } else {
                    if (!std::binary_search(work.mailbox_ids.begin(), work.mailbox_ids.end(),
                                            *id)) {
                        find(FindingCode::kKey, {work.id, {}, 0},
                             fmt::format("{} of mailbox {}, which does not exist", what, raw(*id)));
                    }
                    from = end_of(keys::of_mailbox(work.id, *id));
                }
                more = !from.empty();
                return false;
            });
        if (!scanned) return find_unread(scanned.error(), what, {work.id, {}, 0});
    }
}

}  // namespace tidemark::storage
