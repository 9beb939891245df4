// One IMAP connection that looks at every response and understands as little of it as it must.
//
// Lives on one core; one call at a time. Answers are checked as they come: tags in order, counts
// that stay within the mailbox, bodies by their hash; what is wrong goes to the Recorder. Reading
// goes through one buffer for all clients of a thread, so a silent client holds next to nothing.
#pragma once

#include "tools/loadtest/connector.hpp"
#include "tools/loadtest/marker.hpp"
#include "tools/loadtest/push_board.hpp"
#include "tools/loadtest/recorder.hpp"
#include "tools/loadtest/response_scanner.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::loadtest {

// What all clients of one thread share.
struct ThreadState {
    actors::Core* core = nullptr;
    Recorder* recorder = nullptr;
    Connector* connector = nullptr;
    std::chrono::seconds patience{60};
    std::vector<char> read_buffer = std::vector<char>(256 * 1024);
    std::string out;  // what is about to be sent; never held over a wait
    unsigned push_command = 0;
    unsigned push_last_command = 0;
};

// What came since the last begin().
struct Tally {
    unsigned tagged = 0;
    unsigned continuations = 0;
    ErrorKind error = ErrorKind::none;  // of the first tagged answer that is not OK
    std::uint64_t fetches = 0;
    // Of them those that have the item of counts_answers(), and of how many different messages.
    std::uint64_t answers = 0;
    std::uint64_t messages = 0;
    std::uint64_t searches = 0;
    std::uint64_t exists_lines = 0;
    std::uint64_t bodies = 0;
    std::uint64_t exists_before = 0;
};

class ImapClient {
  public:
    explicit ImapClient(ThreadState& thread);
    ~ImapClient();

    // Connects, negotiates TLS, reads the greeting.
    [[nodiscard]] actors::Awaitable<ErrorKind> open();
    bool is_open() const { return stream_ != nullptr; }
    void close();

    // Before a command: forgets the last one's answers; `tags` are going to be used.
    // Returns the first of them.
    std::uint64_t begin(unsigned tags = 1);
    // After begin(), before the command is sent: its FETCH responses are to be told apart by
    // message, and by whether they have `item`. The text outlives the command.
    void counts_answers(std::string_view item);
    // Sends thread.out.
    [[nodiscard]] actors::Awaitable<ErrorKind> send();
    // Sends these, which stay where they are until this returns.
    [[nodiscard]] actors::Awaitable<ErrorKind> send(std::string_view first,
                                                    std::string_view second);
    // Until all tags of begin() have their answer. The tally's error, or why there is none.
    [[nodiscard]] actors::Awaitable<ErrorKind> finish();
    // Until the server wants more, or has answered (an error then, also if it said OK).
    [[nodiscard]] actors::Awaitable<ErrorKind> await_continuation();
    // Reads what comes until interrupt() or `duration` is over. none: the connection lives.
    [[nodiscard]] actors::Awaitable<ErrorKind> listen(std::chrono::microseconds duration);
    void interrupt();

    const Tally& tally() const { return tally_; }
    const std::string& greeting() const { return greeting_; }
    // The last tagged text, for messages to people.
    const std::string& last_text() const { return last_text_; }
    std::uint64_t exists = 0;
    std::uint64_t uidvalidity = 0;
    std::uint64_t uidnext = 0;
    std::uint64_t modseq = 0;

    bool checks_bodies = false;  // the literals of this command are whole messages
    // The markers found in literals are added here.
    std::vector<Marker>* markers = nullptr;
    // Gets every untagged line without its "* ".
    std::function<void(std::string_view)> on_untagged;
    // Messages that come while this is set are pushes.
    PushSlot* pushes = nullptr;
    std::uint64_t pushes_seen = 0;

  private:
    [[nodiscard]] actors::Awaitable<ErrorKind> read_until(unsigned tagged, unsigned continuations);
    [[nodiscard]] actors::Awaitable<ErrorKind> write_rest(std::string rest);
    [[nodiscard]] actors::Awaitable<ErrorKind> start_tls();
    void take(std::string_view bytes);
    void take_text(const Piece& piece);
    void take_line(std::string_view text);
    void take_data(const Piece& piece);
    void take_untagged(std::string_view text);
    void take_numbered(std::uint64_t number, std::string_view rest);
    void note_answer();
    void take_vanished(std::string_view rest);
    void take_tagged(std::string_view text);
    void take_code(std::string_view text);
    void set_exists(std::uint64_t count);
    void wrong(std::string_view what, std::string_view text);
    ErrorKind lose(ErrorKind why);
    void on_deadline();

    ThreadState& thread_;
    std::unique_ptr<actors::Stream> stream_;
    ResponseScanner scanner_;
    std::unique_ptr<BodyCheck> body_;
    bool counts_answers_ = false;
    std::uint64_t fetched_ = 0;  // the FETCH under way is of this message, its item not yet seen
    std::string_view answer_item_;
    std::vector<bool> seen_;  // by message number, since counts_answers()
    Tally tally_;
    std::uint64_t next_tag_ = 1;
    std::uint64_t awaited_tag_ = 1;  // the next to be answered
    bool is_greeted_ = false;
    bool said_bye_ = false;
    bool is_listening_ = false;
    bool is_interrupted_ = false;
    bool timed_out_ = false;
    std::string greeting_;
    std::string last_text_;
    actors::Timer deadline_;
};

}  // namespace tidemark::loadtest
