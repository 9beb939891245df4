#include "protocol/parse_basic.hpp"
#include "protocol/parse_rules.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tidemark::protocol {

namespace {

using message::SectionKind;
using message::SectionSpec;

// Attributes that are a word and nothing else.
constexpr std::array<std::pair<std::string_view, FetchAttribute>, 15> kPlainAttributes = {{
    {"FLAGS", FetchAttribute::flags},
    {"UID", FetchAttribute::uid},
    {"INTERNALDATE", FetchAttribute::internal_date},
    {"RFC822.SIZE", FetchAttribute::rfc822_size},
    {"ENVELOPE", FetchAttribute::envelope},
    {"BODYSTRUCTURE", FetchAttribute::body_structure},
    {"BODY", FetchAttribute::body},
    {"MODSEQ", FetchAttribute::modseq},
    {"RFC822", FetchAttribute::rfc822},
    {"RFC822.HEADER", FetchAttribute::rfc822_header},
    {"RFC822.TEXT", FetchAttribute::rfc822_text},
    {"SAVEDATE", FetchAttribute::save_date},
    {"EMAILID", FetchAttribute::email_id},
    {"THREADID", FetchAttribute::thread_id},
    {"PREVIEW", FetchAttribute::preview},
}};

// RFC 9051 §9: header-list = "(" header-fld-name *(SP header-fld-name) ")",  header-fld-name =
// astring
bool parse_header_list(Cursor& cursor, std::vector<std::string>& names) {
    if (!cursor.expect_space("header-list") || !cursor.expect('(', "header-list")) return false;
    do {
        if (names.size() == kHeaderNamesMax)
            return cursor.fail(ParseErrorKind::too_many, "header-list");
        if (!parse_astring(cursor, names.emplace_back())) return false;
    } while (cursor.accept(' '));
    return cursor.expect(')', "header-list");
}

// RFC 9051 §9:
//   section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
//   section-text    = section-msgtext / "MIME"
bool parse_section_text(Cursor& cursor, SectionSpec& section) {
    if (cursor.accept_word("HEADER")) {
        section.kind = SectionKind::kHeader;
    } else if (cursor.accept_word("TEXT")) {
        section.kind = SectionKind::kText;
    } else if (!section.path.empty() && cursor.accept_word("MIME")) {
        section.kind = SectionKind::kMime;
    } else if (cursor.accept_word("HEADER.FIELDS")) {
        section.kind = SectionKind::kHeaderFields;
        return parse_header_list(cursor, section.fields);
    } else if (cursor.accept_word("HEADER.FIELDS.NOT")) {
        section.kind = SectionKind::kHeaderFieldsNot;
        return parse_header_list(cursor, section.fields);
    } else {
        return cursor.fail(ParseErrorKind::syntax, "section-text");
    }
    return true;
}

// RFC 9051 §9: section-part = nz-number *("." nz-number). `has_text` tells that a "." follows which
// is not part of it.
bool parse_section_part(Cursor& cursor, SectionSpec& section, bool& has_text) {
    has_text = false;
    do {
        if (!is_digit(cursor.peek())) {
            has_text = true;
            return true;
        }
        if (section.path.size() == kSectionDepthMax) {
            return cursor.fail(ParseErrorKind::too_deep, "section-part");
        }
        if (!parse_nz_number(cursor, section.path.emplace_back(), "section-part")) return false;
    } while (cursor.accept('.'));
    return true;
}

// RFC 9051 §9:
//   section        = "[" [section-spec] "]"
//   section-spec   = section-msgtext / (section-part ["." section-text])
//   section-binary = "[" [section-part] "]"
bool parse_section(Cursor& cursor, SectionSpec& section, bool is_binary) {
    const std::string_view rule = is_binary ? "section-binary" : "section";
    if (!cursor.expect('[', rule)) return false;
    if (cursor.accept(']')) return true;
    bool has_text = false;
    if (!parse_section_part(cursor, section, has_text)) return false;
    if (has_text) {
        if (is_binary) return cursor.fail(ParseErrorKind::syntax, rule);
        if (!parse_section_text(cursor, section)) return false;
    }
    return cursor.expect(']', rule);
}

// RFC 9051 §9: partial = "<" number64 "." nz-number64 ">"
bool parse_partial(Cursor& cursor, std::optional<Partial>& partial) {
    if (!cursor.accept('<')) return true;
    auto& range = partial.emplace();
    if (!parse_number64(cursor, range.offset, "partial") || !cursor.expect('.', "partial"))
        return false;
    const std::size_t start = cursor.position();
    if (!parse_number64(cursor, range.count, "partial")) return false;
    if (range.count == 0) return cursor.fail_at(start, ParseErrorKind::out_of_range, "partial");
    return cursor.expect('>', "partial");
}

// The attributes with a section:
//   "BODY" section [partial] / "BODY.PEEK" section [partial] /
//   "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary
bool parse_sectioned(Cursor& cursor, FetchItem& item) {
    const std::string_view word = cursor.take_word();
    item.peek = ascii_iequals(word, "BODY.PEEK") || ascii_iequals(word, "BINARY.PEEK");
    if (item.peek || ascii_iequals(word, "BODY") || ascii_iequals(word, "BINARY")) {
        const bool is_binary = ascii_lower(word[1]) == 'i';
        item.attribute = is_binary ? FetchAttribute::binary : FetchAttribute::body_section;
        return parse_section(cursor, item.section, is_binary) &&
               parse_partial(cursor, item.partial);
    }
    if (ascii_iequals(word, "BINARY.SIZE")) {
        item.attribute = FetchAttribute::binary_size;
        return parse_section(cursor, item.section, true);
    }
    return cursor.fail(ParseErrorKind::syntax, "fetch-att");
}

// RFC 8970 §6: fetch-att =/ "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"],  preview-mod =
// "LAZY" A parenthesis with other words belongs to the FETCH modifiers that may follow.
bool parse_preview_modifiers(Cursor& cursor, FetchItem& item) {
    Cursor ahead = cursor;
    if (!ahead.accept(' ') || !ahead.accept('(') || !ahead.accept_word("LAZY")) return true;
    cursor = ahead;
    item.is_lazy = true;
    while (cursor.accept(' ')) {
        if (!cursor.accept_word("LAZY"))
            return cursor.fail(ParseErrorKind::unknown_option, "preview-mod");
    }
    return cursor.expect(')', "preview-mod");
}

// RFC 9051 §9 "fetch-att" with RFC 3501's RFC822 items, RFC 7162 §7 MODSEQ, RFC 8474 §7 EMAILID and
// THREADID, RFC 8514 §5 SAVEDATE, RFC 8970 §6 PREVIEW:
//   fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822.SIZE" / "BODY" ["STRUCTURE"] /
//   "UID" /
//               "BODY" section [partial] / "BODY.PEEK" section [partial] /
//               "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary
bool parse_fetch_item(Cursor& cursor, std::vector<FetchItem>& items) {
    if (items.size() == kFetchItemsMax) return cursor.fail(ParseErrorKind::too_many, "fetch-att");
    FetchItem& item = items.emplace_back();
    const std::string_view word = cursor.peek_word();
    const std::string_view rest = cursor.rest();
    if (word.size() < rest.size() && rest[word.size()] == '[') return parse_sectioned(cursor, item);
    const auto found =
        std::find_if(kPlainAttributes.begin(), kPlainAttributes.end(),
                     [&](const auto& entry) { return ascii_iequals(entry.first, word); });
    if (found == kPlainAttributes.end()) return cursor.fail(ParseErrorKind::syntax, "fetch-att");
    cursor.advance(word.size());
    item.attribute = found->second;
    return item.attribute != FetchAttribute::preview || parse_preview_modifiers(cursor, item);
}

// RFC 9051 §6.4.5: ALL = (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE), FAST = (FLAGS INTERNALDATE
// RFC822.SIZE), FULL = (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY). They stand alone, not in a
// list.
bool accept_macro(Cursor& cursor, std::vector<FetchItem>& items) {
    const std::string_view word = cursor.peek_word();
    const bool is_all = ascii_iequals(word, "ALL");
    const bool is_full = ascii_iequals(word, "FULL");
    if (!is_all && !is_full && !ascii_iequals(word, "FAST")) return false;
    cursor.advance(word.size());
    const auto add = [&](FetchAttribute attribute) { items.emplace_back().attribute = attribute; };
    add(FetchAttribute::flags);
    add(FetchAttribute::internal_date);
    add(FetchAttribute::rfc822_size);
    if (is_all || is_full) add(FetchAttribute::envelope);
    if (is_full) add(FetchAttribute::body);
    return true;
}

// RFC 4466 §3, RFC 7162 §7:
//   fetch-modifiers     = SP "(" fetch-modifier *(SP fetch-modifier) ")"
//   chgsince-fetch-mod  = "CHANGEDSINCE" SP mod-sequence-value
//   rexpunges-fetch-mod = "VANISHED"   ; only in UID FETCH and with CHANGEDSINCE (RFC 7162 §3.2.6)
// deviation: CHANGEDSINCE 0 is let through (iOS sends it) and means every message.
bool parse_fetch_modifiers(Cursor& cursor, command::Fetch& fetch) {
    if (!cursor.expect_space("fetch-modifiers")) return false;
    const std::size_t start = cursor.position();
    if (!cursor.expect('(', "fetch-modifiers")) return false;
    do {
        if (!fetch.changed_since && cursor.accept_word("CHANGEDSINCE")) {
            if (!cursor.expect_space("chgsince-fetch-mod") ||
                !parse_number64(cursor, fetch.changed_since.emplace(), "chgsince-fetch-mod")) {
                return false;
            }
        } else if (!fetch.vanished && cursor.accept_word("VANISHED")) {
            fetch.vanished = true;
        } else {
            return cursor.fail(ParseErrorKind::unknown_option, "fetch-modifier");
        }
    } while (cursor.accept(' '));
    if (!cursor.expect(')', "fetch-modifiers")) return false;
    if (fetch.vanished && (!fetch.by_uid || !fetch.changed_since)) {
        return cursor.fail_at(start, ParseErrorKind::syntax, "rexpunges-fetch-mod");
    }
    return true;
}

}  // namespace

std::string_view fetch_attribute_name(FetchAttribute attribute) {
    for (const auto& [name, plain] : kPlainAttributes) {
        if (plain == attribute) return name;
    }
    switch (attribute) {
        case FetchAttribute::binary:
            return "BINARY";
        case FetchAttribute::binary_size:
            return "BINARY.SIZE";
        default:
            return "BODY";
    }
}

// RFC 9051 §9; the modifiers by RFC 4466 §3 "fetch":
//   fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP
//   fetch-att) ")")
//           [fetch-modifiers]
bool parse_fetch(Cursor& cursor, command::Fetch& fetch) {
    if (!cursor.expect_space("sequence-set") || !parse_sequence_set(cursor, fetch.set) ||
        !cursor.expect_space("fetch-att")) {
        return false;
    }
    if (cursor.accept('(')) {
        do {
            if (!parse_fetch_item(cursor, fetch.items)) return false;
        } while (cursor.accept(' '));
        if (!cursor.expect(')', "fetch-att")) return false;
    } else if (!accept_macro(cursor, fetch.items) && !parse_fetch_item(cursor, fetch.items)) {
        return false;
    }
    return cursor.at_command_end() || parse_fetch_modifiers(cursor, fetch);
}

}  // namespace tidemark::protocol
