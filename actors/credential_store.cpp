#include "actors/credential_store.hpp"

#include "actors/limits.hpp"

#include <variant>

namespace tidemark::actors {

namespace {

bool is_legacy(const storage::AccountRecord& record) {
    const auto password = parse_stored_password(record.credentials);
    return password && std::holds_alternative<LegacyHash>(*password);
}

}  // namespace

storage::Result<void> CredentialStore::scan() {
    const auto records = store_.accounts();
    if (!records) return tl::unexpected(records.error());
    const std::lock_guard lock(mutex_);
    legacy_.clear();
    for (const auto& record : *records) {
        if (is_legacy(record)) legacy_.insert(storage::raw(record.id));
    }
    legacy_count_ = legacy_.size();
    return {};
}

void CredentialStore::account_changed(std::uint64_t account_id) {
    {
        const std::lock_guard known_lock(known_mutex_);
        ++changes_;
        if (const auto name = names_.extract(account_id)) known_.erase(name.mapped());
    }
    const std::lock_guard lock(mutex_);
    const auto record = store_.account(storage::AccountId{account_id});
    if (record && is_legacy(*record)) {
        legacy_.insert(account_id);
    } else {
        legacy_.erase(account_id);
    }
    legacy_count_ = legacy_.size();
}

std::optional<AccountCredentials> CredentialStore::find(std::string_view name) const {
    std::uint64_t changes = 0;
    {
        const std::lock_guard lock(known_mutex_);
        if (const auto it = known_.find(std::string(name)); it != known_.end()) return it->second;
        changes = changes_;
    }
    auto credentials = read(name);
    if (!credentials) return std::nullopt;
    const std::lock_guard lock(known_mutex_);
    if (changes != changes_) return credentials;
    if (known_.size() >= kKnownCredentialsMax) {
        known_.clear();
        names_.clear();
    }
    known_.insert_or_assign(std::string(name), *credentials);
    names_.insert_or_assign(credentials->account_id, std::string(name));
    return credentials;
}

std::optional<AccountCredentials> CredentialStore::read(std::string_view name) const {
    const auto id = store_.find_account(name);
    if (!id) return std::nullopt;
    const auto record = store_.account(*id);
    if (!record) return std::nullopt;
    auto password = parse_stored_password(record->credentials);
    if (!password) return std::nullopt;
    return AccountCredentials{storage::raw(*id), std::move(*password), record->enabled};
}

}  // namespace tidemark::actors
