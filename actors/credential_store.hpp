// Accounts by name, for authentication and delivery: a point read of the store, which is warm for
// whoever logs in at all (measured at a few microseconds; a hop to a worker costs more). Any
// thread.
#pragma once

#include "actors/auth/auth_service.hpp"
#include "storage/store.hpp"

namespace tidemark::actors {

class CredentialStore final : public CredentialSource {
  public:
    explicit CredentialStore(const storage::Store& store) : store_(store) {}
    std::optional<AccountCredentials> find(std::string_view name) const override;

  private:
    const storage::Store& store_;
};

}  // namespace tidemark::actors
