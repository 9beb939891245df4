// Commands that need little: CAPABILITY, NOOP, CHECK, LOGOUT, ID, ENABLE, NAMESPACE, STARTTLS,
// UNAUTHENTICATE, quota.
#include "actors/commands/commands.hpp"
#include "protocol/ascii.hpp"

namespace tidemark::actors::commands {

using protocol::CodeKind;
using protocol::Condition;

Awaitable<void> capability(ImapSession* session, Tag tag, command::Capability) {
    protocol::write_capability(session->out(), session->capabilities());
    session->finish(tag, "these");
    co_return;
}

Awaitable<void> noop(ImapSession* session, Tag tag, command::Noop) {
    session->finish(tag, "done");
    co_return;
}

Awaitable<void> check(ImapSession* session, Tag tag, command::Check) {
    // RFC 3501 §6.4.1: everything that was answered is durable already.
    session->finish(tag, "everything is on disk");
    co_return;
}

Awaitable<void> logout(ImapSession* session, Tag tag, command::Logout) {
    protocol::write_untagged(session->out(), Condition::bye, "good bye");
    session->ok(tag, "logged out");
    session->unselect();
    session->set_state(SessionState::kLogout);
    co_return;
}

Awaitable<void> id(ImapSession* session, Tag tag, command::Id id) {
    if (id.pairs) {
        for (const auto& [name, value] : *id.pairs) {
            if (protocol::ascii_iequals(name, "name") && value)
                session->client_name = value->substr(0, 64);
        }
    }
    // RFC 2971 §3.3: no more than what an administrator wants strangers to know; the version only
    // after login.
    protocol::IdPairs pairs{{"name", "Tidemark"}};
    if (session->account() != nullptr)
        pairs.emplace_back("version", session->server().options.version);
    protocol::write_id(session->out(), pairs);
    session->finish(tag, "pleased to meet you");
    co_return;
}

// RFC 5161 §3.1: what is not known is ignored; only what became enabled now is listed.
Awaitable<void> enable(ImapSession* session, Tag tag, command::Enable enable) {
    std::vector<std::string_view> enabled;
    for (const std::string& name : enable.capabilities) {
        if (name == "IMAP4REV2" && !session->has_rev2()) {
            session->enable_rev2();
            enabled.emplace_back("IMAP4rev2");
        } else if (name == "CONDSTORE" && !session->has_condstore()) {
            session->enable_condstore();
            enabled.emplace_back("CONDSTORE");
        } else if (name == "QRESYNC" && !session->has_qresync()) {
            // RFC 7162 §3.2.3: QRESYNC brings CONDSTORE with it.
            session->enable_qresync();
            enabled.emplace_back("QRESYNC");
        } else if (name == "UTF8=ACCEPT" && !session->has_utf8_accept()) {
            session->enable_utf8();
            enabled.emplace_back("UTF8=ACCEPT");
        }
    }
    protocol::write_enabled(session->out(), enabled);
    session->finish(tag, "enabled");
    co_return;
}

Awaitable<void> name_space(ImapSession* session, Tag tag, command::Namespace) {
    protocol::NamespaceData data;
    data.personal.push_back({"", '/'});
    protocol::write_namespace(session->out(), data, session->encoding());
    session->finish(tag, "one namespace");
    co_return;
}

Awaitable<void> start_tls(ImapSession* session, Tag tag, command::StartTls) {
    if (session->is_tls()) {
        session->bad(tag, "TLS is active already");
    } else if (session->server().tls == nullptr) {
        session->bad(tag, "this server has no certificate");
    } else {
        session->ok(tag, "begin TLS now");
        session->request_starttls();
    }
    co_return;
}

Awaitable<void> unauthenticate(ImapSession* session, Tag tag, command::Unauthenticate) {
    session->unauthenticate();
    session->ok(tag, "logged out, still connected");
    co_return;
}

Awaitable<void> compress(ImapSession* session, Tag tag, command::Compress) {
    session->no(tag, CodeKind::cannot, "compression is not offered");
    co_return;
}

namespace {

// RFC 9208: one quota root, the account; STORAGE counts units of 1024 octets.
void write_account_quota(ImapSession* session) {
    const auto& record = session->account()->record();
    protocol::QuotaData quota;
    if (record.quota_bytes != 0) {
        quota.resources.push_back({"STORAGE",
                                   (session->account()->counters().used_bytes + 1023) / 1024,
                                   record.quota_bytes / 1024});
    }
    protocol::write_quota(session->out(), quota, session->encoding());
}

}  // namespace

Awaitable<void> get_quota(ImapSession* session, Tag tag, command::GetQuota get_quota) {
    if (!get_quota.root.empty()) {
        session->no(tag, CodeKind::nonexistent, "there is no such quota root");
        co_return;
    }
    write_account_quota(session);
    session->finish(tag, "quota told");
}

Awaitable<void> get_quota_root(ImapSession* session, Tag tag,
                               command::GetQuotaRoot get_quota_root) {
    const auto name = session->mailbox_name(tag, get_quota_root.mailbox);
    if (!name) co_return;
    protocol::QuotaRootData roots;
    roots.mailbox = get_quota_root.mailbox.bytes;
    roots.roots.emplace_back();
    protocol::write_quota_root(session->out(), roots, session->encoding());
    write_account_quota(session);
    session->finish(tag, "quota told");
}

}  // namespace tidemark::actors::commands
