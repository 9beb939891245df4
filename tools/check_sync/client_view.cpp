#include "tools/check_sync/client_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tidemark::check_sync {

using protocol::CodeKind;
using protocol::Condition;
using protocol::ResponseKind;
namespace command = protocol::command;

namespace {

bool covers_all(const protocol::SequenceSet& set) {
    return set == protocol::SequenceSet::all();
}

protocol::RangeSet to_set(const protocol::OrderedRanges& ranges) {
    return protocol::RangeSet::from_unsorted(ranges);
}

}  // namespace

const Selection* ClientView::described() const {
    if (selecting_ && (closed_seen_ || !selection_)) return &*selecting_;
    return selection_ ? &*selection_ : nullptr;
}

Selection* ClientView::open() {
    if (selecting_ && (closed_seen_ || !selection_)) return &*selecting_;
    return selection_ ? &*selection_ : nullptr;
}

const OfflineCache* ClientView::offline(const std::string& mailbox) const {
    const auto at = offline_.find(mailbox);
    return at == offline_.end() ? nullptr : &at->second;
}

void ClientView::fault(Rule rule, std::string what, std::vector<EventId> evidence) {
    evidence.push_back(current_event_);
    faults.push_back({rule, std::move(what), std::move(evidence)});
}

void ClientView::connected(EventId event) {
    closed();
    is_connected_ = true;
    current_event_ = event;
}

void ClientView::closed() {
    leave();
    is_connected_ = has_condstore_ = has_qresync_ = false;
    qresync_told_ = 0;
    selecting_.reset();
    early_fetches_.clear();
    current_.reset();
    current_event_ = 0;
    closed_seen_ = false;
    highest_code_ = highest_fetch_ = 0;
}

// What is not complete up to a modseq is of no use later; the older cache then stays as it was.
std::optional<OfflineCache> ClientView::cache_of(const std::string& mailbox) const {
    if (selection_ && selection_->mailbox == mailbox && selection_->is_synchronised &&
        selection_->modseq != 0) {
        const Selection& box = *selection_;
        OfflineCache cache{box.uid_validity, box.modseq, box.modseq_told, box.uid_next, {}};
        for (const auto& message : box.messages) {
            if (message.uid == 0 || !message.has_flags) break;
            cache.uid_next = std::max(cache.uid_next, message.uid + 1);
            cache.messages.emplace_hint(cache.messages.end(), message.uid, message);
        }
        return cache;
    }
    const OfflineCache* known = offline(mailbox);
    return known == nullptr ? std::nullopt : std::optional(*known);
}

void ClientView::leave() {
    if (!selection_) return;
    if (auto cache = cache_of(selection_->mailbox))
        offline_.insert_or_assign(selection_->mailbox, std::move(*cache));
    selection_.reset();
}

void ClientView::command(protocol::Command command, EventId event) {
    current_ = std::move(command);
    current_event_ = event;
    told_.clear();
    fetch_told_ = 0;
    store_uids_.clear();
    const auto& body = current_->body;
    if (const auto* select = std::get_if<command::Select>(&body)) {
        selecting_.emplace();
        selecting_->mailbox = select->mailbox.bytes;
        selecting_->selected_at = event;
        closed_seen_ = false;
        early_fetches_.clear();
        // What the command was made from. What is still told before CLOSED is told again.
        selecting_->base = cache_of(select->mailbox.bytes);
    } else if (const auto* store = std::get_if<command::Store>(&body)) {
        store_uids_ = uids_of(store->set, store->by_uid);
    }
    if (selection_ && !may_expunge()) selection_->may_hold_back = true;
}

// RFC 9051 §7.5.1, RFC 7162 §3.2.10.2: the commands with sequence numbers forbid it.
bool ClientView::may_expunge() const {
    if (!current_) return false;
    if (const auto* fetch = std::get_if<command::Fetch>(&current_->body)) return fetch->by_uid;
    if (const auto* store = std::get_if<command::Store>(&current_->body)) return store->by_uid;
    if (const auto* search = std::get_if<command::Search>(&current_->body)) return search->by_uid;
    return true;
}

protocol::RangeSet ClientView::uids_of(const protocol::SequenceSet& set, bool by_uid) const {
    protocol::RangeSet uids;
    if (!selection_) return uids;
    const auto& messages = selection_->messages;
    if (by_uid) {
        const protocol::Uid last = messages.empty() ? 0 : messages.back().uid;
        return set.resolve(std::max<protocol::Uid>(last, 1));
    }
    const auto numbers = set.resolve(static_cast<std::uint32_t>(messages.size()));
    for (std::size_t i = 0; i < messages.size(); ++i) {
        if (messages[i].uid != 0 && numbers.contains(static_cast<std::uint32_t>(i + 1)))
            uids.add(messages[i].uid);
    }
    return uids;
}

void ClientView::response(const protocol::Response& response, EventId event) {
    switch (response.kind) {
        case ResponseKind::tagged:
            tagged(response, event);
            break;
        case ResponseKind::condition:
            code(response.code, event);
            break;
        case ResponseKind::exists:
            exists(response.number, event);
            break;
        case ResponseKind::expunge:
            expunge(response.number, event);
            break;
        case ResponseKind::vanished:
            vanished(response.vanished, event);
            break;
        case ResponseKind::fetch:
            fetch(response.fetch, event);
            break;
        case ResponseKind::search:
            if (!response.search.is_sort) search(response.search.numbers, event);
            break;
        case ResponseKind::esearch: {
            std::vector<std::uint32_t> numbers;
            if (response.esearch.all) {
                for (const auto number : to_set(*response.esearch.all)) numbers.push_back(number);
            }
            search(numbers, event);
            break;
        }
        case ResponseKind::enabled:
            for (const auto word : response.words) {
                if (protocol::ascii_iequals(word, "QRESYNC")) {
                    has_qresync_ = has_condstore_ = true;
                    qresync_told_ = event;
                }
                if (protocol::ascii_iequals(word, "CONDSTORE")) has_condstore_ = true;
            }
            break;
        default:
            break;
    }
}

void ClientView::exists(std::uint32_t count, EventId event) {
    Selection* box = open();
    if (box == nullptr) return;
    if (count < box->messages.size()) {
        fault(Rule::exists_decreased,
              fmt::format("{} messages were told, now EXISTS says {}", box->messages.size(), count),
              {event, box->selected_at});
    }
    box->messages.resize(count);
}

void ClientView::expunge(std::uint32_t number, EventId event) {
    Selection* box = open();
    if (box == nullptr) return;
    if (has_qresync_ && box->has_modseqs)
        fault(Rule::expunge_after_qresync, "EXPUNGE in a session that enabled QRESYNC",
              {event, qresync_told_});
    if (!may_expunge())
        fault(Rule::expunge_in_wrong_place, "EXPUNGE in answer to this command", {event});
    if (number == 0 || number > box->messages.size()) {
        fault(
            Rule::unknown_sequence_number,
            fmt::format("EXPUNGE of {} where {} messages were told", number, box->messages.size()),
            {event, box->selected_at});
        return;
    }
    box->messages.erase(box->messages.begin() + (number - 1));
}

void ClientView::vanished(const protocol::VanishedData& data, EventId event) {
    const auto uids = to_set(data.uids);
    if (!has_qresync_) {
        fault(Rule::vanished_without_qresync, "VANISHED in a session that did not enable QRESYNC",
              {event});
    }
    if (data.is_earlier) {
        vanished_earlier(uids, event);
        return;
    }
    Selection* box = open();
    if (box == nullptr) return;
    if (!may_expunge())
        fault(Rule::expunge_in_wrong_place, "VANISHED in answer to this command", {event});
    std::uint64_t named = 0;
    for (const auto& range : uids.ranges()) named += range.size();
    if (named > box->messages.size()) {
        fault(Rule::vanished_unknown_uid,
              fmt::format("VANISHED names {} messages where the session can see {}", named,
                          box->messages.size()),
              {event, box->selected_at});
        return;
    }
    protocol::RangeSet unknown = uids;
    std::erase_if(box->messages, [&](const CachedMessage& message) {
        if (message.uid == 0 || !uids.contains(message.uid)) return false;
        unknown.remove(protocol::RangeSet::of(message.uid, message.uid));
        return true;
    });
    for (const protocol::Uid uid : unknown) {
        if (box->remove_counted(uid)) continue;
        fault(Rule::vanished_unknown_uid,
              fmt::format("VANISHED names UID {}, which the session can not see", uid),
              {event, box->selected_at});
    }
}

void ClientView::vanished_earlier(const protocol::RangeSet& uids, EventId event) {
    const auto* select = current_ ? std::get_if<command::Select>(&current_->body) : nullptr;
    const auto* by_fetch = current_ ? std::get_if<command::Fetch>(&current_->body) : nullptr;
    if (!(select != nullptr && select->qresync) && !(by_fetch != nullptr && by_fetch->vanished)) {
        fault(Rule::vanished_earlier_in_wrong_place, "VANISHED (EARLIER) was not asked for",
              {event});
        return;
    }
    if (fetch_told_ != 0) {
        fault(Rule::vanished_after_fetch, "a FETCH response came before this VANISHED",
              {fetch_told_, event});
    }
    protocol::RangeSet not_asked = uids;
    const protocol::SequenceSet* asked = nullptr;
    if (select != nullptr && select->qresync->known_uids) asked = &*select->qresync->known_uids;
    if (by_fetch != nullptr) asked = &by_fetch->set;
    if (asked != nullptr && !asked->has_star()) {
        not_asked.remove(asked->resolve(0));
        if (!not_asked.empty()) {
            fault(Rule::vanished_not_asked_for,
                  "VANISHED (EARLIER) names " + not_asked.to_string() + " beyond the set", {event});
        }
    }
    if (Selection* box = open(); box != nullptr && select != nullptr && box->base) {
        std::erase_if(box->base->messages,
                      [&](const auto& known) { return uids.contains(known.first); });
    }
}

void ClientView::check_unsolicited(const protocol::FetchData& data, EventId event) {
    if (!data.has_flags || (current_ && std::holds_alternative<command::Fetch>(current_->body)))
        return;
    if (selection_ && !selection_->has_modseqs) return;
    if (has_condstore_ && !data.modseq)
        fault(Rule::fetch_without_modseq, "FLAGS without MODSEQ", {event});
    if (has_qresync_ && !data.uid)
        fault(Rule::fetch_without_uid, "an unsolicited FETCH without UID", {event});
}

void ClientView::fetch(const protocol::FetchData& data, EventId event) {
    Selection* box = open();
    if (fetch_told_ == 0) fetch_told_ = event;
    if (box == nullptr) return;
    check_unsolicited(data, event);
    if (data.modseq) {
        if (*data.modseq == 0 || *data.modseq > protocol::kModSeqMax)
            fault(Rule::modseq_out_of_range, fmt::format("MODSEQ ({})", *data.modseq), {event});
        if (*data.modseq > highest_fetch_) {
            highest_fetch_ = *data.modseq;
            highest_fetch_told_ = event;
        }
    }
    if (data.number == 0 || data.number > box->messages.size()) {
        fault(Rule::unknown_sequence_number,
              fmt::format("FETCH of message {} where {} were told", data.number,
                          box->messages.size()),
              {event, box->selected_at});
        return;
    }
    if (box == (selecting_ ? &*selecting_ : nullptr)) {
        early_fetches_.push_back({data.number, data.uid, data.modseq.value_or(0), data.has_flags,
                                  canonical_flags(data), event});
        return;
    }
    CachedMessage& message = box->messages[data.number - 1];
    if (data.uid) {
        if (message.uid != 0 && message.uid != *data.uid) {
            fault(Rule::cache_differs,
                  fmt::format("message {} is UID {} as far as the client was told; the server says "
                              "it is UID {}",
                              data.number, message.uid, *data.uid),
                  {event, message.told, box->selected_at, box->modseq_told});
            message = {};
        }
        if (data.number > 1 && box->messages[data.number - 2].uid >= *data.uid) {
            fault(Rule::uid_not_ascending,
                  fmt::format("UID {} comes after UID {}", *data.uid,
                              box->messages[data.number - 2].uid),
                  {event, box->messages[data.number - 2].told});
        }
        message.uid = *data.uid;
    }
    fetch_flags(message, data, event);
}

void ClientView::fetch_flags(CachedMessage& message, const protocol::FetchData& data,
                             EventId event) {
    Selection& box = *open();
    if (message.uid != 0 && store_uids_.contains(message.uid))
        told_[message.uid] = data.modseq.value_or(0);
    if (data.modseq && *data.modseq < message.modseq) {
        fault(Rule::modseq_went_back,
              fmt::format("UID {} had MODSEQ {} and now has {}", message.uid, message.modseq,
                          *data.modseq),
              {event, message.told});
    }
    if (!data.has_flags) {
        // The answer to a silent STORE: the client makes the change itself (RFC 7162 §3.1.3).
        const auto* store = current_ ? std::get_if<command::Store>(&current_->body) : nullptr;
        if (data.modseq && store != nullptr && store->is_silent && message.has_flags &&
            store_uids_.contains(message.uid)) {
            message.flags = apply_store(message.flags, store->mode, canonical_flags(store->flags));
        }
        if (data.modseq) {
            message.modseq = *data.modseq;
            message.told = event;
        }
        return;
    }
    auto flags = canonical_flags(data);
    if (data.modseq && message.has_flags && flags != message.flags && !box.may_hold_back &&
        box.is_synchronised && message.modseq != 0 && *data.modseq <= box.modseq) {
        fault(Rule::cache_differs,
              fmt::format("UID {} has the flags ({}) since MODSEQ {}; the client, which is "
                          "synchronised up to {}, was last told ({}) with MODSEQ {}",
                          message.uid, flags, *data.modseq, box.modseq, message.flags,
                          message.modseq),
              {event, message.told, box.modseq_told});
    }
    message.flags = std::move(flags);
    message.has_flags = true;
    message.modseq = data.modseq.value_or(0);
    message.told = event;
}

// UID SEARCH ALL tells which message has which number.
void ClientView::search(const std::vector<std::uint32_t>& uids, EventId event) {
    const auto* asked = current_ ? std::get_if<command::Search>(&current_->body) : nullptr;
    if (!selection_ || asked == nullptr || !asked->by_uid ||
        !std::holds_alternative<protocol::SearchAll>(asked->program.key.value))
        return;
    Selection& box = *selection_;
    if (uids.size() > box.messages.size()) return;  // not yet counted; the next one tells
    for (std::size_t i = 0; i < uids.size(); ++i) {
        CachedMessage& message = box.messages[i];
        if (message.uid != 0 && message.uid != uids[i]) {
            fault(Rule::cache_differs,
                  fmt::format("message {} is UID {} as far as the client was told; the search says "
                              "it is UID {}",
                              i + 1, message.uid, uids[i]),
                  {event, message.told, box.selected_at});
            message = {};
        }
        message.uid = uids[i];
        if (message.told == 0) message.told = event;
    }
    box.has_all_uids = true;
}

void ClientView::code(const protocol::ResponseCode& code, EventId event) {
    if (code.kind == CodeKind::closed && selecting_ && selection_) {
        leave();
        closed_seen_ = true;
        highest_code_ = highest_fetch_ = 0;
        return;
    }
    Selection* box = open();
    if (box == nullptr) return;
    if (code.kind == CodeKind::uid_validity) {
        box->uid_validity = static_cast<std::uint32_t>(code.number);
    } else if (code.kind == CodeKind::highest_modseq) {
        if (code.number == 0 || code.number > protocol::kModSeqMax)
            fault(Rule::modseq_out_of_range, fmt::format("HIGHESTMODSEQ {}", code.number), {event});
        box->has_modseqs = true;
        highest_code_ = code.number;
        highest_code_told_ = event;
    }
}

void ClientView::tagged(const protocol::Response& response, EventId event) {
    const bool is_well = response.condition == Condition::ok;
    code(response.code, event);
    if (!current_) return;
    if (response.condition == Condition::bad) {
        fault(Rule::unexpected_answer, "BAD", {event});
    }
    const auto& body = current_->body;
    if (std::holds_alternative<command::Select>(body)) {
        finish_select(is_well, event);
    } else if (std::holds_alternative<command::Close>(body) ||
               std::holds_alternative<command::Unselect>(body)) {
        if (is_well) leave();
    } else if (is_well && selection_) {
        if (const auto* store = std::get_if<command::Store>(&body))
            finish_store(*store, response.code);
        if (const auto* fetch = std::get_if<command::Fetch>(&body)) finish_fetch(*fetch);
    }
    if (is_well) {
        if (const auto* status = std::get_if<command::Status>(&body)) {
            has_condstore_ |= status->items.contains(protocol::StatusItem::highest_modseq);
        }
    }
    if (selection_ && std::holds_alternative<command::Search>(body)) adopt_base();
    update_modseq();
    if (selection_ && may_expunge()) selection_->may_hold_back = false;
    current_.reset();
    store_uids_.clear();
}

void ClientView::finish_select(bool is_well, EventId event) {
    const auto& select = std::get<command::Select>(current_->body);
    if (is_well && selection_ && !closed_seen_) {
        fault(Rule::no_closed_code, "another mailbox was selected, no CLOSED came",
              {event, selection_->selected_at});
    }
    leave();
    const auto fetches = std::exchange(early_fetches_, {});
    if (!is_well) {
        selecting_.reset();
        return;
    }
    selection_ = std::exchange(selecting_, std::nullopt);
    closed_seen_ = false;
    Selection& box = *selection_;
    has_condstore_ |= select.condstore;
    box.modseq = highest_code_;
    box.modseq_told = highest_code_told_;
    if (box.base && box.base->uid_validity != box.uid_validity) box.base.reset();
    if (select.qresync && box.base && has_qresync_ && box.has_modseqs) {
        resynchronise(fetches, event);
    } else if (box.messages.empty()) {
        box.is_synchronised = true;
        box.base.reset();
    }
}

// RFC 7162 §3.2.5.1: the cache, less what vanished, with what changed; then the new messages.
void ClientView::resynchronise(const std::vector<EarlyFetch>& fetches, EventId event) {
    Selection& box = *selection_;
    const OfflineCache base = std::move(*box.base);
    box.base.reset();
    auto known = base.messages;
    for (const EarlyFetch& one : fetches) {
        // New messages have their places from their numbers: between those that the client knows
        // and them there may be others that it was told to be there before it left, and no more.
        if (!one.uid || !one.has_flags || *one.uid >= base.uid_next) continue;
        CachedMessage& message = known[*one.uid];
        if (one.modseq != 0 && one.modseq < message.modseq) {
            fault(Rule::modseq_went_back,
                  fmt::format("UID {} had MODSEQ {} and now has {}", *one.uid, message.modseq,
                              one.modseq),
                  {one.told, message.told});
        }
        message = {*one.uid, one.modseq, true, one.flags, one.told};
    }
    if (known.size() > box.messages.size()) {
        fault(Rule::cache_differs,
              fmt::format("after the resynchronisation from {} the client knows {} messages, the "
                          "server has {}: it was not told of an expunge",
                          base.modseq, known.size(), box.messages.size()),
              {event, base.modseq_told, highest_code_told_});
        return;
    }
    std::size_t at = 0;
    for (auto& [uid, message] : known) box.messages[at++] = message;
    box.uid_next = base.uid_next;
    box.is_synchronised = true;
    for (const EarlyFetch& one : fetches) {
        CachedMessage& message = box.messages[one.number - 1];
        if (!one.uid || message.uid == *one.uid) continue;
        if (message.uid == 0 && *one.uid >= base.uid_next) {
            message = {*one.uid, one.modseq, one.has_flags, one.flags, one.told};
            continue;
        }
        fault(Rule::cache_differs,
              fmt::format("after the resynchronisation from {} message {} is UID {} as far as the "
                          "client was told; the server says it is UID {}",
                          base.modseq, one.number, message.uid, *one.uid),
              {one.told, message.told, base.modseq_told, event});
        box.is_synchronised = false;
        for (auto& each : box.messages) each = {};
        break;
    }
}

void ClientView::finish_store(const command::Store& store, const protocol::ResponseCode& code) {
    if (!store.is_silent) return;
    const auto failed =
        code.kind == CodeKind::modified ? to_set(code.source) : protocol::RangeSet();
    const auto flags = canonical_flags(store.flags);
    for (auto& message : selection_->messages) {
        // Those that were answered were changed by their answer.
        if (message.uid == 0 || !message.has_flags || !store_uids_.contains(message.uid) ||
            told_.contains(message.uid))
            continue;
        const auto index = static_cast<std::uint32_t>(&message - selection_->messages.data()) + 1;
        if (failed.contains(store.by_uid ? message.uid : index)) continue;
        message.flags = apply_store(message.flags, store.mode, flags);
    }
}

void ClientView::finish_fetch(const command::Fetch& fetch) {
    Selection& box = *selection_;
    const bool has_flags = std::any_of(
        fetch.items.begin(), fetch.items.end(),
        [](const auto& item) { return item.attribute == protocol::FetchAttribute::flags; });
    if (!fetch.by_uid || !has_flags || !covers_all(fetch.set)) return;
    if (!fetch.changed_since) {
        if (!box.is_synchronised && !box.has_unknown()) {
            box.is_synchronised = true;
            // RFC 7162 §6: only what comes after the full synchronisation counts.
            if (highest_code_ == 0) highest_fetch_ = 0;
        }
    } else if (box.base && *fetch.changed_since <= box.base->modseq) {
        box.has_changes_since_base = true;
        adopt_base();
    }
}

// CONDSTORE without QRESYNC: what FETCH (CHANGEDSINCE) did not name is as it was, and what SEARCH
// ALL did not name is gone.
void ClientView::adopt_base() {
    Selection& box = *selection_;
    if (!box.base || !box.has_changes_since_base || !box.has_all_uids) return;
    for (auto& message : box.messages) {
        if (message.uid == 0 || message.has_flags) continue;
        const auto known = box.base->messages.find(message.uid);
        if (known != box.base->messages.end()) message = known->second;
    }
    box.uid_next = box.base->uid_next;
    box.base.reset();
    box.is_synchronised = true;
}

// RFC 7162 §6: a HIGHESTMODSEQ code counts, also a lower one; else the highest MODSEQ since the
// last tagged answer, if it is above what the client has.
void ClientView::update_modseq() {
    if (selection_ && selection_->is_synchronised && selection_->has_modseqs) {
        if (highest_code_ != 0) {
            selection_->modseq = highest_code_;
            selection_->modseq_told = highest_code_told_;
        } else if (highest_fetch_ > selection_->modseq) {
            selection_->modseq = highest_fetch_;
            selection_->modseq_told = highest_fetch_told_;
        }
    }
    highest_code_ = highest_fetch_ = 0;
}

}  // namespace tidemark::check_sync
