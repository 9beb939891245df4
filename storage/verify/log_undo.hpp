// Pages against the log that led to them: the entries are undone on the pages from the newest to
// the oldest that is there, and each must find what it left behind. What remains is the mailbox at
// the horizon of the log; nothing in it may be younger than that, and at horizon 0 it is empty. So
// the pages are proved to be the fold of the log as far as there is one. Not a public header.
//
// One thread. Memory: about 20 bytes a message, and 64 for each that the log expunges.
#pragma once

#include "storage/records.hpp"

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidemark::storage {

struct LogMisfit {
    Uid uid = 0;
    std::string text;
};

class LogUndo {
  public:
    // `pages` must outlive it.
    explicit LogUndo(const MailboxView& pages);

    // Entries by descending modseq. After a misfit it is of no more use.
    std::optional<LogMisfit> undo(ModSeq modseq, const ChangeRecord& change);
    // When all entries above `horizon` are undone.
    std::optional<LogMisfit> check_rest(ModSeq horizon) const;

  private:
    // What of a message changes. The modseq is 0 where an entry was undone: it is then some earlier
    // one, which the log does not tell.
    struct State {
        FlagBits flags = 0;
        ModSeq modseq = 0;
        bool is_there = true;
    };
    struct Known {
        State* state = nullptr;
        Message fixed;
    };
    Known find(Uid uid);
    std::optional<LogMisfit> undo_restore(ModSeq modseq);

    const MailboxView& pages_;
    std::vector<State> states_;  // by sequence number - 1
    // Messages that an undone entry had expunged.
    std::unordered_map<Uid, std::pair<Message, State>> revived_;
};

}  // namespace tidemark::storage
