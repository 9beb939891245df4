#pragma once

#include <cstddef>
#include <cstdint>

// Every limit of the IMAP command side, with its unit and its reason. The limits of messages (MIME
// depth, addresses) are in protocol/message/limits.hpp, those of mailbox names and SASL beside
// their types.

namespace tidemark::protocol {

// Bytes of one command, its literals and line ends included, streamed message literals excluded.
// Before login nothing longer than an authentication with a fat ticket is sent, and the sender is
// unknown.
inline constexpr std::size_t kCommandBytesMaxBeforeLogin = 64 * 1024;
inline constexpr std::size_t kCommandBytesMax = 1024 * 1024;

// Bytes of one line without its end. RFC 7162 §4 wants at least 8192; a ticket or token in
// AUTHENTICATE's initial response reaches 12 KiB. After login the longest lines are UID sets of
// clients that list every message of a large mailbox: about 30,000 scattered UIDs fit.
inline constexpr std::size_t kLineBytesMaxBeforeLogin = 16 * 1024;
inline constexpr std::size_t kLineBytesMax = 256 * 1024;

// Bytes of a refused non-synchronising literal that are read and thrown away to keep the connection
// (RFC 7888 §4). Above it closing is cheaper for both sides.
inline constexpr std::uint64_t kSwallowBytesMaxBeforeLogin = 256 * 1024;
inline constexpr std::uint64_t kSwallowBytesMax = 64 * 1024 * 1024;

// Bytes of one message in APPEND; what APPENDLIMIT announces unless configured otherwise.
inline constexpr std::uint64_t kAppendBytesMaxDefault = 128 * 1024 * 1024;

// Messages in one APPEND (RFC 3502). All of them become visible in one transaction, which must stay
// bounded.
inline constexpr std::size_t kAppendMessagesMax = 1'000;

// Bytes of a tag. It is repeated in every answer; real ones have up to 20.
inline constexpr std::size_t kTagBytesMax = 128;

// Bytes of an atom that stands for a flag keyword, a mechanism, a capability or a charset.
inline constexpr std::size_t kAtomBytesMax = 255;

// Flags in one STORE or APPEND. A mailbox has far fewer keywords.
inline constexpr std::size_t kFlagsMax = 256;

// Ranges in one sequence set: 8 bytes of memory each for at least 2 bytes of command.
inline constexpr std::size_t kSequenceRangesMax = 65'536;

// Search keys in one command and levels of parentheses, NOT and OR around them: both are work per
// message examined.
inline constexpr std::size_t kSearchKeysMax = 1'000;
inline constexpr std::size_t kSearchNestingMax = 32;

// FETCH items in one command and header names in one HEADER.FIELDS: both are work per message.
inline constexpr std::size_t kFetchItemsMax = 256;
inline constexpr std::size_t kHeaderNamesMax = 256;

// Levels of a part number in a section. A message has at most this depth (message::kMimeDepthMax).
inline constexpr std::size_t kSectionDepthMax = 100;

// Patterns in one LIST (RFC 5258): each is matched against each mailbox.
inline constexpr std::size_t kListPatternsMax = 64;

// Field/value pairs and their bytes in ID (RFC 2971 §3.3).
inline constexpr std::size_t kIdPairsMax = 30;
inline constexpr std::size_t kIdFieldBytesMax = 30;
inline constexpr std::size_t kIdValueBytesMax = 1024;

// Capability names in one ENABLE.
inline constexpr std::size_t kEnableNamesMax = 64;

// Special-use attributes in CREATE (RFC 6154); seven are registered.
inline constexpr std::size_t kUseAttributesMax = 16;

// Sort criteria in one SORT; seven exist, each may be reversed.
inline constexpr std::size_t kSortCriteriaMax = 32;

// Bytes of an object identifier (RFC 8474 §7 objectid).
inline constexpr std::size_t kObjectIdBytesMax = 255;

// The reading side of a client (response_reader.hpp). Bytes of one response held in memory: SEARCH
// of five million messages takes 40 MiB.
inline constexpr std::size_t kResponseBytesMax = 64 * 1024 * 1024;

// Literals above it are handed out in pieces instead of being held.
inline constexpr std::uint64_t kResponseLiteralBytesMax = 1024 * 1024;

// Levels of parentheses in a response. BODYSTRUCTURE has two for each level of a message.
inline constexpr std::size_t kResponseNestingMax = 300;

}  // namespace tidemark::protocol
