#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The MIME structure of a message (RFC 2045, RFC 2046), found in one pass over its bytes.
///
/// Nothing is refused: what cannot be understood becomes a leaf part. Lines end in CRLF or LF,
/// mixed as they come; offsets and sizes count bytes as stored. Time is linear in the message,
/// memory is bounded by limits.hpp, the stack is explicit. The result refers to the bytes it was
/// made from; they must outlive it.
namespace tidemark::protocol::message {

inline constexpr std::uint32_t kNoPart = UINT32_MAX;

enum class PartKind : std::uint8_t { kLeaf, kMultipart, kMessage };

enum class TransferEncoding : std::uint8_t {
    k7bit,
    k8bit,
    kBinary,
    kQuotedPrintable,
    kBase64,
    kUnknown,  // a name that RFC 2045 §6.1 does not define
};

/// A parameter of a structured field, its value unquoted; RFC 2231 forms (name*0*) are left as they
/// were sent.
struct Parameter {
    std::string name;
    std::string value;
};

/// One node of the tree. The body of a multipart holds its children, the body of a kMessage part is
/// the header and the body of the message in it: that message is its only child (its own header is
/// the child's header).
struct Part {
    std::uint32_t parent = kNoPart;
    std::uint32_t first_child = kNoPart;
    std::uint32_t next_sibling = kNoPart;
    std::uint32_t depth = 0;

    PartKind kind = PartKind::kLeaf;
    TransferEncoding encoding = TransferEncoding::k7bit;

    // header_begin <= header_end == body_begin <= body_end. The header includes its blank line.
    std::size_t header_begin = 0;
    std::size_t header_end = 0;
    std::size_t body_begin = 0;
    std::size_t body_end = 0;
    std::uint64_t body_lines = 0;  // an unfinished last line counts, as servers agree on

    std::string type;  // as sent; the default where the field is missing or cannot be read
    std::string subtype;
    std::vector<Parameter> parameters;

    // Raw values (folds included) of the fields of the same name; null data() where the field is
    // missing.
    std::string_view encoding_field;
    std::string_view disposition_field;
    std::string_view id_field;
    std::string_view description_field;
    std::string_view md5_field;
    std::string_view language_field;
    std::string_view location_field;
};

struct ParsedMessage {
    std::string_view bytes;
    std::vector<Part> parts;  // the message itself is parts[0]; a parent comes before its children

    /// Work done, in bytes looked at: what tests hold the linear bound against.
    std::uint64_t steps = 0;

    [[nodiscard]] std::string_view header(const Part& part) const {
        return bytes.substr(part.header_begin, part.header_end - part.header_begin);
    }
    [[nodiscard]] std::string_view body(const Part& part) const {
        return bytes.substr(part.body_begin, part.body_end - part.body_begin);
    }
};

[[nodiscard]] ParsedMessage parse_message(std::string_view bytes);

/// The value of parameter `name`, null data() when there is none.
[[nodiscard]] std::string_view find_parameter(const std::vector<Parameter>& parameters,
                                              std::string_view name);

}  // namespace tidemark::protocol::message
