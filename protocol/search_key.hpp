#pragma once

#include "protocol/date.hpp"
#include "protocol/sequence_set.hpp"
#include "protocol/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// Search programs (RFC 9051 §6.4.4 and extensions) as a tree.
//
// The parser yields a canonical form: a single key is not wrapped in an And, an And has no And and
// an Or no Or among its children, a Not holds no Not. So the long OR chains that clients write are
// one node, and the depth of the tree is at most kSearchNestingMax, which makes recursion over it
// (and its destructor) safe. At most kSearchKeysMax nodes.

namespace tidemark::protocol {

struct SearchKey;

// ALL
struct SearchAll {
    friend bool operator==(const SearchAll&, const SearchAll&) = default;
};

// ANSWERED, UNANSWERED, …, KEYWORD, UNKEYWORD; RECENT and OLD with SystemFlag::recent (RFC 3501
// §6.4.4). NEW is And{RECENT, UNSEEN}.
struct SearchFlag {
    Flag flag;
    bool is_set = true;
    friend bool operator==(const SearchFlag&, const SearchFlag&) = default;
};

// A substring, in the charset of the program. Empty matches every message that has the field.
struct SearchText {
    enum class Field : std::uint8_t { bcc, cc, from, to, subject, body, text, header };
    Field field = Field::text;
    std::string header_name;  // only for Field::header
    std::string value;
    friend bool operator==(const SearchText&, const SearchText&) = default;
};

// BEFORE, ON, SINCE; SENTBEFORE …; SAVEDBEFORE … (RFC 8514 §4.3).
struct SearchDate {
    enum class Which : std::uint8_t { internal, sent, saved };
    enum class Relation : std::uint8_t { before, on, since };
    Which which = Which::internal;
    Relation relation = Relation::on;
    Date date;
    friend bool operator==(const SearchDate&, const SearchDate&) = default;
};

// LARGER, SMALLER: strictly.
struct SearchSize {
    bool is_larger = true;
    std::uint64_t bytes = 0;
    friend bool operator==(const SearchSize&, const SearchSize&) = default;
};

// OLDER, YOUNGER (RFC 5032)
struct SearchWithin {
    bool is_older = true;
    std::uint32_t seconds = 0;  // > 0
    friend bool operator==(const SearchWithin&, const SearchWithin&) = default;
};

// UID sequence-set
struct SearchUid {
    SequenceSet set;
    friend bool operator==(const SearchUid&, const SearchUid&) = default;
};

// sequence-set: always sequence numbers, also in UID SEARCH (RFC 9051 §6.4.9).
struct SearchSequence {
    SequenceSet set;
    friend bool operator==(const SearchSequence&, const SearchSequence&) = default;
};

// MODSEQ (RFC 7162 §3.1.5): greater or equal. The entry is syntax only; a server with one modseq
// for a message takes it into account by ignoring it, as the RFC allows.
struct SearchModSeqEntry {
    enum class Type : std::uint8_t { priv, shared, all };
    std::string name;  // "/flags/\Seen" with the quoting removed
    Type type = Type::all;
    friend bool operator==(const SearchModSeqEntry&, const SearchModSeqEntry&) = default;
};
struct SearchModSeq {
    ModSeq modseq = 0;
    std::optional<SearchModSeqEntry> entry;
    friend bool operator==(const SearchModSeq&, const SearchModSeq&) = default;
};

// EMAILID, THREADID (RFC 8474 §6)
struct SearchObjectId {
    enum class Kind : std::uint8_t { email, thread };
    Kind kind = Kind::email;
    std::string id;
    friend bool operator==(const SearchObjectId&, const SearchObjectId&) = default;
};

// SAVEDATESUPPORTED (RFC 8514 §4.3)
struct SearchSaveDateSupported {
    friend bool operator==(const SearchSaveDateSupported&,
                           const SearchSaveDateSupported&) = default;
};

struct SearchNot {
    std::vector<SearchKey> keys;  // exactly one
    friend bool operator==(const SearchNot& a, const SearchNot& b);
};

struct SearchOr {
    std::vector<SearchKey> keys;  // at least two
    friend bool operator==(const SearchOr& a, const SearchOr& b);
};

struct SearchAnd {
    std::vector<SearchKey> keys;  // at least two
    friend bool operator==(const SearchAnd& a, const SearchAnd& b);
};

struct SearchKey {
    std::variant<SearchAll, SearchFlag, SearchText, SearchDate, SearchSize, SearchWithin, SearchUid,
                 SearchSequence, SearchModSeq, SearchObjectId, SearchSaveDateSupported, SearchNot,
                 SearchOr, SearchAnd>
        value;
    friend bool operator==(const SearchKey& a, const SearchKey& b) { return a.value == b.value; }
};

// Recursion is bounded by kSearchNestingMax.
inline bool operator==(const SearchNot& a, const SearchNot& b) {
    return a.keys == b.keys;
}
inline bool operator==(const SearchOr& a, const SearchOr& b) {
    return a.keys == b.keys;
}
inline bool operator==(const SearchAnd& a, const SearchAnd& b) {
    return a.keys == b.keys;
}

// RFC 9051 §9 "search-program"
struct SearchProgram {
    std::optional<std::string> charset;
    SearchKey key;
    friend bool operator==(const SearchProgram&, const SearchProgram&) = default;
};

}  // namespace tidemark::protocol
