#include "protocol/command_writer.hpp"

#include <array>

namespace tidemark::protocol {

namespace {

constexpr std::string_view name_of(SearchReturnOption option) {
    constexpr std::array<std::string_view, 5> kNames = {"MIN", "MAX", "ALL", "COUNT", "SAVE"};
    return kNames[static_cast<std::size_t>(option)];
}

class KeyWriter {
  public:
    explicit KeyWriter(CommandWriter& writer, bool is_nested)
        : writer_(writer), is_nested_(is_nested) {}

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
    CommandWriter& writer_;
    bool is_nested_;
};

}  // namespace

void CommandWriter::search_key(const SearchKey& key, bool is_nested) {
    std::visit(KeyWriter(*this, is_nested), key.value);
}

void CommandWriter::search_return(const SearchReturn& returns) {
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

void CommandWriter::search_program(const SearchProgram& program) {
    if (program.charset) text("CHARSET ").astring(*program.charset).text(" ");
    search_key(program.key, false);
}

std::string write_search_key(const SearchKey& key) {
    CommandWriter writer(LiteralStyle::non_synchronising);
    writer.search_key(key, false);
    std::string line = std::move(std::move(writer).finish().front());
    line.resize(line.size() - 2);
    return line;
}

}  // namespace tidemark::protocol
