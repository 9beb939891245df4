#include "protocol/write_command.hpp"

#include "protocol/command_writer.hpp"
#include "protocol/date.hpp"

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

}  // namespace

void CommandWriter::literal(std::string_view bytes, bool is_literal8) {
    text(is_literal8 ? "~{" : "{").number(bytes.size());
    text(style_ == LiteralStyle::non_synchronising ? "+}\r\n" : "}\r\n");
    if (style_ == LiteralStyle::synchronising) {
        parts_.push_back(std::move(out_));
        out_.clear();
    }
    text(bytes);
}

void CommandWriter::quoted(std::string_view bytes) {
    out_ += '"';
    for (const char c : bytes) {
        if (c == '"' || c == '\\') out_ += '\\';
        out_ += c;
    }
    out_ += '"';
}

void CommandWriter::string(std::string_view bytes) {
    if (is_quotable(bytes)) {
        quoted(bytes);
    } else {
        literal(bytes, false);
    }
}

CommandWriter& CommandWriter::astring(std::string_view bytes) {
    if (bytes.size() <= kAtomBytesMax && all_of_class(bytes, is_astring_char)) return text(bytes);
    string(bytes);
    return *this;
}

void CommandWriter::list_mailbox(std::string_view bytes) {
    if (bytes.size() <= kAtomBytesMax && all_of_class(bytes, is_list_char)) {
        text(bytes);
    } else {
        string(bytes);
    }
}

void CommandWriter::flag_list(const std::vector<Flag>& flags) {
    out_ += '(';
    joined(flags, [&](const Flag& flag) { text(flag.name()); });
    out_ += ')';
}

void CommandWriter::status_items(StatusItems items) {
    std::string_view separator = "(";
    for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(StatusItem::append_limit); ++i) {
        const auto item = static_cast<StatusItem>(i);
        if (!items.contains(item)) continue;
        text(separator).text(status_item_name(item));
        separator = " ";
    }
    out_ += ')';
}

void CommandWriter::section(const message::SectionSpec& section) {
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

void CommandWriter::fetch_item(const FetchItem& item) {
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

void CommandWriter::append_message(const AppendMessage& message) {
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

namespace {

// Writes what follows the tag.
class BodyWriter {
  public:
    explicit BodyWriter(CommandWriter& writer) : out_(writer) {}

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
    CommandWriter& out_;
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
    CommandWriter writer(style);
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

}  // namespace tidemark::protocol
