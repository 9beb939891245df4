#include "tools/check_sync/check_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace tidemark::check_sync {

namespace command = protocol::command;
using Mode = command::Store::Mode;

namespace {

// Gives each flag of a message a bit.
class Bits {
  public:
    // Nothing: more than 64 flags.
    std::optional<std::uint64_t> of(std::string_view canonical) {
        std::uint64_t bits = 0;
        while (!canonical.empty()) {
            const auto end = std::min(canonical.find(' '), canonical.size());
            const auto found =
                bits_.try_emplace(std::string(canonical.substr(0, end)), bits_.size()).first;
            if (found->second >= 64) return std::nullopt;
            bits |= std::uint64_t{1} << found->second;
            canonical.remove_prefix(std::min(end + 1, canonical.size()));
        }
        used_ |= bits;
        return bits;
    }
    std::uint64_t used() const { return used_; }

  private:
    std::map<std::string, std::size_t, std::less<>> bits_;
    std::uint64_t used_ = 0;
};

constexpr std::uint64_t kAll = ~std::uint64_t{0};

}  // namespace

void OrderChecker::on_command(const Exchange& begun) {
    auto& pending = pending_[begun.session];
    pending.clear();
    const auto* store = std::get_if<command::Store>(&begun.command->body);
    const Selection* box = begun.view->selection();
    if (store == nullptr || box == nullptr) return;
    const auto uids = begun.view->uids_of(store->set, store->by_uid);
    for (const auto& message : box->messages) {
        if (message.uid == 0 || !uids.contains(message.uid)) continue;
        // What it knows by sequence number may be older than it says (see VersionChecker).
        const bool is_based = store->unchanged_since && store->by_uid && !box->may_hold_back &&
                              message.has_flags && message.modseq == *store->unchanged_since;
        pending.push_back({message.uid, is_based, is_based ? message.flags : std::string{},
                           is_based ? message.told : 0});
    }
}

void OrderChecker::on_exchange(const Exchange& exchange) {
    const auto& body = exchange.command->body;
    if (const auto* one = std::get_if<command::Store>(&body)) store(exchange, *one);
    if (const auto* one = std::get_if<command::Append>(&body)) append(exchange, *one);
}

void OrderChecker::store(const Exchange& exchange, const command::Store& store) {
    const auto pending = std::exchange(pending_[exchange.session], {});
    const auto* response = exchange.response;
    if (exchange.mailbox == kNoMailbox) return;
    if (response != nullptr && response->condition == protocol::Condition::bad) return;
    protocol::RangeSet failed;
    if (response != nullptr && response->code.kind == protocol::CodeKind::modified) {
        const auto set = protocol::RangeSet::from_unsorted(response->code.source);
        failed = store.by_uid ? set : exchange.view->uids_of(protocol::SequenceSet::of(set), false);
    }
    for (const Pending& one : pending) {
        if (failed.contains(one.uid)) continue;
        // After NO, as without an answer, it may have been done for some.
        messages_[exchange.mailbox][one.uid].changes.push_back(
            {exchange.command_event, exchange.is_ok() ? exchange.end_event : kNever, store.mode,
             canonical_flags(store.flags), one.is_conditional, one.base, one.base_told});
    }
}

void OrderChecker::append(const Exchange& exchange, const command::Append& append) {
    if (!exchange.is_ok() || exchange.response->code.kind != protocol::CodeKind::append_uid) return;
    const auto& code = exchange.response->code;
    const MailboxId mailbox =
        replay_.mailbox(append.mailbox.bytes, static_cast<std::uint32_t>(code.number));
    if (mailbox == kNoMailbox) return;
    std::size_t index = 0;
    for (const protocol::Uid uid : protocol::RangeSet::from_unsorted(code.target)) {
        if (index == append.messages.size()) return;
        Message& message = messages_[mailbox][uid];
        message.is_start_known = true;
        message.start = canonical_flags(append.messages[index].options.flags);
        message.start_told = exchange.command_event;
        ++index;
    }
}

void OrderChecker::on_census(SessionId /*session*/, const ClientView& view, EventId /*at*/) {
    const Selection* box = view.selection();
    if (box == nullptr) return;
    census_[box->mailbox] = {replay_.mailbox(box->mailbox, box->uid_validity), box->messages};
}

void OrderChecker::on_quiet(EventId /*at*/) {
    std::map<MailboxId, std::map<protocol::Uid, Message>> next;
    for (const auto& [name, census] : census_) {
        for (const CachedMessage& now : census.messages) {
            if (!now.has_flags) continue;
            const auto mailbox = messages_.find(census.mailbox);
            if (mailbox != messages_.end()) {
                const auto known = mailbox->second.find(now.uid);
                if (known != mailbox->second.end()) decide(census.mailbox, now, known->second);
            }
            next[census.mailbox][now.uid] = {true, now.flags, now.told, {}};
        }
    }
    messages_ = std::move(next);
    census_.clear();
}

void OrderChecker::decide(MailboxId mailbox, const CachedMessage& now, Message& message) {
    if (!message.is_start_known || message.changes.empty()) return;
    auto& changes = message.changes;
    std::sort(changes.begin(), changes.end(),
              [](const Change& a, const Change& b) { return a.call < b.call; });
    Bits bits;
    std::vector<RegisterChange> asked;
    const auto start = bits.of(message.start);
    const auto end = bits.of(now.flags);
    bool has_bits = start && end;
    for (const Change& change : changes) {
        const auto flags = bits.of(change.flags);
        const auto base = bits.of(change.base);
        has_bits = has_bits && flags && base;
        if (!has_bits) break;
        RegisterChange one{change.call, change.end, 0, 0, 0, 0};
        if (change.mode != Mode::remove) one.set = *flags;
        if (change.mode != Mode::add) one.clear = change.mode == Mode::replace ? kAll : *flags;
        if (change.is_conditional) {
            // RFC 7162 §3.1.12: a server may let it win if other flags were changed meanwhile.
            one.expect_mask = change.mode == Mode::replace ? kAll : *flags;
            one.expect = *base & one.expect_mask;
        }
        asked.push_back(one);
    }
    if (!has_bits) {
        ++sought_;
        ++undecided_;
        return;
    }
    // The look at the flags at rest.
    asked.push_back({kNever - 2, kNever - 1, kAll, *end, 0, 0});
    ++sought_;
    const Order order = find_order(*start, asked);
    if (order == Order::undecided) ++undecided_;
    if (order == Order::does_not_exist) report(mailbox, now, message, *start, asked, bits.used());
}

void OrderChecker::report(MailboxId mailbox, const CachedMessage& now, const Message& message,
                          std::uint64_t start, const std::vector<RegisterChange>& asked,
                          std::uint64_t used) {
    const auto found = shortest_contradiction(start, asked, used);
    const auto& changes = message.changes;
    std::vector<EventId> evidence;
    std::size_t stores = 0;
    for (const std::size_t index : found.changes) {
        if (index == changes.size()) continue;
        ++stores;
        evidence.insert(evidence.end(), {changes[index].call, changes[index].base_told});
        if (changes[index].end != kNever) evidence.push_back(changes[index].end);
    }
    const bool is_at_rest = stores < found.changes.size();
    if (is_at_rest) evidence.push_back(now.told);
    if (found.needs_start) evidence.push_back(message.start_told);
    replay_.violation(
        Rule::no_order_of_changes,
        fmt::format("no order of these {} STOREs of UID {} of {}{} gives each conditional one the "
                    "flags that it was based on{}",
                    stores, now.uid, replay_.mailbox_name(mailbox),
                    found.needs_start ? ", from (" + message.start + ")," : "",
                    is_at_rest ? " and ends in (" + now.flags + ")" : ""),
        std::move(evidence));
}

}  // namespace tidemark::check_sync
