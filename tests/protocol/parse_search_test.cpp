#include "protocol/parse_command.hpp"
#include "tests/protocol/parsed_command.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace tidemark::protocol;
using namespace tidemark::protocol::test;
using namespace std::string_literals;

}  // namespace

TEST_CASE("search programs are written as they were read") {
    for (const std::string_view text : {
             "ALL",
             "ANSWERED UNANSWERED DELETED UNDELETED DRAFT UNDRAFT FLAGGED UNFLAGGED SEEN UNSEEN",
             "RECENT",
             "OLD",
             "KEYWORD $Junk UNKEYWORD xyz",
             "BCC a CC b FROM c TO d SUBJECT e BODY f TEXT \"g h\"",
             "HEADER Message-ID <x@y> HEADER X \"\"",
             "BEFORE 1-Feb-1994 ON 28-Feb-1994 SINCE 31-Dec-1994",
             "SENTBEFORE 1-Feb-1994 SENTON 2-Feb-1994 SENTSINCE 3-Feb-1994",
             "SAVEDBEFORE 1-Feb-1994 SAVEDON 2-Feb-1994 SAVEDSINCE 3-Feb-1994 SAVEDATESUPPORTED",
             "LARGER 0 SMALLER 9223372036854775807",
             "OLDER 259200 YOUNGER 1",
             "UID 443:557",
             "1:3,*",
             "$",
             "UID $ SMALLER 4096",
             "MODSEQ 620162338",
             "MODSEQ 0",
             "MODSEQ \"/flags/\\\\draft\" all 620162338",
             "MODSEQ \"/flags/keyword\" priv 1 MODSEQ \"/flags/x\" shared 2",
             "EMAILID M00000001 THREADID T-3_x",
             "NOT SEEN",
             "NOT (SEEN DELETED)",
             "OR SEEN DELETED",
             "OR SEEN OR DELETED DRAFT",
             "OR (SEEN DELETED) NOT DRAFT",
             "OR NOT OR SEEN DRAFT DELETED ALL",
         }) {
        const std::string command = "A1 SEARCH "s + std::string(text);
        CHECK(rewritten(command) == command);
        CHECK(write_search_key(body_of<command::Search>(command).program.key) == text);
    }
    for (const std::string_view text :
         {"A1 UID SEARCH ALL", "A1 SEARCH RETURN () ALL", "A1 SEARCH CHARSET UTF-8 SEEN",
          "A1 UID SEARCH RETURN (MIN MAX ALL COUNT SAVE) CHARSET US-ASCII 1:* SEEN",
          "A1 SEARCH CHARSET UTF-8 TEXT {4+}\r\n\xd0\xba\xd0\xb0"}) {
        CHECK(rewritten(text) == text);
    }
}

TEST_CASE("search programs have one canonical form") {
    const std::pair<std::string_view, std::string_view> kForms[] = {
        {"(SEEN)", "SEEN"},
        {"((SEEN) (DELETED (DRAFT)))", "SEEN DELETED DRAFT"},
        {"NOT NOT SEEN", "SEEN"},
        {"NOT (NOT SEEN)", "SEEN"},
        {"NOT NOT NOT SEEN", "NOT SEEN"},
        {"NOT NOT (SEEN DRAFT)", "SEEN DRAFT"},
        {"OR OR SEEN DRAFT DELETED", "OR SEEN OR DRAFT DELETED"},
        {"OR OR OR 1 2 OR 3 4 5", "OR 1 OR 2 OR 3 OR 4 5"},
        {"OR (OR 1 2) (3)", "OR 1 OR 2 3"},
        {"NEW", "RECENT UNSEEN"},
        {"NOT NEW", "NOT NEW"},
        {"OR (RECENT UNSEEN) SEEN", "OR NEW SEEN"},
        {"seen Older 5 since \"1-fEB-1994\"", "SEEN OLDER 5 SINCE 1-Feb-1994"},
    };
    for (const auto& [text, canonical] : kForms) {
        CAPTURE(text);
        CHECK(rewritten("A1 SEARCH "s + std::string(text)) ==
              "A1 SEARCH "s + std::string(canonical));
    }
}

TEST_CASE("the deepest program that is read can be written and read again") {
    for (int extra = 0; extra < 64; ++extra) {
        std::string attempt = "A1 SEARCH ";
        for (int i = 0; i < extra; ++i)
            attempt += i % 2 == 0 ? "(SEEN OR DRAFT " : "NOT (DELETED OR NEW ";
        attempt += "NEW";
        attempt.append(static_cast<std::size_t>(extra), ')');
        auto command = parse_command(attempt);
        if (!command) {
            CHECK(command.error().error.kind == ParseErrorKind::too_deep);
            continue;
        }
        rewritten(attempt);
    }
}
