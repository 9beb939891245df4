#pragma once

#include "protocol/response.hpp"

#include <cstdint>
#include <forward_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Responses as a client reads them, from this server or any other: tolerant of what servers are
// known to send, strict enough that nothing is guessed. Bounded depth, linear time, any thread.

namespace tidemark::protocol {

enum class ResponseKind : std::uint8_t {
    continuation,  // text
    tagged,        // tag, condition, code, text
    condition,     // untagged: condition, code, text
    exists,        // number
    recent,        // number
    expunge,       // number
    vanished,
    fetch,  // also UIDFETCH (RFC 9586), with number 0
    list,   // LIST and LSUB
    status,
    search,  // SEARCH and SORT
    esearch,
    flags,       // words
    capability,  // words
    enabled,     // words
    name_space,
    id,
    quota,
    quota_root,
    other,  // text: all that follows "* "
};

// BODY[…], BINARY[…], RFC822, RFC822.HEADER and RFC822.TEXT.
struct FetchSection {
    std::string_view label;  // "BODY[1.HEADER]" as the server writes it, without the origin
    std::optional<std::uint64_t> origin;
    bool is_nil = false;
    bool is_streamed = false;  // the reader handed the bytes out as they came
    std::uint64_t size = 0;
    std::string_view bytes;  // empty when streamed or NIL
};

struct FetchData {
    SeqNum number = 0;
    std::optional<Uid> uid;
    bool has_flags = false;
    EnumSet<SystemFlag> system_flags;
    std::vector<std::string_view> keywords;  // and flags that begin with "\" but are no SystemFlag
    std::optional<ModSeq> modseq;
    std::optional<DateTime> internal_date;
    std::optional<std::uint64_t> size;  // RFC822.SIZE
    std::vector<FetchSection> sections;
    // All other items, name and value as they stand: ENVELOPE, BODYSTRUCTURE, BINARY.SIZE[1],
    // SAVEDATE, EMAILID. See ValueTree.
    std::vector<std::pair<std::string_view, std::string_view>> others;

    // The value of one of `others`; empty when it is not there.
    std::string_view other(std::string_view name) const;
    const FetchSection* section(std::string_view label) const;
    void clear();
};

// One response; only the members that belong to `kind` mean anything. Made to be used again and
// again: its memory is kept, so that a stream of FETCH responses allocates nothing.
//
// Views point into the bytes it was parsed from or into `unescaped`.
struct Response {
    ResponseKind kind = ResponseKind::other;
    std::string_view tag;
    Condition condition = Condition::ok;
    ResponseCode code;  // of kinds tagged, condition and continuation
    std::string_view text;
    std::uint32_t number = 0;
    FetchData fetch;
    VanishedData vanished;
    ListData list;
    StatusData status;
    SearchData search;
    EsearchData esearch;
    std::vector<std::string_view> words;
    NamespaceData name_space;
    std::optional<IdPairs> id;
    QuotaData quota;
    QuotaRootData quota_root;
    std::forward_list<std::string> unescaped;  // quoted strings that had a backslash in them
};

// A literal whose bytes are not where they were announced: `position` is the offset just behind the
// CRLF of the announcement.
struct StreamedLiteral {
    std::size_t position = 0;
    std::uint64_t bytes = 0;
};

// `bytes` is one whole response without its last line end, literals as on the wire. After an error
// `response` holds nothing of use.
[[nodiscard]] tl::expected<void, ParseError> parse_response(
    std::string_view bytes, Response& response, std::span<const StreamedLiteral> streamed = {});

}  // namespace tidemark::protocol
