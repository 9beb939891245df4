// From the greeting to the login: capabilities, STARTTLS, and the way to the account's core.
#include "actors/imap_session.hpp"
#include "actors/limits.hpp"
#include "actors/tls_stream.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::actors {

using protocol::CodeKind;
using protocol::Condition;
using protocol::ResponseCode;
using protocol::Tag;

namespace {

// The names, which single spaces separate, as the words of a response code: a space within a word
// could not stand there.
ResponseCode capability_code(std::string_view names) {
    auto code = ResponseCode::of(CodeKind::capability);
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(' '), names.size());
        code.words.emplace_back(names.substr(0, end));
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    return code;
}

}  // namespace

void ImapSession::greet() {
    greeted_ = true;
    protocol::write_untagged(out_, Condition::ok, capability_code(capabilities()),
                             "Tidemark ready");
}

void ImapSession::start_login(Tag tag, AuthResult result) {
    login_ = std::make_unique<Login>(Login{std::move(tag), std::move(result)});
}

void ImapSession::count_failed_login() {
    if (++failed_logins_ >= kFailedLoginsMax) stop("too many failed logins");
}

Core& ImapSession::target() {
    return login_ ? server_.home_of(storage::AccountId{login_->result.account_id}) : *core_;
}

void ImapSession::rehome(std::function<void()> on_arrival) {
    Core& to = target();
    deadline_.disarm();
    if (&to == core_) {
        core_->post(std::move(on_arrival));
        return;
    }
    // The answers were flushed, so the buffer holds no chunk of this core's pool.
    actors::rehome(std::move(stream_), to,
                   [this, &to, arrived = std::move(on_arrival)](std::unique_ptr<Stream> stream) {
                       stream_ = std::move(stream);
                       core_ = &to;
                       out_.rebind(server_.on(to).chunks);
                       if (!stream_) gone_ = true;
                       arrived();
                   });
}

Awaitable<void> ImapSession::finish_login() {
    auto login = std::move(login_);
    auto lease = co_await here().accounts.acquire(storage::AccountId{login->result.account_id});
    if (!lease) {
        no(login->tag, lease.error());
        co_return;
    }
    const std::uint64_t sessions_max = server_.options.connections_per_account_max;
    if (sessions_max != 0 && (*lease)->sessions() >= sessions_max) {
        no(login->tag, CodeKind::limit, "this account has too many connections");
        co_return;
    }
    account_ = std::move(*lease);
    account_->add_session();
    user_ = std::move(login->result.name);
    if (login->result.upgrade) {
        UpdateAccountRequest update;
        update.change = [text = stored_password_text(*login->result.upgrade)](
                            storage::AccountRecord& record) { record.credentials = text; };
        // A failure leaves the older form, which still works.
        (void)co_await account_->call(std::move(update));
        server_.auth.account_upgraded(login->result.account_id);
    }
    fragmenter_.set_limits(server_.after_login);
    set_state(SessionState::kAuthenticated);
    bad_commands_ = 0;
    // RFC 9051 §6.2.3: the capabilities may have changed; telling them spares the client a command.
    ok(login->tag, capability_code(capabilities()), "logged in");
}

Awaitable<bool> ImapSession::start_tls() {
    starttls_requested_ = false;
    // RFC 9051 §6.2.1: what was read before the switch is discarded, and nothing known before it
    // counts.
    pending_ = std::string();
    pending_at_ = 0;
    fragmenter_.reset();
    client_name.clear();
    rev2_ = condstore_ = qresync_ = utf8_ = announced_plus_ = false;
    auto tls = TlsStream::server(std::move(stream_), server_.tls->current());
    stream_ = std::move(tls);
    arm_deadline();
    const auto error = co_await static_cast<TlsStream*>(stream_.get())->handshake();
    deadline_.disarm();
    co_return !error;
}

void ImapSession::unauthenticate() {
    leave_account();
    user_.clear();
    rev2_ = condstore_ = qresync_ = utf8_ = false;
    fragmenter_.set_limits(protocol::kFragmenterLimitsBeforeLogin);
    set_state(SessionState::kNotAuthenticated);
    start_login_time();
}

std::string ImapSession::capabilities() {
    std::string names = "IMAP4rev2 IMAP4rev1 LITERAL+ ID SASL-IR ENABLE";
    if (state_ == SessionState::kNotAuthenticated) {
        if (server_.tls && !is_tls()) names += " STARTTLS";
        if (may_login()) {
            names += " AUTH=PLAIN AUTH=LOGIN";
            announced_plus_ = server_.auth.offers_scram() && stream_->tls_exporter();
            if (server_.auth.offers_scram()) names += " AUTH=SCRAM-SHA-256";
            if (announced_plus_) names += " AUTH=SCRAM-SHA-256-PLUS";
        } else {
            names += " LOGINDISABLED";
        }
        return names;
    }
    names +=
        " NAMESPACE CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE "
        "UIDPLUS MOVE IDLE"
        " UNSELECT ESEARCH SEARCHRES MULTIAPPEND BINARY WITHIN SAVEDATE OBJECTID CONDSTORE QRESYNC "
        "UTF8=ACCEPT"
        " UNAUTHENTICATE PREVIEW SORT SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES ESORT "
        "QUOTA"
        " QUOTA=RES-STORAGE";
    names += " APPENDLIMIT=" + std::to_string(server_.options.append_bytes_max);
    return names;
}

}  // namespace tidemark::actors
