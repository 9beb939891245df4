#pragma once

#include "protocol/cursor.hpp"
#include "protocol/date.hpp"
#include "protocol/sequence_set.hpp"
#include "protocol/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The rules that many commands share. See Cursor for how they report errors. `rule` names what the
// caller was about to read where the basic rule alone would say too little.

namespace tidemark::protocol {

[[nodiscard]] bool parse_number64(Cursor& cursor, std::uint64_t& number, std::string_view rule);
[[nodiscard]] bool parse_number(Cursor& cursor, std::uint32_t& number, std::string_view rule);
[[nodiscard]] bool parse_nz_number(Cursor& cursor, std::uint32_t& number, std::string_view rule);

// "{n}" or "{n+}", and "~" before it if `is_literal8` asks for it; not what follows.
[[nodiscard]] bool parse_literal_size(Cursor& cursor, bool is_literal8, std::uint64_t& size);
// The announcement, its line end and the bytes. NUL is refused unless it is a literal8.
[[nodiscard]] bool parse_literal(Cursor& cursor, bool is_literal8, std::string& bytes);
[[nodiscard]] bool parse_quoted(Cursor& cursor, std::string& text);
[[nodiscard]] bool parse_string(Cursor& cursor, std::string& text);
[[nodiscard]] bool parse_astring(Cursor& cursor, std::string& text);
[[nodiscard]] bool parse_list_mailbox(Cursor& cursor, std::string& pattern);
[[nodiscard]] bool parse_mailbox(Cursor& cursor, WireMailbox& mailbox);
// An atom that names a mechanism or a capability, in upper case.
[[nodiscard]] bool parse_upper_atom(Cursor& cursor, std::string& atom, std::string_view rule);

[[nodiscard]] bool parse_date_argument(Cursor& cursor, Date& date);
[[nodiscard]] bool parse_date_time_argument(Cursor& cursor, DateTime& time);

[[nodiscard]] bool parse_sequence_set(Cursor& cursor, SequenceSet& set);

[[nodiscard]] bool parse_flag(Cursor& cursor, std::vector<Flag>& flags);
[[nodiscard]] bool parse_flag_list(Cursor& cursor, std::vector<Flag>& flags);

}  // namespace tidemark::protocol
