// Making and changing accounts, with or without a running server.
//
// A new account is one transaction: its record, INBOX and the usual special-use mailboxes. The
// functions that take a Store are for a directory that no server has open (they commit by
// themselves, on the calling thread); those with a ServerContext are for a running one, on any
// core, and go through the store actor and the account's own actor.
#pragma once

#include "actors/auth/password.hpp"
#include "actors/awaitable.hpp"
#include "actors/server_context.hpp"
#include "storage/store.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace tidemark::actors {

struct NewAccount {
    std::string name;         // as given; normalised here
    std::string credentials;  // stored_password_text()
    std::uint64_t quota_bytes = 0;
};

// What to commit for a new account; the name is checked (normalize_account_name), not that it is
// free.
tl::expected<std::unique_ptr<storage::Transaction>, std::string> new_account_transaction(
    storage::Store& store, const NewAccount& account, std::int64_t now_micros);

// kExists, or what commit() says; `detail` is for the person who asked.
storage::Result<storage::AccountId> add_account(storage::Store& store, const NewAccount& account,
                                                std::int64_t now_micros);
storage::Result<void> change_account(storage::Store& store, std::string_view name,
                                     const std::function<void(storage::AccountRecord&)>& change);
storage::Result<void> remove_account(storage::Store& store, std::string_view name);

Awaitable<storage::Result<storage::AccountId>> add_account(ServerContext* server,
                                                           NewAccount account);
Awaitable<storage::Result<void>> change_account(
    ServerContext* server, std::string name, std::function<void(storage::AccountRecord&)> change);
// Sessions of the account are ended first.
Awaitable<storage::Result<void>> remove_account(ServerContext* server, std::string name);

}  // namespace tidemark::actors
