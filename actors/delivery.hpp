// Mail into accounts, from LMTP and from imports: finds the account that an address means, and
// gives a message to the mailboxes of any number of accounts, each on its own core.
//
// Called on any core. Nothing is reported as delivered before it is durable. All recipients of one
// message share its bytes and its body in the store.
#pragma once

#include "actors/account_messages.hpp"
#include "actors/awaitable.hpp"
#include "actors/server_context.hpp"
#include "protocol/lmtp.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::actors {

struct DeliveryTarget {
    storage::AccountId account{};
    // UTF-8 names of the mailboxes that a subaddress may mean: the first that exists is taken,
    // INBOX when there is none.
    std::vector<std::string> folders;
};

enum class AddressError : std::uint8_t {
    kUnknown,      // no account has this address
    kDisabled,     // the account is switched off
    kUnavailable,  // it can not be told now
};

// Whose address this is. Accounts may be named "user" or "user@domain": the whole address is tried
// first, then the local part alone; both with its subaddress (RFC 5233) as written and then
// without. A few point reads of the store, warm for whoever gets mail.
tl::expected<DeliveryTarget, AddressError> find_recipient(const storage::Store& store,
                                                          const protocol::lmtp::Path& path);
// "lists.linux" means the mailbox of that very name and after it "lists/linux". Without what can
// not be a mailbox.
std::vector<std::string> folders_of_detail(std::string_view detail);

// One outcome for each target, in their order.
Awaitable<std::vector<Outcome<AppendOutcome>>> deliver(ServerContext* server,
                                                       std::vector<DeliveryTarget> targets,
                                                       AppendMessage message);

// Many messages into one mailbox, all or none, numbered in their order; the mailbox is made where
// it does not exist.
Awaitable<Outcome<AppendOutcome>> import_messages(ServerContext* server, storage::AccountId account,
                                                  std::string mailbox,
                                                  std::vector<AppendMessage> messages);

}  // namespace tidemark::actors
