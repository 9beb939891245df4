#pragma once

#include "protocol/message/mime_parser.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// BODY[...] and BINARY[...] sections of a message (RFC 9051 §6.4.5, RFC 9051 §9 section).
namespace tidemark::protocol::message {

enum class SectionKind : std::uint8_t {
    kAll,              // BODY[], BODY[1.2]
    kHeader,           // HEADER
    kHeaderFields,     // HEADER.FIELDS (...)
    kHeaderFieldsNot,  // HEADER.FIELDS.NOT (...)
    kText,             // TEXT
    kMime,             // MIME; needs a path
};

struct SectionSpec {
    std::vector<std::uint32_t> path;  // part numbers, counted from 1
    SectionKind kind = SectionKind::kAll;
    std::vector<std::string> fields;  // for the two HEADER.FIELDS kinds
    friend bool operator==(const SectionSpec&, const SectionSpec&) = default;
};

/// The bytes of a section: a range of the message, or text put together from its header.
class SectionText {
  public:
    explicit SectionText(std::string_view range) : range_(range) {}
    explicit SectionText(std::string assembled)
        : assembled_(std::move(assembled)), is_assembled_(true) {}

    /// Valid as long as this object and the message.
    [[nodiscard]] std::string_view text() const { return is_assembled_ ? assembled_ : range_; }
    [[nodiscard]] bool is_assembled() const { return is_assembled_; }

  private:
    std::string_view range_;
    std::string assembled_;
    bool is_assembled_ = false;
};

/// Nothing when the message has no such part, or the part no such text (HEADER of a part that is no
/// message): NIL.
[[nodiscard]] std::optional<SectionText> fetch_section(const ParsedMessage& message,
                                                       const SectionSpec& spec);

/// The same from the bytes: parses the MIME structure only where the path needs it, so that
/// BODY[HEADER] of a large message costs its header.
[[nodiscard]] std::optional<SectionText> fetch_section(std::string_view message,
                                                       const SectionSpec& spec);

/// RFC 9051 §6.4.5 partial `<offset.count>`: what is left of `text`, empty when it starts past the
/// end.
[[nodiscard]] std::string_view partial(std::string_view text, std::uint64_t offset,
                                       std::uint64_t count);

/// The part that a path names; null when there is none. An empty path is the message itself.
[[nodiscard]] const Part* find_part(const ParsedMessage& message,
                                    const std::vector<std::uint32_t>& path);

enum class BinaryError : std::uint8_t {
    kNoSuchPart,  // NIL
    kUnknownCte,  // NO [UNKNOWN-CTE], RFC 3516 §4.3
};

/// What BINARY[path] returns, decoded; BINARY.SIZE is its size. Damaged encodings give what can be
/// decoded. An empty path is the whole message, undecoded; so is a part that has parts.
struct BinaryResult {
    std::optional<SectionText> text;  // absent on an error
    BinaryError error = BinaryError::kNoSuchPart;
};
[[nodiscard]] BinaryResult fetch_binary(const ParsedMessage& message,
                                        const std::vector<std::uint32_t>& path);

}  // namespace tidemark::protocol::message
