#pragma once

#include <tl/expected.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::protocol {

inline constexpr char kHierarchySeparator = '/';

// One level of a name, as UTF-8. 255 is what a directory entry may have where mail is exported to a
// Maildir.
inline constexpr std::size_t kMailboxComponentBytesMax = 255;
// A whole name, as UTF-8; also the longest LIST pattern with its reference. Names are part of keys
// and of answers.
inline constexpr std::size_t kMailboxNameBytesMax = 1000;
// Levels of a name; clients recurse over them.
inline constexpr std::size_t kMailboxDepthMax = 50;

enum class MailboxNameError : std::uint8_t {
    empty,            // no bytes, or nothing but a trailing separator
    empty_component,  // leading, doubled or trailing separator
    component_too_long,
    too_long,
    too_deep,
    control_character,  // C0, DEL, C1, U+2028, U+2029 (RFC 9051 §5.1)
    wildcard,           // '%' or '*'
    bad_utf8,
    bad_utf7,  // not modified UTF-7 in its one canonical form, or 8-bit bytes without UTF8 mode
};

// For a text answer: "the name has an empty component".
std::string_view describe(MailboxNameError error);

// How names travel: modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 once the client enabled IMAP4rev2 or
// UTF8=ACCEPT.
enum class NameEncoding : std::uint8_t { utf7, utf8 };

// RFC 3501 §5.1.3, strict: printable US-ASCII and shifted runs in their canonical form only (no
// encoded printable ASCII, no superfluous shift, no set pad bits, no lone surrogate), so that
// decode and encode are inverse bijections.
tl::expected<std::string, MailboxNameError> decode_modified_utf7(std::string_view wire);
// `utf8` must be valid UTF-8. Controls are encoded, never written raw.
std::string encode_modified_utf7(std::string_view utf8);

bool is_valid_utf8(std::string_view bytes);

// RFC 5198 §3: `utf8` in Normalisation Form C. Nothing when it is not valid UTF-8.
std::optional<std::string> normalise_nfc(std::string_view utf8);

// The name of a mailbox: valid UTF-8 in NFC, components separated by '/', none empty, no wildcard
// and no control character; within the limits above. INBOX as the first component is always upper
// case. '#' has no special meaning.
class MailboxName {
  public:
    enum class TrailingSeparator : std::uint8_t {
        refuse,
        drop,  // RFC 9051 §6.3.4: CREATE "foo/" creates "foo"
    };

    static tl::expected<MailboxName, MailboxNameError> from_wire(
        std::string_view bytes, NameEncoding encoding,
        TrailingSeparator trailing = TrailingSeparator::refuse);
    static tl::expected<MailboxName, MailboxNameError> from_utf8(
        std::string_view utf8, TrailingSeparator trailing = TrailingSeparator::refuse);
    static MailboxName inbox() { return MailboxName("INBOX"); }

    std::string to_wire(NameEncoding encoding) const;
    const std::string& utf8() const { return utf8_; }

    bool is_inbox() const { return utf8_ == "INBOX"; }
    std::size_t depth() const;                  // 1 without a separator
    std::optional<MailboxName> parent() const;  // nothing at the top
    std::string_view leaf() const;
    std::vector<std::string_view> components() const;
    // "a/b" and "a/b/c" are under "a"; "a" and "ab" are not.
    bool is_under(const MailboxName& ancestor) const;
    // For RENAME of `from` to `to` (RFC 9051 §6.3.6): the new name of a mailbox that is `from` or
    // under it.
    tl::expected<MailboxName, MailboxNameError> moved(const MailboxName& from,
                                                      const MailboxName& to) const;

    friend bool operator==(const MailboxName&, const MailboxName&) = default;
    friend auto operator<=>(const MailboxName&, const MailboxName&) = default;

  private:
    explicit MailboxName(std::string utf8) : utf8_(std::move(utf8)) {}
    std::string utf8_;
};

// A LIST or LSUB pattern, RFC 9051 §6.3.9: '*' matches anything, '%' anything but the separator;
// INBOX matches in any case. Matching takes name bytes x (pattern bytes / 64) steps, whatever the
// pattern.
class ListPattern {
  public:
    // The reference is put in front of the pattern as it is; the result is normalised like a name.
    static tl::expected<ListPattern, MailboxNameError> from_wire(std::string_view reference,
                                                                 std::string_view pattern,
                                                                 NameEncoding encoding);
    static tl::expected<ListPattern, MailboxNameError> from_utf8(std::string_view pattern);

    // `name` is the UTF-8 text of a MailboxName or of a parent of one.
    bool matches(std::string_view name) const;

    // Without a wildcard the pattern is the one name that it matches.
    bool has_wildcard() const { return has_wildcard_; }
    // Matches every name ("*").
    bool matches_all() const { return pattern_ == "*"; }
    // What every matching name begins with: for a range scan. INBOX is the exception and must be
    // tried apart.
    std::string_view literal_prefix() const;

  private:
    ListPattern() = default;
    void compile();

    std::string pattern_;  // runs of wildcards reduced to one
    bool has_wildcard_ = false;
    std::size_t words_ = 0;  // of 64 pattern positions, and one for "all matched"
    std::array<std::uint8_t, 256> class_of_{};  // byte -> row of masks_; row 0 matches nowhere
    std::vector<std::uint64_t> masks_;         // rows of words_: positions at which the byte stands
    std::vector<std::uint64_t> any_;           // positions with '*'
    std::vector<std::uint64_t> within_level_;  // positions with '%'
};

}  // namespace tidemark::protocol
