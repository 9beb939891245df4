// UIDs ascend, are never used again, and what was told to be gone is gone.
#pragma once

#include "tools/check_sync/replay.hpp"
#include "tools/check_sync/watermark.hpp"

#include <map>
#include <string>
#include <string_view>

namespace tidemark::check_sync {

class UidChecker final : public Checker {
  public:
    using Checker::Checker;
    void on_command(const Exchange& begun) override;
    void on_line(const Line& line) override;
    void on_exchange(const Exchange& exchange) override;
    void on_quiet(EventId at) override;

  private:
    struct Box {
        Watermark assigned;  // the highest UID that anything told
        Watermark uid_next;
        protocol::RangeSet issued;  // by APPENDUID and COPYUID
        protocol::RangeSet gone;
        // Since some time before the last quiet moment: who told it.
        std::map<protocol::Uid, EventId> issued_at;
        std::map<protocol::Uid, EventId> gone_at;
        // Message-ID of what was appended.
        std::map<protocol::Uid, std::pair<std::string, EventId>> identity;
    };
    void issue(MailboxId mailbox, protocol::Uid uid, EventId command, EventId told);
    void lose(MailboxId mailbox, protocol::Uid uid, EventId told);
    void seen(const Line& line);
    void check_uid_next(MailboxId mailbox, std::uint64_t uid_next, EventId command, EventId told);
    void finish_append(const Exchange& exchange, const protocol::ResponseCode& code);
    void finish_copy(const Exchange& exchange, const protocol::ResponseCode& code,
                     const std::string& target, bool is_move);

    std::map<MailboxId, Box> boxes_;
    std::map<SessionId, Mark> selecting_;  // UIDNEXT in answer to SELECT
    // COPYUID in an untagged OK (RFC 6851 §4.3).
    std::map<SessionId, protocol::ResponseCode> copy_uid_;
    EventId last_quiet_ = 0;
};

// The value of the field in a message or header, without spaces around; empty: none.
std::string message_id_of(std::string_view message);

}  // namespace tidemark::check_sync
