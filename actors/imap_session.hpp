// One IMAP connection: its stream, its parser state, and the session's state machine (RFC 9051 §3).
//
// Lifecycle: made on the core that accepted it. run() speaks with the client until it logs in; then
// the session moves to the core of its account (run() returns kMove, the owner rehomes it and calls
// run() again there) and stays. Ends with LOGOUT, a closed or broken connection, a deadline, or
// stop(). Concurrency: home core only. One command at a time; the answers of pipelined commands are
// sent together. What the client knows: `selected()->told` is the mailbox exactly as this client
// was told: messages (by sequence number, also those whose expunge it must not be told yet) and
// flags. sync() compares it with the account's current view, tells the difference and moves it on.
// So a change is never lost and never told twice, and no queue can overflow. Limits: input by the
// fragmenter, output by flush_if_large() (a client that does not read stops its own session), time
// by one timer. Idle it holds no buffer.
#pragma once

#include "actors/account.hpp"
#include "actors/flag_text.hpp"
#include "actors/server_context.hpp"
#include "actors/stream.hpp"
#include "actors/timing_wheel.hpp"
#include "protocol/command.hpp"
#include "protocol/fragmenter.hpp"
#include "protocol/parse_command.hpp"
#include "protocol/response.hpp"
#include "protocol/write_response.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::actors {

enum class SessionState : std::uint8_t { kNotAuthenticated, kAuthenticated, kSelected, kLogout };

// The selected mailbox as one client sees it.
struct Selected {
    storage::MailboxId id{};
    std::string name;  // UTF-8
    bool is_read_only = false;
    bool is_deleted = false;  // by another session: nothing can be read or changed any more
    // Null while the client was told the mailbox's record only and nothing has changed since: idle
    // sessions hold no messages. Commands that need messages (Needs::kMessages) have it.
    storage::ViewPtr told;
    // Up to here everything was told, expunges included. While an expunge is held back no modseq
    // above it is told, so that a client that drops here and comes back with what it knows still
    // gets that VANISHED.
    storage::ModSeq synced_modseq = 0;
    std::size_t keywords_told = 0;  // of the mailbox's table, in FLAGS
    bool changed = false;           // the account published something since the last sync
    protocol::RangeSet recent;      // uids that are \Recent here
    protocol::RangeSet saved;  // uids of the last SEARCH RETURN (SAVE): "$" (RFC 9051 §6.4.4.1)
    FlagText flags;
    storage::BodyId checked_body{};  // the large message whose bytes were checked last
};

// What STORE tells by itself, so that sync() does not tell it again.
struct StoreEcho {
    storage::UidRanges uids;  // of the command, without those that failed
    bool is_silent = false;
    bool is_conditional = false;  // UNCHANGEDSINCE: silent too, every message is answered
    StoreMode mode = StoreMode::kReplace;
    storage::FlagBits given = 0;
    // The flags that the issuer expects a message to have that had `before`.
    storage::FlagBits expected(storage::FlagBits before) const {
        switch (mode) {
            case StoreMode::kReplace:
                return given;
            case StoreMode::kAdd:
                return before | given;
            case StoreMode::kRemove:
                return before & ~given;
        }
        return before;
    }
};

class ImapSession final : public MailboxWatcher {
  public:
    enum class End : std::uint8_t { kClosed, kMove };

    ImapSession(ServerContext& server, std::unique_ptr<Stream> stream, std::uint64_t id,
                bool implicit_tls);
    ~ImapSession() override;
    ImapSession(const ImapSession&) = delete;
    ImapSession& operator=(const ImapSession&) = delete;

    Awaitable<End> run();
    // After kMove: where to, and the two halves of the move.
    Core& target();
    void rehome(std::function<void()> on_arrival);
    // Home core. The client is told BYE with `reason` and the session ends soon.
    void stop(std::string reason);

    // --- what commands use ---
    ServerContext& server() { return server_; }
    Core& core() { return *core_; }
    CoreContext& here() { return server_.on(*core_); }
    protocol::OutputBuffer& out() { return out_; }
    SessionState state() const { return state_; }
    void set_state(SessionState state);
    Account* account() { return account_.get(); }
    Selected* selected() { return selected_.get(); }
    // The selected mailbox in the account's published state; null when it was deleted.
    const Mailbox* mailbox();
    const std::string& user() const { return user_; }

    bool has_rev2() const { return rev2_; }
    bool has_condstore() const { return condstore_; }
    bool has_qresync() const { return qresync_; }
    bool has_utf8_accept() const { return utf8_; }
    bool has_utf8() const { return utf8_ || rev2_; }
    protocol::NameEncoding encoding() const {
        return has_utf8() ? protocol::NameEncoding::utf8 : protocol::NameEncoding::utf7;
    }
    void enable_rev2() { rev2_ = true; }
    void enable_utf8() { utf8_ = true; }
    // RFC 7162 §3.1: also done by commands that use it; call it only when the command succeeds.
    void enable_condstore();
    void enable_qresync();

    void ok(const protocol::Tag& tag, std::string_view text);
    void ok(const protocol::Tag& tag, const protocol::ResponseCode& code, std::string_view text);
    void no(const protocol::Tag& tag, std::string_view text);
    void no(const protocol::Tag& tag, protocol::CodeKind code, std::string_view text);
    void no(const protocol::Tag& tag, const AccountError& error, bool try_create = false);
    void bad(const protocol::Tag& tag, std::string_view text);

    // Decodes a mailbox name of a command; on failure the command was answered (NO [CANNOT] or
    // BAD).
    std::optional<std::string> mailbox_name(const protocol::Tag& tag,
                                            const protocol::WireMailbox& wire);

    // Tells the client what changed in the selected mailbox. Expunges only where the command allows
    // them (RFC 9051 §7.5.1: not during FETCH, STORE, SEARCH, SORT, THREAD by sequence number).
    // Does not suspend.
    void sync(bool expunge_allowed, const StoreEcho* echo = nullptr);
    // sync() with what it may tell in the answer to this command, then the tagged OK.
    void finish(const protocol::Tag& tag, std::string_view text, bool expunge_allowed = true);

    // The uids that a command's set means; sequence numbers by what the client was told. Nothing
    // when a sequence number is out of range: the command was answered with BAD (RFC 9051 §9
    // "seq-number"). Only uids of messages in `told`.
    std::optional<storage::UidRanges> resolve(const protocol::Tag& tag,
                                              const protocol::SequenceSet& set, bool by_uid);

    // Sends what is queued when it is more than kFlushBytes; long answers call it between messages.
    // False: the connection is gone, stop working.
    Awaitable<bool> flush_if_large();
    Awaitable<bool> flush();
    bool is_gone() const { return gone_; }

    // Leaves the selected mailbox, if any.
    void unselect();
    void select(std::unique_ptr<Selected> selected);

    // The next raw line from the client (AUTHENTICATE, IDLE); nothing: connection closed or line
    // too long (answered).
    Awaitable<std::optional<std::string>> read_line();
    // From now on changes are told as they happen, until the client says DONE (RFC 9051 §6.3.13).
    // The command's own coroutine ends before: an idle session holds as few frames as it can.
    void begin_idle(protocol::Tag tag);

    // LOGIN/AUTHENTICATE succeeded: the session moves, and the tagged answer is given on the other
    // side.
    // `upgrade`: credentials in today's form for an account that logged in with older ones, to be
    // stored.
    void start_login(protocol::Tag tag, AuthResult result);
    void count_failed_login();
    void request_starttls() { starttls_requested_ = true; }
    Stream& stream() { return *stream_; }
    bool is_tls() const { return stream_->is_tls(); }
    bool may_login() const { return is_tls() || server_.options.allow_plaintext; }
    PeerNetwork peer() const { return peer_; }
    // Back to the not authenticated state, keeping the connection (RFC 8437).
    void unauthenticate();
    // What is told now; remembers whether -PLUS is in it.
    std::string capabilities();
    // Whether the client was told of SCRAM-SHA-256-PLUS. RFC 5802 §6: only then is "y" (the client
    // could bind, the server seems not to) a sign of somebody between.
    bool announced_plus() const { return announced_plus_; }

    std::uint64_t id() const { return id_; }
    std::string describe_peer() const { return stream_ ? stream_->peer_address() : "moving"; }
    std::string client_name;  // from ID, for the list of connections

    // MailboxWatcher
    void on_mailbox_changed() override;
    void on_mailbox_loaded(const storage::ViewPtr& view) override;
    void on_mailbox_deleted() override;
    void on_account_gone() override;
    bool takes_recent() const override;
    void add_recent(storage::UidRange uids) override;

  private:
    Awaitable<bool> read_more();
    bool end_idle();
    Awaitable<void> process_input();
    Awaitable<void> run_command(protocol::Command command);
    Awaitable<bool> load_messages(protocol::Tag tag);
    Awaitable<void> run_append(std::string head, std::uint64_t bytes, bool is_sync,
                               bool is_literal8);
    Awaitable<void> finish_login();
    Awaitable<bool> start_tls();
    void reject(const protocol::Rejected& rejected);
    void greet();
    void on_deadline();
    void arm_deadline();
    void start_login_time();
    void leave_account();
    std::string_view input();

    ServerContext& server_;
    Core* core_;
    std::unique_ptr<Stream> stream_;
    std::uint64_t id_;
    PeerNetwork peer_;
    protocol::Fragmenter fragmenter_;
    protocol::OutputBuffer out_;
    std::string pending_;  // input that was read and not yet looked at
    std::size_t pending_at_ = 0;
    Timer deadline_;
    SteadyTime login_until_{};
    SessionState state_ = SessionState::kNotAuthenticated;
    bool rev2_ = false;
    bool condstore_ = false;
    bool qresync_ = false;
    bool utf8_ = false;
    bool gone_ = false;
    bool greeted_ = false;
    bool is_waiting_ = false;     // for a client in IDLE: a change interrupts it
    bool more_expected_ = false;  // the last read filled its buffer
    bool starttls_requested_ = false;
    bool announced_plus_ = false;
    bool implicit_tls_;
    unsigned bad_commands_ = 0;
    unsigned failed_logins_ = 0;
    std::string stop_reason_;
    std::string user_;
    std::unique_ptr<Selected> selected_;
    AccountLease account_;
    struct Login {
        protocol::Tag tag;
        AuthResult result;
    };
    std::unique_ptr<Login> login_;
    std::unique_ptr<protocol::Tag> idle_;  // of the IDLE under way
};

}  // namespace tidemark::actors
