#include "tools/check_sync/check_modseqs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tidemark::check_sync {

using protocol::CodeKind;
using protocol::ResponseKind;
namespace command = protocol::command;

protocol::Uid fetched_uid(const Line& line) {
    const protocol::FetchData& data = line.response->fetch;
    if (data.uid) return *data.uid;
    const Selection* box = line.view->described();
    if (box == nullptr || data.number == 0 || data.number > box->messages.size()) return 0;
    return box->messages[data.number - 1].uid;
}

void VersionChecker::on_line(const Line& line) {
    if (line.response->kind != ResponseKind::fetch || line.mailbox == kNoMailbox) return;
    const protocol::FetchData& data = line.response->fetch;
    const protocol::Uid uid = fetched_uid(line);
    if (uid == 0 || !data.modseq || !data.has_flags || line.view->described()->may_hold_back)
        return;
    auto flags = canonical_flags(data);
    const auto [at, is_new] =
        known_[line.mailbox][uid].try_emplace(*data.modseq, Version{flags, line.event});
    if (is_new || at->second.flags == flags) return;
    replay_.violation(
        Rule::modseq_of_two_states,
        fmt::format("UID {} of {} was told with MODSEQ {} and the flags ({}), and "
                    "with the same MODSEQ and the flags ({})",
                    uid, replay_.mailbox_name(line.mailbox), *data.modseq, at->second.flags, flags),
        {at->second.told, line.event});
}

void VersionChecker::on_quiet(EventId /*at*/) {
    // Each message's last state can still be told to somebody who comes back; older ones only to a
    // session that was not told yet, and there is none.
    for (auto& [mailbox, messages] : known_) {
        for (auto& [uid, versions] : messages)
            versions.erase(versions.begin(), std::prev(versions.end()));
        constexpr std::size_t kMessagesMax = 4096;
        while (messages.size() > kMessagesMax) messages.erase(messages.begin());
    }
}

const VersionChecker::Versions* VersionChecker::versions(MailboxId mailbox,
                                                         protocol::Uid uid) const {
    const auto messages = known_.find(mailbox);
    if (messages == known_.end()) return nullptr;
    const auto at = messages->second.find(uid);
    return at == messages->second.end() ? nullptr : &at->second;
}

void HighestModSeqChecker::on_line(const Line& line) {
    const protocol::Response& response = *line.response;
    if (response.kind == ResponseKind::fetch && response.fetch.modseq &&
        line.mailbox != kNoMailbox) {
        told_[line.mailbox].messages.raise(*response.fetch.modseq, line.event);
        return;
    }
    const bool has_code =
        response.kind == ResponseKind::condition || response.kind == ResponseKind::tagged;
    if (has_code && response.code.kind == CodeKind::highest_modseq) {
        const auto* running = line.view->current();
        if (running != nullptr && std::holds_alternative<command::Select>(running->body)) {
            selecting_[line.session] = {response.code.number, line.event};
        } else if (line.mailbox != kNoMailbox) {
            told_[line.mailbox].highest.raise(response.code.number, line.event);
        }
    }
    if (response.kind != ResponseKind::status || line.view->current() == nullptr) return;
    const protocol::StatusData& status = response.status;
    if (!status.present.contains(protocol::StatusItem::highest_modseq) ||
        !status.present.contains(protocol::StatusItem::uid_validity))
        return;
    // RFC 9051 §6.3.11: of the selected mailbox it may say what the session was told.
    if (line.view->selection() != nullptr && line.view->selection()->mailbox == status.mailbox)
        return;
    check(replay_.mailbox(status.mailbox, status.uid_validity), status.highest_modseq,
          line.view->current_event(), line.event);
}

void HighestModSeqChecker::on_exchange(const Exchange& exchange) {
    if (!std::holds_alternative<command::Select>(exchange.command->body)) return;
    const auto told = selecting_.find(exchange.session);
    if (told == selecting_.end()) return;
    const Mark highest = told->second;
    selecting_.erase(told);
    const Selection* box = exchange.view->described();
    if (!exchange.is_ok() || box == nullptr) return;
    check(replay_.mailbox(box->mailbox, box->uid_validity), highest.value, exchange.command_event,
          highest.event);
}

void HighestModSeqChecker::check(MailboxId mailbox, protocol::ModSeq value, EventId command,
                                 EventId told) {
    if (mailbox == kNoMailbox) return;
    Told& before = told_[mailbox];
    const Mark highest = before.highest.before(command);
    const Mark message = before.messages.before(command);
    if (value < highest.value) {
        replay_.violation(Rule::highest_modseq_decreased,
                          fmt::format("HIGHESTMODSEQ of {} was {}, then {}",
                                      replay_.mailbox_name(mailbox), highest.value, value),
                          {highest.event, command, told});
    } else if (value < message.value) {
        replay_.violation(Rule::highest_modseq_below_message,
                          fmt::format("a message of {} had MODSEQ {}, then HIGHESTMODSEQ was {}",
                                      replay_.mailbox_name(mailbox), message.value, value),
                          {message.event, command, told});
    }
    before.highest.raise(value, told);
}

Mark HighestModSeqChecker::told_before(MailboxId mailbox, EventId event) const {
    const auto at = told_.find(mailbox);
    if (at == told_.end()) return {};
    const Mark highest = at->second.highest.before(event);
    const Mark message = at->second.messages.before(event);
    return highest.value > message.value ? highest : message;
}

void HighestModSeqChecker::on_quiet(EventId /*at*/) {
    for (auto& [mailbox, told] : told_) {
        told.messages.forget_past();
        told.highest.forget_past();
    }
}

}  // namespace tidemark::check_sync
