#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tidemark::protocol {

namespace {

constexpr std::array<std::pair<std::string_view, SortKey>, 9> kSortKeys = {{
    {"ARRIVAL", SortKey::arrival},
    {"CC", SortKey::cc},
    {"DATE", SortKey::date},
    {"FROM", SortKey::from},
    {"SIZE", SortKey::size},
    {"SUBJECT", SortKey::subject},
    {"TO", SortKey::to},
    {"DISPLAYFROM", SortKey::display_from},
    {"DISPLAYTO", SortKey::display_to},
}};

// RFC 5256 §5; RFC 5957 §5 adds DISPLAYFROM and DISPLAYTO:
//   sort-criteria  = "(" sort-criterion *(SP sort-criterion) ")"
//   sort-criterion = ["REVERSE" SP] sort-key
bool parse_criteria(Cursor& cursor, std::vector<SortCriterion>& criteria) {
    if (!cursor.expect('(', "sort-criteria")) return false;
    do {
        if (criteria.size() == kSortCriteriaMax) {
            return cursor.fail(ParseErrorKind::too_many, "sort-criteria");
        }
        SortCriterion criterion;
        if (cursor.accept_word("REVERSE")) {
            criterion.is_reverse = true;
            if (!cursor.expect_space("sort-criterion")) return false;
        }
        const std::string_view word = cursor.peek_word();
        const auto found = std::find_if(kSortKeys.begin(), kSortKeys.end(), [&](const auto& entry) {
            return ascii_iequals(entry.first, word);
        });
        if (found == kSortKeys.end()) return cursor.fail(ParseErrorKind::syntax, "sort-key");
        criterion.key = found->second;
        cursor.advance(word.size());
        criteria.push_back(criterion);
    } while (cursor.accept(' '));
    return cursor.expect(')', "sort-criteria");
}

// RFC 5256 §5: search-criteria = charset 1*(SP search-key)
bool parse_criteria_program(Cursor& cursor, SearchProgram& program) {
    return cursor.expect_space("charset") && parse_charset(cursor, program.charset) &&
           cursor.expect_space("search-criteria") && parse_search_keys(cursor, program.key);
}

}  // namespace

std::string_view sort_key_name(SortKey key) {
    return kSortKeys[static_cast<std::size_t>(key)].first;
}

// RFC 5256 §5: sort = ["UID" SP] "SORT" SP sort-criteria SP search-criteria
// RFC 5267 §3: "SORT" [search-return-opts] SP sort-criteria SP search-criteria
bool parse_sort(Cursor& cursor, command::Sort& sort) {
    return cursor.expect_space("sort") && parse_search_return(cursor, sort.returns) &&
           parse_criteria(cursor, sort.criteria) && parse_criteria_program(cursor, sort.program);
}

// RFC 5256 §5:
//   thread     = ["UID" SP] "THREAD" SP thread-alg SP search-criteria
//   thread-alg = "ORDEREDSUBJECT" / "REFERENCES" / thread-alg-ext,  thread-alg-ext = atom
bool parse_thread(Cursor& cursor, command::Thread& thread) {
    return cursor.expect_space("thread-alg") &&
           parse_upper_atom(cursor, thread.algorithm, "thread-alg") &&
           parse_criteria_program(cursor, thread.program);
}

}  // namespace tidemark::protocol
