#include "protocol/parse_command.hpp"

#include "protocol/write_command.hpp"
#include "tests/protocol/parsed_command.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace tidemark::protocol;
using namespace tidemark::protocol::test;
using namespace std::string_literals;
using namespace std::string_view_literals;

CommandError refused(std::string_view bytes) {
    auto command = parse_command(bytes);
    CAPTURE(bytes);
    REQUIRE_FALSE(command);
    return command.error();
}

}  // namespace

TEST_CASE("commands are written as they were read") {
    // In the spelling of the writer.
    for (
        const std::string_view text : {
            "A1 CAPABILITY"sv,
            "A1 NOOP"sv,
            "A1 LOGOUT"sv,
            "A1 STARTTLS"sv,
            "A1 CHECK"sv,
            "A1 CLOSE"sv,
            "A1 UNSELECT"sv,
            "A1 EXPUNGE"sv,
            "A1 IDLE"sv,
            "A1 NAMESPACE"sv,
            "A1 UNAUTHENTICATE"sv,
            "A1 ID NIL"sv,
            "A1 ID ()"sv,
            "A1 ID (\"name\" \"x y\" \"version\" NIL)"sv,
            "A1 AUTHENTICATE PLAIN"sv,
            "A1 AUTHENTICATE PLAIN ="sv,
            "A1 AUTHENTICATE SCRAM-SHA-256 AHRlc3QAdGVzdA=="sv,
            "A1 LOGIN fred secret"sv,
            "A1 LOGIN \"fred b\" \"se\\\\cr\\\"et\""sv,
            "A1 ENABLE CONDSTORE QRESYNC UTF8=ACCEPT"sv,
            "A1 COMPRESS DEFLATE"sv,
            "A1 SELECT INBOX"sv,
            "A1 EXAMINE \"a b\""sv,
            "A1 SELECT INBOX (CONDSTORE)"sv,
            "A1 SELECT INBOX (QRESYNC (67890007 90060115194045000))"sv,
            "A1 SELECT INBOX (QRESYNC (67890007 90060115194045000 41,43:211,214:541))"sv,
            "A1 SELECT INBOX (QRESYNC (67890007 20050715194045000 41:50 (1,3:4 41,45:46)))"sv,
            "A1 SELECT INBOX (CONDSTORE QRESYNC (1 2 (5 7)))"sv,
            "A1 CREATE owatagusiam/blurdybloop"sv,
            "A1 CREATE \"Sent Mail\" (USE (\\Sent \\Archive))"sv,
            "A1 DELETE \"\""sv,
            "A1 RENAME a b"sv,
            "A1 SUBSCRIBE #news.comp"sv,
            "A1 UNSUBSCRIBE a]b"sv,
            "A1 LIST \"\" *"sv,
            "A1 LIST ~/Mail/ %"sv,
            "A1 LIST () \"\" \"\""sv,
            "A1 LIST (SUBSCRIBED REMOTE RECURSIVEMATCH SPECIAL-USE) \"\" *"sv,
            "A1 LIST () \"\" (INBOX Drafts \"Sent Mail/%\")"sv,
            "A1 LIST () \"\" % RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN))"sv,
            "A1 LSUB \"\" %"sv,
            "A1 STATUS blurdybloop (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ MAILBOXID APPENDLIMIT)"sv,
            "A1 GETQUOTA \"\""sv,
            "A1 GETQUOTAROOT INBOX"sv,
            "A1 UID EXPUNGE 3000:3002"sv,
            "A1 COPY 2:4 MEETING"sv,
            "A1 UID COPY $ MEETING"sv,
            "A1 MOVE 42:69 foo"sv,
            "A1 UID MOVE 42:* foo"sv,
            "A1 STORE 2:4 +FLAGS (\\Deleted)"sv,
            "A1 STORE 2:4 FLAGS ()"sv,
            "A1 UID STORE 1:* -FLAGS.SILENT (\\Seen $Forwarded keyword \\Extension)"sv,
            "A1 STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)"sv,
            "A1 FETCH 1 (FLAGS)"sv,
            "A1 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY MODSEQ)"sv,
            "A1 FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT SAVEDATE EMAILID THREADID PREVIEW)"sv,
            "A1 FETCH 1 (PREVIEW (LAZY) FLAGS)"sv,
            "A1 FETCH 1 (BODY[] BODY.PEEK[] BODY[]<0.1024> BODY[1.2.3] BODY[TEXT] BODY[HEADER])"sv,
            "A1 FETCH 1 (BODY[1.MIME] BODY[2.HEADER] BODY.PEEK[4.2.TEXT]<5.9223372036854775807>)"sv,
            "A1 FETCH 1 (BODY.PEEK[HEADER.FIELDS (DATE FROM)] BODY[1.HEADER.FIELDS.NOT (\"a b\")]<0.5>)"sv,
            "A1 FETCH 1 (BINARY[1.2] BINARY.PEEK[]<10.20> BINARY.SIZE[3])"sv,
            "A1 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)"sv,
            "A1 FETCH 1:* (FLAGS) (CHANGEDSINCE 0)"sv,
            "A1 SORT (SUBJECT REVERSE DATE) UTF-8 ALL"sv,
            "A1 UID SORT RETURN (COUNT) (DISPLAYFROM ARRIVAL CC SIZE TO DISPLAYTO FROM) UTF-8 SEEN"sv,
            "A1 THREAD ORDEREDSUBJECT UTF-8 SINCE 1-Jan-2020"sv,
            "A1 UID THREAD REFERENCES US-ASCII TEXT gewp"sv,
            "A1 APPEND saved (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {5+}\r\nhello"sv,
            "A1 APPEND saved {0+}\r\n"sv,
            "A1 APPEND saved ~{3+}\r\na\0b"sv,
            "A1 APPEND saved (\\Seen) UTF8 (~{3+}\r\nabc)"sv,
            "A1 APPEND saved {1+}\r\na (\\Flagged) \" 7-Jul-1996 02:44:25 +0000\" {2+}\r\nbc UTF8 (~{1+}\r\nd) {1+}\r\ne"sv,
        }) {
        CAPTURE(text);
        CHECK(rewritten(text) == text);
    }
}

TEST_CASE("words are taken in any case and strings in any form") {
    const std::pair<std::string_view, std::string_view> kForms[] = {
        {"a.1 noop", "a.1 NOOP"},
        {"A1 uId fEtCh 1 flags", "A1 UID FETCH 1 (FLAGS)"},
        {"A1 FETCH 1 ALL", "A1 FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"},
        {"A1 FETCH 1 FAST", "A1 FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)"},
        {"A1 FETCH 1 full", "A1 FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY)"},
        {"A1 FETCH 1 body.peek[header.fields (a)]<0.1>",
         "A1 FETCH 1 (BODY.PEEK[HEADER.FIELDS (a)]<0.1>)"},
        {"A1 FETCH 1 PREVIEW (LAZY) (CHANGEDSINCE 5)",
         "A1 FETCH 1 (PREVIEW (LAZY)) (CHANGEDSINCE 5)"},
        {"A1 FETCH 1 PREVIEW (CHANGEDSINCE 5)", "A1 FETCH 1 (PREVIEW) (CHANGEDSINCE 5)"},
        {"A1 UID FETCH 1 FLAGS (VANISHED CHANGEDSINCE 5)",
         "A1 UID FETCH 1 (FLAGS) (CHANGEDSINCE 5 VANISHED)"},
        {"A1 STORE 1 FLAGS \\seen \\DELETED x", "A1 STORE 1 FLAGS (\\Seen \\Deleted x)"},
        {"A1 STORE 1 +flags.silent \\seen", "A1 STORE 1 +FLAGS.SILENT (\\Seen)"},
        {"A1 STORE 1 +FLAGS (\\Recent)", "A1 STORE 1 +FLAGS (\\Recent)"},
        {"A1 LOGIN {4}\r\nfred {6}\r\nsecret", "A1 LOGIN fred secret"},
        {"A1 LOGIN {4+}\nfred \"x\"", "A1 LOGIN fred x"},
        {"A1 SELECT x (QRESYNC (1 2) CONDSTORE)", "A1 SELECT x (CONDSTORE QRESYNC (1 2))"},
        {"A1 SELECT x (QRESYNC (0 0))", "A1 SELECT x (QRESYNC (0 0))"},
        {"A1 LIST \"\" (INBOX)", "A1 LIST () \"\" INBOX"},
        {"A1 LIST \"\" * RETURN ()", "A1 LIST () \"\" *"},
        {"A1 LIST \"\" \"*\" RETURN (STATUS (UNSEEN) STATUS (SIZE))",
         "A1 LIST () \"\" * RETURN (STATUS (UNSEEN SIZE))"},
        {"A1 ID (name Thunderbird version nil)",
         "A1 ID (\"name\" \"Thunderbird\" \"version\" NIL)"},
        {"A1 id nil", "A1 ID NIL"},
        {"A1 enable condstore", "A1 ENABLE CONDSTORE"},
        {"A1 authenticate plain AAAA", "A1 AUTHENTICATE PLAIN AAAA"},
        {"A1 SEARCH CHARSET \"utf-8\" ALL", "A1 SEARCH CHARSET utf-8 ALL"},
        {"A1 LOGIN fred p\xc3\xa4ss", "A1 LOGIN fred {5+}\r\np\xc3\xa4ss"},
        {"A1 LOGIN fred \"p\xe4ss\"", "A1 LOGIN fred {4+}\r\np\xe4ss"},
    };
    for (const auto& [text, canonical] : kForms) {
        CAPTURE(text);
        CHECK(rewritten(text) == canonical);
    }
}

TEST_CASE("spaces at the end of a command are let through, others are not") {
    for (const std::string_view text :
         {"A1 NOOP  ", "A1 SEARCH ALL ", "A1 STORE 1 FLAGS \\Seen ", "A1 FETCH 1 FLAGS ",
          "A1 SELECT a ", "A1 LIST \"\" * ", "A1 ENABLE X ", "A1 AUTHENTICATE PLAIN ",
          "A1 APPEND a {1+}\r\nb ", "A1 CREATE a ", "A1 SEARCH (SEEN) "}) {
        CHECK(parsed(text).tag.text() == "A1");
    }
    for (const std::string_view text :
         {" A1 NOOP", "A1  NOOP", "A1 SELECT  a", "A1 FETCH  1 FLAGS", "A1 FETCH 1 (FLAGS )",
          "A1 SEARCH ( SEEN)", "A1 SEARCH (SEEN )", "A1 NOOP x", "A1 STORE 1 FLAGS (\\Seen ) ",
          "A1\tNOOP", "A1 NOOP\r", "A1 NOOP\t"}) {
        refused(text);
    }
}

TEST_CASE("a literal at the end keeps its spaces") {
    CHECK(body_of<command::Login>("A1 LOGIN a {3}\r\nb  ").password.view() == "b  ");
}

TEST_CASE("arguments arrive as values") {
    SUBCASE("login") {
        const auto login = body_of<command::Login>("A1 LOGIN \"f\\\"r\\\\ed\" {3+}\r\na\r\n");
        CHECK(login.user == "f\"r\\ed");
        CHECK(login.password.view() == "a\r\n");
    }
    SUBCASE("an initial response of nothing is not the same as none") {
        CHECK_FALSE(body_of<command::Authenticate>("A1 AUTHENTICATE X").initial_response);
        CHECK(body_of<command::Authenticate>("A1 AUTHENTICATE X =").initial_response->empty());
    }
    SUBCASE("fetch") {
        const auto fetch = body_of<command::Fetch>("A1 UID FETCH 2:* BODY.PEEK[1.2.MIME]<3.4>");
        CHECK(fetch.by_uid);
        CHECK(fetch.set == SequenceSet::of({{2, 0}}));
        REQUIRE(fetch.items.size() == 1);
        const FetchItem& item = fetch.items.front();
        CHECK(item.attribute == FetchAttribute::body_section);
        CHECK(item.peek);
        CHECK_FALSE(item.sets_seen());
        CHECK(item.section.path == std::vector<std::uint32_t>{1, 2});
        CHECK(item.section.kind == message::SectionKind::kMime);
        CHECK(item.partial == Partial{3, 4});
    }
    SUBCASE("append") {
        const auto append = body_of<command::Append>(
            "A1 APPEND x (\\Seen k) \"01-Jan-1970 01:00:01 +0100\" {2}\r\nab");
        REQUIRE(append.messages.size() == 1);
        const AppendOptions& options = append.messages[0].options;
        CHECK(options.flags == std::vector<Flag>{SystemFlag::seen, *Flag::parse("K")});
        CHECK(options.internal_date == DateTime{1, 60});
        CHECK(append.messages[0].bytes == "ab");
    }
    SUBCASE("search return") {
        CHECK_FALSE(body_of<command::Search>("A1 SEARCH ALL").returns.is_present);
        const auto empty = body_of<command::Search>("A1 SEARCH RETURN () ALL").returns;
        CHECK(empty.is_present);
        CHECK(empty.options.empty());
        CHECK(body_of<command::Search>("A1 SEARCH RETURN (MIN SAVE) ALL").returns.options ==
              EnumSet{SearchReturnOption::min, SearchReturnOption::save});
    }
    SUBCASE("only extended LIST is marked so") {
        CHECK_FALSE(body_of<command::List>("A1 LIST \"\" \"\"").is_extended);
        CHECK(body_of<command::List>("A1 LIST \"\" (\"\")").is_extended);
        CHECK(body_of<command::List>("A1 LIST () \"\" \"\"").is_extended);
    }
}

TEST_CASE("every verb is found in any case and belongs to its command") {
    for (std::size_t i = 0; i < kVerbCount; ++i) {
        const auto verb = static_cast<Verb>(i);
        const std::string_view name = verb_name(verb);
        CAPTURE(name);
        CHECK(find_verb(name) == verb);
        std::string lower;
        for (const char c : name) lower += ascii_lower(c);
        CHECK(find_verb(lower) == verb);
        CHECK_FALSE(find_verb(lower + "x"));
        CHECK_FALSE(find_verb(name.substr(1)));
    }
    CHECK(verb_of(parsed("A1 EXAMINE x").body) == Verb::examine);
    CHECK(verb_of(parsed("A1 SELECT x").body) == Verb::select);
    CHECK(verb_of(parsed("A1 UID EXPUNGE 1").body) == Verb::expunge);
}

TEST_CASE("a refused command keeps its tag as soon as it has one") {
    const CommandError unknown = refused("A7 FROBNICATE now");
    CHECK(unknown.error.kind == ParseErrorKind::unknown_command);
    CHECK(unknown.tag->text() == "A7");
    CHECK_FALSE(unknown.verb);

    const CommandError malformed = refused("A7 FETCH 1 (NONSENSE)");
    CHECK(malformed.error == ParseError{ParseErrorKind::syntax, 12, "fetch-att"});
    CHECK(malformed.tag->text() == "A7");
    CHECK(malformed.verb == Verb::fetch);

    CHECK(refused("A7").tag->text() == "A7");
    CHECK(refused("A7 UID NOOP").error.kind == ParseErrorKind::unknown_command);
    CHECK(refused("A7 UID").tag->text() == "A7");
    CHECK_FALSE(refused("+ NOOP").tag);
    CHECK_FALSE(refused("A+ NOOP").tag);
    CHECK_FALSE(refused("\"x\" NOOP").tag);
    CHECK_FALSE(refused("(").tag);
    CHECK(refused("").error.kind == ParseErrorKind::empty);
    CHECK(refused("  ").error.kind == ParseErrorKind::empty);
    CHECK(refused(std::string(kTagBytesMax + 1, 'a') + " NOOP").error.kind ==
          ParseErrorKind::too_long);
    CHECK(parsed(std::string(kTagBytesMax, 'a') + " NOOP").tag.text().size() == kTagBytesMax);
}

TEST_CASE("malformed arguments are refused") {
    for (const std::string_view text : {
             "A1 LOGIN"sv,
             "A1 LOGIN fred"sv,
             "A1 LOGIN fred "sv,
             "A1 LOGIN \"fred secret"sv,
             "A1 LOGIN fr(ed x"sv,
             "A1 LOGIN fred \"a\\n\""sv,
             "A1 LOGIN fred \"a\r\nb\""sv,
             "A1 LOGIN {4}\r\nfre"sv,
             "A1 LOGIN {4}fred x"sv,
             "A1 LOGIN {a}\r\nfred x"sv,
             "A1 LOGIN ~{4}\r\nfred x"sv,
             "A1 LOGIN {99999999999999999999}\r\nfred x"sv,
             "A1 AUTHENTICATE"sv,
             "A1 AUTHENTICATE PLAIN !"sv,
             "A1 ENABLE"sv,
             "A1 ID"sv,
             "A1 ID (\"name\")"sv,
             "A1 ID (\"name\" \"x\""sv,
             "A1 SELECT"sv,
             "A1 SELECT a b"sv,
             "A1 SELECT a ()"sv,
             "A1 SELECT a (CONDSTORE CONDSTORE)"sv,
             "A1 SELECT a (QRESYNC (1 2) QRESYNC (1 2))"sv,
             "A1 SELECT a (QRESYNC (1))"sv,
             "A1 SELECT a (QRESYNC (1 2 *))"sv,
             "A1 SELECT a (QRESYNC (1 2 $))"sv,
             "A1 SELECT a (QRESYNC (1 2 1:* (1 2)))"sv,
             "A1 SELECT a (QRESYNC (1 2 3 (1)))"sv,
             "A1 SELECT a (QRESYNC (1 2 3 (1 2) 4))"sv,
             "A1 CREATE a (USE \\Sent)"sv,
             "A1 CREATE a (USE (Sent))"sv,
             "A1 CREATE a ()"sv,
             "A1 RENAME a"sv,
             "A1 LIST \"\""sv,
             "A1 LIST (RECURSIVEMATCH) \"\" *"sv,
             "A1 LIST (REMOTE RECURSIVEMATCH) \"\" *"sv,
             "A1 LIST \"\" ()"sv,
             "A1 LIST \"\" * RETURN"sv,
             "A1 LIST \"\" * RETURN (STATUS ())"sv,
             "A1 LIST \"\" * FOO ()"sv,
             "A1 STATUS a"sv,
             "A1 STATUS a ()"sv,
             "A1 STATUS a MESSAGES"sv,
             "A1 FETCH 1"sv,
             "A1 FETCH 1 ()"sv,
             "A1 FETCH 0 FLAGS"sv,
             "A1 FETCH x FLAGS"sv,
             "A1 FETCH 1 (ALL)"sv,
             "A1 FETCH 1 FLAGS UID"sv,
             "A1 FETCH 1 BODY["sv,
             "A1 FETCH 1 BODY[MIME]"sv,
             "A1 FETCH 1 BODY[0]"sv,
             "A1 FETCH 1 BODY[1.]"sv,
             "A1 FETCH 1 BODY[.1]"sv,
             "A1 FETCH 1 BODY[1.0]"sv,
             "A1 FETCH 1 BODY[1.HEADER.]"sv,
             "A1 FETCH 1 BODY[HEADER.FIELDS]"sv,
             "A1 FETCH 1 BODY[HEADER.FIELDS ()]"sv,
             "A1 FETCH 1 BODY[]<1>"sv,
             "A1 FETCH 1 BODY[]<0.0>"sv,
             "A1 FETCH 1 BODY[]<1.9223372036854775808>"sv,
             "A1 FETCH 1 BODY.PEEK"sv,
             "A1 FETCH 1 BINARY"sv,
             "A1 FETCH 1 BINARY[HEADER]"sv,
             "A1 FETCH 1 BINARY[1.MIME]"sv,
             "A1 FETCH 1 BINARY.SIZE[1]<0.1>"sv,
             "A1 FETCH 1 FLAGS[]"sv,
             "A1 FETCH 1 PREVIEW (LAZY BUSY)"sv,
             "A1 FETCH 1 FLAGS ()"sv,
             "A1 FETCH 1 FLAGS (CHANGEDSINCE)"sv,
             "A1 FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)"sv,
             "A1 FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)"sv,
             "A1 FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)"sv,
             "A1 UID FETCH 1 FLAGS (VANISHED)"sv,
             "A1 STORE 1 FLAGS"sv,
             "A1 STORE 1 FLAGS "sv,
             "A1 STORE 1 FLAG (x)"sv,
             "A1 STORE 1 +FLAGS.LOUD (x)"sv,
             "A1 STORE 1 FLAGS (\\*)"sv,
             "A1 STORE 1 FLAGS (\\)"sv,
             "A1 STORE 1 FLAGS (a)b"sv,
             "A1 STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS (x)"sv,
             "A1 STORE 1 () FLAGS (x)"sv,
             "A1 COPY 1"sv,
             "A1 COPY box 1"sv,
             "A1 UID EXPUNGE"sv,
             "A1 SEARCH"sv,
             "A1 SEARCH ()"sv,
             "A1 SEARCH NONSENSE"sv,
             "A1 SEARCH NOT"sv,
             "A1 SEARCH OR SEEN"sv,
             "A1 SEARCH OR OR SEEN DRAFT"sv,
             "A1 SEARCH SINCE 1-Foo-2000"sv,
             "A1 SEARCH SINCE \"1-Jan-2000"sv,
             "A1 SEARCH OLDER 0"sv,
             "A1 SEARCH KEYWORD \\Seen"sv,
             "A1 SEARCH LARGER x"sv,
             "A1 SEARCH LARGER 9223372036854775808"sv,
             "A1 SEARCH HEADER a"sv,
             "A1 SEARCH MODSEQ"sv,
             "A1 SEARCH MODSEQ \"/flags/\" all 1"sv,
             "A1 SEARCH MODSEQ \"/x/y\" all 1"sv,
             "A1 SEARCH MODSEQ \"/flags/x\" some 1"sv,
             "A1 SEARCH CHARSET UTF-8"sv,
             "A1 SEARCH RETURN ALL"sv,
             "A1 SEARCH RETURN (ALL)"sv,
             "A1 SEARCH RETURN (NONSENSE) ALL"sv,
             "A1 SEARCH UID"sv,
             "A1 SEARCH SEEN)"sv,
             "A1 SORT () UTF-8 ALL"sv,
             "A1 SORT (REVERSE) UTF-8 ALL"sv,
             "A1 SORT (DATE) ALL"sv,
             "A1 THREAD REFERENCES UTF-8"sv,
             "A1 APPEND box"sv,
             "A1 APPEND box \"text\""sv,
             "A1 APPEND box (\\Seen)"sv,
             "A1 APPEND box (\\Seen) (\\Seen) {1}\r\na"sv,
             "A1 APPEND box \"17-Jul-1996 02:44:25 -0700\" (\\Seen) {1}\r\na"sv,
             "A1 APPEND box \"17-Jul-1996\" {1}\r\na"sv,
             "A1 APPEND box UTF8 ({1}\r\na)"sv,
             "A1 APPEND box UTF8 (~{1}\r\na"sv,
             "A1 APPEND box CATENATE (TEXT {1}\r\na)"sv,
             "A1 APPEND box {1}\r\naA2 NOOP"sv,
             "A1 APPEND box {1}\r\na)"sv,
         }) {
        CAPTURE(text);
        CHECK(refused(text).tag->text() == "A1");
    }
}

TEST_CASE("options that no extension defines are told from bad syntax") {
    for (const std::string_view text :
         {"A1 SELECT a (FOO)", "A1 CREATE a (FOO)", "A1 LIST (FOO) \"\" *",
          "A1 LIST \"\" * RETURN (FOO)", "A1 STATUS a (FOO)", "A1 FETCH 1 FLAGS (FOO)",
          "A1 STORE 1 (FOO) FLAGS (x)", "A1 SEARCH RETURN (FOO) ALL",
          "A1 APPEND a CATENATE (URL x)"}) {
        CAPTURE(text);
        CHECK(refused(text).error.kind == ParseErrorKind::unknown_option);
    }
}

TEST_CASE("NUL is refused wherever it stands, but for literal8") {
    CHECK(refused("A1 LOGIN a {1}\r\n\0"sv).error.kind == ParseErrorKind::nul_byte);
    CHECK(refused("A1 LOGIN a \"\0\""sv).error.kind == ParseErrorKind::nul_byte);
    CHECK(refused("A1 APPEND a {1}\r\n\0"sv).error.kind == ParseErrorKind::nul_byte);
    refused("A1 NOOP\0"sv);
    refused("A1\0 NOOP"sv);
    refused("\0"sv);
    CHECK(body_of<command::Append>("A1 APPEND a ~{1}\r\n\0"sv).messages[0].bytes == "\0"sv);
}

TEST_CASE("every list has its limit") {
    const auto repeated = [](std::string_view head, std::string_view item, std::size_t count,
                             std::string_view tail) {
        std::string text(head);
        for (std::size_t i = 0; i < count; ++i) {
            if (i > 0) text += ' ';
            text += item;
        }
        return text.append(tail);
    };
    struct Limit {
        std::string_view head;
        std::string_view item;
        std::size_t max;
        std::string_view tail;
    };
    const Limit kLimits[] = {
        {"A1 STORE 1 FLAGS (", "x", kFlagsMax, ")"},
        {"A1 STORE 1 FLAGS ", "x", kFlagsMax, ""},
        {"A1 FETCH 1 (", "UID", kFetchItemsMax, ")"},
        {"A1 FETCH 1 BODY[HEADER.FIELDS (", "a", kHeaderNamesMax, ")]"},
        {"A1 LIST \"\" (", "a", kListPatternsMax, ")"},
        {"A1 ENABLE ", "a", kEnableNamesMax, ""},
        {"A1 CREATE a (USE (", "\\a", kUseAttributesMax, "))"},
        {"A1 ID (", "a b", kIdPairsMax, ")"},
        {"A1 SORT (", "CC", kSortCriteriaMax, ") a ALL"},
        {"A1 SEARCH ", "SEEN", kSearchKeysMax, ""},
        {"A1 SEARCH ", "NEW", kSearchKeysMax / 2, ""},
        {"A1 APPEND a ", "{1}\r\na", kAppendMessagesMax, ""},
    };
    for (const Limit& limit : kLimits) {
        CAPTURE(limit.head);
        parsed(repeated(limit.head, limit.item, limit.max, limit.tail));
        CHECK(refused(repeated(limit.head, limit.item, limit.max + 1, limit.tail)).error.kind ==
              ParseErrorKind::too_many);
    }
}

TEST_CASE("nesting is limited, chains are not nesting") {
    const auto nested = [](std::string_view open, std::size_t depth, std::string_view close) {
        std::string text = "A1 SEARCH ";
        for (std::size_t i = 0; i < depth; ++i) text += open;
        text += "SEEN";
        for (std::size_t i = 0; i < depth; ++i) text += close;
        return text;
    };
    parsed(nested("(", kSearchNestingMax - 1, ")"));
    CHECK(refused(nested("(", kSearchNestingMax, ")")).error.kind == ParseErrorKind::too_deep);
    CHECK(refused(nested("(", 100'000, ")")).error.kind == ParseErrorKind::too_deep);
    CHECK(refused(nested("NOT (", kSearchNestingMax, ")")).error.kind == ParseErrorKind::too_deep);

    rewritten(nested("NOT ", kSearchKeysMax - 1, ""));
    rewritten(nested("OR SEEN ", (kSearchKeysMax - 1) / 2, ""));
    rewritten(nested("OR ", (kSearchKeysMax - 1) / 2, " SEEN"));
    CHECK(refused(nested("OR ", 100'000, " SEEN")).error.kind == ParseErrorKind::too_many);

    std::string path = "A1 FETCH 1 BODY[1";
    for (std::size_t i = 1; i < kSectionDepthMax; ++i) path += ".1";
    rewritten(path + "]");
    CHECK(refused(path + ".1]").error.kind == ParseErrorKind::too_deep);
}

TEST_CASE("a streamed APPEND is parsed from its pieces") {
    const auto start =
        parse_append_start("A3 APPEND {5}\r\nsaved (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {310}");
    REQUIRE(start);
    CHECK(start->tag.text() == "A3");
    CHECK(start->mailbox.bytes == "saved");
    CHECK(start->options.flags == std::vector<Flag>{SystemFlag::seen});
    CHECK(start->options.internal_date);
    CHECK_FALSE(start->options.is_literal8);

    const auto next = parse_append_next(" (\\Flagged) UTF8 (~{5+}", start->options);
    REQUIRE(next);
    CHECK(next->is_utf8);
    CHECK(next->is_literal8);
    CHECK(next->flags == std::vector<Flag>{SystemFlag::flagged});
    CHECK(parse_append_next(") {1}", *next));
    CHECK_FALSE(parse_append_next(" {1}", *next));
    CHECK_FALSE(parse_append_next(") {1}", start->options));
    CHECK_FALSE(parse_append_next("", start->options));

    CHECK(parse_append_end("", start->options));
    CHECK(parse_append_end(" ", start->options));
    CHECK_FALSE(parse_append_end(")", start->options));
    CHECK(parse_append_end(")", *next));
    CHECK_FALSE(parse_append_end("", *next));

    CHECK(parse_append_start("A3 APPEND {310}").error().tag->text() == "A3");
    CHECK(parse_append_start("A3 APPEND x (\\Seen {310}").error().verb == Verb::append);
    CHECK_FALSE(parse_append_start("( APPEND x {310}").error().tag);
}

TEST_CASE("the tag of a rejected command is found") {
    CHECK(find_tag("A1 LOGIN {9999999}")->text() == "A1");
    CHECK(find_tag("A1")->text() == "A1");
    CHECK_FALSE(find_tag(""));
    CHECK_FALSE(find_tag("A1(x"));
    CHECK_FALSE(find_tag(std::string(500, 'a')));
}

TEST_CASE("a client that must wait for its literals gets the command in parts") {
    const Command command = parsed("A1 LOGIN {2}\r\na\n {2}\r\nb\n");
    CHECK(write_command_parts(command, LiteralStyle::synchronising) ==
          std::vector<std::string>{"A1 LOGIN {2}\r\n", "a\n {2}\r\n", "b\n\r\n"});
    CHECK(write_command_parts(command, LiteralStyle::non_synchronising) ==
          std::vector<std::string>{"A1 LOGIN {2+}\r\na\n {2+}\r\nb\n\r\n"});
}

TEST_CASE("flags compare without regard to case and keep their spelling") {
    CHECK(*Flag::parse("$Junk") == *Flag::parse("$JUNK"));
    CHECK(Flag::parse("$Junk")->name() == "$Junk");
    CHECK(*Flag::parse("\\sEEN") == Flag(SystemFlag::seen));
    CHECK(Flag::parse("\\sEEN")->name() == "\\Seen");
    CHECK(*Flag::parse("seen") != Flag(SystemFlag::seen));
    CHECK(Flag::parse("\\Answer")->kind() == Flag::Kind::extension);
    for (const std::string_view text :
         {"", "\\", "\\\\Seen", "a b", "\\*", "*", "a)", "\xc3\xa4"}) {
        CHECK_FALSE(Flag::parse(text));
    }
}
