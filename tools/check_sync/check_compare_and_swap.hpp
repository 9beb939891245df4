// The conditional STORE as compare-and-swap: of those that start from one state one wins, and none
// that starts from a state that was replaced.
#pragma once

#include "tools/check_sync/check_modseqs.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::check_sync {

class CompareAndSwapChecker final : public Checker {
  public:
    CompareAndSwapChecker(Replay& replay, const VersionChecker& versions,
                          const HighestModSeqChecker& highest)
        : Checker(replay), versions_(versions), highest_(highest) {}

    void on_command(const Exchange& begun) override;
    void on_exchange(const Exchange& exchange) override;
    void on_quiet(EventId at) override;

    std::uint64_t attempts() const { return attempts_count_; }
    std::uint64_t won() const { return won_; }

  private:
    // One message of one conditional STORE that would change it, if it is as the client knows it.
    struct Attempt {
        protocol::Uid uid = 0;
        protocol::ModSeq base = 0;  // the message's MODSEQ as the client knows it
        EventId base_told = 0;
        std::string flags;    // at `base`
        std::string changed;  // those that the STORE sets or clears
        bool is_replace = false;
    };
    struct Winner {
        std::string changed;
        bool is_replace = false;
        EventId command = 0;
        EventId end = 0;
    };
    void check_stale(const Exchange& exchange, const Attempt& attempt);
    void check_winners(const Exchange& exchange, const Attempt& attempt);

    const VersionChecker& versions_;
    const HighestModSeqChecker& highest_;
    std::map<SessionId, std::vector<Attempt>> attempts_;
    std::map<MailboxId, std::map<std::pair<protocol::Uid, protocol::ModSeq>, std::vector<Winner>>>
        winners_;
    std::uint64_t attempts_count_ = 0;
    std::uint64_t won_ = 0;
};

}  // namespace tidemark::check_sync
