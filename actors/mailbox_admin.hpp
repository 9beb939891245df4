// Mailboxes of any account, made for an administrator: by the admin socket and by tools that run
// the server in their own process. Called on any core; durable when they answer.
#pragma once

#include "actors/account_messages.hpp"
#include "actors/awaitable.hpp"
#include "actors/server_context.hpp"

#include <string>

namespace tidemark::actors {

struct NewMailbox {
    std::string name;  // UTF-8, valid
    // Left out where another mailbox of the account has it already: a client looks for one (RFC
    // 6154 §2).
    storage::SpecialUse special_use = storage::SpecialUse::kNone;
    bool subscribed = false;
};

// The new mailbox. kAlreadyExists when there is one of that name, which stays as it is; kLimit.
Awaitable<Outcome<storage::MailboxRecord>> make_mailbox(ServerContext* server,
                                                        storage::AccountId account,
                                                        NewMailbox mailbox);

// Subscribes the account to a name, whether it is a mailbox's or not (RFC 9051 §6.3.7). kLimit.
Awaitable<Outcome<void>> subscribe_mailbox(ServerContext* server, storage::AccountId account,
                                           std::string name);

}  // namespace tidemark::actors
