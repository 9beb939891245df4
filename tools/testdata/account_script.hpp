// What happens to one account of the test data: every kind of change, in an order that the seed
// decides.
#pragma once

#include "tools/testdata/driven_server.hpp"
#include "tools/testdata/random.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tidemark::tools::testdata {

// The first failure ends everything after it: no call does anything any more, and error() says why.
class AccountScript {
  public:
    AccountScript(DrivenServer& server, storage::AccountId account, std::uint64_t seed,
                  std::uint64_t first_number);

    const std::optional<std::string>& error() const { return error_; }

    void make_mailboxes();
    // Mail and changes, about evenly; every step a little later than the one before.
    void live(std::uint64_t messages);
    // Renamed, deleted and made again.
    void rearrange_mailboxes();
    // One mailbox with as many keywords as a mailbox can have.
    void use_all_keywords();
    // A streamed message, its copy, and one that is only a tombstone now.
    void add_large();
    void rename_inbox();
    // Expunges about one message of `divisor`, each a command of its own or several in one.
    void expunge_some(std::uint64_t divisor);
    // Everything is folded; entries older than `horizon_micros` go from the log.
    void maintain(std::int64_t horizon_micros);
    void claim_recent(const std::string& mailbox);

  private:
    template <class Request>
    std::optional<typename Request::Answer::value_type> ask(Request request);
    void pass_time();
    std::vector<storage::MailboxRecord> mailboxes();
    std::optional<storage::MailboxRecord> find(const std::string& name);
    storage::ViewPtr view(const storage::MailboxRecord& record);
    std::optional<storage::MailboxRecord> any_filled();
    storage::UidRanges some_uids(const storage::MailboxView& view, std::uint64_t divisor);
    actors::FlagNames some_flags();
    std::optional<actors::AppendMessage> message(std::string bytes);
    void append(const std::string& mailbox, std::uint64_t count, storage::ChangeKind kind);
    void create(const std::string& name, storage::SpecialUse use = storage::SpecialUse::kNone,
                bool subscribed = false);
    void subscribe(const std::string& name, bool subscribed);
    void store_flags();
    void copy_or_move(bool move);
    void expunge(const storage::MailboxRecord& record, const storage::UidRanges& uids);
    void fail(std::string text);

    DrivenServer& server_;
    storage::AccountId account_;
    Random random_;
    std::uint64_t number_;  // of the next message
    std::optional<std::string> error_;
};

}  // namespace tidemark::tools::testdata
