#pragma once

#include "protocol/command.hpp"
#include "protocol/output_buffer.hpp"
#include "protocol/types.hpp"
#include "protocol/write_string.hpp"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

// FETCH responses (RFC 9051 §7.5.2), straight into the output. These loops run once per message:
// what can be the same for several messages (flag lists, section labels) is text that the caller
// made before.

namespace tidemark::protocol {

namespace detail {

inline char* put(char* at, std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
}
inline char* put_number(char* at, std::uint32_t number) {
    return std::to_chars(at, at + 10, number).ptr;
}
inline char* put_number(char* at, std::uint64_t number) {
    return std::to_chars(at, at + 20, number).ptr;
}

}  // namespace detail

// "* n FETCH (FLAGS (...) UID u MODSEQ (m))", the answer of FETCH (FLAGS), STORE and of every
// change of flags; `flags` with its parentheses.
inline void write_fetch_flags(OutputBuffer& out, SeqNum number, std::string_view flags) {
    using detail::put;
    char* at = out.reserve(64 + flags.size());
    at = detail::put_number(put(at, "* "), number);
    at = put(put(at, " FETCH (FLAGS "), flags);
    out.commit_to(put(at, ")\r\n"));
}
inline void write_fetch_flags(OutputBuffer& out, SeqNum number, Uid uid, std::string_view flags) {
    using detail::put;
    char* at = out.reserve(80 + flags.size());
    at = detail::put_number(put(at, "* "), number);
    at = detail::put_number(put(at, " FETCH (UID "), uid);
    at = put(put(at, " FLAGS "), flags);
    out.commit_to(put(at, ")\r\n"));
}
inline void write_fetch_flags(OutputBuffer& out, SeqNum number, Uid uid, std::string_view flags,
                              ModSeq modseq) {
    using detail::put;
    char* at = out.reserve(112 + flags.size());
    at = detail::put_number(put(at, "* "), number);
    at = detail::put_number(put(at, " FETCH (UID "), uid);
    at = put(put(at, " FLAGS "), flags);
    at = detail::put_number(put(at, " MODSEQ ("), modseq);
    out.commit_to(put(at, "))\r\n"));
}

// How a FETCH response names what `item` asked for: "BODY[HEADER.FIELDS (FROM)]<5>", "ENVELOPE".
// BODY.PEEK is answered as BODY, a partial by its origin only (RFC 9051 §7.5.2).
std::string fetch_label(const FetchItem& item);

// One response with any items:
//
//   FetchWriter fetch(out, number);
//   fetch.uid(uid);
//   fetch.flags("(\\Seen)");
//   fetch.literal("BODY[]", owner, bytes);
//   fetch.finish();
//
// A label is written as it is. What is sent between the items by other means (a body that comes in
// pieces) goes straight to the OutputBuffer after literal_header(). A response that can not be
// finished is taken back by OutputBuffer::truncate().
class FetchWriter {
  public:
    FetchWriter(OutputBuffer& out, SeqNum number);

    void uid(Uid uid) { number("UID", uid); }
    void flags(std::string_view list) { text("FLAGS", list); }  // with its parentheses
    void modseq(ModSeq modseq);
    void internal_date(DateTime time);
    void save_date(std::optional<DateTime> time);  // RFC 8514 §4.2
    void rfc822_size(std::uint64_t bytes) { number("RFC822.SIZE", bytes); }
    void object_id(std::string_view label, std::optional<std::string_view> id);  // RFC 8474 §5

    // Text that is already serialised: ENVELOPE, BODYSTRUCTURE.
    void text(std::string_view label, std::string_view serialised);
    void number(std::string_view label, std::uint64_t number);
    void nil(std::string_view label) { text(label, "NIL"); }
    void string(std::string_view label, std::optional<std::string_view> bytes,
                NameEncoding encoding);
    // A literal; without a copy when it is large.
    void literal(std::string_view label, std::shared_ptr<const void> owner, std::string_view bytes);
    void literal8(std::string_view label, std::shared_ptr<const void> owner,
                  std::string_view bytes);
    // The caller appends exactly `bytes` bytes to the buffer before the next item.
    void literal_header(std::string_view label, std::uint64_t bytes, bool is_literal8 = false);

    void finish() { out_.append(")\r\n"); }

  private:
    void label(std::string_view text);

    OutputBuffer& out_;
    bool has_item_ = false;
};

}  // namespace tidemark::protocol
