#include "protocol/write_command.hpp"

#include "protocol/date.hpp"

#include <array>
#include <charconv>
#include <type_traits>

namespace tidemark::protocol {

namespace {

// Longer strings are written as literals; servers limit their lines.
constexpr std::size_t kQuotedBytesMax = 1000;

bool is_quotable(std::string_view text) {
    if (text.size() > kQuotedBytesMax) return false;
    for (const char c : text) {
        if (c == '\0' || c == '\r' || c == '\n' || static_cast<unsigned char>(c) >= 0x80)
            return false;
    }
    return true;
}

constexpr std::string_view name_of(SearchReturnOption option) {
    constexpr std::array<std::string_view, 5> kNames = {"MIN", "MAX", "ALL", "COUNT", "SAVE"};
    return kNames[static_cast<std::size_t>(option)];
}

// Builds the parts of one command. Each method is the inverse of the parse function of the same
// rule.
class Writer {
  public:
    explicit Writer(LiteralStyle style) : style_(style) {}

    std::vector<std::string> finish() && {
        out_ += "\r\n";
        parts_.push_back(std::move(out_));
        return std::move(parts_);
    }

    Writer& text(std::string_view bytes) {
        out_ += bytes;
        return *this;
    }
    Writer& number(std::uint64_t value) {
        char digits[20];
        out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
        return *this;
    }
    void literal(std::string_view bytes, bool is_literal8) {
        text(is_literal8 ? "~{" : "{").number(bytes.size());
        text(style_ == LiteralStyle::non_synchronising ? "+}\r\n" : "}\r\n");
        if (style_ == LiteralStyle::synchronising) {
            parts_.push_back(std::move(out_));
            out_.clear();
        }
        text(bytes);
    }
    void quoted(std::string_view bytes) {
        out_ += '"';
        for (const char c : bytes) {
            if (c == '"' || c == '\\') out_ += '\\';
            out_ += c;
        }
        out_ += '"';
    }
    void string(std::string_view bytes) {
        if (is_quotable(bytes)) {
            quoted(bytes);
        } else {
            literal(bytes, false);
        }
    }
    Writer& astring(std::string_view bytes) {
        if (bytes.size() <= kAtomBytesMax && all_of_class(bytes, is_astring_char))
            return text(bytes);
        string(bytes);
        return *this;
    }
    void list_mailbox(std::string_view bytes) {
        if (bytes.size() <= kAtomBytesMax && all_of_class(bytes, is_list_char)) {
            text(bytes);
        } else {
            string(bytes);
        }
    }
    Writer& mailbox(const WireMailbox& name) { return astring(name.bytes); }
    Writer& set(const SequenceSet& numbers) {
        numbers.append_to(out_);
        return *this;
    }

    // Writes `items` with a space between them.
    template <class Items, class Write>
    void joined(const Items& items, Write write) {
        bool is_first = true;
        for (const auto& item : items) {
            if (!is_first) out_ += ' ';
            is_first = false;
            write(item);
        }
    }
    void flag_list(const std::vector<Flag>& flags) {
        out_ += '(';
        joined(flags, [&](const Flag& flag) { text(flag.name()); });
        out_ += ')';
    }

    void status_items(StatusItems items) {
        std::string_view separator = "(";
        for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(StatusItem::append_limit); ++i) {
            const auto item = static_cast<StatusItem>(i);
            if (!items.contains(item)) continue;
            text(separator).text(status_item_name(item));
            separator = " ";
        }
        out_ += ')';
    }
    void search_return(const SearchReturn& returns);
    void search_program(const SearchProgram& program);
    void search_key(const SearchKey& key, bool is_nested);
    void section(const message::SectionSpec& section);
    void fetch_item(const FetchItem& item);
    void append_message(const AppendMessage& message);

  private:
    std::string out_;
    std::vector<std::string> parts_;
    LiteralStyle style_;
};

void Writer::search_return(const SearchReturn& returns) {
    if (!returns.is_present) return;
    text("RETURN (");
    std::string_view separator;
    for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(SearchReturnOption::save); ++i) {
        const auto option = static_cast<SearchReturnOption>(i);
        if (!returns.options.contains(option)) continue;
        text(separator).text(name_of(option));
        separator = " ";
    }
    text(") ");
}

void Writer::search_program(const SearchProgram& program) {
    if (program.charset) text("CHARSET ").astring(*program.charset).text(" ");
    search_key(program.key, false);
}

class KeyWriter {
  public:
    explicit KeyWriter(Writer& writer, bool is_nested) : writer_(writer), is_nested_(is_nested) {}

    void operator()(const SearchAll&) { writer_.text("ALL"); }
    void operator()(const SearchFlag& key) {
        if (!key.flag.is_system()) {
            writer_.text(key.is_set ? "KEYWORD " : "UNKEYWORD ").text(key.flag.name());
        } else if (key.flag.system() == SystemFlag::recent) {
            writer_.text(key.is_set ? "RECENT" : "OLD");
        } else {
            if (!key.is_set) writer_.text("UN");
            writer_.text(ascii_to_upper(key.flag.name().substr(1)));
        }
    }
    void operator()(const SearchText& key) {
        constexpr std::array<std::string_view, 8> kFields = {"BCC",     "CC",   "FROM", "TO",
                                                             "SUBJECT", "BODY", "TEXT", "HEADER"};
        writer_.text(kFields[static_cast<std::size_t>(key.field)]).text(" ");
        if (key.field == SearchText::Field::header) writer_.astring(key.header_name).text(" ");
        writer_.astring(key.value);
    }
    void operator()(const SearchDate& key) {
        constexpr std::array<std::string_view, 3> kPrefixes = {"", "SENT", "SAVED"};
        constexpr std::array<std::string_view, 3> kRelations = {"BEFORE ", "ON ", "SINCE "};
        writer_.text(kPrefixes[static_cast<std::size_t>(key.which)])
            .text(kRelations[static_cast<std::size_t>(key.relation)])
            .text(format_date(key.date));
    }
    void operator()(const SearchSize& key) {
        writer_.text(key.is_larger ? "LARGER " : "SMALLER ").number(key.bytes);
    }
    void operator()(const SearchWithin& key) {
        writer_.text(key.is_older ? "OLDER " : "YOUNGER ").number(key.seconds);
    }
    void operator()(const SearchUid& key) { writer_.text("UID ").set(key.set); }
    void operator()(const SearchSequence& key) { writer_.set(key.set); }
    void operator()(const SearchModSeq& key) {
        writer_.text("MODSEQ ");
        if (key.entry) {
            constexpr std::array<std::string_view, 3> kTypes = {" priv ", " shared ", " all "};
            writer_.quoted(key.entry->name);
            writer_.text(kTypes[static_cast<std::size_t>(key.entry->type)]);
        }
        writer_.number(key.modseq);
    }
    void operator()(const SearchObjectId& key) {
        writer_.text(key.kind == SearchObjectId::Kind::email ? "EMAILID " : "THREADID ")
            .astring(key.id);
    }
    void operator()(const SearchSaveDateSupported&) { writer_.text("SAVEDATESUPPORTED"); }
    void operator()(const SearchNot& key) {
        writer_.text("NOT ");
        writer_.search_key(key.keys.front(), true);
    }
    // OR a OR b c: the parser takes the chain as one.
    void operator()(const SearchOr& key) {
        for (std::size_t i = 0; i < key.keys.size(); ++i) {
            if (i + 1 < key.keys.size()) writer_.text("OR ");
            writer_.search_key(key.keys[i], true);
            if (i + 1 < key.keys.size()) writer_.text(" ");
        }
    }
    void operator()(const SearchAnd& key) {
        // Without a level of parentheses, as it may have been written at the deepest level.
        if (is_nested_ && is_new(key)) {
            writer_.text("NEW");
            return;
        }
        if (is_nested_) writer_.text("(");
        writer_.joined(key.keys, [&](const SearchKey& inner) { writer_.search_key(inner, true); });
        if (is_nested_) writer_.text(")");
    }

  private:
    static bool is_new(const SearchAnd& key) {
        return key.keys.size() == 2 &&
               key.keys[0] == SearchKey{SearchFlag{Flag(SystemFlag::recent), true}} &&
               key.keys[1] == SearchKey{SearchFlag{Flag(SystemFlag::seen), false}};
    }
    Writer& writer_;
    bool is_nested_;
};

void Writer::search_key(const SearchKey& key, bool is_nested) {
    std::visit(KeyWriter(*this, is_nested), key.value);
}

void Writer::section(const message::SectionSpec& section) {
    using message::SectionKind;
    text("[");
    for (std::size_t i = 0; i < section.path.size(); ++i) {
        if (i > 0) text(".");
        number(section.path[i]);
    }
    if (!section.path.empty() && section.kind != SectionKind::kAll) text(".");
    switch (section.kind) {
        case SectionKind::kAll:
            break;
        case SectionKind::kHeader:
            text("HEADER");
            break;
        case SectionKind::kText:
            text("TEXT");
            break;
        case SectionKind::kMime:
            text("MIME");
            break;
        case SectionKind::kHeaderFields:
            text("HEADER.FIELDS (");
            break;
        case SectionKind::kHeaderFieldsNot:
            text("HEADER.FIELDS.NOT (");
            break;
    }
    if (!section.fields.empty()) {
        joined(section.fields, [&](const std::string& name) { astring(name); });
        text(")");
    }
    text("]");
}

void Writer::fetch_item(const FetchItem& item) {
    text(fetch_attribute_name(item.attribute));
    if (item.peek) text(".PEEK");
    if (item.is_lazy) text(" (LAZY)");
    const bool has_section = item.attribute == FetchAttribute::body_section ||
                             item.attribute == FetchAttribute::binary ||
                             item.attribute == FetchAttribute::binary_size;
    if (has_section) section(item.section);
    if (item.partial) {
        text("<").number(item.partial->offset).text(".").number(item.partial->count).text(">");
    }
}

void Writer::append_message(const AppendMessage& message) {
    const AppendOptions& options = message.options;
    text(" ");
    if (!options.flags.empty()) {
        flag_list(options.flags);
        text(" ");
    }
    if (options.internal_date) {
        text("\"").text(format_date_time(*options.internal_date)).text("\" ");
    }
    if (options.is_utf8) text("UTF8 (");
    literal(message.bytes, options.is_literal8);
    if (options.is_utf8) text(")");
}

// Writes what follows the tag.
class BodyWriter {
  public:
    explicit BodyWriter(Writer& writer) : out_(writer) {}

    // The verbs without arguments.
    template <class Plain>
        requires std::is_empty_v<Plain>
    void operator()(const Plain& plain) {
        out_.text(verb_name(verb_of(command::Body(plain))));
    }

    void operator()(const command::Id& id) {
        if (!id.pairs) {
            out_.text("ID NIL");
            return;
        }
        out_.text("ID (");
        out_.joined(*id.pairs, [&](const auto& pair) {
            out_.string(pair.first);
            out_.text(" ");
            if (pair.second) {
                out_.string(*pair.second);
            } else {
                out_.text("NIL");
            }
        });
        out_.text(")");
    }
    void operator()(const command::Authenticate& authenticate) {
        out_.text("AUTHENTICATE ").text(authenticate.mechanism);
        if (!authenticate.initial_response) return;
        const std::string_view response = authenticate.initial_response->view();
        out_.text(" ").text(response.empty() ? "=" : response);
    }
    void operator()(const command::Login& login) {
        out_.text("LOGIN ").astring(login.user).text(" ").astring(login.password.view());
    }
    void operator()(const command::Enable& enable) {
        out_.text("ENABLE ");
        out_.joined(enable.capabilities, [&](const std::string& name) { out_.text(name); });
    }
    void operator()(const command::Compress& compress) {
        out_.text("COMPRESS ").text(compress.mechanism);
    }
    void operator()(const command::GetQuota& get) { out_.text("GETQUOTA ").astring(get.root); }
    void operator()(const command::GetQuotaRoot& get) {
        out_.text("GETQUOTAROOT ").mailbox(get.mailbox);
    }
    void operator()(const command::Select& select);
    void operator()(const command::Create& create) {
        out_.text("CREATE ").mailbox(create.mailbox);
        if (create.use_attributes.empty()) return;
        out_.text(" (USE (");
        out_.joined(create.use_attributes, [&](const std::string& name) { out_.text(name); });
        out_.text("))");
    }
    void operator()(const command::Delete& verb) { out_.text("DELETE ").mailbox(verb.mailbox); }
    void operator()(const command::Rename& rename) {
        out_.text("RENAME ").mailbox(rename.from).text(" ").mailbox(rename.to);
    }
    void operator()(const command::Subscribe& verb) {
        out_.text("SUBSCRIBE ").mailbox(verb.mailbox);
    }
    void operator()(const command::Unsubscribe& verb) {
        out_.text("UNSUBSCRIBE ").mailbox(verb.mailbox);
    }
    void operator()(const command::List& list);
    void operator()(const command::Lsub& lsub) {
        out_.text("LSUB ").mailbox(lsub.reference).text(" ");
        out_.list_mailbox(lsub.pattern);
    }
    void operator()(const command::Status& status) {
        out_.text("STATUS ").mailbox(status.mailbox).text(" ");
        out_.status_items(status.items);
    }
    void operator()(const command::Append& append) {
        out_.text("APPEND ").mailbox(append.mailbox);
        for (const AppendMessage& message : append.messages) out_.append_message(message);
    }
    void operator()(const command::Expunge& expunge) {
        if (expunge.uids) {
            out_.text("UID EXPUNGE ").set(*expunge.uids);
        } else {
            out_.text("EXPUNGE");
        }
    }
    void operator()(const command::Search& search) {
        out_.text(search.by_uid ? "UID SEARCH " : "SEARCH ");
        out_.search_return(search.returns);
        out_.search_program(search.program);
    }
    void operator()(const command::Sort& sort);
    void operator()(const command::Thread& thread) {
        out_.text(thread.by_uid ? "UID THREAD " : "THREAD ").text(thread.algorithm).text(" ");
        criteria_program(thread.program);
    }
    void operator()(const command::Fetch& fetch);
    void operator()(const command::Store& store);
    void operator()(const command::Copy& copy) {
        out_.text(copy.by_uid ? "UID COPY " : "COPY ")
            .set(copy.set)
            .text(" ")
            .mailbox(copy.mailbox);
    }
    void operator()(const command::Move& move) {
        out_.text(move.by_uid ? "UID MOVE " : "MOVE ")
            .set(move.set)
            .text(" ")
            .mailbox(move.mailbox);
    }

  private:
    void criteria_program(const SearchProgram& program) {
        out_.astring(program.charset.value_or("US-ASCII")).text(" ");
        out_.search_key(program.key, false);
    }
    Writer& out_;
};

void BodyWriter::operator()(const command::Select& select) {
    out_.text(select.is_read_only ? "EXAMINE " : "SELECT ").mailbox(select.mailbox);
    if (!select.condstore && !select.qresync) return;
    out_.text(" (");
    if (select.condstore) out_.text(select.qresync ? "CONDSTORE " : "CONDSTORE");
    if (const auto& qresync = select.qresync) {
        out_.text("QRESYNC (").number(qresync->uid_validity).text(" ").number(qresync->modseq);
        if (qresync->known_uids) out_.text(" ").set(*qresync->known_uids);
        if (qresync->match) {
            out_.text(" (").set(qresync->match->sequence_numbers).text(" ");
            out_.set(qresync->match->uids).text(")");
        }
        out_.text(")");
    }
    out_.text(")");
}

void BodyWriter::operator()(const command::List& list) {
    const auto options = [&](std::initializer_list<std::pair<bool, std::string_view>> names) {
        std::string_view separator;
        for (const auto& [is_set, name] : names) {
            if (!is_set) continue;
            out_.text(separator).text(name);
            separator = " ";
        }
        return separator;
    };
    const ListSelection& selection = list.selection;
    const ListReturn& returns = list.returns;
    const bool has_returns = returns != ListReturn{};
    out_.text("LIST ");
    if (list.is_extended) {
        out_.text("(");
        options({{selection.subscribed, "SUBSCRIBED"},
                 {selection.remote, "REMOTE"},
                 {selection.recursive_match, "RECURSIVEMATCH"},
                 {selection.special_use, "SPECIAL-USE"}});
        out_.text(") ");
    }
    out_.mailbox(list.reference).text(list.patterns.size() > 1 ? " (" : " ");
    out_.joined(list.patterns, [&](const std::string& pattern) { out_.list_mailbox(pattern); });
    if (list.patterns.size() > 1) out_.text(")");
    if (!has_returns) return;
    out_.text(" RETURN (");
    const std::string_view separator = options({{returns.subscribed, "SUBSCRIBED"},
                                                {returns.children, "CHILDREN"},
                                                {returns.special_use, "SPECIAL-USE"}});
    if (returns.status) {
        out_.text(separator).text("STATUS ");
        out_.status_items(*returns.status);
    }
    out_.text(")");
}

void BodyWriter::operator()(const command::Sort& sort) {
    out_.text(sort.by_uid ? "UID SORT " : "SORT ");
    out_.search_return(sort.returns);
    out_.text("(");
    out_.joined(sort.criteria, [&](const SortCriterion& criterion) {
        out_.text(criterion.is_reverse ? "REVERSE " : "").text(sort_key_name(criterion.key));
    });
    out_.text(") ");
    criteria_program(sort.program);
}

void BodyWriter::operator()(const command::Fetch& fetch) {
    out_.text(fetch.by_uid ? "UID FETCH " : "FETCH ").set(fetch.set).text(" (");
    out_.joined(fetch.items, [&](const FetchItem& item) { out_.fetch_item(item); });
    out_.text(")");
    if (!fetch.changed_since) return;
    out_.text(" (CHANGEDSINCE ").number(*fetch.changed_since);
    out_.text(fetch.vanished ? " VANISHED)" : ")");
}

void BodyWriter::operator()(const command::Store& store) {
    out_.text(store.by_uid ? "UID STORE " : "STORE ").set(store.set).text(" ");
    if (store.unchanged_since) {
        out_.text("(UNCHANGEDSINCE ").number(*store.unchanged_since).text(") ");
    }
    if (store.mode == command::Store::Mode::add) out_.text("+");
    if (store.mode == command::Store::Mode::remove) out_.text("-");
    out_.text(store.is_silent ? "FLAGS.SILENT " : "FLAGS ");
    out_.flag_list(store.flags);
}

}  // namespace

std::vector<std::string> write_command_parts(const Command& command, LiteralStyle style) {
    Writer writer(style);
    writer.text(command.tag.text()).text(" ");
    std::visit(BodyWriter(writer), command.body);
    return std::move(writer).finish();
}

void write_command(const Command& command, std::string& out) {
    for (const std::string& part : write_command_parts(command, LiteralStyle::non_synchronising)) {
        out += part;
    }
}

std::string write_command(const Command& command) {
    std::string out;
    write_command(command, out);
    return out;
}

std::string write_search_key(const SearchKey& key) {
    Writer writer(LiteralStyle::non_synchronising);
    writer.search_key(key, false);
    std::string line = std::move(std::move(writer).finish().front());
    line.resize(line.size() - 2);
    return line;
}

}  // namespace tidemark::protocol
