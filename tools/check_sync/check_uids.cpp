#include "tools/check_sync/check_uids.hpp"

#include "protocol/ascii.hpp"
#include "tools/check_sync/check_modseqs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace tidemark::check_sync {

using protocol::CodeKind;
using protocol::ResponseKind;
namespace command = protocol::command;

namespace {

// VANISHED (EARLIER) may name any number of UIDs that nobody ever saw; no more than this of one
// response are looked at.
constexpr std::uint64_t kVanishedMax = 100'000;

std::vector<protocol::Uid> listed(const protocol::OrderedRanges& ranges) {
    std::vector<protocol::Uid> uids;
    for (const auto& range : ranges) {
        const auto low = std::min(range.first, range.last);
        const auto high = std::max(range.first, range.last);
        for (std::uint64_t uid = low; uid <= high && uids.size() < kVanishedMax; ++uid)
            uids.push_back(static_cast<protocol::Uid>(uid));
    }
    return uids;
}

}  // namespace

std::string message_id_of(std::string_view message) {
    constexpr std::string_view kName = "message-id:";
    while (!message.empty()) {
        const auto end = std::min(message.find('\n'), message.size());
        std::string_view line = message.substr(0, end);
        message.remove_prefix(std::min(end + 1, message.size()));
        if (line.size() < kName.size() ||
            !protocol::ascii_iequals(line.substr(0, kName.size()), kName))
            continue;
        line.remove_prefix(kName.size());
        const auto first = line.find_first_not_of(" \t\r");
        if (first == std::string_view::npos) return {};
        return std::string(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
    }
    return {};
}

void UidChecker::on_command(const Exchange& begun) {
    copy_uid_.erase(begun.session);
    selecting_.erase(begun.session);
}

void UidChecker::issue(MailboxId mailbox, protocol::Uid uid, EventId command, EventId told) {
    if (mailbox == kNoMailbox) return;
    Box& box = boxes_[mailbox];
    const Mark assigned = box.assigned.before(command);
    const Mark next = box.uid_next.before(command);
    if (box.issued.contains(uid)) {
        const auto first = box.issued_at.find(uid);
        replay_.violation(
            Rule::uid_reused,
            fmt::format("UID {} of {} was given twice", uid, replay_.mailbox_name(mailbox)),
            {first == box.issued_at.end() ? 0 : first->second, command, told});
    } else if (uid <= assigned.value) {
        replay_.violation(Rule::uid_reused,
                          fmt::format("UID {} of {} was given after UID {} had been told", uid,
                                      replay_.mailbox_name(mailbox), assigned.value),
                          {assigned.event, command, told});
    } else if (uid < next.value) {
        replay_.violation(Rule::uid_reused,
                          fmt::format("UID {} of {} was given after UIDNEXT had been {}", uid,
                                      replay_.mailbox_name(mailbox), next.value),
                          {next.event, command, told});
    }
    box.issued.add(uid);
    box.issued_at.emplace(uid, told);
    box.assigned.raise(uid, told);
}

void UidChecker::lose(MailboxId mailbox, protocol::Uid uid, EventId told) {
    if (mailbox == kNoMailbox || uid == 0) return;
    Box& box = boxes_[mailbox];
    box.gone.add(uid);
    box.gone_at.emplace(uid, told);
    box.assigned.raise(uid, told);
}

void UidChecker::on_line(const Line& line) {
    const protocol::Response& response = *line.response;
    switch (response.kind) {
        case ResponseKind::fetch:
            seen(line);
            break;
        case ResponseKind::expunge: {
            const Selection* box = line.view->described();
            if (box != nullptr && response.number > 0 && response.number <= box->messages.size())
                lose(line.mailbox, box->messages[response.number - 1].uid, line.event);
            break;
        }
        case ResponseKind::vanished:
            for (const protocol::Uid uid : listed(response.vanished.uids))
                lose(line.mailbox, uid, line.event);
            break;
        case ResponseKind::condition:
            if (response.code.kind == CodeKind::copy_uid) copy_uid_[line.session] = response.code;
            if (response.code.kind == CodeKind::uid_next)
                selecting_[line.session] = {response.code.number, line.event};
            break;
        case ResponseKind::status: {
            const auto& status = response.status;
            const Selection* box = line.view->selection();
            if (status.present.contains(protocol::StatusItem::uid_next) &&
                status.present.contains(protocol::StatusItem::uid_validity) &&
                !(box != nullptr && box->mailbox == status.mailbox)) {
                check_uid_next(replay_.mailbox(status.mailbox, status.uid_validity),
                               status.uid_next, line.view->current_event(), line.event);
            }
            break;
        }
        default:
            break;
    }
}

void UidChecker::seen(const Line& line) {
    const protocol::Uid uid = fetched_uid(line);
    if (uid == 0 || line.mailbox == kNoMailbox) return;
    Box& box = boxes_[line.mailbox];
    box.assigned.raise(uid, line.event);
    if (box.gone.contains(uid)) {
        const auto told = box.gone_at.find(uid);
        const EventId gone = told == box.gone_at.end() ? 0 : told->second;
        const EventId selected = line.view->described()->selected_at;
        if (gone < selected) {
            replay_.violation(
                Rule::vanished_live_message,
                fmt::format("UID {} of {} was told to be gone, and is there in a session that "
                            "selected the mailbox later",
                            uid, replay_.mailbox_name(line.mailbox)),
                {gone, selected, line.event});
        }
    }
    const auto* section = line.response->fetch.section("BODY[HEADER.FIELDS (MESSAGE-ID)]");
    const auto known = box.identity.find(uid);
    if (section == nullptr || known == box.identity.end()) return;
    const auto id = message_id_of(section->bytes);
    if (id != known->second.first) {
        replay_.violation(Rule::message_replaced,
                          fmt::format("UID {} of {} was the message {} and is {}", uid,
                                      replay_.mailbox_name(line.mailbox), known->second.first, id),
                          {known->second.second, line.event});
    }
}

void UidChecker::check_uid_next(MailboxId mailbox, std::uint64_t uid_next, EventId command,
                                EventId told) {
    if (mailbox == kNoMailbox) return;
    Box& box = boxes_[mailbox];
    const Mark assigned = box.assigned.before(command);
    if (uid_next <= assigned.value) {
        replay_.violation(Rule::uid_next_too_low,
                          fmt::format("UIDNEXT of {} is {} after UID {} had been told",
                                      replay_.mailbox_name(mailbox), uid_next, assigned.value),
                          {assigned.event, command, told});
    }
    box.uid_next.raise(uid_next, told);
}

void UidChecker::on_exchange(const Exchange& exchange) {
    if (!exchange.is_ok()) return;
    const auto& body = exchange.command->body;
    protocol::ResponseCode code = exchange.response->code;
    if (const auto early = copy_uid_.find(exchange.session);
        early != copy_uid_.end() && code.kind != CodeKind::copy_uid)
        code = early->second;
    if (std::holds_alternative<command::Select>(body)) {
        const Selection* box = exchange.view->described();
        if (const auto next = selecting_.find(exchange.session);
            box != nullptr && next != selecting_.end()) {
            check_uid_next(replay_.mailbox(box->mailbox, box->uid_validity), next->second.value,
                           exchange.command_event, next->second.event);
        }
    } else if (code.kind == CodeKind::append_uid) {
        finish_append(exchange, code);
    } else if (code.kind == CodeKind::copy_uid) {
        if (const auto* copy = std::get_if<command::Copy>(&body))
            finish_copy(exchange, code, copy->mailbox.bytes, false);
        if (const auto* move = std::get_if<command::Move>(&body))
            finish_copy(exchange, code, move->mailbox.bytes, true);
    }
}

void UidChecker::finish_append(const Exchange& exchange, const protocol::ResponseCode& code) {
    const auto* append = std::get_if<command::Append>(&exchange.command->body);
    if (append == nullptr) return;
    const MailboxId mailbox =
        replay_.mailbox(append->mailbox.bytes, static_cast<std::uint32_t>(code.number));
    const auto uids = listed(code.target);
    for (std::size_t i = 0; i < uids.size(); ++i) {
        issue(mailbox, uids[i], exchange.command_event, exchange.end_event);
        if (mailbox == kNoMailbox || i >= append->messages.size()) continue;
        boxes_[mailbox].identity.emplace(
            uids[i], std::pair(message_id_of(append->messages[i].bytes), exchange.command_event));
    }
}

void UidChecker::finish_copy(const Exchange& exchange, const protocol::ResponseCode& code,
                             const std::string& target, bool is_move) {
    const MailboxId to = replay_.mailbox(target, static_cast<std::uint32_t>(code.number));
    const auto from = listed(code.source);
    const auto made = listed(code.target);
    for (std::size_t i = 0; i < made.size(); ++i) {
        issue(to, made[i], exchange.command_event, exchange.end_event);
        if (i >= from.size() || exchange.mailbox == kNoMailbox) continue;
        if (is_move) lose(exchange.mailbox, from[i], exchange.end_event);
        const auto& identities = boxes_[exchange.mailbox].identity;
        const auto source = identities.find(from[i]);
        if (source == identities.end() || to == kNoMailbox) continue;
        const auto identity = source->second;
        boxes_[to].identity.emplace(made[i], identity);
    }
}

void UidChecker::on_quiet(EventId at) {
    for (auto& [mailbox, box] : boxes_) {
        box.assigned.forget_past();
        box.uid_next.forget_past();
        // Lines from before the quiet moment before this one may have been dropped.
        const auto forget = [&](auto& told) {
            std::erase_if(told, [&](const auto& one) { return one.second < last_quiet_; });
        };
        forget(box.issued_at);
        forget(box.gone_at);
        std::erase_if(box.identity, [&](const auto& one) { return box.gone.contains(one.first); });
    }
    last_quiet_ = at;
}

}  // namespace tidemark::check_sync
