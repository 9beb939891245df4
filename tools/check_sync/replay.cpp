#include "tools/check_sync/replay.hpp"

#include "protocol/parse_command.hpp"

#include <fmt/format.h>

#include <utility>

namespace tidemark::check_sync {

MailboxId Replay::mailbox(const std::string& name, std::uint32_t uid_validity) {
    if (uid_validity == 0) return kNoMailbox;
    const auto [at, is_new] =
        mailboxes_.try_emplace({name, uid_validity}, static_cast<MailboxId>(names_.size()));
    if (is_new) names_.push_back(fmt::format("{} (UIDVALIDITY {})", name, uid_validity));
    return at->second;
}

void Replay::violation(Rule rule, std::string what, std::vector<EventId> evidence) {
    violations_.push_back({rule, std::move(what), std::move(evidence)});
}

MailboxId Replay::selected(const ClientView& view) {
    const Selection* box = view.described();
    return box == nullptr ? kNoMailbox : mailbox(box->mailbox, box->uid_validity);
}

void Replay::run() {
    for (; next_ < history_.end(); ++next_) {
        const Event& event = *history_.find(next_);
        if (event.kind == EventKind::quiet) {
            for (auto& checker : checkers_) checker->on_quiet(next_);
            continue;
        }
        if (event.kind == EventKind::restarted) continue;
        while (sessions_.size() <= event.session) sessions_.push_back(std::make_unique<Session>());
        Session& session = *sessions_[event.session];
        switch (event.kind) {
            case EventKind::connected:
                end_exchange(session, nullptr, next_);
                session.view.connected(next_);
                break;
            case EventKind::closed:
                end_exchange(session, nullptr, next_);
                session.view.closed();
                break;
            case EventKind::client:
                client_line(event.session, session, event, next_);
                break;
            case EventKind::server:
                server_line(event.session, session, event, next_);
                break;
            case EventKind::settled:
                for (auto& checker : checkers_)
                    checker->on_settled(event.session, session.view, next_);
                break;
            case EventKind::census:
                for (auto& checker : checkers_)
                    checker->on_census(event.session, session.view, next_);
                break;
            default:
                break;
        }
    }
}

void Replay::client_line(SessionId id, Session& session, const Event& event, EventId at) {
    if (session.open.command != nullptr) return;  // DONE
    auto parsed = protocol::parse_command(event.text);
    if (!parsed) return;
    ++commands_;
    Exchange& open = session.open;
    open.session = id;
    open.command_event = at;
    open.view = &session.view;
    open.mailbox = session.view.selection() == nullptr ? kNoMailbox : selected(session.view);
    session.view.command(std::move(*parsed), at);
    open.command = session.view.current();
    for (auto& checker : checkers_) checker->on_command(open);
}

void Replay::server_line(SessionId id, Session& session, const Event& event, EventId at) {
    ++responses_;
    if (const auto parsed = protocol::parse_response(event.text, response_); !parsed) {
        violation(Rule::malformed_response,
                  fmt::format("{} at byte {}", parsed.error().rule, parsed.error().offset),
                  {session.open.command_event, at});
        return;
    }
    const Line line{id, at, &session.view, &response_, selected(session.view)};
    for (auto& checker : checkers_) checker->on_line(line);
    if (response_.kind == protocol::ResponseKind::tagged) {
        end_exchange(session, &response_, at);
    } else {
        session.view.response(response_, at);
        take_faults(session);
    }
}

void Replay::end_exchange(Session& session, const protocol::Response* response, EventId at) {
    Exchange exchange = std::exchange(session.open, Exchange{});
    if (exchange.command != nullptr) {
        exchange.response = response;
        exchange.end_event = at;
        for (auto& checker : checkers_) checker->on_exchange(exchange);
    }
    if (response != nullptr) session.view.response(*response, at);
    take_faults(session);
}

void Replay::take_faults(Session& session) {
    for (auto& fault : session.view.faults) violations_.push_back(std::move(fault));
    session.view.faults.clear();
}

}  // namespace tidemark::check_sync
