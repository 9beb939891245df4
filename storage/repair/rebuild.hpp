// Writes what was planned into a new store. Not a public header.
#pragma once

#include "storage/repair/salvage.hpp"

#include <unordered_map>

namespace tidemark::storage {

class Rebuild {
  public:
    // All must outlive it.
    Rebuild(Store& store, const SegmentDirectory& segments, const SegmentFinds& finds,
            const RepairOptions& options, RepairReport& report);

    Result<void> write(const std::vector<PlannedAccount>& accounts);

  private:
    struct State {
        AccountId account{};
        AccountCounters counters;
        MailboxRecord mailbox;
    };
    Result<void> write_account(const PlannedAccount& account);
    MailboxRecord new_mailbox(State& state, const MailboxRecord& old) const;
    Result<void> write_messages(State& state, const PlannedMailbox& mailbox);
    // Messages from `first` on as one log entry; how many.
    Result<std::size_t> write_some(State& state, const std::vector<Message>& messages,
                                   std::size_t first);
    Result<void> add_body(Transaction& transaction, const State& state, Message& message);
    Result<NewBody> copy_body(const WholeBody& body);
    Result<void> commit(Transaction transaction);

    Store& store_;
    const SegmentDirectory& segments_;
    const SegmentFinds& finds_;
    const RepairOptions& options_;
    RepairReport& report_;
    RepairProgress progress_{"writing mail", 0, 0};
    std::unordered_map<BodyId, BodyId> new_ids_;
};

}  // namespace tidemark::storage
