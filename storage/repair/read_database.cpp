#include "storage/keys.hpp"
#include "storage/repair/salvage.hpp"

namespace tidemark::storage {
namespace {

void read_mailboxes(const Database& database, AccountId id, FoundAccount& account) {
    bool is_complete = true;
    const Result<void> scanned = database.scan_prefix(
        Family::kMailboxes, keys::mailboxes(id),
        [&](std::string_view key, std::string_view value) -> Result<bool> {
            const std::optional<MailboxId> mailbox = keys::mailbox_of(key);
            Result<MailboxRecord> record = decode_mailbox(value);
            if (!mailbox || !record || record->id != *mailbox || record->name.empty()) {
                is_complete = false;
            } else {
                account.mailboxes[*mailbox].record = std::move(*record);
            }
            return true;
        });
    account.has_all_mailboxes = scanned && is_complete;
    for (auto& [mailbox, found] : account.mailboxes) {
        Result<ViewPtr> view = read_mailbox(database, id, found.record);
        if (view) found.view = std::move(*view);
    }
}

void read_subscriptions(const Database& database, AccountId id, FoundAccount& account) {
    const std::string prefix = keys::subscriptions(id);
    // Those before the damage.
    static_cast<void>(database.scan_prefix(
        Family::kAccounts, prefix, [&](std::string_view key, std::string_view) -> Result<bool> {
            account.subscriptions.emplace_back(key.substr(prefix.size()));
            return true;
        }));
}

}  // namespace

DatabaseFinds read_database(const Database& database) {
    DatabaseFinds finds;
    bool is_complete = true;
    const std::string prefix = keys::accounts();
    const Result<void> scanned = database.scan_prefix(
        Family::kAccounts, prefix,
        [&](std::string_view key, std::string_view value) -> Result<bool> {
            const std::optional<AccountId> id = keys::account_of(key.substr(prefix.size()));
            Result<AccountRecord> record = decode_account(value);
            if (!id || !record || record->id != *id || record->name.empty()) {
                is_complete = false;
            } else {
                finds.accounts[*id].record = std::move(*record);
            }
            return true;
        });
    finds.has_all_accounts = scanned && is_complete;
    for (auto& [id, account] : finds.accounts) {
        const auto counters =
            database.get(Family::kAccounts, keys::counters(id)).and_then(decode_counters);
        if (counters) account.counters = *counters;
        read_mailboxes(database, id, account);
        read_subscriptions(database, id, account);
    }
    return finds;
}

}  // namespace tidemark::storage
