#include "protocol/parse_basic.hpp"
#include "protocol/response_cursor.hpp"

#include <algorithm>
#include <array>

namespace tidemark::protocol {
namespace {

bool is_flag_char(char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != '(' && c != ')' && c != 0x7f;
}

std::optional<SystemFlag> find_system_flag(std::string_view name) {
    for (std::size_t i = 0; i < kSystemFlagCount; ++i) {
        const auto flag = static_cast<SystemFlag>(i);
        if (ascii_iequals(flag_name(flag), name)) {
            return flag;
        }
    }
    return std::nullopt;
}

// "FLAGS" SP "(" [flag-fetch *(SP flag-fetch)] ")"
bool read_flags(ResponseCursor& cursor, FetchData& fetch) {
    fetch.has_flags = true;
    if (!cursor.expect('(', "flag-fetch")) {
        return false;
    }
    while (!cursor.accept(')')) {
        const auto name = cursor.take_while(is_flag_char);
        if (name.empty()) {
            if (!cursor.expect(' ', "flag-fetch")) {
                return false;
            }
            continue;
        }
        const auto flag = name.front() == '\\' ? find_system_flag(name) : std::nullopt;
        if (flag) {
            fetch.system_flags.add(*flag);
        } else {
            fetch.keywords.push_back(name);
        }
    }
    return true;
}

// RFC 7162 §7: fetch-mod-resp = "MODSEQ" SP "(" permsg-modsequence ")"
bool read_modseq(ResponseCursor& cursor, FetchData& fetch) {
    std::uint64_t modseq = 0;
    if (!cursor.expect('(', "fetch-mod-resp") ||
        !parse_number64(cursor, modseq, "permsg-modsequence") ||
        !cursor.expect(')', "fetch-mod-resp")) {
        return false;
    }
    fetch.modseq = modseq;
    return true;
}

bool read_internal_date(ResponseCursor& cursor, FetchData& fetch) {
    std::string_view text;
    if (!cursor.read_astring(text, "date-time")) {
        return false;
    }
    fetch.internal_date = parse_date_time(text);
    return fetch.internal_date || cursor.fail(ParseErrorKind::syntax, "date-time");
}

// "BODY" section ["<" number ">"] SP nstring / "BINARY" section-binary SP (nstring / literal8) /
// RFC 3501 §9: "RFC822" [".HEADER" / ".TEXT"] SP nstring
bool read_section(ResponseCursor& cursor, std::string_view label,
                  std::optional<std::uint64_t> origin, FetchData& fetch) {
    StringValue value;
    if (!cursor.read_nstring(value, "msg-att-static")) {
        return false;
    }
    fetch.sections.push_back(
        {label, origin, value.is_nil, value.is_streamed, value.size, value.bytes});
    return true;
}

// The name of an item with its brackets, and the origin behind them.
bool read_label(ResponseCursor& cursor, std::string_view& label,
                std::optional<std::uint64_t>& origin) {
    const auto before = cursor.rest();
    if (cursor.take_word().empty()) {
        return cursor.fail(ParseErrorKind::syntax, "msg-att");
    }
    if (cursor.peek() == '[' && !cursor.skip_brackets()) {
        return false;
    }
    label = before.substr(0, before.size() - cursor.rest().size());
    if (cursor.accept('<')) {
        std::uint64_t number = 0;
        if (!parse_number64(cursor, number, "msg-att-static") ||
            !cursor.expect('>', "msg-att-static")) {
            return false;
        }
        origin = number;
    }
    return cursor.expect_space("msg-att");
}

bool is_section_label(std::string_view label) {
    const auto name = label.substr(0, label.find('['));
    if (name.size() != label.size()) {
        return ascii_iequals(name, "BODY") || ascii_iequals(name, "BINARY");
    }
    return ascii_iequals(name, "RFC822") || ascii_iequals(name, "RFC822.HEADER") ||
           ascii_iequals(name, "RFC822.TEXT");
}

bool read_item(ResponseCursor& cursor, FetchData& fetch) {
    std::string_view label;
    std::optional<std::uint64_t> origin;
    if (!read_label(cursor, label, origin)) {
        return false;
    }
    const auto is = [&](std::string_view name) { return ascii_iequals(label, name); };
    if (is("UID")) {
        std::uint32_t uid = 0;
        if (!parse_nz_number(cursor, uid, "uniqueid")) {
            return false;
        }
        fetch.uid = uid;
        return true;
    }
    if (is("FLAGS")) {
        return read_flags(cursor, fetch);
    }
    if (is("MODSEQ")) {
        return read_modseq(cursor, fetch);
    }
    if (is("RFC822.SIZE")) {
        std::uint64_t size = 0;
        if (!parse_number64(cursor, size, "RFC822.SIZE")) {
            return false;
        }
        fetch.size = size;
        return true;
    }
    if (is("INTERNALDATE")) {
        return read_internal_date(cursor, fetch);
    }
    if (is_section_label(label)) {
        return read_section(cursor, label, origin, fetch);
    }
    std::string_view raw;
    if (!cursor.skip_value(raw, "msg-att")) {
        return false;
    }
    fetch.others.emplace_back(label, raw);
    return true;
}

}  // namespace

std::string_view FetchData::other(std::string_view name) const {
    const auto found = std::ranges::find_if(
        others, [&](const auto& item) { return ascii_iequals(item.first, name); });
    return found == others.end() ? std::string_view() : found->second;
}

const FetchSection* FetchData::section(std::string_view label) const {
    const auto found = std::ranges::find_if(
        sections, [&](const auto& item) { return ascii_iequals(item.label, label); });
    return found == sections.end() ? nullptr : &*found;
}

void FetchData::clear() {
    number = 0;
    uid.reset();
    has_flags = false;
    system_flags = {};
    keywords.clear();
    modseq.reset();
    internal_date.reset();
    size.reset();
    sections.clear();
    others.clear();
}

// msg-att         = "(" (msg-att-dynamic / msg-att-static) *(SP (msg-att-dynamic / msg-att-static))
//                   ")"
bool read_fetch(ResponseCursor& cursor, FetchData& fetch) {
    if (!cursor.expect('(', "msg-att")) {
        return false;
    }
    cursor.skip_spaces();
    while (!cursor.accept(')')) {
        if (!read_item(cursor, fetch)) {
            return false;
        }
        if (cursor.peek() != ')' && !cursor.expect_space("msg-att")) {
            return false;
        }
        cursor.skip_spaces();
    }
    return true;
}

}  // namespace tidemark::protocol
