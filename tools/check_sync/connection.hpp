// One session's connection: sends commands, reads responses, writes both into the history and keeps
// the session's view of the mailbox up to date.
//
// Lives on one core; one call at a time. A server that does not answer within kPatience is taken
// for gone.
#pragma once

#include "actors/core.hpp"
#include "actors/stream.hpp"
#include "tools/check_sync/client_view.hpp"
#include "tools/check_sync/history.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace tidemark::check_sync {

// How a session reaches the server; tests give it a stream in memory.
class Connector {
  public:
    virtual ~Connector() = default;
    // Null: not now. The TLS handshake, if any, is done.
    [[nodiscard]] virtual actors::Awaitable<std::unique_ptr<actors::Stream>> connect(
        actors::Core* core) = 0;
};

struct Login {
    std::string user;
    std::string password;
};

struct Answer {
    // False: the connection ended before the tagged line.
    bool is_alive = false;
    protocol::Condition condition = protocol::Condition::bad;
    protocol::ResponseCode code;
    std::string text;
    bool is_ok() const { return is_alive && condition == protocol::Condition::ok; }
};

class Connection {
  public:
    static constexpr std::chrono::seconds kPatience{60};

    Connection(actors::Core& core, History& history, SessionId session);
    ~Connection();

    // Connects, logs in and asks for the capabilities. False: refused or not reachable; `failure`
    // says why.
    [[nodiscard]] actors::Awaitable<bool> open(Connector* connector, const Login* login);
    bool is_open() const { return stream_ != nullptr; }
    // Ends the connection without a word.
    void close();

    // `command` without tag and CRLF. `literal` follows it, announced as the server likes it.
    [[nodiscard]] actors::Awaitable<Answer> run(std::string command, std::string literal = {});
    // Sends the command and goes away without waiting.
    [[nodiscard]] actors::Awaitable<void> drop(std::string command);
    // IDLE for about this long.
    [[nodiscard]] actors::Awaitable<Answer> idle(std::chrono::milliseconds duration);

    bool can(std::string_view capability) const;
    const ClientView& view() const { return view_; }
    ClientView& view() { return view_; }
    const std::string& failure() const { return failure_; }
    // Untagged lines that came within IDLE, before DONE.
    std::uint64_t pushed_lines() const { return pushed_lines_; }
    bool timed_out() const { return timed_out_; }

  private:
    // One whole response into text_ and response_. False: the connection ended or, in IDLE, the
    // time is over.
    [[nodiscard]] actors::Awaitable<bool> read_response();
    [[nodiscard]] actors::Awaitable<Answer> read_answer(std::string tag);
    [[nodiscard]] actors::Awaitable<bool> read_continuation(std::string tag, Answer* answer);
    [[nodiscard]] actors::Awaitable<bool> send(std::string text);
    [[nodiscard]] actors::Awaitable<Answer> log_in(const Login* login);
    bool take_response();
    void record_client(std::string_view text);
    void record_server();
    void lose(std::string why);
    void on_deadline();
    std::string next_tag();

    actors::Core& core_;
    History& history_;
    SessionId session_;
    ClientView view_;
    std::unique_ptr<actors::Stream> stream_;
    std::set<std::string> capabilities_;  // upper case
    std::string input_;
    std::size_t scanned_ = 0;
    std::string text_;
    protocol::Response response_;  // of text_
    std::string failure_;
    unsigned tags_ = 0;
    std::uint64_t pushed_lines_ = 0;
    bool is_recorded_ = false;
    bool is_idling_ = false;
    bool timed_out_ = false;
    actors::Timer deadline_;
};

}  // namespace tidemark::check_sync
