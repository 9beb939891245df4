// Mod-sequences are one order per mailbox, and HIGHESTMODSEQ is its end.
#pragma once

#include "tools/check_sync/replay.hpp"
#include "tools/check_sync/watermark.hpp"

#include <map>
#include <string>
#include <vector>

namespace tidemark::check_sync {

// The UID that a FETCH response speaks of, if the client can know it; else 0.
protocol::Uid fetched_uid(const Line& line);

// The states of messages that were told with their mod-sequence: one state for each.
//
// What is told while an expunge may be held back is left out: a server that then tells a lower
// mod-sequence than the message's own keeps the client from believing too much (RFC 7162 §3.2 wants
// it to send a lower HIGHESTMODSEQ after the true ones; either way no client loses anything).
class VersionChecker final : public Checker {
  public:
    struct Version {
        std::string flags;
        EventId told = 0;
    };
    using Versions = std::map<protocol::ModSeq, Version>;

    using Checker::Checker;
    void on_line(const Line& line) override;
    void on_quiet(EventId at) override;

    // Null: none is known.
    const Versions* versions(MailboxId mailbox, protocol::Uid uid) const;

  private:
    std::map<MailboxId, std::map<protocol::Uid, Versions>> known_;
};

class HighestModSeqChecker final : public Checker {
  public:
    using Checker::Checker;
    void on_line(const Line& line) override;
    void on_exchange(const Exchange& exchange) override;
    void on_quiet(EventId at) override;

    // The highest mod-sequence of the mailbox that was told before the event, in any response.
    Mark told_before(MailboxId mailbox, EventId event) const;

  private:
    struct Told {
        Watermark messages;
        Watermark highest;
    };
    void check(MailboxId mailbox, protocol::ModSeq value, EventId command, EventId told);

    std::map<MailboxId, Told> told_;
    std::map<SessionId, Mark> selecting_;  // HIGHESTMODSEQ in answer to SELECT
};

}  // namespace tidemark::check_sync
