#include "tools/check_sync/check_compare_and_swap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace tidemark::check_sync {

namespace command = protocol::command;

namespace {

template <class F>
void for_each_flag(std::string_view canonical, F call) {
    while (!canonical.empty()) {
        const auto end = std::min(canonical.find(' '), canonical.size());
        call(canonical.substr(0, end));
        canonical.remove_prefix(std::min(end + 1, canonical.size()));
    }
}

// Flags that are in one of the two and not in the other.
std::string difference(std::string_view a, std::string_view b) {
    std::string result;
    const auto add = [&result](std::string_view flag) {
        if (!result.empty()) result += ' ';
        result += flag;
    };
    for_each_flag(a, [&](std::string_view flag) {
        if (!has_flag(b, flag)) add(flag);
    });
    for_each_flag(b, [&](std::string_view flag) {
        if (!has_flag(a, flag)) add(flag);
    });
    return result;
}

bool share_a_flag(std::string_view a, std::string_view b) {
    bool share = false;
    for_each_flag(a, [&](std::string_view flag) { share |= has_flag(b, flag); });
    return share;
}

}  // namespace

void CompareAndSwapChecker::on_command(const Exchange& begun) {
    auto& attempts = attempts_[begun.session];
    attempts.clear();
    const auto* store = std::get_if<command::Store>(&begun.command->body);
    const Selection* box = begun.view->selection();
    // With sequence numbers the answer may tell a lower MODSEQ (see VersionChecker).
    if (store == nullptr || !store->unchanged_since || !store->by_uid || box == nullptr ||
        box->may_hold_back)
        return;
    const auto uids = begun.view->uids_of(store->set, true);
    const auto flags = canonical_flags(store->flags);
    for (const auto& message : box->messages) {
        if (message.uid == 0 || !message.has_flags || message.modseq != *store->unchanged_since ||
            !uids.contains(message.uid))
            continue;
        const auto after = apply_store(message.flags, store->mode, flags);
        if (after == message.flags) continue;
        attempts.push_back({message.uid, message.modseq, message.told, message.flags,
                            difference(message.flags, after),
                            store->mode == command::Store::Mode::replace});
    }
    attempts_count_ += attempts.size();
}

void CompareAndSwapChecker::on_exchange(const Exchange& exchange) {
    const auto found = attempts_.find(exchange.session);
    if (found == attempts_.end() || found->second.empty()) return;
    const auto attempts = std::exchange(found->second, {});
    if (!exchange.is_ok() || exchange.mailbox == kNoMailbox) return;
    protocol::RangeSet failed;
    if (exchange.response->code.kind == protocol::CodeKind::modified)
        failed = protocol::RangeSet::from_unsorted(exchange.response->code.source);
    const auto& told = exchange.view->told_by_current();
    for (const Attempt& attempt : attempts) {
        const auto answer = told.find(attempt.uid);
        // No answer for it: it may have been expunged by then.
        if (failed.contains(attempt.uid) || answer == told.end() || answer->second == 0) continue;
        ++won_;
        check_winners(exchange, attempt);
        check_stale(exchange, attempt);
        const Mark before = highest_.told_before(exchange.mailbox, exchange.command_event);
        if (answer->second <= before.value) {
            replay_.violation(
                Rule::modseq_not_above_told,
                fmt::format("the conditional STORE changed UID {} of {} and was answered MODSEQ "
                            "{}; {} had been told before",
                            attempt.uid, replay_.mailbox_name(exchange.mailbox), answer->second,
                            before.value),
                {attempt.base_told, before.event, exchange.command_event, exchange.end_event});
        }
    }
}

void CompareAndSwapChecker::check_winners(const Exchange& exchange, const Attempt& attempt) {
    auto& winners = winners_[exchange.mailbox][{attempt.uid, attempt.base}];
    for (const Winner& other : winners) {
        // RFC 7162 §3.1.12: a server may let both win that change different flags of the message.
        if (!attempt.is_replace && !other.is_replace &&
            !share_a_flag(attempt.changed, other.changed))
            continue;
        replay_.violation(
            Rule::two_compare_and_swap_won,
            fmt::format("two STOREs with UNCHANGEDSINCE {0} changed UID {1} of {2} from ({3}), "
                        "which it had with MODSEQ {0}",
                        attempt.base, attempt.uid, replay_.mailbox_name(exchange.mailbox),
                        attempt.flags),
            {attempt.base_told, other.command, other.end, exchange.command_event,
             exchange.end_event});
    }
    winners.push_back(
        {attempt.changed, attempt.is_replace, exchange.command_event, exchange.end_event});
}

void CompareAndSwapChecker::check_stale(const Exchange& exchange, const Attempt& attempt) {
    const auto* versions = versions_.versions(exchange.mailbox, attempt.uid);
    if (versions == nullptr) return;
    const VersionChecker::Version* stale = nullptr;
    protocol::ModSeq stale_modseq = 0;
    for (auto at = versions->upper_bound(attempt.base); at != versions->end(); ++at) {
        const auto& version = at->second;
        // RFC 7162 §3.1.12: the flags that it changes may be back where they were.
        if (!attempt.is_replace &&
            !share_a_flag(attempt.changed, difference(attempt.flags, version.flags)))
            return;
        if (version.told < exchange.command_event) {
            stale = &version;
            stale_modseq = at->first;
        }
    }
    if (stale == nullptr) return;
    replay_.violation(
        Rule::compare_and_swap_on_stale_state,
        fmt::format("the STORE with UNCHANGEDSINCE {} changed UID {} of {}, whose MODSEQ was {} "
                    "before the command was sent",
                    attempt.base, attempt.uid, replay_.mailbox_name(exchange.mailbox),
                    stale_modseq),
        {attempt.base_told, stale->told, exchange.command_event, exchange.end_event});
}

void CompareAndSwapChecker::on_quiet(EventId /*at*/) {
    // Every state that a winner started from has been replaced, and everybody knows.
    winners_.clear();
}

}  // namespace tidemark::check_sync
