#include "protocol/write_response.hpp"

#include "protocol/parse_response.hpp"
#include "protocol/write_fetch.hpp"
#include "tests/support/response_text.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace tidemark::protocol {
namespace {

using test::written;
constexpr auto kUtf7 = NameEncoding::utf7;
constexpr auto kUtf8 = NameEncoding::utf8;

std::string code_text(const ResponseCode& code) {
    return written([&](OutputBuffer& out) { write_code(out, code); });
}
std::string string_text(std::string_view bytes, NameEncoding encoding) {
    return written([&](OutputBuffer& out) { write_string(out, bytes, encoding); });
}
std::string astring_text(std::string_view bytes, NameEncoding encoding) {
    return written([&](OutputBuffer& out) { write_astring(out, bytes, encoding); });
}
std::string list_text(const ListData& list, NameEncoding encoding) {
    return written([&](OutputBuffer& out) { write_list(out, list, encoding); });
}

TEST_CASE("a string is quoted where the grammar allows it and a literal elsewhere") {
    CHECK(string_text("", kUtf7) == "\"\"");
    CHECK(string_text("a b", kUtf7) == "\"a b\"");
    CHECK(string_text("a\"b\\c", kUtf7) == "\"a\\\"b\\\\c\"");
    CHECK(string_text("a\r\nb", kUtf7) == "{4}\r\na\r\nb");
    CHECK(string_text("a\nb", kUtf7) == "{3}\r\na\nb");
    CHECK(string_text(std::string("a\0", 2), kUtf7) == std::string("{2}\r\na\0", 7));
    CHECK(string_text("tab\there", kUtf7) == "\"tab\there\"");
    CHECK(string_text("é", kUtf7) == "{2}\r\né");
    CHECK(string_text("é", kUtf8) == "\"é\"");
    CHECK(string_text("\xff", kUtf8) == "{1}\r\n\xff");
    const std::string long_text(kQuotedBytesMax + 1, 'x');
    CHECK(string_text(long_text, kUtf7) == "{1001}\r\n" + long_text);
    CHECK(written([](OutputBuffer& out) { write_nstring(out, std::nullopt, kUtf7); }) == "NIL");
    CHECK(written([](OutputBuffer& out) { write_nstring(out, "NIL", kUtf7); }) == "\"NIL\"");
    CHECK(written([](OutputBuffer& out) { write_literal8_header(out, 7); }) == "~{7}\r\n");
}

TEST_CASE("an astring is an atom where it can be one") {
    CHECK(astring_text("INBOX", kUtf7) == "INBOX");
    CHECK(astring_text("a/b]c", kUtf7) == "a/b]c");
    CHECK(astring_text("", kUtf7) == "\"\"");
    CHECK(astring_text("nil", kUtf7) == "\"nil\"");
    CHECK(astring_text("a b", kUtf7) == "\"a b\"");
    CHECK(astring_text("a%", kUtf7) == "\"a%\"");
    CHECK(astring_text("{3}", kUtf7) == "\"{3}\"");
    CHECK(astring_text("é", kUtf8) == "\"é\"");
    const auto name = MailboxName::from_utf8("Entwürfe & mehr");
    CHECK(written([&](OutputBuffer& out) { write_mailbox(out, *name, kUtf7); }) ==
          "\"Entw&APw-rfe &- mehr\"");
    CHECK(written([&](OutputBuffer& out) { write_mailbox(out, *name, kUtf8); }) ==
          "\"Entwürfe & mehr\"");
}

TEST_CASE("every response code is written as its RFC has it") {
    struct Row {
        ResponseCode code;
        const char* text;
    };
    auto bad_charset = ResponseCode::of(CodeKind::bad_charset);
    bad_charset.words = {"US-ASCII", "UTF-8"};
    auto other = ResponseCode::of(CodeKind::other);
    other.text = "XCODE some thing";
    auto progress = ResponseCode::of(CodeKind::in_progress);
    progress.text = "(\"A001\" 454 1000)";
    const Row rows[] = {
        {{}, ""},
        {ResponseCode::of(CodeKind::alert), "[ALERT]"},
        {ResponseCode::of(CodeKind::uid_validity, 3857529045), "[UIDVALIDITY 3857529045]"},
        {ResponseCode::of(CodeKind::uid_next, 4392), "[UIDNEXT 4392]"},
        {ResponseCode::of(CodeKind::unseen, 12), "[UNSEEN 12]"},
        {ResponseCode::of(CodeKind::highest_modseq, kModSeqMax),
         "[HIGHESTMODSEQ 9223372036854775807]"},
        {ResponseCode::of(CodeKind::no_modseq), "[NOMODSEQ]"},
        {ResponseCode::of(CodeKind::closed), "[CLOSED]"},
        {ResponseCode::append_uid(38505, {{3955, 3955}}), "[APPENDUID 38505 3955]"},
        {ResponseCode::copy_uid(38505, {{304, 304}, {319, 320}}, {{3956, 3958}}),
         "[COPYUID 38505 304,319:320 3956:3958]"},
        {ResponseCode::modified(RangeSet::from_unsorted({{7, 7}, {9, 9}})), "[MODIFIED 7,9]"},
        {ResponseCode::permanent_flags({"\\Deleted", "\\Seen", "\\*"}),
         "[PERMANENTFLAGS (\\Deleted \\Seen \\*)]"},
        {ResponseCode::permanent_flags({}), "[PERMANENTFLAGS ()]"},
        {ResponseCode::mailbox_id("F2212ea87-6097-4256-9d51-71338625"),
         "[MAILBOXID (F2212ea87-6097-4256-9d51-71338625)]"},
        {ResponseCode::capability({"IMAP4rev2", "STARTTLS"}), "[CAPABILITY IMAP4rev2 STARTTLS]"},
        {ResponseCode::of(CodeKind::bad_charset), "[BADCHARSET]"},
        {bad_charset, "[BADCHARSET (US-ASCII UTF-8)]"},
        {ResponseCode::of(CodeKind::read_only), "[READ-ONLY]"},
        {ResponseCode::of(CodeKind::read_write), "[READ-WRITE]"},
        {ResponseCode::of(CodeKind::try_create), "[TRYCREATE]"},
        {ResponseCode::of(CodeKind::over_quota), "[OVERQUOTA]"},
        {ResponseCode::of(CodeKind::unknown_cte), "[UNKNOWN-CTE]"},
        {ResponseCode::of(CodeKind::message_limit, 1000), "[MESSAGELIMIT 1000]"},
        {progress, "[INPROGRESS (\"A001\" 454 1000)]"},
        {other, "[XCODE some thing]"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(code_text(row.code) == row.text);
        // And read again.
        Response response;
        const std::string line =
            "* OK " + std::string(row.text) + (row.text[0] == 0 ? "text" : " text");
        REQUIRE(parse_response(line, response));
        CHECK(response.code == row.code);
        CHECK(response.text == "text");
    }
}

TEST_CASE("all codes without arguments have a name that is found again") {
    for (int i = 1; i < static_cast<int>(CodeKind::other); ++i) {
        const auto kind = static_cast<CodeKind>(i);
        CAPTURE(i);
        CHECK_FALSE(code_name(kind).empty());
        CHECK(find_code(code_name(kind)) == kind);
        if (code_shape(kind) == CodeShape::bare) {
            Response response;
            REQUIRE(parse_response("* NO " + code_text(ResponseCode::of(kind)) + " x", response));
            CHECK(response.code.kind == kind);
        }
    }
    CHECK(find_code("") == CodeKind::other);
    CHECK(find_code("uidvalidity") == CodeKind::uid_validity);
}

TEST_CASE("status responses carry condition, code and text") {
    CHECK(written([](OutputBuffer& out) {
              write_tagged(out, "A1", Condition::ok, "NOOP completed");
          }) == "A1 OK NOOP completed\r\n");
    CHECK(written([](OutputBuffer& out) {
              write_tagged(out, "A1", Condition::no, CodeKind::try_create, "no such mailbox");
          }) == "A1 NO [TRYCREATE] no such mailbox\r\n");
    CHECK(written([](OutputBuffer& out) {
              write_tagged(out, "A1", Condition::ok, ResponseCode::append_uid(1, {{2, 4}}), "done");
          }) == "A1 OK [APPENDUID 1 2:4] done\r\n");
    CHECK(written([](OutputBuffer& out) { write_untagged(out, Condition::bye, "see you"); }) ==
          "* BYE see you\r\n");
    CHECK(written([](OutputBuffer& out) {
              write_untagged(out, Condition::ok, CodeKind::closed, "");
          }) == "* OK [CLOSED] done\r\n");
    CHECK(written([](OutputBuffer& out) { write_continuation(out, ""); }) == "+ \r\n");
    CHECK(written([](OutputBuffer& out) { write_continuation(out, "cj1hYmM="); }) ==
          "+ cj1hYmM=\r\n");
}

TEST_CASE("a text can not break out of its response") {
    CHECK(written([](OutputBuffer& out) {
              write_tagged(out, "A1", Condition::no, "line\r\nA1 OK forged");
          }) == "A1 NO line??A1 OK forged\r\n");
    CHECK(written([](OutputBuffer& out) {
              write_untagged(out, Condition::no, "[ALERT] forged");
          }) == "* NO (ALERT] forged\r\n");
    auto code = ResponseCode::of(CodeKind::other);
    code.text = "X] forged\r\n";
    CHECK(code_text(code) == "[X? forged??]");
    CHECK(code_text(ResponseCode::permanent_flags({"a)\r\n"})) == "[PERMANENTFLAGS (a\?\?\?)]");
}

TEST_CASE("mailbox data is written as its RFC has it") {
    CHECK(written([](OutputBuffer& out) { write_exists(out, 23); }) == "* 23 EXISTS\r\n");
    CHECK(written([](OutputBuffer& out) { write_recent(out, 0); }) == "* 0 RECENT\r\n");
    CHECK(written([](OutputBuffer& out) { write_expunge(out, 44); }) == "* 44 EXPUNGE\r\n");
    CHECK(written([](OutputBuffer& out) { write_flags(out, "(\\Seen)"); }) ==
          "* FLAGS (\\Seen)\r\n");
    const auto gone = RangeSet::from_unsorted({{300, 310}, {405, 405}, {411, 411}});
    CHECK(written([&](OutputBuffer& out) { write_vanished(out, gone, true); }) ==
          "* VANISHED (EARLIER) 300:310,405,411\r\n");
    CHECK(written([&](OutputBuffer& out) { write_vanished(out, gone, false); }) ==
          "* VANISHED 300:310,405,411\r\n");
    CHECK(written([](OutputBuffer& out) { write_vanished(out, {}, false); }).empty());
    CHECK(written([](OutputBuffer& out) { write_capability(out, "IMAP4rev2 IDLE"); }) ==
          "* CAPABILITY IMAP4rev2 IDLE\r\n");
    CHECK(written([](OutputBuffer& out) {
              write_enabled(out, std::array<std::string_view, 2>{"CONDSTORE", "QRESYNC"});
          }) == "* ENABLED CONDSTORE QRESYNC\r\n");
    CHECK(written([](OutputBuffer& out) { write_enabled(out, {}); }) == "* ENABLED\r\n");
}

TEST_CASE("LIST carries attributes, separator and extended data") {
    ListData list;
    list.mailbox = "~/Mail/foo";
    list.attributes.add(MailboxAttribute::no_select);
    list.attributes.add(MailboxAttribute::has_children);
    CHECK(list_text(list, kUtf7) == "* LIST (\\Noselect \\HasChildren) \"/\" ~/Mail/foo\r\n");
    list = {};
    list.mailbox = "Fruit and more";
    list.child_info = {"SUBSCRIBED"};
    CHECK(list_text(list, kUtf7) ==
          "* LIST () \"/\" \"Fruit and more\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
    list.old_name = "old name";
    CHECK(list_text(list, kUtf7) ==
          "* LIST () \"/\" \"Fruit and more\" (\"CHILDINFO\" (\"SUBSCRIBED\") \"OLDNAME\" (\"old "
          "name\"))\r\n");
    list = {};
    list.mailbox = "NewMailbox";
    list.old_name = "OldMailbox";
    list.separator.reset();
    CHECK(list_text(list, kUtf7) == "* LIST () NIL NewMailbox (\"OLDNAME\" (OldMailbox))\r\n");
    list = {};
    list.is_lsub = true;
    list.mailbox = "é";
    CHECK(list_text(list, kUtf8) == "* LSUB () \"/\" \"é\"\r\n");
}

TEST_CASE("STATUS writes what is present") {
    StatusData status;
    status.mailbox = "blurdybloop";
    status.present = {StatusItem::messages,       StatusItem::uid_next,   StatusItem::size,
                      StatusItem::highest_modseq, StatusItem::mailbox_id, StatusItem::append_limit};
    status.messages = 231;
    status.uid_next = 44292;
    status.size = 8'589'934'592;
    status.highest_modseq = 7011231777;
    status.mailbox_id = "F1";
    CHECK(written([&](OutputBuffer& out) { write_status(out, status, kUtf7); }) ==
          "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 SIZE 8589934592 HIGHESTMODSEQ "
          "7011231777 MAILBOXID (F1) APPENDLIMIT NIL)\r\n");
    status.present = {};
    CHECK(written([&](OutputBuffer& out) { write_status(out, status, kUtf7); }) ==
          "* STATUS blurdybloop ()\r\n");
}

TEST_CASE("numbers of any length, in any order, are written as they are") {
    std::vector<std::uint32_t> numbers;
    std::string expected = "* SORT";
    for (std::uint64_t power = 1; power <= 10'000'000'000; power *= 10) {
        for (const std::uint64_t number :
             {power - 1, power, power + 1, 7 * power + 20, power + 1}) {
            if (number == 0 || number > 0xffff'ffff) continue;
            numbers.push_back(static_cast<std::uint32_t>(number));
            expected += ' ' + std::to_string(number);
        }
    }
    numbers.push_back(0xffff'ffff);
    expected += " 4294967295\r\n";
    CHECK(written([&](OutputBuffer& out) { write_sort(out, numbers); }) == expected);
}

TEST_CASE("search results are written in both forms") {
    const std::array<std::uint32_t, 3> numbers{2, 84, 882};
    CHECK(written([&](OutputBuffer& out) { write_search(out, numbers); }) ==
          "* SEARCH 2 84 882\r\n");
    CHECK(written([&](OutputBuffer& out) { write_search(out, numbers, 917162500); }) ==
          "* SEARCH 2 84 882 (MODSEQ 917162500)\r\n");
    CHECK(written([](OutputBuffer& out) { write_search(out, {}, 917162500); }) == "* SEARCH\r\n");
    CHECK(written([&](OutputBuffer& out) { write_sort(out, numbers); }) == "* SORT 2 84 882\r\n");
    CHECK(written([](OutputBuffer& out) { write_thread(out, "(2)(3 6)"); }) ==
          "* THREAD (2)(3 6)\r\n");
    CHECK(written([](OutputBuffer& out) { write_thread(out, ""); }) == "* THREAD\r\n");
    EsearchData result;
    result.tag = "A282";
    result.min = 2;
    result.count = 3;
    CHECK(written([&](OutputBuffer& out) { write_esearch(out, result); }) ==
          "* ESEARCH (TAG \"A282\") MIN 2 COUNT 3\r\n");
    result.by_uid = true;
    result.max = 47;
    result.all = OrderedRanges{{4, 18}, {21, 21}};
    result.modseq = 1236;
    CHECK(written([&](OutputBuffer& out) { write_esearch(out, result); }) ==
          "* ESEARCH (TAG \"A282\") UID MIN 2 MAX 47 ALL 4:18,21 COUNT 3 MODSEQ 1236\r\n");
    EsearchData empty;
    empty.all.emplace();
    CHECK(written([&](OutputBuffer& out) { write_esearch(out, empty); }) == "* ESEARCH\r\n");
}

TEST_CASE("namespace, identity and quota are written as their RFCs have them") {
    NamespaceData data;
    data.personal.push_back({"", '/'});
    CHECK(written([&](OutputBuffer& out) { write_namespace(out, data, kUtf7); }) ==
          "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    CHECK(written([](OutputBuffer& out) { write_id(out, std::nullopt); }) == "* ID NIL\r\n");
    CHECK(written([](OutputBuffer& out) {
              write_id(out, IdPairs{{"name", "Tidemark"}, {"os", std::nullopt}});
          }) == "* ID (\"name\" \"Tidemark\" \"os\" NIL)\r\n");
    CHECK(written([](OutputBuffer& out) {
              write_quota(out, {"", {{"STORAGE", 10, 512}, {"MESSAGE", 1, 2}}}, kUtf7);
          }) == "* QUOTA \"\" (STORAGE 10 512 MESSAGE 1 2)\r\n");
    CHECK(written([](OutputBuffer& out) {
              write_quota_root(out, {"INBOX", {"", "#user/alice"}}, kUtf7);
          }) == "* QUOTAROOT INBOX \"\" #user/alice\r\n");
}

TEST_CASE("the fast FETCH lines hold the largest numbers") {
    CHECK(written([](OutputBuffer& out) { write_fetch_flags(out, 1, "()"); }) ==
          "* 1 FETCH (FLAGS ())\r\n");
    CHECK(written([](OutputBuffer& out) { write_fetch_flags(out, 12, 34, "(\\Seen)"); }) ==
          "* 12 FETCH (UID 34 FLAGS (\\Seen))\r\n");
    CHECK(written([](OutputBuffer& out) {
              write_fetch_flags(out, 4294967295, 4294967295, "(\\Seen $Junk)", kModSeqMax);
          }) ==
          "* 4294967295 FETCH (UID 4294967295 FLAGS (\\Seen $Junk) MODSEQ "
          "(9223372036854775807))\r\n");
    const std::string flags = "(" + std::string(40'000, 'k') + ")";
    CHECK(written([&](OutputBuffer& out) { write_fetch_flags(out, 1, 2, flags, 3); }) ==
          "* 1 FETCH (UID 2 FLAGS " + flags + " MODSEQ (3))\r\n");
}

TEST_CASE("a FETCH response takes any items") {
    const auto body = std::make_shared<const std::string>(2000, 'm');
    const auto text = written([&](OutputBuffer& out) {
        FetchWriter fetch(out, 7);
        fetch.uid(9);
        fetch.flags("(\\Seen)");
        fetch.modseq(624140003);
        fetch.internal_date({837596665, -420});
        fetch.save_date(std::nullopt);
        fetch.rfc822_size(44827);
        fetch.object_id("EMAILID", "M6d99ac3275bb4e");
        fetch.object_id("THREADID", std::nullopt);
        fetch.text("ENVELOPE", "(NIL)");
        fetch.string("PREVIEW", "a \"b\"", kUtf7);
        fetch.nil("BODY[3]");
        fetch.literal("BODY[TEXT]", body, *body);
        fetch.literal8("BINARY[1]", nullptr, std::string_view("\0", 1));
        fetch.literal_header("BODY[]", 2);
        out.append("ab");
        fetch.finish();
    });
    CHECK(text ==
          "* 7 FETCH (UID 9 FLAGS (\\Seen) MODSEQ (624140003) INTERNALDATE \"17-Jul-1996 02:44:25 "
          "-0700\" SAVEDATE NIL RFC822.SIZE 44827 EMAILID (M6d99ac3275bb4e) THREADID NIL ENVELOPE "
          "(NIL) PREVIEW \"a \\\"b\\\"\" BODY[3] NIL BODY[TEXT] {2000}\r\n" +
              *body + " BINARY[1] ~{1}\r\n" + std::string(1, '\0') + " BODY[] {2}\r\nab)\r\n");
}

TEST_CASE("a FETCH item is named as it was asked for, without PEEK and with the origin only") {
    using message::SectionKind;
    struct Row {
        FetchItem item;
        const char* label;
    };
    const auto section = [](message::SectionSpec spec, std::optional<Partial> partial = {}) {
        FetchItem item;
        item.attribute = FetchAttribute::body_section;
        item.peek = true;
        item.section = std::move(spec);
        item.partial = partial;
        return item;
    };
    const auto plain = [](FetchAttribute attribute) {
        FetchItem item;
        item.attribute = attribute;
        return item;
    };
    FetchItem binary = section({{1, 2}, SectionKind::kAll, {}}, Partial{10, 20});
    binary.attribute = FetchAttribute::binary;
    FetchItem binary_size = section({{3}, SectionKind::kAll, {}});
    binary_size.attribute = FetchAttribute::binary_size;
    const Row rows[] = {
        {section({}), "BODY[]"},
        {section({}, Partial{0, 2048}), "BODY[]<0>"},
        {section({{1, 2, 3}, SectionKind::kAll, {}}), "BODY[1.2.3]"},
        {section({{}, SectionKind::kHeader, {}}), "BODY[HEADER]"},
        {section({{4}, SectionKind::kMime, {}}), "BODY[4.MIME]"},
        {section({{4, 1}, SectionKind::kText, {}}), "BODY[4.1.TEXT]"},
        {section({{}, SectionKind::kHeaderFields, {"From", "X y", "a]"}}),
         "BODY[HEADER.FIELDS (From \"X y\" a])]"},
        {section({{2}, SectionKind::kHeaderFieldsNot, {"DATE"}}),
         "BODY[2.HEADER.FIELDS.NOT (DATE)]"},
        {binary, "BINARY[1.2]<10>"},
        {binary_size, "BINARY.SIZE[3]"},
        {plain(FetchAttribute::rfc822_text), "RFC822.TEXT"},
        {plain(FetchAttribute::body), "BODY"},
        {plain(FetchAttribute::body_structure), "BODYSTRUCTURE"},
        {plain(FetchAttribute::save_date), "SAVEDATE"},
    };
    for (const auto& row : rows) {
        CHECK(fetch_label(row.item) == row.label);
    }
}

}  // namespace
}  // namespace tidemark::protocol
