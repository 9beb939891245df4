#include "actors/credential_store.hpp"

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
    const auto id = store_.find_account(name);
    if (!id) return std::nullopt;
    const auto record = store_.account(*id);
    if (!record) return std::nullopt;
    auto password = parse_stored_password(record->credentials);
    if (!password) return std::nullopt;
    return AccountCredentials{storage::raw(*id), std::move(*password), record->enabled};
}

}  // namespace tidemark::actors
