#include "protocol/parse_command.hpp"
#include "protocol/write_command.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

// The command lines of the examples in the RFCs, and what we parse of them: all but those whose
// commands or options no extension here defines.

namespace {

using namespace tidemark::protocol;

struct Examples {
    int rfc;
    std::vector<std::string_view> lines;
};

const Examples kExamples[] = {
    {9051,
     {
         "abcd CAPABILITY",
         "efgh STARTTLS",
         "a002 NOOP",
         "A023 LOGOUT",
         "a004 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=",
         "A001 AUTHENTICATE GSSAPI",
         "A01 AUTHENTICATE PLAIN",
         "A01 AUTHENTICATE EXTERNAL =",
         "a001 LOGIN SMITH SESAME",
         "t2 ENABLE CONDSTORE X-GOOD-IDEA",
         "a1 ENABLE CONDSTORE",
         "A142 SELECT INBOX",
         "A143 SELECT Drafts",
         "A932 EXAMINE blurdybloop",
         "A003 CREATE owatagusiam/",
         "A004 CREATE owatagusiam/blurdybloop",
         "A005 CREATE NonNormalized",
         "A682 LIST \"\" *",
         "A683 DELETE blurdybloop",
         "A684 DELETE foo",
         "A685 DELETE foo/bar",
         "A86 LIST \"\" %",
         "A683 RENAME blurdybloop sarasoop",
         "A684 RENAME foo zowie",
         "Z433 RENAME INBOX old-mail",
         "1001 RENAME X Y",
         "1002 SUBSCRIBE Y",
         "1003 UNSUBSCRIBE X",
         "A002 SUBSCRIBE #news.comp.mail.mime",
         "A002 UNSUBSCRIBE #news.comp.mail.mime",
         "A101 LIST \"\" \"\"",
         "A102 LIST #news.comp.mail.misc \"\"",
         "A103 LIST /usr/staff/jones \"\"",
         "A202 LIST ~/Mail/ %",
         "A01 LIST \"\" \"*\"",
         "A001 NAMESPACE",
         "A002 CREATE \"INBOX.Sent Mail\"",
         "A004 CREATE \"Sent Mail\"",
         "A005 CREATE \"Delete Items\"",
         "A006 CREATE \"#mh/Deleted Items\"",
         "A042 STATUS blurdybloop (UIDNEXT MESSAGES)",
         "A004 COPY 2:4 meeting",
         "A005 UID COPY 305:310 meeting",
         "A006 COPY 2 funny",
         "A007 SELECT funny",
         "A002 IDLE",
         "A003 FETCH 4 ALL",
         "A341 CLOSE",
         "A342 UNSELECT",
         "A202 EXPUNGE",
         "A282 SEARCH RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
         "A283 SEARCH RETURN () FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
         "A284 SEARCH TEXT \"string not in mailbox\"",
         "A284 SEARCH RETURN (MIN) UNSEEN",
         "A285 UID SEARCH RETURN (MIN MAX) 1:5000",
         "A286 SEARCH RETURN (COUNT) DELETED",
         "A282 SEARCH RETURN (SAVE) FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
         "A283 FETCH $ (UID INTERNALDATE FLAGS BODY.PEEK[HEADER])",
         "A300 SEARCH RETURN (SAVE) SINCE 1-Jan-2004 NOT FROM \"Smith\"",
         "A301 UID SEARCH UID $ SMALLER 4096",
         "A301 UID SEARCH $ SMALLER 4096",
         "E283 COPY $ \"Other Messages\"",
         "F283 COPY $ \"Junk\"",
         "F284 STORE $ +FLAGS.Silent (\\Deleted)",
         "A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
         "A003 STORE 2:4 +FLAGS (\\Deleted)",
         "a UID MOVE 42:69 foo",
         "A003 UID EXPUNGE 3000:3002",
         "A999 UID FETCH 4827313:4828442 FLAGS",
         "o356 RENAME this that",
         "b LOGIN \"fred\" \"foo\"",
         "k1 select \"/archive/projects/experiment-iv\"",
         "k2 status \"/archive/projects/experiment-iv\" (messages)",
         "m356 DELETE Notes",
         "g delete \"/archive/projects/experiment-iv\"",
         "m STORE 42 FLAGS f1 f2 f3 f4 f5 ... f250",
         "n1 uid copy 1:* oldmail",
         "A001 LOGIN fred blurdybloop",
         "A222 COPY 1:2 owatagusiam",
         "A223 COPY 3:200 blurdybloop",
     }},
    {3501,
     {
         "a004 LOGIN joe password",
         "A003 LSUB \"#news.\" \"comp.%\"",
     }},
    {7162,
     {
         "a103 UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted)",
         "a104 STORE * (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted $Processed)",
         "c101 STORE 50 (UNCHANGEDSINCE 12121230045) -FLAGS.SILENT (\\Deleted)",
         "d105 STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)",
         "a102 STORE 12 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)",
         "a106 STORE 100:150 (UNCHANGEDSINCE 212030000000) +FLAGS.SILENT ($Processed)",
         "b108 STORE 101 (UNCHANGEDSINCE 303011130956) +FLAGS.SILENT ($Processed)",
         "B001 STORE 1:7 (UNCHANGEDSINCE 320172338) +FLAGS (\\SEEN)",
         "s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)",
         "a FETCH 1:3 (MODSEQ)",
         "a SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338",
         "t SEARCH OR NOT MODSEQ 720162338 LARGER 50000",
         "A042 STATUS blurdybloop (UIDNEXT MESSAGES HIGHESTMODSEQ)",
         "A142 SELECT INBOX (CONDSTORE)",
         "a SEARCH RETURN (ALL) MODSEQ 1234",
         "a SORT RETURN (ALL) (DATE) UTF-8 MODSEQ 1234",
         "A02 SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
         "A03 SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541))",
         "A04 SELECT INBOX (QRESYNC (67890007 90060115194045000 1:29997))",
         "s100 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345)",
         "s101 UID SEARCH 300:500",
         "s100 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
     }},
    {5258,
     {
         "BBB LIST \"\" (\"INBOX\" \"Drafts\" \"Sent/%\")",
         "a1 LIST \"\" (\"foo\" \"foo/*\")",
     }},
    {5182,
     {
         "A283 FETCH $ (UID INTERNALDATE FLAGS RFC822.HEADER)",
     }},
    {4731,
     {
         "a1 SEARCH RETURN (MIN) MODSEQ \"/flags/\\\\draft\" all 620162338",
         "a2 SEARCH RETURN (MAX) MODSEQ \"/flags/\\\\draft\" all 620162338",
         "a3 SEARCH RETURN (MIN MAX) MODSEQ \"/flags/\\\\draft\" all 620162338",
         "a4 SEARCH RETURN (MIN COUNT) MODSEQ \"/flags/\\\\draft\" all 620162338",
     }},
    {5032,
     {
         "a1 SEARCH UNSEEN YOUNGER 259200",
     }},
    {8474,
     {
         "3 create foo",
         "4 create bar",
         "27 select \"foo\"",
         "6 status foo (mailboxid)",
         "7 status bar (mailboxid)",
         "8 rename foo renamed",
         "9 status renamed (mailboxid)",
         "11 list \"\" \"*\" return (status (mailboxid))",
         "22 fetch 1:* (emailid threadid)",
         "23 move 2 foo",
         "27 search emailid M6d99ac3275bb4e",
         "28 search threadid T64b478a75b7ea9",
     }},
    {8514,
     {
         "A101 FETCH 998 (SAVEDATE)",
         "A102 SEARCH SAVEDON 28-Dec-2014",
         "A103 SEARCH SAVEDSINCE 28-Dec-2014",
     }},
    {8970,
     {
         "A1 FETCH 1 (PREVIEW)",
         "A2 FETCH 1 (RFC822.SIZE PREVIEW)",
         "B1 FETCH 1:4 (ENVELOPE PREVIEW (LAZY))",
         "B2 FETCH 3:4 (PREVIEW)",
         "C2 SEARCH RETURN (SAVE) FROM \"FOO\"",
         "C3 FETCH $ (UID PREVIEW (LAZY))",
         "C4 UID FETCH 23 (PREVIEW)",
     }},
    {6154,
     {
         "t1 LIST \"\" \"%\"",
         "t2 LIST \"\" \"%\" RETURN (SPECIAL-USE)",
         "t2 CREATE MySpecial (USE (\\Drafts \\Sent))",
         "t3 CREATE Everything (USE (\\All))",
     }},
    {5256,
     {
         "A283 SORT (SUBJECT REVERSE DATE) UTF-8 ALL",
         "A284 SORT (SUBJECT) US-ASCII TEXT \"not in mailbox\"",
         "A284 THREAD ORDEREDSUBJECT US-ASCII TEXT \"gewp\"",
         "A285 THREAD REFERENCES UTF-8 SINCE 5-MAR-2000",
     }},
    {5267,
     {
         "E01 UID SORT RETURN () (REVERSE DATE) UTF-8 UNDELETED UNKEYWORD $Junk",
     }},
    {9208,
     {
         "G0001 GETQUOTA \"!partition/sda4\"",
         "G0002 GETQUOTAROOT INBOX",
         "S0000 GETQUOTA \"#user/alice\"",
     }},
    {7888,
     {
         "A001 LOGIN \"FRED FOOBAR\" \"fat man\"",
     }},
    {8438,
     {
         "A01 STATUS frop (MESSAGES SIZE UIDNEXT)",
         "A02 SELECT \"frop\"",
         "A03 FETCH 1:* (RFC822.SIZE)",
         "A04 LIST \"\" % RETURN (STATUS (MESSAGES SIZE))",
     }},
    {7889,
     {
         "t1 STATUS INBOX (APPENDLIMIT)",
         "t1 LIST \"\" % RETURN (STATUS (APPENDLIMIT))",
     }},
};

}  // namespace

TEST_CASE("the examples of the RFCs are understood and mean the same when written by us") {
    for (const Examples& examples : kExamples) {
        CAPTURE(examples.rfc);
        for (const std::string_view line : examples.lines) {
            CAPTURE(line);
            const auto command = parse_command(line);
            REQUIRE(command);
            std::string written = write_command(*command);
            written.resize(written.size() - 2);
            const auto again = parse_command(written);
            REQUIRE(again);
            CHECK(*again == *command);
        }
    }
}
