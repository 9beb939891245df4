// Once nothing happens any more: every client's cache is the mailbox as it is, and what was
// acknowledged, flags and messages, is there.
//
// The mailbox as it is comes from a session that selected it then (Checker::on_census). A command
// whose answer was never seen may have been done or not.
#pragma once

#include "tools/check_sync/replay.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::check_sync {

class StateChecker final : public Checker {
  public:
    using Checker::Checker;
    void on_command(const Exchange& begun) override;
    void on_line(const Line& line) override;
    void on_exchange(const Exchange& exchange) override;
    void on_settled(SessionId session, const ClientView& view, EventId at) override;
    void on_census(SessionId session, const ClientView& view, EventId at) override;
    void on_quiet(EventId at) override;

    std::uint64_t caches_compared() const { return caches_compared_; }
    std::uint64_t messages_compared() const { return messages_compared_; }

  private:
    struct Write {
        EventId call = 0;
        EventId end = 0;  // kNever: not answered
        protocol::command::Store::Mode mode = protocol::command::Store::Mode::replace;
        std::string flags;
        bool is_definite = false;
    };
    struct Message {
        std::vector<Write> writes;  // the first may be its creation
        EventId alive_told = 0;     // 0: nobody was told that it is there
        bool may_be_gone = false;
    };
    struct Snapshot {
        SessionId session = 0;
        MailboxId mailbox = kNoMailbox;
        std::vector<CachedMessage> messages;
        EventId at = 0;
        EventId selected_at = 0;
    };
    void write(const Exchange& exchange, const protocol::command::Store& store);
    void create(const Exchange& exchange, const protocol::ResponseCode& code);
    void may_go(MailboxId mailbox, const protocol::RangeSet& uids);
    void compare(const Snapshot& cache, const Snapshot& truth);
    void check_messages(const std::string& name, const Snapshot& truth);
    void check_flags(MailboxId mailbox, const CachedMessage& now, const Message& message);

    std::map<MailboxId, std::map<protocol::Uid, Message>> messages_;
    std::map<SessionId, protocol::RangeSet> targets_;  // of the STORE or MOVE under way
    std::map<SessionId, protocol::ResponseCode> copy_uid_;
    std::map<std::string, Snapshot> truth_;  // by name
    // The last DELETE of a mailbox that was refused, command and answer: a likely cause of a loss.
    std::map<std::string, std::pair<EventId, EventId>> refused_delete_;
    std::vector<Snapshot> caches_;
    std::uint64_t caches_compared_ = 0;
    std::uint64_t messages_compared_ = 0;
};

}  // namespace tidemark::check_sync
