// Mailboxes: LIST, CREATE, RENAME, DELETE, COPY, MOVE, STATUS, as clients see them.
#include "tests/support/test_server.hpp"

#include <doctest/doctest.h>

using namespace tidemark::test;

TEST_CASE("LIST shows mailboxes, their children and their special use") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    client.ok("CREATE a/b/c");
    auto lines = client.ok("LIST \"\" *");
    CHECK(has_line(lines, "* LIST (\\HasNoChildren) \"/\" INBOX"));
    CHECK(has_line(lines, "* LIST (\\HasNoChildren \\Sent) \"/\" Sent"));
    CHECK(has_line(lines, "* LIST (\\HasNoChildren) \"/\" a/b/c"));
    CHECK(has_line(client.ok("LIST \"\" %"),
                   "* LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" a"));
    CHECK(has_line(client.ok("LIST \"\" \"\""), "* LIST (\\Noselect) \"/\" \"\""));
    CHECK(with_prefix(client.ok("LIST a/ %"), "* LIST").size() == 1);
    CHECK(with_prefix(client.ok("LIST \"\" (INBOX Sent)"), "* LIST").size() == 2);
    CHECK(with_prefix(client.ok("LIST (SPECIAL-USE) \"\" *"), "* LIST").size() == 5);
    client.ok("SUBSCRIBE a/b/c");
    CHECK(has_line(client.ok("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %"),
                   "* LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" a (\"CHILDINFO\" "
                   "(\"SUBSCRIBED\"))"));
    CHECK(has_line(client.ok("LSUB \"\" %"), "* LSUB (\\Noselect) \"/\" a"));
    auto with_status = client.ok("LIST \"\" INBOX RETURN (STATUS (MESSAGES UNSEEN))");
    CHECK(has_line(with_status, "* STATUS INBOX (MESSAGES 0 UNSEEN 0)"));
}

TEST_CASE("CREATE, RENAME and DELETE follow RFC 9051 §6.3.4 to §6.3.6") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    CHECK(client.ok("CREATE x/").back().find("OK [MAILBOXID (M") == 0);
    CHECK(client.no("CREATE x").back().find("[ALREADYEXISTS]") != std::string::npos);
    CHECK(client.no("CREATE inbox").back().find("[ALREADYEXISTS]") != std::string::npos);
    client.ok("CREATE x/y");
    client.ok("RENAME x z");
    CHECK(has_line(client.ok("LIST \"\" z/*"), "* LIST (\\HasNoChildren) \"/\" z/y"));
    CHECK(client.no("RENAME z z/y/w").back().find("[CANNOT]") != std::string::npos);
    CHECK(client.no("DELETE x").back().find("[NONEXISTENT]") != std::string::npos);
    CHECK(client.no("DELETE INBOX").back().find("[CANNOT]") != std::string::npos);
    client.ok("DELETE z");
    client.ok("LIST \"\" *");
    client.no("SELECT z");
    client.ok("SELECT z/y");
    client.ok("DELETE z/y");
    client.append("INBOX", kSmallMessage);
    client.ok("RENAME INBOX old");
    CHECK(has_line(client.ok("STATUS old (MESSAGES)"), "* STATUS old (MESSAGES 1)"));
    CHECK(has_line(client.ok("STATUS INBOX (MESSAGES)"), "* STATUS INBOX (MESSAGES 0)"));
    client.ok("SELECT old");
    CHECK(client.ok("FETCH 1 BODY.PEEK[]")[0].find(kSmallMessage) != std::string::npos);
    server.restart();
    auto later = server.connect("ann");
    later.ok("SELECT old");
    CHECK(later.ok("FETCH 1 BODY.PEEK[]")[0].find(kSmallMessage) != std::string::npos);
}

TEST_CASE("a mailbox renamed to a name that is subscribed takes the subscription over") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    client.ok("SUBSCRIBE b");
    client.ok("CREATE a");
    client.ok("RENAME a b");
    CHECK(with_prefix(client.ok("LIST (SUBSCRIBED) \"\" b"), "* LIST").size() == 1);
    client.ok("UNSUBSCRIBE b");
    CHECK(with_prefix(client.ok("LIST (SUBSCRIBED) \"\" b"), "* LIST").empty());
    client.ok("DELETE b");
    CHECK(with_prefix(client.ok("LIST (SUBSCRIBED) \"\" b"), "* LIST").empty());
}

TEST_CASE("a mailbox that is deleted under a session ends that session with BYE") {
    TestServer server;
    server.add_account("ann");
    auto owner = server.connect("ann");
    auto reader = server.connect("ann");
    owner.ok("CREATE gone");
    reader.ok("SELECT gone");
    owner.ok("DELETE gone");
    CHECK(reader.line().find("* BYE") == 0);
    CHECK(reader.at_end());
    CHECK(owner.ok("NOOP").size() == 1);
}

TEST_CASE("COPY and MOVE tell COPYUID, keep flags, and MOVE takes the messages away") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    for (int i = 0; i < 3; ++i) client.append("INBOX", kSmallMessage, "\\Flagged word");
    client.ok("CREATE there");
    client.ok("SELECT INBOX");
    CHECK(client.ok("COPY 1:2 there").back().find("OK [COPYUID ") == 0);
    CHECK(client.no("COPY 1 nowhere").back().find("[TRYCREATE]") != std::string::npos);
    const auto moved = client.ok("UID MOVE 2:3 there");
    REQUIRE(moved.size() == 4);
    CHECK(moved[0].find("* OK [COPYUID ") == 0);
    CHECK(moved[0].find(" 2:3 3:4]") != std::string::npos);
    CHECK(has_line(moved, "* 3 EXPUNGE"));
    CHECK(has_line(moved, "* 2 EXPUNGE"));
    CHECK(has_line(client.ok("STATUS there (MESSAGES UIDNEXT)"),
                   "* STATUS there (MESSAGES 4 UIDNEXT 5)"));
    client.ok("SELECT there");
    const auto fetched = client.ok("FETCH 4 (FLAGS BODY.PEEK[])");
    CHECK(fetched[0].find("\\Flagged word") != std::string::npos);
    CHECK(fetched[0].find(kSmallMessage) != std::string::npos);
    client.ok("MOVE 1 there");
    CHECK(has_line(client.ok("STATUS there (MESSAGES UIDNEXT)"),
                   "* STATUS there (MESSAGES 4 UIDNEXT 6)"));
}

TEST_CASE("FETCH answers every item, of a message with parts") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    const std::string message =
        "From: Ann <ann@example.org>\r\nSubject: parts\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n--b\r\n"
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: "
        "base64\r\n\r\nAAECAw==\r\n--b--\r\n";
    client.append("INBOX", message);
    client.ok("SELECT INBOX");
    CHECK(client.ok("FETCH 1 ENVELOPE")[0].find(
              "\"parts\" ((\"Ann\" NIL \"ann\" \"example.org\"))") != std::string::npos);
    CHECK(client.ok("FETCH 1 BODYSTRUCTURE")[0].find("\"base64\" 8 NIL NIL NIL NIL) \"mixed\"") !=
          std::string::npos);
    CHECK(client.ok("FETCH 1 BODY.PEEK[1]")[0].find("BODY[1] {5}\r\nfirst") != std::string::npos);
    CHECK(client.ok("FETCH 1 BINARY.SIZE[2]")[0].find("BINARY.SIZE[2] 4") != std::string::npos);
    CHECK(client.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]")[0].find(
              "Subject: parts\r\n\r\n") != std::string::npos);
    CHECK(client.ok("FETCH 1 BODY.PEEK[]<5.3>")[0].find("BODY[]<5> {3}\r\n Ann") ==
          std::string::npos);
    CHECK(client.ok("FETCH 1 BODY.PEEK[TEXT]<0.5>")[0].find("BODY[TEXT]<0> {5}\r\n--b\r\n") !=
          std::string::npos);
    CHECK(client.ok("FETCH 1 ALL")[0].find("RFC822.SIZE") != std::string::npos);
    const auto lines = client.ok("FETCH 1 BODY[TEXT]");
    CHECK(has_line(lines, "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))"));
    CHECK(client.ok("FETCH 1 (EMAILID THREADID SAVEDATE INTERNALDATE)")[0].find("THREADID NIL") !=
          std::string::npos);
}

TEST_CASE("SEARCH finds by flags, dates, sizes, headers and text; ESEARCH and $ work") {
    TestServer server;
    server.add_account("ann");
    auto client = server.connect("ann");
    client.append("INBOX", kSmallMessage, "\\Seen");
    client.append(
        "INBOX",
        "From: Carl <carl@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nZebra\r\n");
    client.ok("SELECT INBOX");
    CHECK(has_line(client.ok("SEARCH SEEN"), "* SEARCH 1"));
    CHECK(has_line(client.ok("SEARCH UNSEEN"), "* SEARCH 2"));
    CHECK(has_line(client.ok("SEARCH FROM carl"), "* SEARCH 2"));
    CHECK(has_line(client.ok("SEARCH CHARSET UTF-8 SUBJECT {6+}\r\ngrü\xC3\x9F"), "* SEARCH 2"));
    CHECK(has_line(client.ok("SEARCH BODY zebra"), "* SEARCH 2"));
    CHECK(has_line(client.ok("SEARCH NOT TEXT zebra"), "* SEARCH 1"));
    CHECK(has_line(client.ok("SEARCH SENTON 1-Jan-2024"), "* SEARCH 1"));
    CHECK(has_line(client.ok("SEARCH OR SEEN LARGER 1000000"), "* SEARCH 1"));
    CHECK(client.no("SEARCH CHARSET KLINGON SUBJECT x").back().find("[BADCHARSET") !=
          std::string::npos);
    client.ok("SEARCH RETURN (SAVE) UNSEEN");
    CHECK(client.ok("FETCH $ UID")[0] == "* 2 FETCH (UID 2)");
    const auto lines = client.ok("UID SEARCH RETURN (MIN MAX COUNT ALL) ALL");
    CHECK(lines[0].find("UID") != std::string::npos);
    CHECK(lines[0].find("MIN 1 MAX 2 ") != std::string::npos);
    CHECK(has_line(client.ok("SORT (REVERSE SUBJECT) UTF-8 ALL"), "* SORT 1 2"));
    CHECK(has_line(client.ok("THREAD REFERENCES UTF-8 ALL"), "* THREAD (2)(1)"));
}

TEST_CASE("APPEND: several at once, refused early, too large, cancelled, literal8") {
    TestServer::Options options;
    options.append_bytes_max = 4096;
    TestServer server(options);
    server.add_account("ann");
    auto client = server.connect("ann");
    CHECK(
        client.ok("APPEND INBOX {3+}\r\nabc (\\Seen) {4+}\r\ndefg").back().find("OK [APPENDUID ") ==
        0);
    client.send("t APPEND nowhere {10}\r\n");
    CHECK(client.until_tagged("t").back().find("t NO [TRYCREATE]") == 0);
    CHECK(client.no("APPEND INBOX {5000+}\r\n" + std::string(5000, 'x')).back().find("[TOOBIG]") !=
          std::string::npos);
    client.no("APPEND INBOX {3+}\r\nabc {0+}\r\n");
    client.no(std::string("APPEND INBOX {3+}\r\na\0c", 22));
    client.ok(std::string("APPEND INBOX ~{3+}\r\na\0c", 23));
    CHECK(has_line(client.ok("STATUS INBOX (MESSAGES)"), "* STATUS INBOX (MESSAGES 3)"));
}

TEST_CASE("quota is enforced and told") {
    TestServer server;
    server.add_account("ann", 4096);
    auto client = server.connect("ann");
    client.append("INBOX", std::string(3000, 'x'));
    CHECK(
        client.no("APPEND INBOX {2000+}\r\n" + std::string(2000, 'x')).back().find("[OVERQUOTA]") !=
        std::string::npos);
    CHECK(has_line(client.ok("GETQUOTAROOT INBOX"), "* QUOTA \"\" (STORAGE 3 4)"));
}
