// What was said, in the order in which the program saw it: every line of every session with one
// number each. The sessions run on one thread, so the numbers are a real-time order: if the answer
// to one command has a lower number than another command, the first had ended before the second
// began.
//
// The checkers decide from this alone. Old lines are dropped to bound the memory; their numbers
// stay valid and are then shown as such. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::check_sync {

using SessionId = std::uint32_t;
using EventId = std::uint64_t;  // from 1; 0: none
inline constexpr EventId kNever = ~EventId{0};

enum class EventKind : std::uint8_t {
    connected,  // a new connection of the session, logged in
    client,     // a command with its literals, without the last CRLF; also "DONE"
    server,     // a response with its literals, without the last CRLF
    closed,     // the connection ended, whoever ended it
    settled,    // the session has been told all there was to tell while nothing else happened
    census,     // what the session fetches from here on is the mailbox as it is
    quiet,      // every session has settled and every mailbox was counted; session means nothing
    restarted,  // the server was restarted; session means nothing
};

struct Event {
    EventKind kind = EventKind::client;
    SessionId session = 0;
    std::string text;
};

class History {
  public:
    SessionId add_session(std::string label);
    EventId add(SessionId session, EventKind kind, std::string_view text = {});

    // Numbers of the events that are still here: first() … end()-1.
    EventId first() const { return first_; }
    EventId end() const { return first_ + events_.size(); }
    // Nothing if it was dropped.
    const Event* find(EventId id) const;
    void drop_before(EventId id);

    const std::string& label(SessionId session) const { return labels_[session]; }
    std::size_t session_count() const { return labels_.size(); }

  private:
    std::vector<std::string> labels_;
    std::deque<Event> events_;
    EventId first_ = 1;
};

}  // namespace tidemark::check_sync
