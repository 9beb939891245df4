#include "tools/check_sync/violation.hpp"

#include <array>

namespace tidemark::check_sync {

namespace {

constexpr std::array<RuleText, kRuleCount> kRules = {{
    {Rule::malformed_response, "malformed-response", "a response follows the grammar",
     "RFC 9051 §9"},
    {Rule::unexpected_answer, "unexpected-answer", "a correct command is not answered with BAD",
     "RFC 9051 §7.1.3"},
    {Rule::exists_decreased, "exists-decreased", "only EXPUNGE and VANISHED lower the count",
     "RFC 9051 §5.2"},
    {Rule::unknown_sequence_number, "unknown-sequence-number",
     "a response names no sequence number above the count that was told", "RFC 9051 §7.4.1"},
    {Rule::uid_not_ascending, "uid-not-ascending", "UIDs ascend with the sequence numbers",
     "RFC 9051 §2.3.1.1"},
    {Rule::expunge_in_wrong_place, "expunge-in-wrong-place",
     "no EXPUNGE or VANISHED while FETCH, STORE or SEARCH is answered",
     "RFC 9051 §7.5.1, RFC 7162 §3.2.10.2"},
    {Rule::expunge_after_qresync, "expunge-after-qresync",
     "after ENABLE QRESYNC removals are told with VANISHED", "RFC 7162 §3.2.10"},
    {Rule::vanished_without_qresync, "vanished-without-qresync",
     "VANISHED is for sessions that enabled QRESYNC", "RFC 7162 §3.2.10"},
    {Rule::vanished_unknown_uid, "vanished-unknown-uid",
     "VANISHED names only messages that the session can see", "RFC 7162 §3.2.10.2"},
    {Rule::vanished_earlier_in_wrong_place, "vanished-earlier-in-wrong-place",
     "VANISHED (EARLIER) answers only SELECT (QRESYNC) and UID FETCH (VANISHED)",
     "RFC 7162 §3.2.10.1"},
    {Rule::vanished_not_asked_for, "vanished-not-asked-for",
     "VANISHED (EARLIER) names only UIDs of the set that was asked for",
     "RFC 7162 §3.2.5.1, §3.2.6"},
    {Rule::vanished_after_fetch, "vanished-after-fetch",
     "VANISHED (EARLIER) comes before the FETCH responses", "RFC 7162 §3.2.6"},
    {Rule::vanished_live_message, "vanished-live-message",
     "a message that was told to be gone is gone", "RFC 7162 §3.2.10, RFC 9051 §2.3.1.1"},
    {Rule::no_closed_code, "no-closed-code",
     "SELECT with a mailbox selected answers CLOSED before it speaks of the new one",
     "RFC 7162 §3.2.11"},
    {Rule::fetch_without_modseq, "fetch-without-modseq",
     "once CONDSTORE is enabled unsolicited FETCH responses tell the MODSEQ", "RFC 7162 §3.1"},
    {Rule::fetch_without_uid, "fetch-without-uid",
     "once QRESYNC is enabled unsolicited FETCH responses tell the UID", "RFC 7162 §3.2.4"},
    {Rule::modseq_out_of_range, "modseq-out-of-range", "a mod-sequence is 1 to 2^63-1",
     "RFC 7162 §3.1"},
    {Rule::modseq_went_back, "modseq-went-back",
     "the mod-sequence of a message does not decrease for a session", "RFC 7162 §3.1"},
    {Rule::modseq_of_two_states, "modseq-of-two-states",
     "a change of flags changes the mod-sequence, so one mod-sequence has one set of flags",
     "RFC 7162 §3.1"},
    {Rule::modseq_not_above_told, "modseq-not-above-told",
     "a change gets a mod-sequence above all that were told before it was asked for",
     "RFC 7162 §3.1, §3.1.2.1"},
    {Rule::highest_modseq_decreased, "highest-modseq-decreased", "HIGHESTMODSEQ never decreases",
     "RFC 7162 §3.1.2.1, §3.2"},
    {Rule::highest_modseq_below_message, "highest-modseq-below-message",
     "HIGHESTMODSEQ is at least the mod-sequence of every message", "RFC 7162 §3.1.2.1"},
    {Rule::two_compare_and_swap_won, "two-compare-and-swap-won",
     "of two conditional STOREs based on one state of one flag only one succeeds",
     "RFC 7162 §3.1.3"},
    {Rule::compare_and_swap_on_stale_state, "compare-and-swap-on-stale-state",
     "a conditional STORE fails for a message that was changed above UNCHANGEDSINCE",
     "RFC 7162 §3.1.3"},
    {Rule::cache_differs, "cache-differs",
     "what a client was told, put together, is the mailbox as it is at its mod-sequence",
     "RFC 7162 §3.2, §6"},
    {Rule::uid_reused, "uid-reused", "UIDs ascend and are never used again", "RFC 9051 §2.3.1.1"},
    {Rule::uid_next_too_low, "uid-next-too-low", "UIDNEXT is above every UID that was told",
     "RFC 9051 §2.3.1.1"},
    {Rule::message_lost, "message-lost",
     "a message that was acknowledged stays until it is expunged", "RFC 9051 §6.3.12, §6.4.3"},
    {Rule::message_replaced, "message-replaced", "a UID names one message for ever",
     "RFC 9051 §2.3.1.1"},
    {Rule::change_lost, "change-lost", "a change of flags that was acknowledged is there",
     "RFC 9051 §6.4.6"},
    {Rule::no_order_of_changes, "no-order-of-changes",
     "the STOREs of a message took effect one after the other, each between command and answer",
     "RFC 7162 §3.1, §3.1.3"},
}};

constexpr bool in_order() {
    for (std::size_t i = 0; i < kRules.size(); ++i) {
        if (static_cast<std::size_t>(kRules[i].rule) != i) return false;
    }
    return true;
}
static_assert(in_order());

}  // namespace

const RuleText& rule_text(Rule rule) {
    return kRules[static_cast<std::size_t>(rule)];
}

}  // namespace tidemark::check_sync
