#include "protocol/message/envelope.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol::message {
namespace {

std::string envelope_of(std::string_view header) {
    std::string out;
    write_envelope(make_envelope(header), out);
    return out;
}

}  // namespace

TEST_CASE("the envelope of RFC 9051's example session is written as there") {
    CHECK(envelope_of("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
                      "From: Terry Gray <gray@cac.washington.edu>\r\n"
                      "Subject: IMAP4rev2 WG mtg summary and minutes\r\n"
                      "To: imap@cac.washington.edu\r\n"
                      "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
                      "Message-Id: <B27397-0100000@cac.washington.ed>\r\n\r\n") ==
          "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" "
          "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
          "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
          "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
          "((NIL NIL \"imap\" \"cac.washington.edu\")) "
          "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" "
          "\"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.ed>\")");
}

TEST_CASE("an absent field is NIL and an empty one is empty") {
    CHECK(envelope_of("") == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    CHECK(envelope_of("Subject:\r\nIn-Reply-To: \r\nTo:\r\n") ==
          "(NIL \"\" NIL NIL NIL NIL NIL NIL \"\" NIL)");
}

TEST_CASE("sender and reply-to are their own where the message has them") {
    CHECK(envelope_of("From: a@b\r\nSender: c@d\r\nReply-To: e@f\r\n") ==
          "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) ((NIL NIL \"e\" \"f\")) NIL "
          "NIL NIL NIL NIL)");
}

TEST_CASE("strings that cannot be quoted are literals") {
    CHECK(envelope_of("Subject: a\"b\\c\r\n").find("\"a\\\"b\\\\c\"") != std::string::npos);
    CHECK(envelope_of("Subject: \xC3\xA9\r\n").find("{2}\r\n\xC3\xA9 ") != std::string::npos);
    CHECK(envelope_of("Subject: a\rb\r\n").find("{3}\r\na\rb ") != std::string::npos);
    CHECK(envelope_of(std::string("Subject: a\0b\r\n", 14))
              .find("{5}\r\na\xEF\xBF\xBD"
                    "b ") != std::string::npos);
    CHECK(envelope_of("Subject: " + std::string(2000, 'x') + "\r\n").find("{2000}\r\nxxx") !=
          std::string::npos);
}

TEST_CASE("folds keep their white space") {
    CHECK(make_envelope("Subject: a\r\n\tb\r\n  c \r\n").subject == "a\tb  c ");
}

TEST_CASE("the last of repeated fields counts") {
    const Envelope envelope = make_envelope("Date: 1\r\nFrom: a@b\r\nDate: 2\r\nFrom: c@d\r\n");
    CHECK(envelope.date == "2");
    REQUIRE(envelope.from.size() == 1);
    CHECK(envelope.from[0].mailbox == "c");
}

}  // namespace tidemark::protocol::message
