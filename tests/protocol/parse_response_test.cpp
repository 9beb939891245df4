#include "protocol/parse_response.hpp"

#include "protocol/response_reader.hpp"
#include "protocol/value_tree.hpp"
#include "tests/support/response_text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::protocol {
namespace {

using test::rewritten;

Response read(std::string_view bytes) {
    CAPTURE(bytes);
    Response response;
    REQUIRE(parse_response(bytes, response));
    return response;
}

ParseError refused(std::string_view bytes) {
    CAPTURE(bytes);
    Response response;
    const auto parsed = parse_response(bytes, response);
    REQUIRE_FALSE(parsed);
    return parsed.error();
}

// Everything that a reader says about `input` when it comes in pieces of `piece` bytes.
std::vector<std::string> events(std::string_view input, std::size_t piece,
                                ResponseReaderLimits limits = {}) {
    ResponseReader reader(limits);
    Response response;
    std::vector<std::string> out;
    std::string streamed;
    while (!input.empty()) {
        // A copy that dies with the piece, so that a view into an earlier one is seen by the
        // sanitizer.
        const std::string bytes(input.substr(0, piece));
        input.remove_prefix(bytes.size());
        std::string_view rest = bytes;
        for (bool is_open = true; is_open;) {
            const auto event = reader.next(rest, response);
            if (std::holds_alternative<ResponseReader::Ready>(event)) {
                out.push_back(rewritten(response));
            } else if (const auto* start = std::get_if<ResponseReader::StreamStart>(&event)) {
                out.push_back("start " + std::string(start->head));
                streamed.clear();
            } else if (const auto* part = std::get_if<ResponseReader::StreamBytes>(&event)) {
                CHECK_FALSE(part->bytes.empty());
                streamed += part->bytes;
                if (part->is_last) {
                    out.push_back("bytes " + streamed);
                }
            } else if (const auto* bad = std::get_if<ResponseReader::Malformed>(&event)) {
                out.push_back("malformed " + std::string(bad->bytes));
            } else if (std::holds_alternative<ResponseReader::TooLarge>(event)) {
                out.emplace_back("too large");
                return out;
            } else {
                CHECK(rest.empty());
                is_open = false;
            }
        }
    }
    return out;
}

TEST_CASE("responses that this server writes are read and written back alike") {
    const char* lines[] = {
        "A1 OK done",
        "A1 NO [TRYCREATE] no such mailbox",
        "A1 OK [APPENDUID 38505 3955] done",
        "A1 OK [COPYUID 38505 304,319:320 3956:3958] done",
        "A1 OK [MODIFIED 7,9:11] done",
        "* OK [HIGHESTMODSEQ 9223372036854775807] highest",
        "* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] limited",
        "* OK [MAILBOXID (F1)] ok",
        "* PREAUTH [CAPABILITY IMAP4rev2 AUTH=PLAIN] ready",
        "* BYE see you",
        "+ idling",
        "* 23 EXISTS",
        "* 0 RECENT",
        "* 44 EXPUNGE",
        "* VANISHED (EARLIER) 41,43:116,118",
        "* VANISHED 1",
        "* CAPABILITY IMAP4rev1 STARTTLS AUTH=GSSAPI",
        "* ENABLED CONDSTORE",
        "* ENABLED",
        "* FLAGS (\\Answered \\Flagged $Forwarded)",
        "* FLAGS ()",
        "* LIST (\\Noselect \\HasChildren \\X-Own) \"/\" ~/Mail/foo",
        "* LIST () NIL \"\"",
        "* LIST (\\NonExistent) \".\" a (\"CHILDINFO\" (\"SUBSCRIBED\") \"OLDNAME\" (b))",
        "* LSUB () \"\\\\\" \"a b\"",
        "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 HIGHESTMODSEQ 7011231777)",
        "* STATUS x (RECENT 1 UIDVALIDITY 2 UNSEEN 3 SIZE 5 MAILBOXID (F) APPENDLIMIT NIL)",
        "* STATUS x (APPENDLIMIT 257890)",
        "* SEARCH",
        "* SEARCH 2 3 6 (MODSEQ 917162500)",
        "* SORT 5 3 4 1 2",
        "* ESEARCH",
        "* ESEARCH (TAG \"A285\") UID MIN 7 MAX 3800 ALL 2,10:11 COUNT 4 MODSEQ 12",
        "* NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\")) ((\"~\" NIL)) NIL",
        "* ID (\"name\" \"Cyrus\" \"os\" NIL)",
        "* ID NIL",
        "* QUOTA \"\" (STORAGE 10 512)",
        "* QUOTA root ()",
        "* QUOTAROOT INBOX \"\" other",
        "* 12 FETCH (FLAGS (\\Seen))",
        "* 12 FETCH (UID 34 FLAGS (\\Answered \\Seen $Junk) MODSEQ (65402))",
        "* 1 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 44827)",
        "* 1 FETCH (BODY[TEXT]<5> {3}\r\nabc BODY[] NIL RFC822.HEADER {2}\r\n\r\n)",
        "* 1 FETCH (BODY[HEADER.FIELDS (\"A]\" B)] {0}\r\n)",
        "* 1 FETCH (ENVELOPE (NIL {3}\r\na\"b NIL (\"x\")) BINARY.SIZE[1] 5 PREVIEW NIL)",
        "* 1 FETCH ()",
        "* METADATA INBOX (/private/comment \"x\")",
        "* THREAD (2)(3 6 (4 23)(44 7 96))",
    };
    for (const auto* line : lines) {
        CHECK(rewritten(read(line)) == std::string(line) + "\r\n");
    }
}

TEST_CASE("all items of a FETCH response are typed or kept as they stand") {
    const auto response = read(
        "* 12 FETCH (UID 34 FLAGS (\\Seen \\Recent $Junk \\Odd) MODSEQ (65402) RFC822.SIZE 10 "
        "ENVELOPE (\"date\" NIL) BODYSTRUCTURE ((\"a\" \"b\")(\"c\") \"mixed\") BODY[1.MIME]<7> "
        "\"q\\\"uote\" SAVEDATE NIL)");
    REQUIRE(response.kind == ResponseKind::fetch);
    const auto& fetch = response.fetch;
    CHECK(fetch.number == 12);
    CHECK(fetch.uid == 34);
    CHECK(fetch.has_flags);
    CHECK(fetch.system_flags == EnumSet<SystemFlag>{SystemFlag::seen, SystemFlag::recent});
    CHECK(fetch.keywords == std::vector<std::string_view>{"$Junk", "\\Odd"});
    CHECK(fetch.modseq == 65402);
    CHECK(fetch.size == 10);
    CHECK(fetch.other("envelope") == "(\"date\" NIL)");
    CHECK(fetch.other("BODYSTRUCTURE") == "((\"a\" \"b\")(\"c\") \"mixed\")");
    CHECK(fetch.other("SAVEDATE") == "NIL");
    CHECK(fetch.other("nothing").empty());
    const auto* section = fetch.section("body[1.mime]");
    REQUIRE(section != nullptr);
    CHECK(section->origin == 7);
    CHECK(section->bytes == "q\"uote");
    CHECK(section->size == 6);
    CHECK(fetch.section("BODY[]") == nullptr);
}

TEST_CASE("what other servers send is understood") {
    CHECK(read("+").kind == ResponseKind::continuation);
    CHECK(read("+ ").text.empty());
    CHECK(read("* OK").kind == ResponseKind::condition);
    CHECK(read("* ok [closed]").code.kind == CodeKind::closed);
    CHECK(read("* SEARCH ").search.numbers.empty());
    CHECK(read("* SEARCH 1  2 ").search.numbers.size() == 2);
    CHECK(read("* ESEARCH (TAG A1) UID ALL 1:3").esearch.tag == "A1");
    CHECK(read("* ESEARCH (TAG \"A1\") PARTIAL (1:10 5) COUNT 2").esearch.count == 2);
    CHECK(read("* STATUS x (MESSAGES 1 X-NEW (a (b)) UNSEEN 2)").status.unseen == 2);
    CHECK(read("* LIST (HasNoChildren) \"/\" x (\"NEW\" (1 2))").list.other_attributes.size() == 1);
    CHECK(read("* LIST () \"/\" {3}\r\na\"b").list.mailbox == "a\"b");
    CHECK(read("* LIST () \"/\" a%b").list.mailbox == "a%b");
    CHECK(
        read("* NAMESPACE ((\"\" \"/\" \"X-PARAM\" (\"F\"))) NIL NIL").name_space.personal.size() ==
        1);
    CHECK(read("* 5 UIDFETCH (FLAGS ())").fetch.uid == 5);
    CHECK(read("* 1 FETCH (FLAGS (\\Seen ) UID 2 )").fetch.uid == 2);
    CHECK(read("* VANISHED 5:3").vanished.uids == OrderedRanges{{3, 5}});
    CHECK(read("* OK [BADCHARSET (\"utf 8\" x)] t").code.words.size() == 2);
    CHECK(read("* FLAGS (\\Seen)  ").words.size() == 1);
    CHECK(read("* LIST () \".\"  \"INBOX\"").list.mailbox == "INBOX");
    CHECK(read("* NAMESPACE ((\"INBOX.\" \".\")) NIL  NIL").name_space.personal.size() == 1);
    CHECK(read("* NO [BADCHARSET UTF-8] t").code.words == std::vector<std::string>{"UTF-8"});
}

TEST_CASE("a wrong response code is kept as text and harms nothing") {
    for (const auto* inside : {"UIDNEXT", "UIDNEXT x", "UIDNEXT 99999999999999999999",
                               "COPYUID 1 2", "PERMANENTFLAGS \\Seen", "MODIFIED *", "ALERT x",
                               "MAILBOXID ()", "MAILBOXID (a b)", ""}) {
        CAPTURE(inside);
        const std::string line = "* OK [" + std::string(inside) + "] text";
        const auto response = read(line);
        CHECK(response.code.kind == CodeKind::other);
        CHECK(response.code.text == inside);
        CHECK(response.text == "text");
    }
    CHECK(read("* OK [UIDNEXT 4").text == "[UIDNEXT 4");
    CHECK(read("* OK [UIDNEXT 4").code.kind == CodeKind::none);
}

TEST_CASE("responses that break the grammar are refused") {
    const char* lines[] = {
        "",
        "*",
        "* ",
        "A1",
        "A1 HELLO x",
        "A1 BYE x",
        "(A OK x",
        "* 1",
        "* 1 FOO",
        "* 0 EXPUNGE",
        "* 4294967296 EXISTS",
        "* 1 FETCH",
        "* 1 FETCH (",
        "* 1 FETCH (UID)",
        "* 1 FETCH (UID 0)",
        "* 1 FETCH (UID 1",
        "* 1 FETCH (UID 1) x",
        "* 1 FETCH (FLAGS \\Seen)",
        "* 1 FETCH (FLAGS (\\Seen)",
        "* 1 FETCH (MODSEQ 1)",
        "* 1 FETCH (INTERNALDATE \"yesterday\")",
        "* 1 FETCH (BODY[ {1}\r\na)",
        "* 1 FETCH (BODY[] {5}\r\nabc)",
        "* 1 FETCH (BODY[] abc)",
        "* 1 FETCH (BODY[] \"abc)",
        "* 1 FETCH (ENVELOPE (a)",
        "* 1 FETCH (ENVELOPE )",
        "* VANISHED",
        "* VANISHED *",
        "* VANISHED 0",
        "* VANISHED (LATER) 1",
        "* LIST",
        "* LIST () \"//\" a",
        "* LIST () \"/\"",
        "* STATUS a",
        "* STATUS a (MESSAGES)",
        "* STATUS a (MESSAGES x)",
        "* SEARCH 0",
        "* SEARCH a",
        "* SEARCH 1 (MODSEQ)",
        "* ESEARCH MIN",
        "* ESEARCH ALL *",
        "* NAMESPACE NIL NIL",
        "* ID (\"a\")",
        "* QUOTA a (STORAGE 1)",
        "* FLAGS \\Seen",
    };
    for (const auto* line : lines) {
        CHECK_FALSE(refused(line).rule.empty());
    }
}

TEST_CASE("nesting is bounded") {
    const auto nested = [](std::size_t depth) {
        return "* 1 FETCH (X " + std::string(depth, '(') + std::string(depth, ')') + ")";
    };
    CHECK(read(nested(kResponseNestingMax)).fetch.others.size() == 1);
    CHECK(refused(nested(kResponseNestingMax + 1)).kind == ParseErrorKind::too_deep);
    CHECK(refused("* 1 FETCH (X " + std::string(1'000'000, '(')).kind == ParseErrorKind::too_deep);
}

TEST_CASE("a response is the same wherever the input is cut") {
    const std::string input =
        "* OK [CAPABILITY IMAP4rev2] ready {5}\r\n"
        "+ go {7}\r\n"
        "* 1 FETCH (BODY[] {13}\r\n* 9 EXPUNGE\r\n UID 5)\r\n"
        "* 2 FETCH (UID 6 BODY[TEXT] {0}\r\n BODY[1] ~{3+}\r\na\nb FLAGS (\\Seen))\r\n"
        "* LIST () \"/\" {2}\r\n\r\n\r\n"
        "* SEARCH 1 2 3\n"
        "* BROKEN (\r\n"
        "* 1 FETCH (UID x)\r\n"
        "A1 OK done {3}\r\n";
    const auto whole = events(input, input.size());
    REQUIRE(whole.size() == 9);
    CHECK(whole[2] == "* 1 FETCH (UID 5 BODY[] {13}\r\n* 9 EXPUNGE\r\n)\r\n");
    CHECK(whole[7] == "malformed * 1 FETCH (UID x)");
    CHECK(whole[8] == "A1 OK done {3}\r\n");
    for (std::size_t piece = 1; piece < input.size(); ++piece) {
        CAPTURE(piece);
        CHECK(events(input, piece) == whole);
    }
}

TEST_CASE("long literals are handed out in pieces") {
    const std::string body(100, 'b');
    const std::string input = "* 1 FETCH (UID 5 BODY[] {100}\r\n" + body +
                              " BODY[TEXT] {3}\r\nabc FLAGS (\\Seen))\r\n* 2 EXISTS\r\n";
    const ResponseReaderLimits limits{.literal_bytes_max = 99};
    const std::vector<std::string> expected = {
        "start * 1 FETCH (UID 5 BODY[] {100}",
        "bytes " + body,
        "* 1 FETCH (UID 5 FLAGS (\\Seen) BODY[] streamed:100 BODY[TEXT] {3}\r\nabc)\r\n",
        "* 2 EXISTS\r\n",
    };
    for (std::size_t piece = 1; piece <= input.size(); ++piece) {
        CAPTURE(piece);
        CHECK(events(input, piece, limits) == expected);
    }
}

TEST_CASE("a response beyond the limits ends the reading") {
    const ResponseReaderLimits limits{.response_bytes_max = 50, .literal_bytes_max = 40};
    for (const std::size_t piece : {1, 10, 1000}) {
        CHECK(events("* 1 EXISTS\r\n* " + std::string(60, 'x'), piece, limits) ==
              std::vector<std::string>{"* 1 EXISTS\r\n", "too large"});
        CHECK(events("* 1 FETCH (BODY[] {40}\r\n", piece, limits).back() == "too large");
    }
    ResponseReader reader(limits);
    Response response;
    std::string_view input = "* 1 FETCH (BODY[] {99999999999999999999999}\r\n";
    CHECK(std::holds_alternative<ResponseReader::StreamStart>(reader.next(input, response)));
    CHECK_FALSE(reader.is_idle());
    reader.reset();
    CHECK(reader.is_idle());
}

TEST_CASE("a value tree holds nested lists, strings and atoms") {
    const auto tree = ValueTree::parse(
        "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"a\\\"b\") NIL NIL \"7BIT\" 2279 48)(\"X\" "
        "{3}\r\n(\")) "
        "\"MIXED\")");
    REQUIRE(tree);
    CHECK(tree->root().count == 1);
    const auto& nodes = *tree;
    CHECK(nodes[tree->at({})].count == 3);
    CHECK(nodes[tree->at({0, 1})].text == "PLAIN");
    CHECK(nodes[tree->at({0, 2, 1})].text == "a\"b");
    CHECK(nodes[tree->at({0, 3})].kind == ValueTree::Kind::nil);
    CHECK(nodes[tree->at({0, 6})].kind == ValueTree::Kind::atom);
    CHECK(nodes[tree->at({0, 6})].text == "2279");
    CHECK(nodes[tree->at({1, 1})].text == "(\")");
    CHECK(nodes[tree->at({2})].text == "MIXED");
    CHECK(tree->at({3}) == 0);
    CHECK(tree->at({0, 1, 0}) == 0);
    CHECK(ValueTree::parse("")->root().count == 0);
    CHECK(ValueTree::parse("a (b) \"c\"")->root().count == 3);
    for (const auto* text : {"(", ")", "(a", "a)", "\"a", "{3}\r\nab", "{x}\r\n", "(()"}) {
        CAPTURE(text);
        CHECK_FALSE(ValueTree::parse(text));
    }
    CHECK_FALSE(ValueTree::parse(std::string(100'000, '(')));
}

}  // namespace
}  // namespace tidemark::protocol
