#include "actors/credential_store.hpp"

namespace tidemark::actors {

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
