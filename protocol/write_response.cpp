#include "protocol/write_response.hpp"

#include "protocol/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace tidemark::protocol {
namespace {

constexpr std::string_view kCrlf = "\r\n";

// RFC 9051 §9 "text", US-ASCII only. What may not stand there becomes '?', and '[' at the start
// '(': without a code it would begin one.
void write_text(OutputBuffer& out, std::string_view text) {
    if (text.empty()) {
        text = "done";
    }
    bool is_first = true;
    for (char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f) {
            c = '?';
        } else if (is_first && c == '[') {
            c = '(';
        }
        is_first = false;
        out.append_char(c);
    }
}

// An atom or flag. Anything that could end the response or the list it stands in becomes '?'.
void write_word(OutputBuffer& out, std::string_view word) {
    for (const char c : word) {
        const auto byte = static_cast<unsigned char>(c);
        const bool may_stand = byte > 0x20 && byte < 0x7f && c != '(' && c != ')' && c != ']' &&
                               c != '"' && c != '{' && c != '}';
        out.append_char(may_stand ? c : '?');
    }
    if (word.empty()) {
        out.append_char('?');
    }
}

template <class Words>
void write_words(OutputBuffer& out, const Words& words) {
    bool is_first = true;
    for (const auto& word : words) {
        if (!is_first) {
            out.append_char(' ');
        }
        is_first = false;
        write_word(out, word);
    }
}

void write_code_text(OutputBuffer& out, std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out.append_char(byte < 0x20 || byte >= 0x7f || c == ']' ? '?' : c);
    }
}

void write_number_argument(OutputBuffer& out, std::uint64_t number) {
    out.append_char(' ');
    out.append_number(number);
}

void write_ranges_argument(OutputBuffer& out, std::span<const NumberRange> ranges) {
    out.append_char(' ');
    write_ranges(out, ranges);
}

void write_code_arguments(OutputBuffer& out, const ResponseCode& code) {
    switch (code_shape(code.kind)) {
        case CodeShape::bare:
            return;
        case CodeShape::number:
            write_number_argument(out, code.number);
            return;
        case CodeShape::number_and_uid:
        case CodeShape::number_and_uids:
            write_number_argument(out, code.number);
            if (!code.target.empty()) {
                write_ranges_argument(out, code.target);
            }
            return;
        case CodeShape::number_and_sets:
            write_number_argument(out, code.number);
            write_ranges_argument(out, code.source);
            write_ranges_argument(out, code.target);
            return;
        case CodeShape::numbers:
            write_ranges_argument(out, code.source);
            return;
        case CodeShape::words:
            out.append_char(' ');
            write_words(out, code.words);
            return;
        case CodeShape::optional_list:
            if (code.words.empty()) {
                return;
            }
            [[fallthrough]];
        case CodeShape::list:
            out.append(" (");
            write_words(out, code.words);
            out.append_char(')');
            return;
        case CodeShape::object_id:
            out.append(" (");
            write_word(out, code.text);
            out.append_char(')');
            return;
        case CodeShape::text:
            if (!code.text.empty()) {
                out.append(code.kind == CodeKind::other ? "" : " ");
                write_code_text(out, code.text);
            }
            return;
    }
}

void write_bare_code(OutputBuffer& out, CodeKind code) {
    if (code != CodeKind::none) {
        out.append_char('[');
        out.append(code_name(code));
        out.append("] ");
    }
}

void write_rest(OutputBuffer& out, Condition condition, const ResponseCode& code,
                std::string_view text) {
    out.append(condition_name(condition));
    out.append_char(' ');
    write_code(out, code);
    if (code.kind != CodeKind::none) {
        out.append_char(' ');
    }
    write_text(out, text);
    out.append(kCrlf);
}

void write_rest(OutputBuffer& out, Condition condition, CodeKind code, std::string_view text) {
    out.append(condition_name(condition));
    out.append_char(' ');
    write_bare_code(out, code);
    write_text(out, text);
    out.append(kCrlf);
}

void write_count(OutputBuffer& out, std::uint32_t number, std::string_view what) {
    out.append("* ");
    out.append_number(number);
    out.append(what);
}

void write_separator(OutputBuffer& out, std::optional<char> separator) {
    if (separator) {
        write_string(out, std::string_view(&*separator, 1), NameEncoding::utf7);
    } else {
        out.append("NIL");
    }
}

// Of a 32-bit number.
constexpr std::size_t kNumberDigitsMax = 10;

// "000" to "999", in four bytes each: one store.
constexpr auto kThreeDigits = [] {
    std::array<std::array<char, 4>, 1000> table{};
    for (std::size_t i = 0; i < table.size(); ++i)
        table[i] = {static_cast<char>('0' + i / 100), static_cast<char>('0' + i / 10 % 10),
                    static_cast<char>('0' + i % 10), '\0'};
    return table;
}();

void write_numbers(OutputBuffer& out, std::string_view verb, std::span<const std::uint32_t> numbers,
                   std::optional<ModSeq> modseq) {
    out.append(verb);
    // What one number shares with the next: mostly all but its last three digits.
    std::uint32_t thousands = 0;
    std::array<char, 8> front{' '};
    std::size_t front_bytes = 1;
    for (const auto number : numbers) {
        char* at = out.reserve(1 + kNumberDigitsMax + 1);
        if (number < 1000) {
            *at = ' ';
            out.commit_to(std::to_chars(at + 1, at + 1 + kNumberDigitsMax, number).ptr);
            continue;
        }
        if (number / 1000 != thousands) {
            thousands = number / 1000;
            const auto end =
                std::to_chars(front.data() + 1, front.data() + front.size(), thousands).ptr;
            front_bytes = static_cast<std::size_t>(end - front.data());
        }
        std::memcpy(at, front.data(), front.size());
        const std::array<char, 4>& digits = kThreeDigits[number - thousands * 1000];
        std::memcpy(at + front_bytes, digits.data(), digits.size());
        out.commit(front_bytes + 3);
    }
    if (modseq) {
        out.append(" (MODSEQ ");
        out.append_number(*modseq);
        out.append_char(')');
    }
    out.append(kCrlf);
}

void write_namespace_part(OutputBuffer& out, const std::vector<NamespaceEntry>& entries,
                          NameEncoding encoding) {
    if (entries.empty()) {
        out.append(" NIL");
        return;
    }
    out.append(" (");
    for (const auto& entry : entries) {
        out.append_char('(');
        write_string(out, entry.prefix, encoding);
        out.append_char(' ');
        write_separator(out, entry.separator);
        out.append_char(')');
    }
    out.append_char(')');
}

void write_list_extension(OutputBuffer& out, const ListData& list, NameEncoding encoding) {
    out.append(" (");
    if (!list.child_info.empty()) {
        out.append("\"CHILDINFO\" (");
        bool is_first = true;
        for (const auto& option : list.child_info) {
            out.append(is_first ? "" : " ");
            is_first = false;
            write_string(out, option, encoding);
        }
        out.append_char(')');
    }
    if (list.old_name) {
        out.append(list.child_info.empty() ? "\"OLDNAME\" (" : " \"OLDNAME\" (");
        write_astring(out, *list.old_name, encoding);
        out.append_char(')');
    }
    out.append_char(')');
}

void write_status_value(OutputBuffer& out, const StatusData& status, StatusItem item) {
    switch (item) {
        case StatusItem::messages:
            return out.append_number(status.messages);
        case StatusItem::recent:
            return out.append_number(status.recent);
        case StatusItem::uid_next:
            return out.append_number(status.uid_next);
        case StatusItem::uid_validity:
            return out.append_number(status.uid_validity);
        case StatusItem::unseen:
            return out.append_number(status.unseen);
        case StatusItem::deleted:
            return out.append_number(status.deleted);
        case StatusItem::size:
            return out.append_number(status.size);
        case StatusItem::highest_modseq:
            return out.append_number(status.highest_modseq);
        case StatusItem::mailbox_id:
            out.append_char('(');
            write_word(out, status.mailbox_id);
            return out.append_char(')');
        case StatusItem::append_limit:
            return status.append_limit ? out.append_number(*status.append_limit)
                                       : out.append("NIL");
    }
}

}  // namespace

void write_ranges(OutputBuffer& out, std::span<const NumberRange> ranges) {
    bool is_first = true;
    for (const auto& range : ranges) {
        char* at = out.reserve(22);
        if (!is_first) {
            *at++ = ',';
        }
        is_first = false;
        at = std::to_chars(at, at + 10, range.first).ptr;
        if (range.last != range.first) {
            *at++ = ':';
            at = std::to_chars(at, at + 10, range.last).ptr;
        }
        out.commit_to(at);
    }
}

// resp-text-code, RFC 9051 §9
void write_code(OutputBuffer& out, const ResponseCode& code) {
    if (code.kind == CodeKind::none) {
        return;
    }
    out.append_char('[');
    out.append(code_name(code.kind));
    write_code_arguments(out, code);
    out.append_char(']');
}

void write_tagged(OutputBuffer& out, std::string_view tag, Condition condition,
                  const ResponseCode& code, std::string_view text) {
    out.append(tag);
    out.append_char(' ');
    write_rest(out, condition, code, text);
}

void write_tagged(OutputBuffer& out, std::string_view tag, Condition condition, CodeKind code,
                  std::string_view text) {
    out.append(tag);
    out.append_char(' ');
    write_rest(out, condition, code, text);
}

void write_tagged(OutputBuffer& out, std::string_view tag, Condition condition,
                  std::string_view text) {
    write_tagged(out, tag, condition, CodeKind::none, text);
}

void write_untagged(OutputBuffer& out, Condition condition, const ResponseCode& code,
                    std::string_view text) {
    out.append("* ");
    write_rest(out, condition, code, text);
}

void write_untagged(OutputBuffer& out, Condition condition, CodeKind code, std::string_view text) {
    out.append("* ");
    write_rest(out, condition, code, text);
}

void write_untagged(OutputBuffer& out, Condition condition, std::string_view text) {
    write_untagged(out, condition, CodeKind::none, text);
}

// continue-req    = "+" SP (resp-text / base64) CRLF
void write_continuation(OutputBuffer& out, std::string_view text) {
    out.append("+ ");
    if (!text.empty()) {
        write_text(out, text);
    }
    out.append(kCrlf);
}

void write_capability(OutputBuffer& out, std::string_view names) {
    out.append("* CAPABILITY ");
    out.append(names);
    out.append(kCrlf);
}

// enable-data     = "ENABLED" *(SP capability)
void write_enabled(OutputBuffer& out, std::span<const std::string_view> names) {
    out.append("* ENABLED");
    for (const auto name : names) {
        out.append_char(' ');
        write_word(out, name);
    }
    out.append(kCrlf);
}

void write_exists(OutputBuffer& out, std::uint32_t count) {
    write_count(out, count, " EXISTS\r\n");
}
void write_recent(OutputBuffer& out, std::uint32_t count) {
    write_count(out, count, " RECENT\r\n");
}
void write_expunge(OutputBuffer& out, SeqNum number) {
    write_count(out, number, " EXPUNGE\r\n");
}

// expunged-resp   = "VANISHED" [SP "(EARLIER)"] SP known-uids
void write_vanished(OutputBuffer& out, const RangeSet& uids, bool is_earlier) {
    if (uids.empty()) {
        return;
    }
    out.append(is_earlier ? "* VANISHED (EARLIER) " : "* VANISHED ");
    write_ranges(out, uids.ranges());
    out.append(kCrlf);
}

void write_flags(OutputBuffer& out, std::string_view flags) {
    out.append("* FLAGS ");
    out.append(flags);
    out.append(kCrlf);
}

// mailbox-list    = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox
//                   [SP mbox-list-extended]
void write_list(OutputBuffer& out, const ListData& list, NameEncoding encoding) {
    out.append(list.is_lsub ? "* LSUB (" : "* LIST (");
    bool is_first = true;
    const auto write_attribute = [&](std::string_view name) {
        out.append(is_first ? "" : " ");
        is_first = false;
        write_word(out, name);
    };
    for (std::size_t i = 0; i < kMailboxAttributeCount; ++i) {
        const auto attribute = static_cast<MailboxAttribute>(i);
        if (list.attributes.contains(attribute)) {
            write_attribute(attribute_name(attribute));
        }
    }
    std::ranges::for_each(list.other_attributes, write_attribute);
    out.append(") ");
    write_separator(out, list.separator);
    out.append_char(' ');
    write_astring(out, list.mailbox, encoding);
    if (!list.child_info.empty() || list.old_name) {
        write_list_extension(out, list, encoding);
    }
    out.append(kCrlf);
}

// "STATUS" SP mailbox SP "(" [status-att-list] ")"
void write_status(OutputBuffer& out, const StatusData& status, NameEncoding encoding) {
    out.append("* STATUS ");
    write_astring(out, status.mailbox, encoding);
    out.append(" (");
    bool is_first = true;
    for (std::size_t i = 0; i < kStatusItemCount; ++i) {
        const auto item = static_cast<StatusItem>(i);
        if (!status.present.contains(item)) {
            continue;
        }
        out.append(is_first ? "" : " ");
        is_first = false;
        out.append(status_item_name(item));
        out.append_char(' ');
        write_status_value(out, status, item);
    }
    out.append(")\r\n");
}

// RFC 7162 §7: "SEARCH" [1*(SP nz-number) SP search-sort-mod-seq]
void write_search(OutputBuffer& out, std::span<const std::uint32_t> numbers,
                  std::optional<ModSeq> modseq) {
    write_numbers(out, "* SEARCH", numbers, numbers.empty() ? std::nullopt : modseq);
}

void write_sort(OutputBuffer& out, std::span<const std::uint32_t> numbers,
                std::optional<ModSeq> modseq) {
    write_numbers(out, "* SORT", numbers, numbers.empty() ? std::nullopt : modseq);
}

// thread-data     = "THREAD" [SP 1*thread-list]
void write_thread(OutputBuffer& out, std::string_view threads) {
    out.append(threads.empty() ? "* THREAD" : "* THREAD ");
    out.append(threads);
    out.append(kCrlf);
}

// esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
void write_esearch(OutputBuffer& out, const EsearchData& result) {
    out.append("* ESEARCH");
    if (result.tag) {
        out.append(" (TAG ");
        write_string(out, *result.tag, NameEncoding::utf7);
        out.append_char(')');
    }
    out.append(result.by_uid ? " UID" : "");
    const auto write_item = [&](std::string_view name, auto value) {
        if (value) {
            out.append(name);
            out.append_number(*value);
        }
    };
    write_item(" MIN ", result.min);
    write_item(" MAX ", result.max);
    if (result.all && !result.all->empty()) {
        out.append(" ALL ");
        write_ranges(out, *result.all);
    }
    write_item(" COUNT ", result.count);
    write_item(" MODSEQ ", result.modseq);
    out.append(kCrlf);
}

// namespace-response = "NAMESPACE" SP namespace SP namespace SP namespace
void write_namespace(OutputBuffer& out, const NamespaceData& data, NameEncoding encoding) {
    out.append("* NAMESPACE");
    write_namespace_part(out, data.personal, encoding);
    write_namespace_part(out, data.other_users, encoding);
    write_namespace_part(out, data.shared, encoding);
    out.append(kCrlf);
}

// id-response     = "ID" SP id-params-list
void write_id(OutputBuffer& out, const std::optional<IdPairs>& pairs) {
    out.append("* ID ");
    if (!pairs) {
        out.append("NIL\r\n");
        return;
    }
    out.append_char('(');
    bool is_first = true;
    for (const auto& [field, value] : *pairs) {
        out.append(is_first ? "" : " ");
        is_first = false;
        write_string(out, field, NameEncoding::utf7);
        out.append_char(' ');
        write_nstring(out, value, NameEncoding::utf7);
    }
    out.append(")\r\n");
}

// quota-response  = "QUOTA" SP quota-root-name SP quota-list
void write_quota(OutputBuffer& out, const QuotaData& quota, NameEncoding encoding) {
    out.append("* QUOTA ");
    write_astring(out, quota.root, encoding);
    out.append(" (");
    bool is_first = true;
    for (const auto& resource : quota.resources) {
        out.append(is_first ? "" : " ");
        is_first = false;
        write_word(out, resource.name);
        write_number_argument(out, resource.usage);
        write_number_argument(out, resource.limit);
    }
    out.append(")\r\n");
}

// quotaroot-response = "QUOTAROOT" SP mailbox *(SP quota-root-name)
void write_quota_root(OutputBuffer& out, const QuotaRootData& data, NameEncoding encoding) {
    out.append("* QUOTAROOT ");
    write_astring(out, data.mailbox, encoding);
    for (const auto& root : data.roots) {
        out.append_char(' ');
        write_astring(out, root, encoding);
    }
    out.append(kCrlf);
}

}  // namespace tidemark::protocol
