#pragma once

#include "protocol/output_buffer.hpp"
#include "protocol/response.hpp"
#include "protocol/write_string.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

// Everything the server says, straight into the output; FETCH is in write_fetch.hpp.
//
// Each function writes one whole response with its line end. None fails: what does not fit the
// grammar is made to fit (a line end in a text becomes "?"), so that one response can never turn
// into two.

namespace tidemark::protocol {

// RFC 9051 §7.1: "tag OK [CODE] text". Text is US-ASCII; when empty, a word is put there, because
// RFC 3501 wants one. Only ok, no and bad are tagged.
void write_tagged(OutputBuffer& out, std::string_view tag, Condition condition,
                  const ResponseCode& code, std::string_view text);
void write_tagged(OutputBuffer& out, std::string_view tag, Condition condition, CodeKind code,
                  std::string_view text);
void write_tagged(OutputBuffer& out, std::string_view tag, Condition condition,
                  std::string_view text);

// "* OK [CODE] text"
void write_untagged(OutputBuffer& out, Condition condition, const ResponseCode& code,
                    std::string_view text);
void write_untagged(OutputBuffer& out, Condition condition, CodeKind code, std::string_view text);
void write_untagged(OutputBuffer& out, Condition condition, std::string_view text);

// RFC 9051 §7.5: "+ text". Empty for a literal; base64 for AUTHENTICATE.
void write_continuation(OutputBuffer& out, std::string_view text);

// "[CODE args]" without a space after it; nothing for CodeKind::none.
void write_code(OutputBuffer& out, const ResponseCode& code);

// RFC 9051 §7.2.2. `names` separated by spaces: the list is made once, not per client.
void write_capability(OutputBuffer& out, std::string_view names);
// RFC 9051 §7.2.1
void write_enabled(OutputBuffer& out, std::span<const std::string_view> names);

// RFC 9051 §7.4, RFC 3501 §7.3
void write_exists(OutputBuffer& out, std::uint32_t count);
void write_recent(OutputBuffer& out, std::uint32_t count);
void write_expunge(OutputBuffer& out, SeqNum number);
// RFC 7162 §3.2.10; nothing is written for an empty set.
void write_vanished(OutputBuffer& out, const RangeSet& uids, bool is_earlier);

// RFC 9051 §7.3.5. `flags` with its parentheses: "(\Seen $Forwarded)".
void write_flags(OutputBuffer& out, std::string_view flags);

void write_list(OutputBuffer& out, const ListData& list, NameEncoding encoding);
void write_status(OutputBuffer& out, const StatusData& status, NameEncoding encoding);
void write_search(OutputBuffer& out, std::span<const std::uint32_t> numbers,
                  std::optional<ModSeq> modseq = std::nullopt);
void write_sort(OutputBuffer& out, std::span<const std::uint32_t> numbers,
                std::optional<ModSeq> modseq = std::nullopt);
// RFC 5256 §4. `threads` is what message::write_threads makes; empty for no thread.
void write_thread(OutputBuffer& out, std::string_view threads);
void write_esearch(OutputBuffer& out, const EsearchData& result);

void write_namespace(OutputBuffer& out, const NamespaceData& data, NameEncoding encoding);
void write_id(OutputBuffer& out, const std::optional<IdPairs>& pairs);
void write_quota(OutputBuffer& out, const QuotaData& quota, NameEncoding encoding);
void write_quota_root(OutputBuffer& out, const QuotaRootData& data, NameEncoding encoding);

// RFC 9051 §9 "sequence-set" without "*"; the caller writes none for an empty one.
void write_ranges(OutputBuffer& out, std::span<const NumberRange> ranges);

}  // namespace tidemark::protocol
