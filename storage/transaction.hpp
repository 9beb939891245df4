// What an account actor asks the store to make durable, all or nothing: the log entries, records,
// pages, summaries and bodies of one or more commands. It is encoded on the account's thread, so
// that the store's single thread only has to copy, sync and answer.
//
// Modseqs: the account is loaded by one actor only, which therefore knows its counter and numbers
// its commands `base_modseq + 1 …`; the store, which alone hands numbers out, refuses the
// transaction (kFenced) unless base_modseq is the account's counter as the store last committed it.
// So numbers are serial and gapless per account, or nothing happens.
#pragma once

#include "storage/records.hpp"
#include "storage/types.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::storage {

// The bytes of a body that was streamed to a file of its own before its command was known to
// succeed (large uploads). Destroying it without a commit removes the file. Made by
// Store::stage_body.
class StagedBody;

// Who a body was stored for at first: written into its frame so that a store can be rebuilt from
// segments alone.
struct BodyOwner {
    AccountId account{};
    MailboxId mailbox{};
    Uid uid = 0;
};

struct NewBody {
    BodyId id{};                               // from Store::next_body_id
    std::shared_ptr<const std::string> bytes;  // exactly one of bytes and staged
    std::shared_ptr<StagedBody> staged;
    Date internal_date;
    FlagBits system_flags = 0;
    std::vector<BodyOwner> owners;  // >= 1; each gives one reference to its account
    // Other transactions may bring the same id and bytes (a message to several accounts): whichever
    // is committed first stores the body, the others only add their references.
    bool is_shared = false;
};

// One more or one fewer message of `account` names `body`.
struct ReferenceChange {
    BodyId body{};
    std::int32_t delta = 0;
};

class Transaction {
  public:
    // base_modseq is 0 for an account that is not stored yet.
    Transaction(AccountId account, ModSeq base_modseq);

    AccountId account() const { return account_; }
    ModSeq base_modseq() const { return base_modseq_; }

    // With its name index; the commit gives kExists when another account has the name.
    void put_account(const AccountRecord& record);
    void rename_account(const AccountRecord& record, std::string_view old_name);
    void put_counters(
        const AccountCounters& counters);  // counters.modseq is the account's new counter
    void put_mailbox(const MailboxRecord& record);
    // The record, its pages and its log; the caller gives the references back with
    // change_reference.
    void delete_mailbox(MailboxId mailbox);
    void put_change(MailboxId mailbox, ModSeq modseq, const ChangeRecord& change);
    void put_page(MailboxId mailbox, const Page& page);  // keyed by its first uid
    void delete_page(MailboxId mailbox, Uid first_uid);
    void trim_changes(MailboxId mailbox, ModSeq up_to);  // inclusive
    void put_summary(BodyId body,
                     std::string_view summary);    // deleted with the account's last reference
    void put_subscription(std::string_view name);  // of a name that is no mailbox
    void delete_subscription(std::string_view name);
    void add_body(NewBody body);
    void change_reference(BodyId body, std::int32_t delta);

    // A fold of pages or a moved \Recent mark: it may be lost in a crash without anybody noticing,
    // so a round of only such transactions is not synced.
    void set_lazy() { lazy_ = true; }
    bool lazy() const { return lazy_; }
    // Frees space: let through when the disk is nearly full.
    void set_frees_space() { frees_space_ = true; }
    bool frees_space() const { return frees_space_; }
    std::size_t memory_bytes() const;

  private:
    friend class StoreImpl;
    enum class Family : std::uint8_t { kAccounts, kMailboxes, kChanges, kPages, kSummaries };
    struct Mutation {
        enum class Kind : std::uint8_t { kPut, kDelete, kDeleteRange } kind;
        Family family;
        std::string key;
        std::string value;  // kDeleteRange: the end, exclusive
    };

    void put(Family family, std::string key, std::string value);
    void remove(Family family, std::string key);
    void remove_range(Family family, std::string first, std::string end);

    AccountId account_;
    ModSeq base_modseq_;
    ModSeq new_modseq_;
    bool lazy_ = false;
    bool frees_space_ = false;
    std::vector<Mutation> mutations_;
    std::vector<NewBody> bodies_;
    std::vector<ReferenceChange> references_;
    std::size_t bytes_ = 0;
};

}  // namespace tidemark::storage
