#include "protocol/parse_response.hpp"

#include "protocol/parse_basic.hpp"
#include "protocol/response_cursor.hpp"

#include <algorithm>

namespace tidemark::protocol {
namespace {

bool is_word_char(char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != '(' && c != ')' && c != 0x7f;
}

// Words separated by spaces, to the end or the closing parenthesis.
template <class Words>
void read_words(ResponseCursor& cursor, Words& words) {
    cursor.skip_spaces();
    for (auto word = cursor.take_while(is_word_char); !word.empty();
         word = cursor.take_while(is_word_char)) {
        words.emplace_back(word);
        cursor.skip_spaces();
    }
}

// deviation: more than one space, as some servers (and examples in RFC 2342 and RFC 5819) have it.
bool read_space(ResponseCursor& cursor, std::string_view rule) {
    if (!cursor.expect_space(rule)) {
        return false;
    }
    cursor.skip_spaces();
    return true;
}

bool read_word_list(ResponseCursor& cursor, std::vector<std::string_view>& words) {
    if (!cursor.expect('(', "flag-list")) {
        return false;
    }
    read_words(cursor, words);
    return cursor.expect(')', "flag-list");
}

template <class Text>
bool read_astring_into(ResponseCursor& cursor, Text& out, std::string_view rule) {
    std::string_view text;
    if (!cursor.read_astring(text, rule)) {
        return false;
    }
    out = text;
    return true;
}

// resp-cond-state = ("OK" / "NO" / "BAD") SP resp-text
void read_condition(ResponseCursor& cursor, Response& response) {
    cursor.accept(' ');
    read_code(cursor, response.code);
    response.text = cursor.rest();
    cursor.advance(response.text.size());
}

// DQUOTE QUOTED-CHAR DQUOTE / nil
bool read_separator(ResponseCursor& cursor, std::optional<char>& separator) {
    StringValue value;
    if (!cursor.read_nstring(value, "mailbox-list")) {
        return false;
    }
    separator.reset();
    if (!value.is_nil && value.bytes.size() == 1) {
        separator = value.bytes.front();
    }
    return value.is_nil || value.bytes.size() <= 1 ||
           cursor.fail(ParseErrorKind::syntax, "mailbox-list");
}

bool read_strings(ResponseCursor& cursor, std::vector<std::string>& strings) {
    if (!cursor.expect('(', "tagged-ext-val")) {
        return false;
    }
    cursor.skip_spaces();
    while (!cursor.accept(')')) {
        std::string_view text;
        if (!cursor.read_astring(text, "tagged-ext-val")) {
            return false;
        }
        strings.emplace_back(text);
        cursor.skip_spaces();
    }
    return true;
}

// mbox-list-extended-item = mbox-list-extended-item-tag SP tagged-ext-val
bool read_list_item(ResponseCursor& cursor, ListData& list) {
    std::string_view name;
    if (!cursor.read_astring(name, "mbox-list-extended-item") ||
        !cursor.expect_space("mbox-list-extended-item")) {
        return false;
    }
    if (ascii_iequals(name, "CHILDINFO")) {
        return read_strings(cursor, list.child_info);
    }
    if (ascii_iequals(name, "OLDNAME")) {
        std::string old_name;
        if (!cursor.expect('(', "oldname-extended-item") ||
            !read_astring_into(cursor, old_name, "oldname-extended-item") ||
            !cursor.expect(')', "oldname-extended-item")) {
            return false;
        }
        list.old_name = std::move(old_name);
        return true;
    }
    std::string_view raw;
    return cursor.skip_value(raw, "tagged-ext-val");
}

// mailbox-list    = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox
//                   [SP mbox-list-extended]
bool read_list(ResponseCursor& cursor, ListData& list) {
    if (!cursor.expect('(', "mailbox-list")) {
        return false;
    }
    std::vector<std::string_view> names;
    read_words(cursor, names);
    for (const auto name : names) {
        if (const auto attribute = find_attribute(name)) {
            list.attributes.add(*attribute);
        } else {
            list.other_attributes.emplace_back(name);
        }
    }
    if (!cursor.expect(')', "mailbox-list") || !read_space(cursor, "mailbox-list") ||
        !read_separator(cursor, list.separator) || !read_space(cursor, "mailbox-list") ||
        !read_astring_into(cursor, list.mailbox, "mailbox")) {
        return false;
    }
    cursor.skip_spaces();
    if (!cursor.accept('(')) {
        return true;
    }
    while (!cursor.accept(')')) {
        if (!read_list_item(cursor, list)) {
            return false;
        }
        cursor.skip_spaces();
    }
    return true;
}

bool read_status_value(ResponseCursor& cursor, StatusItem item, StatusData& status) {
    constexpr std::string_view kRule = "status-att-val";
    switch (item) {
        case StatusItem::messages:
            return parse_number(cursor, status.messages, kRule);
        case StatusItem::recent:
            return parse_number(cursor, status.recent, kRule);
        case StatusItem::uid_next:
            return parse_number(cursor, status.uid_next, kRule);
        case StatusItem::uid_validity:
            return parse_number(cursor, status.uid_validity, kRule);
        case StatusItem::unseen:
            return parse_number(cursor, status.unseen, kRule);
        case StatusItem::deleted:
            return parse_number(cursor, status.deleted, kRule);
        case StatusItem::size:
            return parse_number64(cursor, status.size, kRule);
        case StatusItem::highest_modseq:
            return parse_number64(cursor, status.highest_modseq, kRule);
        case StatusItem::mailbox_id:
            return cursor.expect('(', kRule) &&
                   read_astring_into(cursor, status.mailbox_id, kRule) && cursor.expect(')', kRule);
        case StatusItem::append_limit: {
            if (cursor.accept_word("NIL")) {
                return true;
            }
            std::uint64_t limit = 0;
            if (!parse_number64(cursor, limit, kRule)) {
                return false;
            }
            status.append_limit = limit;
            return true;
        }
    }
    return false;
}

// "STATUS" SP mailbox SP "(" [status-att-list] ")"
bool read_status(ResponseCursor& cursor, StatusData& status) {
    if (!read_astring_into(cursor, status.mailbox, "mailbox") ||
        !cursor.expect_space("status-att-list") || !cursor.expect('(', "status-att-list")) {
        return false;
    }
    cursor.skip_spaces();
    while (!cursor.accept(')')) {
        const auto name = cursor.take_word();
        if (name.empty() || !cursor.expect_space("status-att-val")) {
            return cursor.fail(ParseErrorKind::syntax, "status-att-val");
        }
        if (const auto item = find_status_item(name)) {
            status.present.add(*item);
            if (!read_status_value(cursor, *item, status)) {
                return false;
            }
        } else if (std::string_view raw; !cursor.skip_value(raw, "status-att-val")) {
            return false;
        }
        cursor.skip_spaces();
    }
    return true;
}

// RFC 7162 §7: search-sort-mod-seq = "(" "MODSEQ" SP mod-sequence-value ")"
bool read_search(ResponseCursor& cursor, SearchData& search) {
    cursor.skip_spaces();
    while (!cursor.at_end()) {
        if (cursor.accept('(')) {
            std::uint64_t modseq = 0;
            if (!cursor.accept_word("MODSEQ") || !cursor.expect_space("search-sort-mod-seq") ||
                !parse_number64(cursor, modseq, "mod-sequence-value") ||
                !cursor.expect(')', "search-sort-mod-seq")) {
                return cursor.fail(ParseErrorKind::syntax, "search-sort-mod-seq");
            }
            search.modseq = modseq;
        } else {
            std::uint32_t number = 0;
            if (!parse_nz_number(cursor, number, "mailbox-data")) {
                return false;
            }
            search.numbers.push_back(number);
        }
        if (!cursor.at_end() && !cursor.expect_space("mailbox-data")) {
            return false;
        }
        cursor.skip_spaces();
    }
    return true;
}

template <class Number, class Read>
bool read_optional(ResponseCursor& cursor, std::optional<Number>& out, Read read) {
    Number number = 0;
    if (!read(cursor, number, "search-return-data")) {
        return false;
    }
    out = number;
    return true;
}

// search-return-data = "MIN" SP nz-number / "MAX" SP nz-number / "ALL" SP sequence-set / …
bool read_esearch_item(ResponseCursor& cursor, EsearchData& result) {
    const auto name = cursor.take_word();
    const auto is = [&](std::string_view word) { return ascii_iequals(name, word); };
    if (is("UID")) {
        result.by_uid = true;
        return true;
    }
    if (name.empty() || !cursor.expect_space("search-return-data")) {
        return cursor.fail(ParseErrorKind::syntax, "search-return-data");
    }
    if (is("MIN")) {
        return read_optional(cursor, result.min, parse_nz_number);
    }
    if (is("MAX")) {
        return read_optional(cursor, result.max, parse_nz_number);
    }
    if (is("COUNT")) {
        return read_optional(cursor, result.count, parse_number64);
    }
    if (is("MODSEQ")) {
        return read_optional(cursor, result.modseq, parse_number64);
    }
    if (is("ALL")) {
        return cursor.read_ranges(result.all.emplace(), "search-return-data");
    }
    std::string_view raw;
    return cursor.skip_value(raw, "search-ret-data-ext");
}

// esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
bool read_esearch(ResponseCursor& cursor, EsearchData& result) {
    cursor.skip_spaces();
    if (cursor.accept('(')) {
        std::string tag;
        if (!cursor.accept_word("TAG") || !cursor.expect_space("search-correlator") ||
            !read_astring_into(cursor, tag, "search-correlator") ||
            !cursor.expect(')', "search-correlator")) {
            return cursor.fail(ParseErrorKind::syntax, "search-correlator");
        }
        result.tag = std::move(tag);
        cursor.skip_spaces();
    }
    while (!cursor.at_end()) {
        if (!read_esearch_item(cursor, result)) {
            return false;
        }
        cursor.skip_spaces();
    }
    return true;
}

// expunged-resp   = "VANISHED" [SP "(EARLIER)"] SP known-uids
bool read_vanished(ResponseCursor& cursor, VanishedData& vanished) {
    if (cursor.accept('(')) {
        vanished.is_earlier = cursor.accept_word("EARLIER");
        if (!vanished.is_earlier || !cursor.expect(')', "expunged-resp") ||
            !cursor.expect_space("expunged-resp")) {
            return cursor.fail(ParseErrorKind::syntax, "expunged-resp");
        }
    }
    return cursor.read_ranges(vanished.uids, "known-uids");
}

// namespace-descr = "(" string SP (DQUOTE QUOTED-CHAR DQUOTE / nil) [namespace-response-extensions]
//                   ")"
bool read_namespace_part(ResponseCursor& cursor, std::vector<NamespaceEntry>& entries) {
    constexpr std::string_view kRule = "namespace";
    if (cursor.accept_word("NIL")) {
        return true;
    }
    if (!cursor.expect('(', kRule)) {
        return false;
    }
    while (!cursor.accept(')')) {
        NamespaceEntry entry;
        if (!cursor.expect('(', kRule) || !read_astring_into(cursor, entry.prefix, kRule) ||
            !cursor.expect_space(kRule) || !read_separator(cursor, entry.separator)) {
            return false;
        }
        cursor.skip_spaces();
        while (!cursor.accept(')')) {
            std::string_view raw;
            if (!cursor.skip_value(raw, kRule)) {
                return false;
            }
            cursor.skip_spaces();
        }
        entries.push_back(std::move(entry));
        cursor.skip_spaces();
    }
    return true;
}

bool read_namespace(ResponseCursor& cursor, NamespaceData& data) {
    return read_namespace_part(cursor, data.personal) && read_space(cursor, "namespace-response") &&
           read_namespace_part(cursor, data.other_users) &&
           read_space(cursor, "namespace-response") && read_namespace_part(cursor, data.shared);
}

// id-params-list  = "(" *(string SP nstring SP) ")" / nil
bool read_id(ResponseCursor& cursor, std::optional<IdPairs>& pairs) {
    pairs.reset();
    if (cursor.accept_word("NIL")) {
        return true;
    }
    if (!cursor.expect('(', "id-params-list")) {
        return false;
    }
    pairs.emplace();
    cursor.skip_spaces();
    while (!cursor.accept(')')) {
        std::string field;
        StringValue value;
        if (!read_astring_into(cursor, field, "id-params-list") ||
            !cursor.expect_space("id-params-list") ||
            !cursor.read_nstring(value, "id-params-list")) {
            return false;
        }
        pairs->emplace_back(std::move(field),
                            value.is_nil ? std::nullopt : std::optional<std::string>(value.bytes));
        cursor.skip_spaces();
    }
    return true;
}

// quota-response  = "QUOTA" SP quota-root-name SP quota-list
bool read_quota(ResponseCursor& cursor, QuotaData& quota) {
    if (!read_astring_into(cursor, quota.root, "quota-root-name") ||
        !cursor.expect_space("quota-list") || !cursor.expect('(', "quota-list")) {
        return false;
    }
    cursor.skip_spaces();
    while (!cursor.accept(')')) {
        QuotaResource resource;
        if (!read_astring_into(cursor, resource.name, "quota-resource") ||
            !cursor.expect_space("quota-resource") ||
            !parse_number64(cursor, resource.usage, "quota-resource") ||
            !cursor.expect_space("quota-resource") ||
            !parse_number64(cursor, resource.limit, "quota-resource")) {
            return false;
        }
        quota.resources.push_back(std::move(resource));
        cursor.skip_spaces();
    }
    return true;
}

// quotaroot-response = "QUOTAROOT" SP mailbox *(SP quota-root-name)
bool read_quota_root(ResponseCursor& cursor, QuotaRootData& data) {
    if (!read_astring_into(cursor, data.mailbox, "mailbox")) {
        return false;
    }
    while (cursor.accept(' ') && !cursor.at_end()) {
        std::string root;
        if (!read_astring_into(cursor, root, "quota-root-name")) {
            return false;
        }
        data.roots.push_back(std::move(root));
    }
    return true;
}

// message-data    = nz-number SP ("EXPUNGE" / ("FETCH" SP msg-att)); number SP "EXISTS"
bool read_numbered(ResponseCursor& cursor, Response& response) {
    std::uint32_t number = 0;
    if (!parse_number(cursor, number, "message-data") || !cursor.expect_space("message-data")) {
        return false;
    }
    response.number = number;
    if (cursor.accept_word("FETCH")) {
        response.kind = ResponseKind::fetch;
        response.fetch.clear();
        response.fetch.number = number;
        return cursor.expect_space("message-data") && read_fetch(cursor, response.fetch);
    }
    if (cursor.accept_word("UIDFETCH")) {
        response.kind = ResponseKind::fetch;
        response.fetch.clear();
        response.fetch.uid = number;
        return cursor.expect_space("message-data") && read_fetch(cursor, response.fetch);
    }
    if (cursor.accept_word("EXISTS")) {
        response.kind = ResponseKind::exists;
        return true;
    }
    if (cursor.accept_word("RECENT")) {
        response.kind = ResponseKind::recent;
        return true;
    }
    if (cursor.accept_word("EXPUNGE")) {
        response.kind = ResponseKind::expunge;
        return number != 0 || cursor.fail(ParseErrorKind::out_of_range, "message-data");
    }
    return cursor.fail(ParseErrorKind::syntax, "message-data");
}

struct Reader {
    std::string_view name;
    ResponseKind kind;
    bool (*read)(ResponseCursor&, Response&);
};

// What may follow "* ", by its first word. Those that may be empty behind the word start at its
// end, the others after a space.
constexpr Reader kReaders[] = {
    {"VANISHED", ResponseKind::vanished,
     [](ResponseCursor& cursor, Response& response) {
         response.vanished.clear();
         return cursor.expect_space("expunged-resp") && read_vanished(cursor, response.vanished);
     }},
    {"LIST", ResponseKind::list,
     [](ResponseCursor& cursor, Response& response) {
         response.list.clear();
         return cursor.expect_space("mailbox-list") && read_list(cursor, response.list);
     }},
    {"LSUB", ResponseKind::list,
     [](ResponseCursor& cursor, Response& response) {
         response.list.clear();
         response.list.is_lsub = true;
         return cursor.expect_space("mailbox-list") && read_list(cursor, response.list);
     }},
    {"STATUS", ResponseKind::status,
     [](ResponseCursor& cursor, Response& response) {
         response.status.clear();
         return cursor.expect_space("mailbox-data") && read_status(cursor, response.status);
     }},
    {"SEARCH", ResponseKind::search,
     [](ResponseCursor& cursor, Response& response) {
         response.search.clear();
         return read_search(cursor, response.search);
     }},
    {"SORT", ResponseKind::search,
     [](ResponseCursor& cursor, Response& response) {
         response.search.clear();
         response.search.is_sort = true;
         return read_search(cursor, response.search);
     }},
    {"ESEARCH", ResponseKind::esearch,
     [](ResponseCursor& cursor, Response& response) {
         response.esearch.clear();
         return read_esearch(cursor, response.esearch);
     }},
    {"FLAGS", ResponseKind::flags,
     [](ResponseCursor& cursor, Response& response) {
         return cursor.expect_space("mailbox-data") && read_word_list(cursor, response.words);
     }},
    {"CAPABILITY", ResponseKind::capability,
     [](ResponseCursor& cursor, Response& response) {
         read_words(cursor, response.words);
         return true;
     }},
    {"ENABLED", ResponseKind::enabled,
     [](ResponseCursor& cursor, Response& response) {
         read_words(cursor, response.words);
         return true;
     }},
    {"NAMESPACE", ResponseKind::name_space,
     [](ResponseCursor& cursor, Response& response) {
         response.name_space.clear();
         return read_space(cursor, "namespace-response") &&
                read_namespace(cursor, response.name_space);
     }},
    {"ID", ResponseKind::id,
     [](ResponseCursor& cursor, Response& response) {
         return cursor.expect_space("id-response") && read_id(cursor, response.id);
     }},
    {"QUOTA", ResponseKind::quota,
     [](ResponseCursor& cursor, Response& response) {
         response.quota.clear();
         return cursor.expect_space("quota-response") && read_quota(cursor, response.quota);
     }},
    {"QUOTAROOT", ResponseKind::quota_root,
     [](ResponseCursor& cursor, Response& response) {
         response.quota_root.clear();
         return cursor.expect_space("quotaroot-response") &&
                read_quota_root(cursor, response.quota_root);
     }},
};

bool read_untagged(ResponseCursor& cursor, Response& response) {
    const auto all = cursor.rest();
    if (is_digit(cursor.peek())) {
        return read_numbered(cursor, response);
    }
    const auto word = cursor.take_while(is_word_char);
    if (const auto condition = find_condition(word)) {
        response.kind = ResponseKind::condition;
        response.condition = *condition;
        read_condition(cursor, response);
        return true;
    }
    for (const auto& reader : kReaders) {
        if (ascii_iequals(reader.name, word)) {
            response.kind = reader.kind;
            return reader.read(cursor, response);
        }
    }
    response.kind = ResponseKind::other;
    response.text = all;
    cursor.advance(cursor.rest().size());
    return !word.empty() || cursor.fail(ParseErrorKind::syntax, "response-data");
}

bool read_response(ResponseCursor& cursor, Response& response) {
    if (cursor.accept('+')) {
        // deviation: "+" without the space; several servers send it for an empty text.
        response.kind = ResponseKind::continuation;
        read_condition(cursor, response);
        return true;
    }
    if (cursor.accept('*')) {
        return cursor.expect_space("response-data") && read_untagged(cursor, response);
    }
    response.kind = ResponseKind::tagged;
    response.tag = cursor.take_while(is_tag_char);
    if (response.tag.empty() || !cursor.expect_space("response-tagged")) {
        return cursor.fail(ParseErrorKind::syntax, "response-tagged");
    }
    const auto condition = find_condition(cursor.take_while(is_word_char));
    if (!condition || *condition > Condition::bad) {
        return cursor.fail(ParseErrorKind::syntax, "resp-cond-state");
    }
    response.condition = *condition;
    read_condition(cursor, response);
    return true;
}

}  // namespace

tl::expected<void, ParseError> parse_response(std::string_view bytes, Response& response,
                                              std::span<const StreamedLiteral> streamed) {
    response.tag = response.text = {};
    response.number = 0;
    response.words.clear();
    if (response.code.kind != CodeKind::none) {
        response.code.clear();
    }
    if (!response.unescaped.empty()) {
        response.unescaped.clear();
    }
    ResponseCursor cursor(bytes, streamed, response.unescaped);
    if (!read_response(cursor, response)) {
        return tl::unexpected(cursor.error());
    }
    if (!cursor.at_command_end()) {
        cursor.fail(ParseErrorKind::syntax, "response");
        return tl::unexpected(cursor.error());
    }
    return {};
}

}  // namespace tidemark::protocol
