#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace tidemark::protocol {

namespace {

// What a search keyword needs besides its name.
enum class KeyKind : std::uint8_t {
    all,
    email_id,
    flag_set,
    flag_unset,
    header,
    internal_date,
    keyword,
    larger,
    modseq,
    negation,
    new_message,
    older,
    disjunction,
    save_date_supported,
    saved_date,
    sent_date,
    smaller,
    text,
    thread_id,
    uid,
    unkeyword,
    younger,
};

struct KeyEntry {
    std::string_view name;
    KeyKind kind;
    std::uint8_t detail = 0;  // SystemFlag, SearchText::Field or SearchDate::Relation
};

template <class Enum>
constexpr std::uint8_t detail_of(Enum value) {
    return static_cast<std::uint8_t>(value);
}

using Field = SearchText::Field;
using Relation = SearchDate::Relation;

constexpr KeyEntry kKeys[] = {
    {"ALL", KeyKind::all},
    {"ANSWERED", KeyKind::flag_set, detail_of(SystemFlag::answered)},
    {"BCC", KeyKind::text, detail_of(Field::bcc)},
    {"BEFORE", KeyKind::internal_date, detail_of(Relation::before)},
    {"BODY", KeyKind::text, detail_of(Field::body)},
    {"CC", KeyKind::text, detail_of(Field::cc)},
    {"DELETED", KeyKind::flag_set, detail_of(SystemFlag::deleted)},
    {"DRAFT", KeyKind::flag_set, detail_of(SystemFlag::draft)},
    {"EMAILID", KeyKind::email_id},
    {"FLAGGED", KeyKind::flag_set, detail_of(SystemFlag::flagged)},
    {"FROM", KeyKind::text, detail_of(Field::from)},
    {"HEADER", KeyKind::header},
    {"KEYWORD", KeyKind::keyword},
    {"LARGER", KeyKind::larger},
    {"MODSEQ", KeyKind::modseq},
    {"NEW", KeyKind::new_message},
    {"NOT", KeyKind::negation},
    {"OLD", KeyKind::flag_unset, detail_of(SystemFlag::recent)},
    {"OLDER", KeyKind::older},
    {"ON", KeyKind::internal_date, detail_of(Relation::on)},
    {"OR", KeyKind::disjunction},
    {"RECENT", KeyKind::flag_set, detail_of(SystemFlag::recent)},
    {"SAVEDATESUPPORTED", KeyKind::save_date_supported},
    {"SAVEDBEFORE", KeyKind::saved_date, detail_of(Relation::before)},
    {"SAVEDON", KeyKind::saved_date, detail_of(Relation::on)},
    {"SAVEDSINCE", KeyKind::saved_date, detail_of(Relation::since)},
    {"SEEN", KeyKind::flag_set, detail_of(SystemFlag::seen)},
    {"SENTBEFORE", KeyKind::sent_date, detail_of(Relation::before)},
    {"SENTON", KeyKind::sent_date, detail_of(Relation::on)},
    {"SENTSINCE", KeyKind::sent_date, detail_of(Relation::since)},
    {"SINCE", KeyKind::internal_date, detail_of(Relation::since)},
    {"SMALLER", KeyKind::smaller},
    {"SUBJECT", KeyKind::text, detail_of(Field::subject)},
    {"TEXT", KeyKind::text, detail_of(Field::text)},
    {"THREADID", KeyKind::thread_id},
    {"TO", KeyKind::text, detail_of(Field::to)},
    {"UID", KeyKind::uid},
    {"UNANSWERED", KeyKind::flag_unset, detail_of(SystemFlag::answered)},
    {"UNDELETED", KeyKind::flag_unset, detail_of(SystemFlag::deleted)},
    {"UNDRAFT", KeyKind::flag_unset, detail_of(SystemFlag::draft)},
    {"UNFLAGGED", KeyKind::flag_unset, detail_of(SystemFlag::flagged)},
    {"UNKEYWORD", KeyKind::unkeyword},
    {"UNSEEN", KeyKind::flag_unset, detail_of(SystemFlag::seen)},
    {"YOUNGER", KeyKind::younger},
};
static_assert(std::is_sorted(std::begin(kKeys), std::end(kKeys),
                             [](const KeyEntry& a, const KeyEntry& b) { return a.name < b.name; }));

const KeyEntry* find_key(std::string_view word) {
    const auto found = std::lower_bound(std::begin(kKeys), std::end(kKeys), word,
                                        [](const KeyEntry& entry, std::string_view name) {
                                            return ascii_icompare(entry.name, name) < 0;
                                        });
    return found != std::end(kKeys) && ascii_iequals(found->name, word) ? found : nullptr;
}

// Adds `key` to the operands of a Composite (SearchAnd or SearchOr), whose own kind is dissolved
// into it.
template <class Composite>
void append_operand(std::vector<SearchKey>& operands, SearchKey&& key) {
    if (auto* nested = std::get_if<Composite>(&key.value)) {
        std::move(nested->keys.begin(), nested->keys.end(), std::back_inserter(operands));
    } else {
        operands.push_back(std::move(key));
    }
}

// RFC 8474 §7: objectid = 1*255(ALPHA / DIGIT / "_" / "-")
// deviation: read as an astring, because clients quote it; other characters match nothing.
bool parse_object_id(Cursor& cursor, SearchObjectId& object) {
    const std::size_t start = cursor.position();
    if (!parse_astring(cursor, object.id)) return false;
    if (object.id.size() > kObjectIdBytesMax) {
        return cursor.fail_at(start, ParseErrorKind::too_long, "objectid");
    }
    return true;
}

// RFC 7162 §7:
//   search-modsequence = "MODSEQ" [search-modseq-ext] SP mod-sequence-valzer
//   search-modseq-ext  = SP entry-name SP entry-type-req
//   entry-flag-name    = DQUOTE "/flags/" attr-flag DQUOTE
//   entry-type-req     = "priv" / "shared" / "all"
bool parse_modseq_key(Cursor& cursor, SearchModSeq& key) {
    if (cursor.peek() == '"') {
        auto& entry = key.entry.emplace();
        const std::size_t start = cursor.position();
        if (!parse_quoted(cursor, entry.name)) return false;
        constexpr std::string_view kPrefix = "/flags/";
        const std::string_view name = entry.name;
        if (!ascii_iequals(name.substr(0, kPrefix.size()), kPrefix) ||
            !Flag::parse(name.substr(kPrefix.size()))) {
            return cursor.fail_at(start, ParseErrorKind::syntax, "entry-name");
        }
        if (!cursor.expect_space("entry-type-req")) return false;
        if (cursor.accept_word("priv")) {
            entry.type = SearchModSeqEntry::Type::priv;
        } else if (cursor.accept_word("shared")) {
            entry.type = SearchModSeqEntry::Type::shared;
        } else if (!cursor.accept_word("all")) {
            return cursor.fail(ParseErrorKind::syntax, "entry-type-req");
        }
        if (!cursor.expect_space("search-modsequence")) return false;
    }
    return parse_number64(cursor, key.modseq, "mod-sequence-valzer");
}

// Reads search keys. Depth and number are counted; chains of NOT and OR are loops, so only
// parentheses and operands recurse, at most kSearchNestingMax levels.
class KeyParser {
  public:
    explicit KeyParser(Cursor& cursor) : cursor_(cursor) {}

    // RFC 9051 §9: search-key *(SP search-key), up to the end of the command or to ")"
    bool parse_list(SearchKey& out, unsigned depth) {
        std::vector<SearchKey> keys;
        do {
            SearchKey key;
            if (!parse_key(key, depth)) return false;
            append_operand<SearchAnd>(keys, std::move(key));
            if (cursor_.at_command_end()) break;
        } while (cursor_.accept(' '));
        if (keys.size() == 1) {
            // Not a direct assignment: `keys` may be part of what `out` held.
            SearchKey only = std::move(keys.front());
            out = std::move(only);
        } else {
            out.value = SearchAnd{std::move(keys)};
        }
        return true;
    }

  private:
    bool parse_key(SearchKey& out, unsigned depth);
    bool parse_keyword_key(const KeyEntry& entry, SearchKey& out, unsigned depth);
    bool parse_argument(const KeyEntry& entry, SearchKey& out);
    bool parse_not(SearchKey& out, unsigned depth);
    bool parse_or(SearchKey& out, unsigned depth);
    bool parse_flag_keyword(bool is_set, SearchKey& out);

    // Room for `keys` more nodes.
    bool count(unsigned keys) {
        count_ += keys;
        return count_ <= kSearchKeysMax || cursor_.fail(ParseErrorKind::too_many, "search-key");
    }

    Cursor& cursor_;
    std::size_t count_ = 0;
};

// RFC 9051 §9 "search-key", with the keys of RFC 3501 §9 (NEW, OLD, RECENT), RFC 5032 §3, RFC 7162
// §7, RFC 8474 §7, RFC 8514 §5:
//   search-key = … / "UID" SP sequence-set / sequence-set / "(" search-key *(SP search-key) ")"
bool KeyParser::parse_key(SearchKey& out, unsigned depth) {
    if (depth > kSearchNestingMax) return cursor_.fail(ParseErrorKind::too_deep, "search-key");
    const char first = cursor_.peek();
    if (cursor_.accept('(')) {
        return parse_list(out, depth + 1) && cursor_.expect(')', "search-key");
    }
    if (is_digit(first) || first == '*' || first == '$') {
        return count(1) && parse_sequence_set(cursor_, out.value.emplace<SearchSequence>().set);
    }
    const std::string_view word = cursor_.peek_word();
    const KeyEntry* const entry = find_key(word);
    if (entry == nullptr) return cursor_.fail(ParseErrorKind::syntax, "search-key");
    cursor_.advance(word.size());
    return count(1) && parse_keyword_key(*entry, out, depth);
}

bool KeyParser::parse_keyword_key(const KeyEntry& entry, SearchKey& out, unsigned depth) {
    switch (entry.kind) {
        case KeyKind::all:
            out.value = SearchAll{};
            return true;
        case KeyKind::flag_set:
            out.value = SearchFlag{Flag(static_cast<SystemFlag>(entry.detail)), true};
            return true;
        case KeyKind::flag_unset:
            out.value = SearchFlag{Flag(static_cast<SystemFlag>(entry.detail)), false};
            return true;
        case KeyKind::new_message: {
            // RFC 3501 §6.4.4: functionally equivalent to "(RECENT UNSEEN)"
            SearchAnd both;
            both.keys.push_back({SearchFlag{Flag(SystemFlag::recent), true}});
            both.keys.push_back({SearchFlag{Flag(SystemFlag::seen), false}});
            out.value = std::move(both);
            return count(1);
        }
        case KeyKind::save_date_supported:
            out.value = SearchSaveDateSupported{};
            return true;
        default:
            break;
    }
    if (!cursor_.expect_space("search-key")) return false;
    if (entry.kind == KeyKind::negation) return parse_not(out, depth);
    if (entry.kind == KeyKind::disjunction) return parse_or(out, depth);
    return parse_argument(entry, out);
}

// The keys with arguments that are no keys.
bool KeyParser::parse_argument(const KeyEntry& entry, SearchKey& out) {
    const auto date = [&](SearchDate::Which which) {
        auto& key = out.value.emplace<SearchDate>();
        key.which = which;
        key.relation = static_cast<SearchDate::Relation>(entry.detail);
        return parse_date_argument(cursor_, key.date);
    };
    const auto size = [&](bool is_larger) {
        auto& key = out.value.emplace<SearchSize>();
        key.is_larger = is_larger;
        return parse_number64(cursor_, key.bytes, "search-key");
    };
    const auto within = [&](bool is_older) {
        auto& key = out.value.emplace<SearchWithin>();
        key.is_older = is_older;
        return parse_nz_number(cursor_, key.seconds, "search-key");
    };
    const auto object = [&](SearchObjectId::Kind kind) {
        auto& key = out.value.emplace<SearchObjectId>();
        key.kind = kind;
        return parse_object_id(cursor_, key);
    };
    switch (entry.kind) {
        case KeyKind::text: {
            auto& key = out.value.emplace<SearchText>();
            key.field = static_cast<SearchText::Field>(entry.detail);
            return parse_astring(cursor_, key.value);
        }
        case KeyKind::header: {
            auto& key = out.value.emplace<SearchText>();
            key.field = SearchText::Field::header;
            return parse_astring(cursor_, key.header_name) && cursor_.expect_space("search-key") &&
                   parse_astring(cursor_, key.value);
        }
        case KeyKind::keyword:
            return parse_flag_keyword(true, out);
        case KeyKind::unkeyword:
            return parse_flag_keyword(false, out);
        case KeyKind::internal_date:
            return date(SearchDate::Which::internal);
        case KeyKind::sent_date:
            return date(SearchDate::Which::sent);
        case KeyKind::saved_date:
            return date(SearchDate::Which::saved);
        case KeyKind::larger:
            return size(true);
        case KeyKind::smaller:
            return size(false);
        case KeyKind::older:
            return within(true);
        case KeyKind::younger:
            return within(false);
        case KeyKind::email_id:
            return object(SearchObjectId::Kind::email);
        case KeyKind::thread_id:
            return object(SearchObjectId::Kind::thread);
        case KeyKind::modseq:
            return parse_modseq_key(cursor_, out.value.emplace<SearchModSeq>());
        case KeyKind::uid:
            return parse_sequence_set(cursor_, out.value.emplace<SearchUid>().set);
        default:
            return cursor_.fail(ParseErrorKind::syntax, "search-key");
    }
}

// RFC 9051 §9: "KEYWORD" SP flag-keyword / "UNKEYWORD" SP flag-keyword
bool KeyParser::parse_flag_keyword(bool is_set, SearchKey& out) {
    const std::size_t start = cursor_.position();
    auto flag = Flag::parse(cursor_.take_while(is_atom_char));
    if (!flag) return cursor_.fail_at(start, flag.error().kind, "flag-keyword");
    out.value = SearchFlag{*std::move(flag), is_set};
    return true;
}

// RFC 9051 §9: "NOT" SP search-key; the first NOT and its space are read.
bool KeyParser::parse_not(SearchKey& out, unsigned depth) {
    bool is_negated = true;
    while (cursor_.accept_word("NOT")) {
        if (!count(1) || !cursor_.expect_space("search-key")) return false;
        is_negated = !is_negated;
    }
    SearchKey key;
    if (!parse_key(key, depth + 1)) return false;
    if (!is_negated) {
        out = std::move(key);
    } else if (auto* inner = std::get_if<SearchNot>(&key.value)) {
        SearchKey twice_negated = std::move(inner->keys.front());
        out = std::move(twice_negated);
    } else {
        SearchNot negation;
        negation.keys.push_back(std::move(key));
        out.value = std::move(negation);
    }
    return true;
}

// RFC 9051 §9: "OR" SP search-key SP search-key; the first OR and its space are read. An OR as an
// operand needs one operand more, wherever it stands, because the operation is associative.
bool KeyParser::parse_or(SearchKey& out, unsigned depth) {
    std::vector<SearchKey> operands;
    std::size_t missing = 2;
    for (;;) {
        if (cursor_.accept_word("OR")) {
            if (!count(1)) return false;
            ++missing;
        } else {
            SearchKey key;
            if (!parse_key(key, depth + 1)) return false;
            append_operand<SearchOr>(operands, std::move(key));
            if (--missing == 0) break;
        }
        if (!cursor_.expect_space("search-key")) return false;
    }
    out.value = SearchOr{std::move(operands)};
    return true;
}

}  // namespace

bool parse_search_keys(Cursor& cursor, SearchKey& key) {
    return KeyParser(cursor).parse_list(key, 1);
}

// RFC 9051 §9:
//   search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
//   search-return-opt  = "MIN" / "MAX" / "ALL" / "COUNT" / "SAVE" / search-ret-opt-ext
// No search-ret-opt-ext is defined here. Starts at RETURN.
bool parse_search_return(Cursor& cursor, SearchReturn& returns) {
    constexpr std::string_view kRule = "search-return-opts";
    static constexpr std::pair<std::string_view, SearchReturnOption> kOptions[] = {
        {"MIN", SearchReturnOption::min},   {"MAX", SearchReturnOption::max},
        {"ALL", SearchReturnOption::all},   {"COUNT", SearchReturnOption::count},
        {"SAVE", SearchReturnOption::save},
    };
    if (!cursor.accept_word("RETURN")) return true;
    returns.is_present = true;
    if (!cursor.expect_space(kRule) || !cursor.expect('(', kRule)) return false;
    if (!cursor.accept(')')) {
        do {
            const std::string_view word = cursor.peek_word();
            const auto found =
                std::find_if(std::begin(kOptions), std::end(kOptions),
                             [&](const auto& option) { return ascii_iequals(option.first, word); });
            if (found == std::end(kOptions)) {
                return cursor.fail(
                    word.empty() ? ParseErrorKind::syntax : ParseErrorKind::unknown_option,
                    "search-return-opt");
            }
            returns.options.add(found->second);
            cursor.advance(word.size());
        } while (cursor.accept(' '));
        if (!cursor.expect(')', kRule)) return false;
    }
    return cursor.expect_space(kRule);
}

// RFC 9051 §9: charset = atom / quoted; RFC 3501 §9 has astring.
bool parse_charset(Cursor& cursor, std::optional<std::string>& charset) {
    const std::size_t start = cursor.position();
    if (!parse_astring(cursor, charset.emplace())) return false;
    if (charset->size() > kAtomBytesMax) {
        return cursor.fail_at(start, ParseErrorKind::too_long, "charset");
    }
    return true;
}

// RFC 9051 §9:
//   search         = "SEARCH" [search-return-opts] SP search-program
//   search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)
bool parse_search(Cursor& cursor, command::Search& search) {
    if (!cursor.expect_space("search") || !parse_search_return(cursor, search.returns))
        return false;
    if (cursor.accept_word("CHARSET")) {
        if (!cursor.expect_space("charset") || !parse_charset(cursor, search.program.charset) ||
            !cursor.expect_space("search-program")) {
            return false;
        }
    }
    return parse_search_keys(cursor, search.program.key);
}

}  // namespace tidemark::protocol
