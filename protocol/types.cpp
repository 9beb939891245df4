#include "protocol/types.hpp"

#include <array>

namespace tidemark::protocol {

namespace {

constexpr std::array<std::string_view, kSystemFlagCount> kSystemFlagNames = {
    "\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft", "\\Recent"};

tl::unexpected<ParseError> failed(ParseErrorKind kind, std::string_view rule) {
    return tl::unexpected(ParseError{kind, 0, rule});
}

}  // namespace

std::string_view describe(ParseErrorKind kind) {
    switch (kind) {
        case ParseErrorKind::syntax:
            return "syntax error";
        case ParseErrorKind::empty:
            return "empty command";
        case ParseErrorKind::unknown_command:
            return "unknown command";
        case ParseErrorKind::out_of_range:
            return "number out of range";
        case ParseErrorKind::too_long:
            return "argument too long";
        case ParseErrorKind::too_many:
            return "too many items";
        case ParseErrorKind::too_deep:
            return "nested too deeply";
        case ParseErrorKind::nul_byte:
            return "NUL is not allowed";
        case ParseErrorKind::unknown_option:
            return "unknown option";
    }
    return "error";
}

std::string_view flag_name(SystemFlag flag) {
    return kSystemFlagNames[static_cast<std::size_t>(flag)];
}

Result<Tag> Tag::parse(std::string_view text) {
    if (!all_of_class(text, is_tag_char)) return failed(ParseErrorKind::syntax, "tag");
    if (text.size() > kTagBytesMax) return failed(ParseErrorKind::too_long, "tag");
    return Tag(text);
}

Result<Atom> Atom::parse(std::string_view text) {
    if (!all_of_class(text, is_atom_char)) return failed(ParseErrorKind::syntax, "atom");
    if (text.size() > kAtomBytesMax) return failed(ParseErrorKind::too_long, "atom");
    return Atom(text);
}

Result<Flag> Flag::parse(std::string_view text) {
    const bool has_backslash = text.starts_with('\\');
    const std::string_view atom = has_backslash ? text.substr(1) : text;
    if (!all_of_class(atom, is_atom_char)) return failed(ParseErrorKind::syntax, "flag");
    if (text.size() > kAtomBytesMax) return failed(ParseErrorKind::too_long, "flag");
    if (!has_backslash) return Flag(Kind::keyword, text);
    for (std::size_t i = 0; i < kSystemFlagCount; ++i) {
        if (ascii_iequals(text, kSystemFlagNames[i])) return Flag(static_cast<SystemFlag>(i));
    }
    return Flag(Kind::extension, text);
}

}  // namespace tidemark::protocol
