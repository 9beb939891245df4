// Reads the history from front to end: parses every line, folds it into the view of its session and
// gives it, with what it belongs to, to the checkers. May be called again when the history has
// grown; it goes on where it was. One thread.
#pragma once

#include "tools/check_sync/client_view.hpp"
#include "tools/check_sync/history.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::check_sync {

// A mailbox of one name and one UIDVALIDITY: UIDs and mod-sequences mean something within it.
using MailboxId = std::uint32_t;
inline constexpr MailboxId kNoMailbox = 0;

// One response line, before it is folded into the view.
struct Line {
    SessionId session = 0;
    EventId event = 0;
    const ClientView* view = nullptr;
    const protocol::Response* response = nullptr;
    MailboxId mailbox = kNoMailbox;  // that the response speaks of
};

// A command with its answer: `response` is the tagged one, or null if the connection ended before.
// `view` is as it was when the command was sent to be told, that is, before the tagged line.
struct Exchange {
    SessionId session = 0;
    EventId command_event = 0;
    EventId end_event = 0;
    const protocol::Command* command = nullptr;
    const protocol::Response* response = nullptr;
    const ClientView* view = nullptr;
    MailboxId mailbox = kNoMailbox;  // selected when the command was sent
    bool is_ok() const {
        return response != nullptr && response->condition == protocol::Condition::ok;
    }
};

class Replay;

class Checker {
  public:
    explicit Checker(Replay& replay) : replay_(replay) {}
    virtual ~Checker() = default;
    Checker(const Checker&) = delete;
    Checker& operator=(const Checker&) = delete;

    virtual void on_command(const Exchange& /*begun*/) {}
    virtual void on_line(const Line& /*line*/) {}
    virtual void on_exchange(const Exchange& /*exchange*/) {}
    // The session has heard everything.
    virtual void on_settled(SessionId /*session*/, const ClientView& /*view*/, EventId /*at*/) {}
    // The session has fetched the whole of its mailbox.
    virtual void on_census(SessionId /*session*/, const ClientView& /*view*/, EventId /*at*/) {}
    virtual void on_quiet(EventId /*at*/) {}

  protected:
    Replay& replay_;
};

class Replay {
  public:
    explicit Replay(const History& history) : history_(history) {}

    template <class T, class... Arguments>
    T& add(Arguments&&... arguments) {
        auto checker = std::make_unique<T>(*this, std::forward<Arguments>(arguments)...);
        T& result = *checker;
        checkers_.push_back(std::move(checker));
        return result;
    }
    void run();

    MailboxId mailbox(const std::string& name, std::uint32_t uid_validity);
    const std::string& mailbox_name(MailboxId id) const { return names_[id]; }
    void violation(Rule rule, std::string what, std::vector<EventId> evidence);
    const std::vector<Violation>& violations() const { return violations_; }
    std::uint64_t commands() const { return commands_; }
    std::uint64_t responses() const { return responses_; }

  private:
    struct Session {
        ClientView view;
        Exchange open;  // its command is null: none is under way
    };
    void client_line(SessionId id, Session& session, const Event& event, EventId at);
    void server_line(SessionId id, Session& session, const Event& event, EventId at);
    void end_exchange(Session& session, const protocol::Response* response, EventId at);
    void take_faults(Session& session);
    MailboxId selected(const ClientView& view);

    const History& history_;
    EventId next_ = 1;
    std::vector<std::unique_ptr<Checker>> checkers_;
    std::vector<std::unique_ptr<Session>> sessions_;
    std::map<std::pair<std::string, std::uint32_t>, MailboxId> mailboxes_;
    std::vector<std::string> names_{""};
    std::vector<Violation> violations_;
    protocol::Response response_;
    std::uint64_t commands_ = 0;
    std::uint64_t responses_ = 0;
};

}  // namespace tidemark::check_sync
