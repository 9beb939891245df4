#include "tests/support/command_generator.hpp"

#include <algorithm>

namespace tidemark::protocol::testing {

namespace {

template <class Kind>
bool is(const SearchKey& key) {
    return std::holds_alternative<Kind>(key.value);
}

}  // namespace

std::string CommandGenerator::word(std::size_t bytes_max) {
    constexpr std::string_view kLetters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    std::string letters;
    for (std::size_t i = 0, size = 1 + below(bytes_max); i < size; ++i) {
        letters += kLetters[below(kLetters.size())];
    }
    return letters;
}

std::string CommandGenerator::text() {
    switch (below(6)) {
        case 0:
            return "";
        case 1:
            return word() + " " + word();
        case 2: {
            std::string bytes;
            for (std::size_t i = 0, size = below(30); i < size; ++i) {
                bytes += static_cast<char>(1 + below(255));
            }
            return bytes;
        }
        case 3:
            return std::string(
                one_of("NIL", "a{3}", "\"", "\\", "x\r\ny", "{3+}\r\nabc", "(", "]", "%*"));
        default:
            return word();
    }
}

Flag CommandGenerator::flag() {
    switch (below(4)) {
        case 0:
            return *Flag::parse(flag_text());
        case 1:
            return *Flag::parse("\\" + word() + "-x");
        default:
            return static_cast<SystemFlag>(below(kSystemFlagCount));
    }
}

SequenceSet CommandGenerator::set(bool is_known) {
    if (!is_known && chance(12)) return SequenceSet::saved_result();
    std::vector<SequenceRange> ranges;
    for (std::size_t i = 0, count = 1 + below(4); i < count; ++i) {
        SequenceRange range;
        range.first = !is_known && chance(8) ? 0 : number();
        range.last = chance(2) ? range.first : (!is_known && chance(3) ? 0 : number());
        ranges.push_back(range);
    }
    return SequenceSet::of(std::move(ranges));
}

DateTime CommandGenerator::date_time() {
    return {static_cast<std::int64_t>(below(4'000'000'000)) - 500'000'000,
            static_cast<std::int16_t>(static_cast<int>(below(1'600)) - 800)};
}

StatusItems CommandGenerator::status_items() {
    StatusItems items;
    do {
        items.add(static_cast<StatusItem>(below(10)));
    } while (chance(2));
    return items;
}

SearchReturn CommandGenerator::search_return() {
    SearchReturn returns;
    returns.is_present = chance(2);
    while (returns.is_present && chance(2)) {
        returns.options.add(static_cast<SearchReturnOption>(below(5)));
    }
    return returns;
}

SearchKey CommandGenerator::leaf() {
    switch (below(11)) {
        case 0:
            return {SearchAll{}};
        case 1:
            return {SearchFlag{static_cast<SystemFlag>(below(kSystemFlagCount)), chance(2)}};
        case 2:
            return {SearchFlag{*Flag::parse(flag_text()), chance(2)}};
        case 3: {
            const auto field = static_cast<SearchText::Field>(below(8));
            return {SearchText{field, field == SearchText::Field::header ? text() : "", text()}};
        }
        case 4:
            return {SearchDate{static_cast<SearchDate::Which>(below(3)),
                               static_cast<SearchDate::Relation>(below(3)), date()}};
        case 5:
            return {SearchSize{chance(2), number64()}};
        case 6:
            return {SearchWithin{chance(2), number()}};
        case 7:
            return {SearchUid{set()}};
        case 8:
            return {SearchSequence{set()}};
        case 9: {
            SearchModSeq modseq{number64(), {}};
            if (chance(2)) {
                modseq.entry = {std::string("/flags/").append(flag().name()),
                                static_cast<SearchModSeqEntry::Type>(below(3))};
            }
            return {modseq};
        }
        default:
            return chance(4) ? SearchKey{SearchSaveDateSupported{}}
                             : SearchKey{SearchObjectId{static_cast<SearchObjectId::Kind>(below(2)),
                                                        word()}};
    }
}

SearchKey CommandGenerator::key(unsigned depth) {
    if (depth == 0 || chance(2)) return leaf();
    const auto fill = [&](std::vector<SearchKey>& keys, bool (*is_same)(const SearchKey&),
                          std::size_t count) {
        while (keys.size() < count) {
            SearchKey inner = key(depth - 1);
            if (!is_same(inner)) keys.push_back(std::move(inner));
        }
    };
    switch (below(3)) {
        case 0: {
            SearchNot negation;
            fill(negation.keys, is<SearchNot>, 1);
            return {std::move(negation)};
        }
        case 1: {
            SearchOr any;
            fill(any.keys, is<SearchOr>, 2 + below(3));
            return {std::move(any)};
        }
        default: {
            SearchAnd all;
            fill(all.keys, is<SearchAnd>, 2 + below(3));
            return {std::move(all)};
        }
    }
}

SearchProgram CommandGenerator::program(bool needs_charset) {
    SearchProgram made;
    if (needs_charset || chance(3)) made.charset = one_of("UTF-8", "US-ASCII", "iso 8859", "");
    made.key = key(5);
    return made;
}

message::SectionSpec CommandGenerator::section(bool is_binary) {
    using message::SectionKind;
    message::SectionSpec made;
    while (chance(2)) made.path.push_back(number());
    if (is_binary) return made;
    made.kind = static_cast<SectionKind>(below(made.path.empty() ? 5 : 6));
    if (made.kind == SectionKind::kHeaderFields || made.kind == SectionKind::kHeaderFieldsNot) {
        do {
            made.fields.push_back(text());
        } while (chance(2));
    }
    return made;
}

FetchItem CommandGenerator::fetch_item() {
    FetchItem item;
    item.attribute = static_cast<FetchAttribute>(below(18));
    switch (item.attribute) {
        case FetchAttribute::body_section:
        case FetchAttribute::binary:
            item.peek = chance(2);
            item.section = section(item.attribute == FetchAttribute::binary);
            if (chance(2))
                item.partial = Partial{number64(), std::max<std::uint64_t>(1, number64())};
            break;
        case FetchAttribute::binary_size:
            item.section = section(true);
            break;
        case FetchAttribute::preview:
            item.is_lazy = chance(2);
            break;
        default:
            break;
    }
    return item;
}

AppendMessage CommandGenerator::append_message() {
    AppendMessage made;
    while (chance(2)) made.options.flags.push_back(flag());
    if (chance(2)) made.options.internal_date = date_time();
    made.options.is_utf8 = chance(4);
    made.options.is_literal8 = made.options.is_utf8 || chance(4);
    made.bytes = text();
    if (made.options.is_literal8 && chance(2)) made.bytes += '\0';
    return made;
}

command::Body CommandGenerator::plain() {
    using namespace command;
    switch (below(11)) {
        case 0:
            return Capability{};
        case 1:
            return Noop{};
        case 2:
            return Logout{};
        case 3:
            return StartTls{};
        case 4:
            return Namespace{};
        case 5:
            return Idle{};
        case 6:
            return Unauthenticate{};
        case 7:
            return Check{};
        case 8:
            return Close{};
        case 9:
            return Unselect{};
        default:
            return Expunge{};
    }
}

command::Body CommandGenerator::session() {
    using namespace command;
    switch (below(6)) {
        case 0: {
            Id id;
            if (chance(4)) return id;
            id.pairs.emplace();
            while (chance(2)) {
                id.pairs->emplace_back(word(), chance(3) ? std::nullopt : std::optional(text()));
            }
            return id;
        }
        case 1: {
            Authenticate made;
            made.mechanism = one_of("PLAIN", "SCRAM-SHA-256");
            if (chance(2)) made.initial_response = SecretString(one_of("", "AAAA", "AHg=", "+/=="));
            return made;
        }
        case 2: {
            Login login;
            login.user = text();
            login.password = SecretString(text());
            return login;
        }
        case 3:
            return Enable{{"CONDSTORE", ascii_to_upper(word())}};
        case 4:
            return Compress{"DEFLATE"};
        default:
            return chance(2) ? Body(GetQuota{text()}) : Body(GetQuotaRoot{mailbox()});
    }
}

command::Body CommandGenerator::on_mailbox() {
    using namespace command;
    switch (below(10)) {
        case 0: {
            Select select{mailbox(), chance(2), chance(2), {}};
            if (chance(2)) return select;
            auto& qresync = select.qresync.emplace();
            qresync = {number(), number64(), {}, {}};
            if (chance(2)) qresync.known_uids = set(true);
            if (chance(2)) qresync.match = {set(true), set(true)};
            return select;
        }
        case 1: {
            Create create{mailbox(), {}};
            while (chance(2)) create.use_attributes.push_back("\\" + word());
            return create;
        }
        case 2:
            return Delete{mailbox()};
        case 3:
            return Rename{mailbox(), mailbox()};
        case 4:
            return Subscribe{mailbox()};
        case 5:
            return Unsubscribe{mailbox()};
        case 6: {
            List list;
            list.is_extended = chance(2);
            list.reference = mailbox();
            list.patterns.push_back(chance(2) ? "*" : text());
            if (!list.is_extended) return list;
            while (chance(2)) list.patterns.push_back(chance(2) ? "a/%" : text());
            list.selection.subscribed = chance(2);
            list.selection.remote = chance(2);
            list.selection.recursive_match = list.selection.subscribed && chance(2);
            list.selection.special_use = chance(2);
            list.returns.subscribed = chance(2);
            list.returns.children = chance(2);
            list.returns.special_use = chance(2);
            if (chance(2)) list.returns.status = status_items();
            return list;
        }
        case 7:
            return Lsub{mailbox(), text()};
        case 8:
            return Status{mailbox(), status_items()};
        default: {
            Append append{mailbox(), {}};
            do {
                append.messages.push_back(append_message());
            } while (chance(3));
            return append;
        }
    }
}

command::Body CommandGenerator::on_messages() {
    using namespace command;
    const bool by_uid = chance(2);
    switch (below(8)) {
        case 0:
            return Expunge{set()};
        case 1:
            return Search{by_uid, search_return(), program(false)};
        case 2: {
            Sort sort{by_uid, search_return(), {}, program(true)};
            do {
                sort.criteria.push_back({static_cast<SortKey>(below(9)), chance(2)});
            } while (chance(2));
            return sort;
        }
        case 3:
            return Thread{by_uid, ascii_to_upper(word()), program(true)};
        case 4: {
            Fetch fetch{by_uid, set(), {}, {}, false};
            do {
                fetch.items.push_back(fetch_item());
            } while (!chance(3));
            if (chance(3)) fetch.changed_since = number64();
            fetch.vanished = fetch.changed_since && by_uid && chance(2);
            return fetch;
        }
        case 5: {
            Store store{by_uid, set(), static_cast<Store::Mode>(below(3)), chance(2), {}, {}};
            while (!chance(3)) store.flags.push_back(flag());
            if (chance(3)) store.unchanged_since = number64();
            return store;
        }
        case 6:
            return Copy{by_uid, set(), mailbox()};
        default:
            return Move{by_uid, set(), mailbox()};
    }
}

Command CommandGenerator::next() {
    Tag tag = *Tag::parse(word(12));
    switch (below(8)) {
        case 0:
            return {std::move(tag), plain()};
        case 1:
            return {std::move(tag), session()};
        case 2:
        case 3:
            return {std::move(tag), on_mailbox()};
        default:
            return {std::move(tag), on_messages()};
    }
}

}  // namespace tidemark::protocol::testing
