#include "tools/check_sync/check_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace tidemark::check_sync {

using protocol::CodeKind;
using protocol::ResponseKind;
namespace command = protocol::command;
using Mode = command::Store::Mode;

namespace {

constexpr std::string_view kDeleted = "\\deleted";

bool affects(Mode mode, std::string_view flags, std::string_view flag) {
    return mode == Mode::replace || has_flag(flags, flag);
}
bool result_of(Mode mode, std::string_view flags, std::string_view flag) {
    return mode != Mode::remove && has_flag(flags, flag);
}

void add_flags(std::set<std::string>& all, std::string_view canonical) {
    while (!canonical.empty()) {
        const auto end = std::min(canonical.find(' '), canonical.size());
        all.emplace(canonical.substr(0, end));
        canonical.remove_prefix(std::min(end + 1, canonical.size()));
    }
}

}  // namespace

void StateChecker::on_command(const Exchange& begun) {
    targets_.erase(begun.session);
    copy_uid_.erase(begun.session);
    const auto& body = begun.command->body;
    if (const auto* store = std::get_if<command::Store>(&body))
        targets_[begun.session] = begun.view->uids_of(store->set, store->by_uid);
    if (const auto* move = std::get_if<command::Move>(&body))
        targets_[begun.session] = begun.view->uids_of(move->set, move->by_uid);
}

void StateChecker::on_line(const Line& line) {
    if (line.response->kind == ResponseKind::condition &&
        line.response->code.kind == CodeKind::copy_uid)
        copy_uid_[line.session] = line.response->code;
}

void StateChecker::on_exchange(const Exchange& exchange) {
    const auto& body = exchange.command->body;
    if (const auto* store = std::get_if<command::Store>(&body)) write(exchange, *store);
    const bool is_refused =
        exchange.response != nullptr && exchange.response->condition != protocol::Condition::ok;
    if (std::holds_alternative<command::Move>(body) && !is_refused)
        may_go(exchange.mailbox, targets_[exchange.session]);
    const auto* deletion = std::get_if<command::Delete>(&body);
    if (deletion != nullptr && is_refused)
        refused_delete_[deletion->mailbox.bytes] = {exchange.command_event, exchange.end_event};
    if (!exchange.is_ok()) return;
    if (exchange.response->code.kind == CodeKind::append_uid ||
        exchange.response->code.kind == CodeKind::copy_uid) {
        create(exchange, exchange.response->code);
    } else if (const auto early = copy_uid_.find(exchange.session); early != copy_uid_.end()) {
        create(exchange, early->second);
    }
}

void StateChecker::write(const Exchange& exchange, const command::Store& store) {
    if (exchange.mailbox == kNoMailbox) return;
    auto& messages = messages_[exchange.mailbox];
    const bool is_bad =
        exchange.response != nullptr && exchange.response->condition == protocol::Condition::bad;
    if (is_bad) return;
    protocol::RangeSet failed;
    if (exchange.response != nullptr && exchange.response->code.kind == CodeKind::modified) {
        const auto set = protocol::RangeSet::from_unsorted(exchange.response->code.source);
        failed = store.by_uid ? set : exchange.view->uids_of(protocol::SequenceSet::of(set), false);
    }
    const Write made{exchange.command_event,
                     exchange.response == nullptr ? kNever : exchange.end_event, store.mode,
                     canonical_flags(store.flags), exchange.is_ok()};
    for (const protocol::Uid uid : targets_[exchange.session]) {
        if (failed.contains(uid)) continue;
        Message& message = messages[uid];
        message.writes.push_back(made);
        if (result_of(made.mode, made.flags, kDeleted)) message.may_be_gone = true;
    }
}

void StateChecker::create(const Exchange& exchange, const protocol::ResponseCode& code) {
    const auto& body = exchange.command->body;
    const auto* append = std::get_if<command::Append>(&body);
    std::string name;
    if (append != nullptr) name = append->mailbox.bytes;
    if (const auto* copy = std::get_if<command::Copy>(&body)) name = copy->mailbox.bytes;
    if (const auto* move = std::get_if<command::Move>(&body)) name = move->mailbox.bytes;
    const MailboxId mailbox = replay_.mailbox(name, static_cast<std::uint32_t>(code.number));
    if (mailbox == kNoMailbox) return;
    std::size_t index = 0;
    for (const protocol::Uid uid : protocol::RangeSet::from_unsorted(code.target)) {
        Message& message = messages_[mailbox][uid];
        message.alive_told = exchange.end_event;
        if (append != nullptr && index < append->messages.size()) {
            const auto flags = canonical_flags(append->messages[index].options.flags);
            if (has_flag(flags, kDeleted)) message.may_be_gone = true;
            message.writes.insert(
                message.writes.begin(),
                {exchange.command_event, exchange.end_event, Mode::replace, flags, true});
        } else {
            // A copy has the flags of its source, whatever these were.
            message.may_be_gone = true;
        }
        ++index;
    }
}

void StateChecker::may_go(MailboxId mailbox, const protocol::RangeSet& uids) {
    if (mailbox == kNoMailbox) return;
    for (const protocol::Uid uid : uids) messages_[mailbox][uid].may_be_gone = true;
}

void StateChecker::on_settled(SessionId session, const ClientView& view, EventId at) {
    const Selection* box = view.selection();
    if (box == nullptr) return;
    caches_.push_back({session, replay_.mailbox(box->mailbox, box->uid_validity), box->messages, at,
                       box->selected_at});
}

void StateChecker::on_census(SessionId session, const ClientView& view, EventId at) {
    const Selection* box = view.selection();
    if (box == nullptr) return;
    truth_[box->mailbox] = {session, replay_.mailbox(box->mailbox, box->uid_validity),
                            box->messages, at, box->selected_at};
}

void StateChecker::on_quiet(EventId /*at*/) {
    for (const auto& [name, truth] : truth_) {
        for (const Snapshot& cache : caches_) {
            if (cache.mailbox == truth.mailbox) compare(cache, truth);
        }
        check_messages(name, truth);
    }
    messages_.clear();
    for (const auto& [name, truth] : truth_) {
        auto& messages = messages_[truth.mailbox];
        for (const CachedMessage& now : truth.messages) {
            Message& message = messages[now.uid];
            message.alive_told = now.told;
            message.may_be_gone = has_flag(now.flags, kDeleted);
            message.writes.push_back({now.told, now.told, Mode::replace, now.flags, true});
        }
    }
    truth_.clear();
    caches_.clear();
    refused_delete_.clear();
}

void StateChecker::compare(const Snapshot& cache, const Snapshot& truth) {
    ++caches_compared_;
    const std::string& name = replay_.mailbox_name(truth.mailbox);
    auto a = cache.messages.begin();
    auto b = truth.messages.begin();
    while (a != cache.messages.end() || b != truth.messages.end()) {
        if (b == truth.messages.end() || (a != cache.messages.end() && a->uid < b->uid)) {
            replay_.violation(
                Rule::cache_differs,
                fmt::format("the client still has UID {} of {}, which is gone", a->uid, name),
                {a->told, cache.selected_at, cache.at, truth.selected_at, truth.at});
            return;
        }
        if (a == cache.messages.end() || b->uid < a->uid) {
            replay_.violation(Rule::cache_differs,
                              fmt::format("the client does not have UID {} of {}", b->uid, name),
                              {b->told, cache.selected_at, cache.at, truth.selected_at});
            return;
        }
        if (a->has_flags && a->flags != b->flags) {
            replay_.violation(Rule::cache_differs,
                              fmt::format("UID {} of {} has the flags ({}); the client was last "
                                          "told ({})",
                                          b->uid, name, b->flags, a->flags),
                              {a->told, cache.at, b->told});
            return;
        }
        ++messages_compared_;
        ++a;
        ++b;
    }
}

void StateChecker::check_messages(const std::string& name, const Snapshot& truth) {
    const MailboxId mailbox = truth.mailbox;
    const auto known = messages_.find(mailbox);
    if (known == messages_.end()) return;
    auto now = truth.messages.begin();
    for (const auto& [uid, message] : known->second) {
        while (now != truth.messages.end() && now->uid < uid) ++now;
        const bool is_there = now != truth.messages.end() && now->uid == uid;
        if (is_there) {
            check_flags(mailbox, *now, message);
        } else if (message.alive_told != 0 && !message.may_be_gone) {
            const auto found = refused_delete_.find(name);
            const bool is_refused =
                found != refused_delete_.end() && found->second.second > message.alive_told;
            std::vector<EventId> evidence{message.alive_told, truth.selected_at, truth.at};
            if (is_refused)
                evidence.insert(evidence.end(), {found->second.first, found->second.second});
            replay_.violation(
                Rule::message_lost,
                fmt::format("UID {} of {} was there, nobody marked it as deleted or moved it{}, "
                            "and it is gone",
                            uid, replay_.mailbox_name(mailbox),
                            is_refused ? ", a DELETE of the mailbox was refused" : ""),
                std::move(evidence));
        }
    }
}

// Among writes that overlap in time any may have been the last; what was written must be what one
// of those left.
void StateChecker::check_flags(MailboxId mailbox, const CachedMessage& now,
                               const Message& message) {
    std::set<std::string> all;
    add_flags(all, now.flags);
    for (const Write& write : message.writes) add_flags(all, write.flags);
    for (const std::string& flag : all) {
        EventId last_call = 0;
        for (const Write& write : message.writes) {
            if (write.is_definite && affects(write.mode, write.flags, flag))
                last_call = std::max(last_call, write.call);
        }
        if (last_call == 0) continue;
        bool may_be_set = false;
        bool may_be_clear = false;
        const Write* last = nullptr;
        for (const Write& write : message.writes) {
            if (!affects(write.mode, write.flags, flag) || write.end < last_call) continue;
            (result_of(write.mode, write.flags, flag) ? may_be_set : may_be_clear) = true;
            if (write.is_definite && write.call == last_call) last = &write;
        }
        const bool is_set = has_flag(now.flags, flag);
        if (is_set ? may_be_set : may_be_clear) continue;
        replay_.violation(Rule::change_lost,
                          fmt::format("the last change of UID {} of {} {} {}; it is {}", now.uid,
                                      replay_.mailbox_name(mailbox), is_set ? "cleared" : "set",
                                      flag, is_set ? "set" : "not set"),
                          {last->call, last->end, now.told});
        return;
    }
}

}  // namespace tidemark::check_sync
