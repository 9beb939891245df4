// The requests of one round, applied to drafts of an account's state. Everything is checked before
// anything is changed, request by request, so a refused one leaves no trace in the round. Home core
// of the account; no suspension inside.
#pragma once

#include "actors/account.hpp"
#include "actors/account_messages.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidemark::actors {

class AccountBatch {
  public:
    AccountBatch(Account& account, std::int64_t now_micros);

    // Applies one request. Its answer is kept until finish().
    void apply(AccountRequest request);

    bool changes_anything() const { return changed_; }
    std::unique_ptr<storage::Transaction> take_transaction();
    // Publishes the drafts and answers everybody; then the watchers are told.
    void commit();
    // Answers everybody who asked for a change with `error`.
    void fail(const AccountError& error);

  private:
    struct Working {
        storage::MailboxRecord record;
        std::optional<storage::MailboxDraft> draft;  // none while the mailbox is not loaded
        std::size_t log_entries = 0;
        bool created = false;
        bool deleted = false;
        bool touched = false;
        storage::Uid first_new_uid = 0;  // 0: none
    };
    using Finish = std::function<void(const AccountError* error)>;

    void handle(AppendRequest request);
    void handle(StoreRequest request);
    void handle(ExpungeRequest request);
    void handle(CopyRequest request);
    void handle(CreateRequest request);
    void handle(DeleteRequest request);
    void handle(RenameRequest request);
    void handle(SubscribeRequest request);
    void handle(OpenRequest request);
    void handle(UpdateAccountRequest request);
    void handle(MaintainRequest) {}
    void handle(std::monostate) {}

    // Answers with `answer` when the round is durable, with its error when it is not.
    template <class Request>
    void answer_after_commit(Request& request, typename Request::Answer answer);

    Working* find(std::string_view name);
    Working* find(storage::MailboxId id);
    Working& open(storage::MailboxId id);
    std::optional<storage::MailboxId> id_of(std::string_view name) const;
    bool has_children(std::string_view name) const;
    storage::ModSeq next_modseq();
    void log(Working& mailbox, storage::ModSeq modseq, const storage::ChangeRecord& change);

    std::optional<AccountError> check_room(std::uint64_t bytes) const;
    // The bits for `names`; keywords that the mailbox has not seen are added to its table. Nothing
    // when it is full.
    static std::optional<storage::FlagBits> resolve_flags(storage::MailboxRecord& record,
                                                          const FlagNames& names);
    static bool has_room_for(const storage::MailboxRecord& record, const FlagNames& names);
    storage::Uid put_message(Working& mailbox, storage::ChangeRecord& change,
                             storage::Message message, storage::ModSeq modseq);
    void remove_message(Working& mailbox, storage::ChangeRecord& change,
                        const storage::Message& message, storage::ModSeq modseq);
    Working& create(const std::string& name, storage::SpecialUse use, storage::ModSeq modseq);
    // A subscription to the name of a mailbox is kept in its record, never beside it.
    void adopt_subscription(storage::MailboxRecord& record);
    void rename_inbox(RenameRequest request);
    void move_all(Working& source, Working& destination, storage::ModSeq modseq);
    static storage::FlagBits translate_flags(const storage::MailboxRecord& source,
                                             storage::MailboxRecord& destination,
                                             storage::FlagBits flags);

    Account& account_;
    std::int64_t now_micros_;
    storage::Transaction transaction_;
    storage::AccountCounters counters_;
    std::optional<storage::AccountRecord> record_;
    // Node-based: references to a Working stay good while others are added.
    std::map<std::uint32_t, Working> working_;
    std::map<std::string, std::optional<storage::MailboxId>, std::less<>>
        names_;  // none: no longer there
    std::vector<std::string> orphans_;
    bool orphans_changed_ = false;
    std::vector<Finish> finishers_;
    bool changed_ = false;
    bool only_frees_ = true;
};

}  // namespace tidemark::actors
