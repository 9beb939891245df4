// LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3; mechanisms: RFC 4616, RFC 7677).
#include "actors/commands/commands.hpp"
#include "protocol/base64.hpp"
#include "protocol/sasl.hpp"

#include <chrono>

namespace tidemark::actors::commands {

using protocol::CodeKind;
using protocol::Condition;

namespace {

bool refuse_plaintext(ImapSession* session, const Tag& tag) {
    if (session->may_login()) return false;
    session->no(tag, CodeKind::privacy_required, "start TLS before you log in");
    return true;
}

// Waits as the delays demand, then answers.
Awaitable<void> conclude(ImapSession* session, Tag tag, AuthResult result) {
    if (result.wait.count() > 0) {
        if (!(co_await session->flush())) co_return;
        (void)co_await session->core().sleep(
            std::chrono::duration_cast<std::chrono::microseconds>(result.wait));
        if (session->is_gone()) co_return;
    }
    switch (result.outcome) {
        case AuthOutcome::ok:
            session->start_login(std::move(tag), std::move(result));
            break;
        case AuthOutcome::invalid:
            session->count_failed_login();
            session->no(tag, CodeKind::authentication_failed, "no such name and password");
            break;
        case AuthOutcome::unavailable:
            session->no(tag, CodeKind::unavailable, "too many logins just now, try again");
            break;
        case AuthOutcome::disabled:
            session->no(tag, CodeKind::contact_admin, "this account is switched off");
            break;
    }
}

// One answer of the client, decoded; nothing: the command was answered, or the connection is gone.
Awaitable<std::optional<std::string>> ask(ImapSession* session, Tag tag, std::string challenge) {
    protocol::write_continuation(session->out(), protocol::base64_encode(challenge));
    auto line = co_await session->read_line();
    if (!line) co_return std::nullopt;
    if (*line == "*") {
        session->bad(tag, "you cancelled");
        co_return std::nullopt;
    }
    auto decoded = protocol::base64_decode(*line);
    protocol::wipe(*line);
    if (!decoded) session->bad(tag, "this is not base64");
    co_return decoded;
}

Awaitable<void> plain(ImapSession* session, Tag tag, std::string message) {
    auto parsed = protocol::parse_sasl_plain(message);
    protocol::wipe(message);
    if (!parsed) {
        session->bad(tag, "this is not a PLAIN message");
        co_return;
    }
    auto result = co_await session->server().auth.verify_plain(std::move(*parsed), session->peer());
    co_await conclude(session, std::move(tag), std::move(result));
}

Awaitable<void> sasl_login(ImapSession* session, Tag tag, std::optional<std::string> first) {
    if (!first) first = co_await ask(session, tag, std::string(protocol::kLoginUsernamePrompt));
    if (!first) co_return;
    auto user = protocol::parse_login_username(*first);
    if (!user) {
        session->bad(tag, "this is no user name");
        co_return;
    }
    auto password = co_await ask(session, tag, std::string(protocol::kLoginPasswordPrompt));
    if (!password) co_return;
    auto result = co_await session->server().auth.verify_password(
        std::move(*user), protocol::SecretString::take(*password), session->peer());
    co_await conclude(session, std::move(tag), std::move(result));
}

Awaitable<void> scram(ImapSession* session, Tag tag, bool plus, std::optional<std::string> first) {
    if (!first) first = co_await ask(session, tag, "");
    if (!first) co_return;
    std::string binding;
    const auto exporter = session->stream().tls_exporter();
    if (exporter && (plus || session->announced_plus()))
        binding.assign(exporter->data(), exporter->size());
    if (plus && binding.empty()) {
        session->no(tag, CodeKind::cannot, "there is nothing to bind this mechanism to");
        co_return;
    }
    auto exchange = session->server().auth.begin_scram(plus, binding, session->peer());
    auto challenge = exchange.first(*first);
    if (auto* ended = std::get_if<AuthResult>(&challenge)) {
        co_await conclude(session, std::move(tag), std::move(*ended));
        co_return;
    }
    auto answer = co_await ask(session, tag, std::get<std::string>(std::move(challenge)));
    if (!answer) co_return;
    auto final = exchange.final(*answer);
    if (final.result.outcome == AuthOutcome::ok) {
        auto empty = co_await ask(session, tag, std::move(final.server_final));
        if (!empty) co_return;
    }
    co_await conclude(session, std::move(tag), std::move(final.result));
}

}  // namespace

Awaitable<void> login(ImapSession* session, Tag tag, command::Login login) {
    if (refuse_plaintext(session, tag)) co_return;
    auto result = co_await session->server().auth.verify_password(
        std::move(login.user), std::move(login.password), session->peer());
    co_await conclude(session, std::move(tag), std::move(result));
}

Awaitable<void> authenticate(ImapSession* session, Tag tag, command::Authenticate authenticate) {
    if (refuse_plaintext(session, tag)) co_return;
    std::optional<std::string> first;
    if (authenticate.initial_response) {
        first = protocol::base64_decode(authenticate.initial_response->view());
        if (!first) {
            session->bad(tag, "the initial response is not base64");
            co_return;
        }
    }
    const std::string& mechanism = authenticate.mechanism;
    if (mechanism == "PLAIN") {
        if (!first) first = co_await ask(session, tag, "");
        if (first) co_await plain(session, std::move(tag), std::move(*first));
    } else if (mechanism == "LOGIN") {
        co_await sasl_login(session, std::move(tag), std::move(first));
    } else if (mechanism == "SCRAM-SHA-256" || mechanism == "SCRAM-SHA-256-PLUS") {
        co_await scram(session, std::move(tag), mechanism.ends_with("PLUS"), std::move(first));
    } else {
        session->no(tag, CodeKind::cannot, "this mechanism is not offered");
    }
}

}  // namespace tidemark::actors::commands
