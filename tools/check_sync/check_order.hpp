// The flags of each message, with all STOREs of all sessions, are linearizable: some order of the
// STOREs, each between its command and its answer, leads from the flags at one rest to those at the
// next, and in it every conditional STORE that won found the flags that it was based on.
//
// This is the whole question that CompareAndSwapChecker asks of two STOREs at a time. Messages that
// are gone at the rest, and those that were copied there since the one before (nobody was told
// their flags at the start), are not asked about.
#pragma once

#include "tools/check_sync/check_modseqs.hpp"
#include "tools/check_sync/register_search.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tidemark::check_sync {

class OrderChecker final : public Checker {
  public:
    using Checker::Checker;
    void on_command(const Exchange& begun) override;
    void on_exchange(const Exchange& exchange) override;
    void on_census(SessionId session, const ClientView& view, EventId at) override;
    void on_quiet(EventId at) override;

    std::uint64_t messages_sought() const { return sought_; }
    std::uint64_t messages_undecided() const { return undecided_; }

  private:
    // One message of a STORE; flags as canonical text.
    struct Change {
        EventId call = 0;
        EventId end = kNever;
        protocol::command::Store::Mode mode = protocol::command::Store::Mode::replace;
        std::string flags;
        bool is_conditional = false;
        std::string base;  // the flags that it is based on, if it is conditional
        EventId base_told = 0;
    };
    struct Message {
        bool is_start_known = false;
        std::string start;
        EventId start_told = 0;
        std::vector<Change> changes;
    };
    struct Pending {
        protocol::Uid uid = 0;
        bool is_conditional = false;
        std::string base;
        EventId base_told = 0;
    };
    struct Census {
        MailboxId mailbox = kNoMailbox;
        std::vector<CachedMessage> messages;
    };
    void store(const Exchange& exchange, const protocol::command::Store& store);
    void append(const Exchange& exchange, const protocol::command::Append& append);
    void decide(MailboxId mailbox, const CachedMessage& now, Message& message);
    void report(MailboxId mailbox, const CachedMessage& now, const Message& message,
                std::uint64_t start, const std::vector<RegisterChange>& asked, std::uint64_t used);

    std::map<SessionId, std::vector<Pending>> pending_;
    std::map<MailboxId, std::map<protocol::Uid, Message>> messages_;
    std::map<std::string, Census> census_;  // by name
    std::uint64_t sought_ = 0;
    std::uint64_t undecided_ = 0;
};

}  // namespace tidemark::check_sync
