#include "actors/imap_session.hpp"

#include "actors/commands/commands.hpp"
#include "actors/commands/table.hpp"
#include "actors/limits.hpp"
#include "actors/tls_stream.hpp"
#include "protocol/ascii.hpp"

#include <asio/ip/address.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tidemark::actors {

using protocol::CodeKind;
using protocol::Condition;
using protocol::ResponseCode;
using protocol::Tag;

namespace {

// What is read at once. One buffer for each thread: nothing stays in it across a suspension.
thread_local std::array<char, kReadBufferBytes> read_buffer;

// Of "192.0.2.1:4242" and "[2001:db8::1]:4242"; anything else is local.
PeerNetwork network_of(std::string_view address) {
    const auto colon = address.rfind(':');
    if (colon == std::string_view::npos) return {};
    std::string host(address.substr(0, colon));
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    asio::error_code error;
    const auto parsed = asio::ip::make_address(host, error);
    return error ? PeerNetwork{} : peer_network(parsed);
}

}  // namespace

ImapSession::ImapSession(ServerContext& server, std::unique_ptr<Stream> stream, std::uint64_t id,
                         bool implicit_tls)
    : server_(server),
      core_(Core::current()),
      stream_(std::move(stream)),
      id_(id),
      peer_(network_of(stream_->peer_address())),
      out_(server.on(*core_).chunks),
      deadline_(Timer::calling<&ImapSession::on_deadline>(this)),
      implicit_tls_(implicit_tls) {
    start_login_time();
    ++server_.counters.connections_total;
    ++server_.counters.connections_not_authenticated;
}

ImapSession::~ImapSession() {
    if (idle_) --server_.counters.connections_idle;
    leave_account();
    set_state(SessionState::kLogout);
}

void ImapSession::set_state(SessionState state) {
    const auto counter = [this](SessionState of) -> std::atomic<std::uint64_t>* {
        switch (of) {
            case SessionState::kNotAuthenticated:
                return &server_.counters.connections_not_authenticated;
            case SessionState::kAuthenticated:
                return &server_.counters.connections_authenticated;
            case SessionState::kSelected:
                return &server_.counters.connections_selected;
            case SessionState::kLogout:
                break;
        }
        return nullptr;
    };
    if (auto* old = counter(state_)) --*old;
    if (auto* now = counter(state)) ++*now;
    state_ = state;
}

const Mailbox* ImapSession::mailbox() {
    return selected_ && !selected_->is_deleted && account_ ? account_->find_mailbox(selected_->id)
                                                           : nullptr;
}

void ImapSession::ok(const Tag& tag, std::string_view text) {
    protocol::write_tagged(out_, tag.text(), Condition::ok, text);
}
void ImapSession::ok(const Tag& tag, const ResponseCode& code, std::string_view text) {
    protocol::write_tagged(out_, tag.text(), Condition::ok, code, text);
}
void ImapSession::no(const Tag& tag, std::string_view text) {
    protocol::write_tagged(out_, tag.text(), Condition::no, text);
}
void ImapSession::no(const Tag& tag, CodeKind code, std::string_view text) {
    protocol::write_tagged(out_, tag.text(), Condition::no, code, text);
}
void ImapSession::bad(const Tag& tag, std::string_view text) {
    protocol::write_tagged(out_, tag.text(), Condition::bad, text);
}

void ImapSession::no(const Tag& tag, const AccountError& error, bool try_create) {
    CodeKind code = CodeKind::none;
    switch (error.kind) {
        case AccountErrorKind::kNonexistent:
            code = try_create ? CodeKind::try_create : CodeKind::nonexistent;
            break;
        case AccountErrorKind::kAlreadyExists:
            code = CodeKind::already_exists;
            break;
        case AccountErrorKind::kCannot:
            code = CodeKind::cannot;
            break;
        case AccountErrorKind::kLimit:
        case AccountErrorKind::kBusy:
            code = CodeKind::limit;
            break;
        case AccountErrorKind::kOverQuota:
            code = CodeKind::over_quota;
            break;
        case AccountErrorKind::kNoSpace:
        case AccountErrorKind::kUnavailable:
            code = CodeKind::unavailable;
            break;
        case AccountErrorKind::kExpungeIssued:
            code = CodeKind::expunge_issued;
            break;
        case AccountErrorKind::kServerBug:
            code = CodeKind::server_bug;
            break;
    }
    no(tag, code, error.text);
}

std::optional<std::string> ImapSession::mailbox_name(const Tag& tag,
                                                     const protocol::WireMailbox& wire) {
    auto name = protocol::MailboxName::from_wire(wire.bytes, encoding());
    if (!name) {
        no(tag, CodeKind::cannot, protocol::describe(name.error()));
        return std::nullopt;
    }
    return name->utf8();
}

void ImapSession::enable_condstore() {
    if (condstore_) return;
    condstore_ = true;
    // RFC 7162 §3.1: a client that enables late learns from where on it is told modseqs.
    if (selected_) {
        protocol::write_untagged(
            out_, Condition::ok,
            ResponseCode::of(CodeKind::highest_modseq, selected_->synced_modseq),
            "condstore enabled");
    }
}

void ImapSession::enable_qresync() {
    enable_condstore();
    qresync_ = true;
}

void ImapSession::select(std::unique_ptr<Selected> selected) {
    selected_ = std::move(selected);
    set_state(SessionState::kSelected);
}

void ImapSession::unselect() {
    if (!selected_) return;
    if (account_) account_->unwatch(selected_->id, this);
    selected_.reset();
    if (state_ == SessionState::kSelected) set_state(SessionState::kAuthenticated);
}

void ImapSession::leave_account() {
    unselect();
    if (account_) account_->remove_session();
    account_.reset();
}

void ImapSession::on_mailbox_changed() {
    if (selected_) selected_->changed = true;
    if (is_waiting_) stream_->interrupt();
}

void ImapSession::on_mailbox_loaded(const storage::ViewPtr& view) {
    if (selected_ && !selected_->told) selected_->told = view;
}

void ImapSession::on_mailbox_deleted() {
    if (selected_) selected_->is_deleted = true;
    stop("the selected mailbox was deleted");
}

void ImapSession::on_account_gone() {
    stop("this account is no longer available here");
}

bool ImapSession::takes_recent() const {
    return selected_ && !selected_->is_read_only && !rev2_;
}

void ImapSession::add_recent(storage::UidRange uids) {
    selected_->recent.add(uids.first, uids.last);
}

void ImapSession::stop(std::string reason) {
    if (stop_reason_.empty()) stop_reason_ = std::move(reason);
    if (stream_) stream_->cancel(make_error_code(StreamErrc::closed));
}

void ImapSession::on_deadline() {
    if (stop_reason_.empty()) stop_reason_ = "no answer from you for too long";
    stream_->cancel(make_error_code(StreamErrc::timed_out));
}

// Logging in has its time as a whole: a client that sends a byte now and then gains nothing.
void ImapSession::arm_deadline() {
    if (state_ != SessionState::kNotAuthenticated) {
        core_->arm(deadline_, server_.options.idle_timeout);
        return;
    }
    const SteadyTime left = login_until_ - core_->clock().steady();
    core_->arm(deadline_, std::max(left, SteadyTime{0}));
}

void ImapSession::start_login_time() {
    login_until_ = core_->clock().steady() + server_.options.login_timeout;
}

Awaitable<bool> ImapSession::flush() {
    std::array<std::string_view, kWriteChunksMax> pieces;
    while (!out_.empty() && !gone_) {
        const auto count = out_.gather(pieces);
        const auto result = stream_->try_write(std::span(pieces.data(), count));
        if (result.status == IoStatus::ok) {
            out_.consume(result.bytes);
            continue;
        }
        if (result.status != IoStatus::would_block) {
            gone_ = true;
            break;
        }
        core_->arm(deadline_, kWriteTimeout);
        if (co_await stream_->wait_writable()) gone_ = true;
        deadline_.disarm();
    }
    if (gone_) out_.clear();
    co_return !gone_;
}

Awaitable<bool> ImapSession::flush_if_large() {
    if (out_.size() < kFlushBytes) co_return !gone_;
    co_return co_await flush();
}

// The input that is there, in this session's own memory.
std::string_view ImapSession::input() {
    return std::string_view(pending_).substr(pending_at_);
}

// Waits for input and takes it over. False: the connection has ended.
Awaitable<bool> ImapSession::read_more() {
    if (pending_at_ == pending_.size()) {
        pending_ = std::string();
        pending_at_ = 0;
    }
    for (;;) {
        // A read that did not fill the buffer took all there was: another one would mostly be a
        // system call that finds nothing. The wait ends at once if something came meanwhile.
        if (!std::exchange(more_expected_, false)) {
            std::error_code error;
            do {
                while (idle_ && selected_ && selected_->changed && stop_reason_.empty()) {
                    sync(true);
                    if (!(co_await flush())) co_return false;
                }
                arm_deadline();
                is_waiting_ = idle_ != nullptr;
                error = co_await stream_->wait_readable();
                is_waiting_ = false;
                deadline_.disarm();
            } while (error == StreamErrc::interrupted);
            if (error) break;
        }
        const auto result = stream_->read_some(read_buffer);
        if (result.status == IoStatus::ok) {
            more_expected_ = result.bytes == read_buffer.size();
            pending_.erase(0, pending_at_);
            pending_at_ = 0;
            pending_.append(read_buffer.data(), result.bytes);
            co_return true;
        }
        if (result.status != IoStatus::would_block) break;
    }
    gone_ = true;
    co_return false;
}

Awaitable<std::optional<std::string>> ImapSession::read_line() {
    if (!(co_await flush())) co_return std::nullopt;
    for (;;) {
        auto rest = input();
        auto event = fragmenter_.next_line(rest);
        std::optional<std::string> line;
        if (const auto* ready = std::get_if<protocol::LineReady>(&event))
            line = std::string(ready->bytes);
        pending_at_ = pending_.size() - rest.size();
        if (line) co_return line;
        if (const auto* rejected = std::get_if<protocol::Rejected>(&event)) {
            reject(*rejected);
            co_return std::nullopt;
        }
        if (!(co_await read_more())) co_return std::nullopt;
    }
}

void ImapSession::begin_idle(Tag tag) {
    idle_ = std::make_unique<Tag>(std::move(tag));
    ++server_.counters.connections_idle;
    sync(true);
    protocol::write_continuation(out_, "idling");
}

// Whether what the client sent has ended its IDLE.
bool ImapSession::end_idle() {
    auto rest = input();
    auto event = fragmenter_.next_line(rest);
    const auto* line = std::get_if<protocol::LineReady>(&event);
    const bool is_done = line != nullptr && protocol::ascii_iequals(line->bytes, "DONE");
    pending_at_ = pending_.size() - rest.size();
    if (std::holds_alternative<protocol::NeedMore>(event)) return false;
    const auto tag = std::move(idle_);
    --server_.counters.connections_idle;
    if (const auto* rejected = std::get_if<protocol::Rejected>(&event)) {
        reject(*rejected);
    } else if (is_done) {
        finish(*tag, "idle ended");
    } else {
        bad(*tag, "DONE was expected");
    }
    return true;
}

void ImapSession::reject(const protocol::Rejected& rejected) {
    std::string_view text = "the command is too large";
    CodeKind code = CodeKind::none;
    Condition condition = Condition::bad;
    switch (rejected.reason) {
        case protocol::RejectReason::line_too_long:
            text = "the line is too long";
            break;
        case protocol::RejectReason::command_too_large:
            break;
        case protocol::RejectReason::literal_too_large:
            text = "the literal is too large";
            break;
        case protocol::RejectReason::message_too_large:
            text = "the message is larger than this server takes";
            code = CodeKind::too_big;
            condition = Condition::no;
            break;
    }
    if (const auto tag = protocol::find_tag(rejected.head)) {
        protocol::write_tagged(out_, tag->text(), condition, code, text);
    } else if (!rejected.head.empty() || !rejected.must_close) {
        protocol::write_untagged(out_, Condition::bad, text);
    }
    if (rejected.must_close) {
        protocol::write_untagged(out_, Condition::bye, "too much of a refused command to read");
        set_state(SessionState::kLogout);
    }
}

Awaitable<ImapSession::End> ImapSession::run() {
    core_ = Core::current();
    if (implicit_tls_ && !greeted_) {
        arm_deadline();
        const auto error = co_await static_cast<TlsStream*>(stream_.get())->handshake();
        deadline_.disarm();
        if (error) co_return End::kClosed;
    }
    if (!greeted_) greet();
    if (login_) co_await finish_login();
    while (state_ != SessionState::kLogout && !gone_ && stop_reason_.empty()) {
        co_await process_input();
        if (login_) {
            // Pipelined input moves along; it must not be run before the login is answered on the
            // other side.
            if (!(co_await flush())) break;
            unselect();
            co_return End::kMove;
        }
        if (!(co_await flush())) break;
        if (starttls_requested_) {
            if (!(co_await start_tls())) break;
            continue;
        }
        if (state_ == SessionState::kLogout || !stop_reason_.empty()) break;
        if (!(co_await read_more())) break;
    }
    if (!stop_reason_.empty()) {
        protocol::write_untagged(out_, Condition::bye, stop_reason_);
        std::array<std::string_view, kWriteChunksMax> pieces;
        while (!out_.empty()) {
            const auto result = stream_->try_write(std::span(pieces.data(), out_.gather(pieces)));
            if (result.status != IoStatus::ok) break;
            out_.consume(result.bytes);
        }
    }
    out_.clear();
    leave_account();
    // Closing says the same to TCP, TLS has a word of its own for it.
    if (stream_->is_tls()) stream_->shutdown_send();
    stream_->close();
    co_return End::kClosed;
}

// Runs every command that is complete in the input.
Awaitable<void> ImapSession::process_input() {
    while (state_ != SessionState::kLogout && !gone_ && !login_ && !starttls_requested_ &&
           stop_reason_.empty()) {
        auto rest = input();
        if (rest.empty()) co_return;
        if (idle_) {
            if (!end_idle()) co_return;
            continue;
        }
        auto event = fragmenter_.next(rest);
        pending_at_ = pending_.size() - rest.size();
        if (std::holds_alternative<protocol::NeedMore>(event)) co_return;
        if (const auto* ready = std::get_if<protocol::CommandReady>(&event)) {
            auto command = protocol::parse_command(ready->bytes);
            fragmenter_.release();
            ++server_.counters.commands;
            if (command) {
                co_await run_command(std::move(*command));
            } else {
                const auto& error = command.error();
                if (error.tag) {
                    bad(*error.tag, protocol::describe(error.error.kind));
                } else {
                    protocol::write_untagged(out_, Condition::bad,
                                             protocol::describe(error.error.kind));
                }
                if (++bad_commands_ >= kBadCommandsMax) stop("too many commands that are none");
            }
        } else if (const auto* literal = std::get_if<protocol::NeedContinuation>(&event)) {
            (void)literal;
            protocol::write_continuation(out_, "go on");
            if (!(co_await flush())) co_return;
        } else if (const auto* start = std::get_if<protocol::StreamStart>(&event)) {
            co_await run_append(std::string(start->head), start->bytes, start->is_sync,
                                start->is_literal8);
        } else if (const auto* rejected = std::get_if<protocol::Rejected>(&event)) {
            reject(*rejected);
            if (++bad_commands_ >= kBadCommandsMax) stop("too many commands that are none");
        }
        if (!(co_await flush_if_large())) co_return;
    }
}

Awaitable<void> ImapSession::run_command(protocol::Command command) {
    const auto verb = protocol::verb_of(command.body);
    const commands::Entry& entry = commands::find(verb);
    const bool selected_ok = state_ == SessionState::kSelected;
    switch (entry.needs) {
        case commands::Needs::kAny:
            break;
        case commands::Needs::kNotAuthenticated:
            if (state_ != SessionState::kNotAuthenticated) {
                bad(command.tag, "you are logged in already");
                co_return;
            }
            break;
        case commands::Needs::kAuthenticated:
            if (state_ == SessionState::kNotAuthenticated) {
                bad(command.tag, "log in first");
                co_return;
            }
            break;
        case commands::Needs::kSelected:
        case commands::Needs::kMessages:
            if (!selected_ok) {
                bad(command.tag, state_ == SessionState::kNotAuthenticated
                                     ? "log in first"
                                     : "select a mailbox first");
                co_return;
            }
            break;
    }
    const Tag tag = command.tag;
    std::exception_ptr failure;
    try {
        if (entry.needs == commands::Needs::kMessages && !selected_->told) {
            if (!(co_await load_messages(tag))) co_return;
        }
        co_await entry.run(this, std::move(command));
    } catch (const std::exception& e) {
        spdlog::error("session {}: {} failed: {}", id_, protocol::verb_name(verb), e.what());
        no(tag, CodeKind::server_bug, "this command failed inside the server");
    }
}

// False: the command was answered.
Awaitable<bool> ImapSession::load_messages(Tag tag) {
    OpenRequest open;
    open.id = selected_->id;
    const auto opened = co_await account_->call(std::move(open));
    if (selected_ && selected_->told) co_return true;
    no(tag, opened ? AccountError{AccountErrorKind::kNonexistent, "the mailbox was deleted"}
                   : opened.error());
    co_return false;
}

}  // namespace tidemark::actors
