// Where an import goes: a data directory that nobody has open, or a running server. Blocking, one
// thread.
#pragma once

#include "actors/mailbox_admin.hpp"
#include "tools/command_error.hpp"
#include "tools/import_ledger.hpp"
#include "tools/mail/message.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::tools {

struct ImportBatch {
    std::string mailbox;
    std::vector<MailMessage> messages;
    std::vector<ImportKey> keys;  // of messages
    std::uint64_t bytes = 0;      // of messages
};

// A batch is one change of the mailbox, all or none. Many messages make the syncs cheap; the bytes
// bound what an import holds in memory (three batches at once).
inline constexpr std::size_t kImportBatchMessages = 200;
inline constexpr std::uint64_t kImportBatchBytes = 16u << 20;

class ImportTarget {
  public:
    virtual ~ImportTarget() = default;

    // Never that of another account, also when one of the same name is made later.
    virtual std::uint64_t account_id() const = 0;
    // The names of the account's mailboxes, with the number of messages in each.
    virtual CommandResult<std::vector<std::pair<std::string, std::uint64_t>>> mailboxes() = 0;
    // The keywords that the mailbox has; empty when there is no such mailbox.
    virtual CommandResult<std::vector<std::string>> keywords(const std::string& mailbox) = 0;
    // Whether the batch was committed.
    virtual CommandResult<bool> holds(const ImportMark& mark) = 0;
    // Nothing to do when it is there.
    virtual CommandResult<void> create(const std::string& mailbox) = 0;
    // kNo when it is there.
    virtual CommandResult<void> make(const actors::NewMailbox& mailbox) = 0;
    // To a mailbox, or to a name that is none.
    virtual CommandResult<void> subscribe(const std::string& name) = 0;
    // Batches are committed in this order, the last ones maybe only in finish(). Tells the ledger.
    // The mailbox is made when it is not there.
    virtual CommandResult<void> put(std::unique_ptr<ImportBatch> batch, ImportLedger& ledger) = 0;
    virtual CommandResult<void> finish(ImportLedger& ledger) = 0;
};

// kCouldNotRun: it is open already. kNo: no such account.
[[nodiscard]] CommandResult<std::unique_ptr<ImportTarget>> import_to_directory(
    const std::string& data, const std::string& account);

class AdminClient;
[[nodiscard]] CommandResult<std::unique_ptr<ImportTarget>> import_to_server(
    AdminClient client, const std::string& data, const std::string& account);

}  // namespace tidemark::tools
