// What a client believes: its connection, its selected mailbox and what it keeps of mailboxes that
// it left, folded from the commands that it sent and the responses that it got, by the client rules
// of RFC 7162 §6. The sessions use it to write their next command and the checkers fold the
// recorded lines again with it, so both believe the same.
//
// What a response breaks while it is folded is put into `faults`; the fold then does the best it
// can. One thread.
#pragma once

#include "protocol/command.hpp"
#include "protocol/parse_response.hpp"
#include "tools/check_sync/selection.hpp"
#include "tools/check_sync/violation.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::check_sync {

// Flags as one text that can be compared: sorted, in lower case, without \Recent, a space between.
std::string canonical_flags(const protocol::FetchData& fetch);
std::string canonical_flags(const std::vector<protocol::Flag>& flags);
bool has_flag(std::string_view canonical, std::string_view flag);
// What a STORE makes of flags; `canonical` are the command's.
std::string apply_store(std::string_view now, protocol::command::Store::Mode mode,
                        std::string_view canonical);

class ClientView {
  public:
    void connected(EventId event);
    void closed();
    // A whole command. The view of it is kept until the tagged answer.
    void command(protocol::Command command, EventId event);
    // A client line that is no command of the grammar ("DONE").
    void other_line() {}
    void response(const protocol::Response& response, EventId event);

    bool is_connected() const { return is_connected_; }
    bool has_condstore() const { return has_condstore_; }
    bool has_qresync() const { return has_qresync_; }
    const Selection* selection() const { return selection_ ? &*selection_ : nullptr; }
    const protocol::Command* current() const { return current_ ? &*current_ : nullptr; }
    EventId current_event() const { return current_event_; }
    // The mailbox being selected counts, once its responses began.
    const Selection* described() const;
    // What it would keep of the mailbox if it left now; nothing: it does not know it.
    std::optional<OfflineCache> cache_of(const std::string& mailbox) const;
    // The UIDs that a command with sequence numbers or UIDs means now.
    protocol::RangeSet uids_of(const protocol::SequenceSet& set, bool by_uid) const;
    // Of the current STORE: messages of which a FETCH response came, and the modseq in the last.
    const std::map<protocol::Uid, protocol::ModSeq>& told_by_current() const { return told_; }
    void forget(const std::string& mailbox) { offline_.erase(mailbox); }

    std::vector<Violation> faults;

  private:
    // Told in answer to SELECT (QRESYNC), before it is known which message has which number.
    struct EarlyFetch {
        protocol::SeqNum number = 0;
        std::optional<protocol::Uid> uid;
        protocol::ModSeq modseq = 0;
        bool has_flags = false;
        std::string flags;
        EventId told = 0;
    };

    void fault(Rule rule, std::string what, std::vector<EventId> evidence);
    void leave();
    const OfflineCache* offline(const std::string& mailbox) const;
    Selection* open();
    void exists(std::uint32_t count, EventId event);
    void expunge(std::uint32_t number, EventId event);
    void vanished(const protocol::VanishedData& data, EventId event);
    void vanished_earlier(const protocol::RangeSet& uids, EventId event);
    void fetch(const protocol::FetchData& data, EventId event);
    void fetch_flags(CachedMessage& message, const protocol::FetchData& data, EventId event);
    void check_unsolicited(const protocol::FetchData& data, EventId event);
    void search(const std::vector<std::uint32_t>& uids, EventId event);
    void code(const protocol::ResponseCode& code, EventId event);
    void tagged(const protocol::Response& response, EventId event);
    void finish_select(bool is_well, EventId event);
    void resynchronise(const std::vector<EarlyFetch>& fetches, EventId event);
    void finish_store(const protocol::command::Store& store, const protocol::ResponseCode& code);
    void finish_fetch(const protocol::command::Fetch& fetch);
    void update_modseq();
    void adopt_base();
    bool may_expunge() const;

    bool is_connected_ = false;
    bool has_condstore_ = false;
    bool has_qresync_ = false;
    EventId qresync_told_ = 0;
    std::optional<Selection> selection_;
    std::optional<Selection> selecting_;
    bool closed_seen_ = false;
    std::map<std::string, OfflineCache> offline_;

    std::optional<protocol::Command> current_;
    EventId current_event_ = 0;
    protocol::RangeSet store_uids_;
    std::map<protocol::Uid, protocol::ModSeq> told_;
    EventId fetch_told_ = 0;  // the first in answer to the current command
    std::vector<EarlyFetch> early_fetches_;
    // Since the last tagged answer (RFC 7162 §6).
    protocol::ModSeq highest_code_ = 0;
    EventId highest_code_told_ = 0;
    protocol::ModSeq highest_fetch_ = 0;
    EventId highest_fetch_told_ = 0;
};

}  // namespace tidemark::check_sync
