#pragma once

#include "protocol/ascii.hpp"
#include "protocol/limits.hpp"

#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

// The words of the protocol layer. Values only: no I/O, any thread. A value that exists is valid:
// constructors are private where a rule could be broken, and `parse` returns a Result.

namespace tidemark::protocol {

// Plain integers on purpose: they live in tight loops over millions of messages. The parser checks
// their ranges.
using Uid = std::uint32_t;     // 1 … 2^32-1 (RFC 9051 §2.3.1.1)
using SeqNum = std::uint32_t;  // 1 … 2^32-1 (RFC 9051 §2.3.1.2)
using ModSeq = std::uint64_t;  // 0 … 2^63-1; 0 only where a client may say so (RFC 7162 §7
                               // mod-sequence-valzer)

inline constexpr ModSeq kModSeqMax = (std::uint64_t{1} << 63) - 1;
// RFC 9051 §9 "number64"
inline constexpr std::uint64_t kNumber64Max = (std::uint64_t{1} << 63) - 1;

enum class ParseErrorKind : std::uint8_t {
    syntax,           // the bytes do not match the rule
    empty,            // no command at all: an empty line
    unknown_command,  // well-formed tag and verb, but no such verb
    out_of_range,     // a number beyond what the rule allows
    too_long,         // an atom, tag or string beyond its limit
    too_many,         // items beyond their limit
    too_deep,         // nesting beyond its limit
    nul_byte,         // NUL outside of a literal8 (RFC 9051 §9, note 3)
    unknown_option,  // a modifier, parameter or option that no extension here defines (RFC 4466 §2:
                     // BAD)
};

struct ParseError {
    ParseErrorKind kind = ParseErrorKind::syntax;
    std::uint32_t offset = 0;  // bytes from the start of what was parsed
    std::string_view
        rule;  // name of the ABNF rule that failed; static storage, never text of the client
    friend bool operator==(const ParseError&, const ParseError&) = default;
};

template <class T>
using Result = tl::expected<T, ParseError>;

// "too many items", for the human-readable part of BAD. Static storage.
std::string_view describe(ParseErrorKind kind);

// A set of the values of an enum with fewer than 32 of them, counted from 0.
template <class Enum>
class EnumSet {
  public:
    constexpr EnumSet() = default;
    constexpr EnumSet(std::initializer_list<Enum> values) {
        for (const Enum value : values) add(value);
    }
    constexpr void add(Enum value) { bits_ |= bit(value); }
    constexpr void remove(Enum value) { bits_ &= ~bit(value); }
    constexpr bool contains(Enum value) const { return (bits_ & bit(value)) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    friend constexpr bool operator==(const EnumSet&, const EnumSet&) = default;

  private:
    static constexpr std::uint32_t bit(Enum value) {
        return std::uint32_t{1} << static_cast<std::uint32_t>(value);
    }
    std::uint32_t bits_ = 0;
};

// RFC 9051 §9 "tag": 1*<any ASTRING-CHAR except "+">, at most kTagBytesMax.
class Tag {
  public:
    [[nodiscard]] static Result<Tag> parse(std::string_view text);
    const std::string& text() const { return text_; }
    friend bool operator==(const Tag&, const Tag&) = default;

  private:
    explicit Tag(std::string_view text) : text_(text) {}
    std::string text_;
};

// RFC 9051 §9 "atom", at most kAtomBytesMax. Keeps its spelling; compares without regard to case,
// as every atom of the grammar does.
class Atom {
  public:
    [[nodiscard]] static Result<Atom> parse(std::string_view text);
    const std::string& text() const { return text_; }
    bool is(std::string_view name) const { return ascii_iequals(text_, name); }
    friend bool operator==(const Atom& a, const Atom& b) { return a.is(b.text_); }

  private:
    explicit Atom(std::string_view text) : text_(text) {}
    std::string text_;
};

// RFC 9051 §2.3.2. `recent` is in no command of RFC 9051 (RFC 3501 §2.3.2: clients can not alter
// it).
enum class SystemFlag : std::uint8_t { answered, flagged, deleted, seen, draft, recent };
inline constexpr std::size_t kSystemFlagCount = 6;

// "\Answered", in the spelling of the RFC.
std::string_view flag_name(SystemFlag flag);

// RFC 9051 §9 "flag": a system flag, a keyword (an atom) or a "\" atom that no RFC here defines.
// Keywords keep the spelling in which they arrived and compare without regard to case (RFC 9051
// §2.3.2).
class Flag {
  public:
    enum class Kind : std::uint8_t { system, keyword, extension };

    Flag(SystemFlag flag)
        : kind_(Kind::system), system_(flag) {}  // NOLINT(google-explicit-constructor)
    // With the backslash for system and extension flags. \Recent is accepted (see parse_flag_list),
    // "\*" is not.
    [[nodiscard]] static Result<Flag> parse(std::string_view text);

    Kind kind() const { return kind_; }
    bool is_system() const { return kind_ == Kind::system; }
    bool is_keyword() const { return kind_ == Kind::keyword; }
    // Only for Kind::system.
    SystemFlag system() const { return system_; }
    // As written on the wire: "\Seen", "$Forwarded", "\Extension".
    std::string_view name() const {
        return kind_ == Kind::system ? flag_name(system_) : std::string_view(name_);
    }

    friend bool operator==(const Flag& a, const Flag& b) {
        return a.kind_ == b.kind_ && a.system_ == b.system_ && ascii_iequals(a.name_, b.name_);
    }

  private:
    Flag(Kind kind, std::string_view name) : kind_(kind), name_(name) {}
    Kind kind_;
    SystemFlag system_ =
        SystemFlag::answered;  // the default where kind_ is not system, for the comparison
    std::string name_;         // empty for system flags
};

// A mailbox name as the bytes of its astring (quotes and literal framing removed). Neither decoded
// nor checked: MailboxName::from_wire does both. INBOX is not normalised either.
struct WireMailbox {
    std::string bytes;
    friend bool operator==(const WireMailbox&, const WireMailbox&) = default;
};

}  // namespace tidemark::protocol
