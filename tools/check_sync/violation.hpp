// What a checker finds: which rule, where it is written, and the lines that together show it.
#pragma once

#include "tools/check_sync/history.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::check_sync {

enum class Rule : std::uint8_t {
    malformed_response,
    unexpected_answer,
    exists_decreased,
    unknown_sequence_number,
    uid_not_ascending,
    expunge_in_wrong_place,
    expunge_after_qresync,
    vanished_without_qresync,
    vanished_unknown_uid,
    vanished_earlier_in_wrong_place,
    vanished_not_asked_for,
    vanished_after_fetch,
    vanished_live_message,
    no_closed_code,
    fetch_without_modseq,
    fetch_without_uid,
    modseq_out_of_range,
    modseq_went_back,
    modseq_of_two_states,
    modseq_not_above_told,
    highest_modseq_decreased,
    highest_modseq_below_message,
    two_compare_and_swap_won,
    compare_and_swap_on_stale_state,
    cache_differs,
    uid_reused,
    uid_next_too_low,
    message_lost,
    message_replaced,
    change_lost,
    no_order_of_changes,
};
inline constexpr std::size_t kRuleCount = 31;

struct RuleText {
    Rule rule;
    std::string_view name;     // "highest-modseq-decreased"
    std::string_view says;     // the rule as a sentence
    std::string_view section;  // "RFC 7162 §3.1.2.1"
};
const RuleText& rule_text(Rule rule);

struct Violation {
    Rule rule = Rule::malformed_response;
    std::string what;               // the case at hand, with its numbers
    std::vector<EventId> evidence;  // any order, may repeat and hold 0
};

}  // namespace tidemark::check_sync
