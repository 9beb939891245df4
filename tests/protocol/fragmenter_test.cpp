#include "protocol/fragmenter.hpp"

#include "tests/support/fragmenter_trace.hpp"

#include <doctest/doctest.h>

namespace {

using namespace tidemark::protocol;
using namespace tidemark::protocol::testing;
using namespace std::string_literals;
using namespace std::string_view_literals;

// The trace of the input, after checking that it does not matter where the input is cut.
std::string traced(std::string_view input, TraceOptions options = {}) {
    const std::string whole = trace_whole(input, options);
    for (std::size_t at = 0; at <= input.size(); ++at) {
        CAPTURE(at);
        CHECK(trace_cut(input, at, options) == whole);
    }
    CHECK(trace_pieces(input, 1, options) == whole);
    CHECK(trace_pieces(input, 7, options) == whole);
    return whole;
}

constexpr FragmenterLimits kSmall{.line_bytes_max = 300,
                                  .command_bytes_max = 400,
                                  .swallow_bytes_max = 1000,
                                  .stream_append = true,
                                  .append_bytes_max = 500};
constexpr TraceOptions kWithSmallLimits{.limits = &kSmall};
constexpr TraceOptions kBeforeLogin{.limits = &kFragmenterLimitsBeforeLogin};

std::string letters(std::size_t count) {
    return std::string(count, 'x');
}

}  // namespace

TEST_CASE("lines are commands") {
    CHECK(traced("A1 NOOP\r\nA2 NOOP\nA3 X\rY\r\n\r\n\nrest") ==
          "command [A1 NOOP]\n"
          "command [A2 NOOP]\n"
          "command [A3 X\rY]\n"
          "command []\n"
          "command []\n");
    CHECK(traced("\xff\0\r\n"sv) == "command [\xff\0]\n"s + ""s);
}

TEST_CASE("only the last CR of a line belongs to its end") {
    CHECK(traced("A\r\r\n") == "command [A\r]\n");
}

TEST_CASE("synchronising literals ask for a continuation") {
    CHECK(traced("A1 LOGIN {4}\r\nfred {3}\r\na\nb\r\nA2 NOOP\r\n") ==
          "continue [4]\n"
          "continue [3]\n"
          "command [A1 LOGIN {4}\r\nfred {3}\r\na\nb]\n"
          "command [A2 NOOP]\n");
}

TEST_CASE("non-synchronising literals do not") {
    CHECK(traced("A1 LOGIN {4+}\nfred {0+}\r\n\r\n") ==
          "command [A1 LOGIN {4+}\r\nfred {0+}\r\n]\n");
    CHECK(traced("A1 X ~{2+}\r\n\r\n y\r\n") == "command [A1 X ~{2+}\r\n\r\n y]\n");
}

TEST_CASE("a literal that ends with CR keeps it") {
    CHECK(traced("A1 X {2+}\r\na\r\n") == "command [A1 X {2+}\r\na\r]\n");
    CHECK(traced("A1 X {2+}\r\na\r\r\n") == "command [A1 X {2+}\r\na\r]\n");
}

TEST_CASE("a literal is never announced from within a literal") {
    CHECK(traced("A1 X {4+}\r\n {9+}\r\nA2 NOOP\r\n") ==
          "command [A1 X {4+}\r\n {9+}]\ncommand [A2 NOOP]\n");
    CHECK(traced("A1 X {11+}\r\nA9 X {5+}\r\n\r\n") == "command [A1 X {11+}\r\nA9 X {5+}\r\n]\n");
}

TEST_CASE("what only resembles an announcement is text") {
    for (const std::string_view text :
         {"A1 X {}", "A1 X {+}", "A1 X {a}", "A1 X {1", "A1 X 1}", "A1 X {1} ", "A1 X {1}\"",
          "A1 X {-1}", "A1 X {1++}", "A1 X { 1}", "}", "1}", "+}"}) {
        CAPTURE(text);
        CHECK(traced(std::string(text) + "\r\n") == "command [" + std::string(text) + "]\n");
    }
}

TEST_CASE("a literal is announced whatever stands before it") {
    CHECK(traced("{1+}\r\na\r\n") == "command [{1+}\r\na]\n");
    CHECK(traced("A1 X \"{1+}\r\na\r\n") == "command [A1 X \"{1+}\r\na]\n");
    CHECK(traced("A1 X {007+}\r\n1234567\r\n") == "command [A1 X {007+}\r\n1234567]\n");
}

TEST_CASE("the messages of APPEND are streamed") {
    CHECK(traced("A3 APPEND saved (\\Seen) {10}\r\n0123\r\n6789\r\nA4 NOOP\r\n") ==
          "stream [A3 APPEND saved (\\Seen) {10}]\n"
          "  10 sync\n"
          "streamed [0123\r\n6789]\n"
          "stream command end []\n"
          "command [A4 NOOP]\n");
    CHECK(traced("a append {3+}\r\nbox {2+}\r\nab\r\n") ==
          "stream [a append {3+}\r\nbox {2+}]\n"
          "  2 nonsync\n"
          "streamed [ab]\n"
          "stream command end []\n");
    CHECK(traced("A3 APPEND x UTF8 (~{3+}\r\na\0b)\r\n"sv) ==
          "stream [A3 APPEND x UTF8 (~{3+}]\n"
          "  3 nonsync literal8\n"
          "streamed [a\0b]\n"
          "stream command end [)]\n"s);
    CHECK(traced("A3 APPEND x {3+}\r\na\0b\r\n"sv) ==
          "stream [A3 APPEND x {3+}]\n"
          "  3 nonsync\n"
          "streamed with NUL [a\0b]\n"
          "stream command end []\n"s);
}

TEST_CASE("MULTIAPPEND streams one message after the other") {
    CHECK(traced("A3 APPEND x {1}\r\na (\\Flagged) {0+}\r\n {2+}\r\n\r\n\r\n") ==
          "stream [A3 APPEND x {1}]\n"
          "  1 sync\n"
          "streamed [a]\n"
          "stream again [ (\\Flagged) {0+}]\n"
          "  0 nonsync\n"
          "streamed []\n"
          "stream again [ {2+}]\n"
          "  2 nonsync\n"
          "streamed [\r\n]\n"
          "stream command end []\n");
}

TEST_CASE("before login nothing is streamed") {
    CHECK(traced("A3 APPEND x {1+}\r\na\r\n", kBeforeLogin) == "command [A3 APPEND x {1+}\r\na]\n");
}

TEST_CASE("only APPEND is streamed") {
    for (const std::string_view text :
         {"A3 APPENDX x {1+}\r\na\r\n", "A3  APPEND x {1+}\r\na\r\n", "APPEND x {1+}\r\na\r\n",
          "A3 X APPEND {1+}\r\na\r\n", "A3 APPEND {1+}\r\na\r\n"}) {
        CAPTURE(text);
        CHECK(traced(text).starts_with("command ["));
    }
}

TEST_CASE("a stream that is refused at its start never becomes a command") {
    const TraceOptions refusing{.refuse_streams = true};
    // Of a synchronising literal nothing is sent: what follows is the next command.
    CHECK(traced("A3 APPEND x {10}\r\nA4 NOOP\r\n", refusing) ==
          "stream [A3 APPEND x {10}]\n"
          "  10 sync\n"
          "refused []\n"
          "command [A4 NOOP]\n");
    CHECK(traced("A3 APPEND x {9+}\r\nA4 NOOP\r\n\r\nA5 NOOP\r\n", refusing) ==
          "stream [A3 APPEND x {9+}]\n"
          "  9 nonsync\n"
          "refused []\n"
          "command [A5 NOOP]\n");
    CHECK(traced("A3 APPEND x {3+}\r\nabc (\\Seen) {9+}\r\nA4 NOOP\r\n X {3}\r\nA5 NOOP\r\n",
                 refusing) ==
          "stream [A3 APPEND x {3+}]\n"
          "  3 nonsync\n"
          "refused []\n"
          "command [A5 NOOP]\n");
}

TEST_CASE("a stream that is refused on its way is dropped to its end") {
    const TraceOptions refusing{.refuse_streams = true, .refuse_after_bytes = 1};
    for (const std::string_view announcement : {"{9}", "{9+}"}) {
        const std::string text = "A3 APPEND x "s + std::string(announcement) +
                                 "\r\nA4 NOOP\r\n {9+}\r\nA5 NOOP\r\n\r\nA6 NOOP\r\n";
        CHECK(traced(text, refusing).ends_with("refused []\ncommand [A6 NOOP]\n"));
    }
}

TEST_CASE("a message over the limit is rejected before it is read") {
    CHECK(traced("A3 APPEND x {501}\r\nA4 NOOP\r\n", kWithSmallLimits) ==
          "rejected [message too large]\n"
          "  head A3 APPEND x {501}\n"
          "command [A4 NOOP]\n");
    CHECK(traced("A3 APPEND x {501+}\r\n" + letters(501) + "\r\nA4 NOOP\r\n", kWithSmallLimits) ==
          "rejected [message too large]\n"
          "  head A3 APPEND x {501+}\n"
          "command [A4 NOOP]\n");
    CHECK(traced("A3 APPEND x {1001+}\r\nA4 NOOP\r\n", kWithSmallLimits) ==
          "rejected, close [message too large]\n"
          "  head A3 APPEND x {1001+}\n");
    CHECK(traced("A3 APPEND x {1+}\r\na {501}\r\nA4 NOOP\r\n", kWithSmallLimits) ==
          "stream [A3 APPEND x {1+}]\n"
          "  1 nonsync\n"
          "streamed [a]\n"
          "rejected [message too large]\n"
          "  head \n"
          "command [A4 NOOP]\n");
}

TEST_CASE("a literal over the budget is rejected before it is read") {
    CHECK(traced("A1 LOGIN {390}\r\nA2 NOOP\r\n", kWithSmallLimits) ==
          "rejected [literal too large]\n"
          "  head A1 LOGIN {390}\n"
          "command [A2 NOOP]\n");
    const std::string tail = "A2 NOOP\r\n";
    CHECK(traced("A1 LOGIN {390+}\r\n" + tail + letters(381) + " {9+}\r\n" + tail +
                     " x\r\nA3 NOOP\r\n",
                 kWithSmallLimits) ==
          "rejected [literal too large]\n"
          "  head A1 LOGIN {390+}\n"
          "command [A3 NOOP]\n");
    CHECK(traced("A1 LOGIN {2000+}\r\nA2 NOOP\r\n", kWithSmallLimits) ==
          "rejected, close [literal too large]\n"
          "  head A1 LOGIN {2000+}\n");
    // The literals of one command count together.
    CHECK(traced("A1 LOGIN {200+}\r\n" + letters(200) + " {200}\r\nA2 NOOP\r\n", kWithSmallLimits)
              .ends_with("command [A2 NOOP]\n"));
}

TEST_CASE("while a command is dropped, what it announces is counted") {
    CHECK(traced("A1 LOGIN {390+}\r\n" + letters(390) + " {605+}\r\nA2 NOOP\r\n", kWithSmallLimits)
              .ends_with("rejected, close [literal too large]\n  head \n"));
}

TEST_CASE("sizes beyond any number are rejected") {
    for (const std::string_view size :
         {"9223372036854775808", "18446744073709551616", "99999999999999999999999999"}) {
        CHECK(traced("A1 LOGIN {" + std::string(size) + "}\r\nA2 NOOP\r\n")
                  .ends_with("command [A2 NOOP]\n"));
        CHECK(traced("A1 LOGIN {" + std::string(size) + "+}\r\nA2 NOOP\r\n")
                  .starts_with("rejected, close [literal too large]\n"));
        CHECK(traced("A1 APPEND x {" + std::string(size) + "+}\r\nA2 NOOP\r\n")
                  .starts_with("rejected, close [message too large]\n"));
    }
}

TEST_CASE("an announcement with more leading zeros than can be remembered closes the connection") {
    const std::string zeros(60, '0');
    for (const std::string_view end : {"9}", "9+}"}) {
        CHECK(traced("A1 LOGIN {" + zeros + std::string(end) + "\r\nA2 NOOP\r\n")
                  .starts_with("rejected, close [literal too large]\n"));
        const std::string dropped =
            "A1 " + letters(400) + " {" + zeros + std::string(end) + "\r\nA2 NOOP\r\n";
        CHECK(traced(dropped, kWithSmallLimits)
                  .ends_with("rejected, close [literal too large]\n  head \n"));
    }
}

TEST_CASE("a line that is too long is dropped to its end") {
    const std::string head = "A1 " + letters(253);
    CHECK(traced("A1 " + letters(297) + "\r\n", kWithSmallLimits) ==
          "command [A1 " + letters(297) + "]\n");
    CHECK(traced("A1 " + letters(297) + "\n", kWithSmallLimits) ==
          "command [A1 " + letters(297) + "]\n");
    CHECK(traced("A1 " + letters(298) + "\r\nA2 NOOP\r\n", kWithSmallLimits) ==
          "rejected [line too long]\n  head " + head + "\ncommand [A2 NOOP]\n");
    CHECK(traced("A1 " + letters(400) + " {9+}\r\nA9 NOOP\r\n\r\nA2 NOOP\r\n", kWithSmallLimits) ==
          "rejected [line too long]\n  head " + head + "\ncommand [A2 NOOP]\n");
    CHECK(traced("A1 " + letters(400) + " {9}\r\nA2 NOOP\r\n", kWithSmallLimits) ==
          "rejected [line too long]\n  head " + head + "\ncommand [A2 NOOP]\n");
    CHECK(traced("A1 " + letters(1200) + "\r\nA2 NOOP\r\n", kWithSmallLimits) ==
          "rejected [line too long]\n  head " + head +
              "\nrejected, close [line too long]\n  head \n");
}

TEST_CASE("lines after literals count for the command") {
    CHECK(traced("A1 X {150+}\r\n" + letters(150) + letters(260) + "\r\nA2 NOOP\r\n",
                 kWithSmallLimits)
              .starts_with("rejected [command too large]\n"));
    CHECK(traced("A1 X {150+}\r\n" + letters(150) + letters(260) +
                     " {9+}\r\nA9 NOOP\r\n\r\nA2 NOOP\r\n",
                 kWithSmallLimits)
              .ends_with("command [A2 NOOP]\n"));
    CHECK(traced("A1 APPEND x {1+}\r\na " + letters(280) + " {1+}\r\na " + letters(280) +
                     "\r\nA2 NOOP\r\n",
                 kWithSmallLimits)
              .ends_with("rejected [command too large]\n  head \ncommand [A2 NOOP]\n"));
}

TEST_CASE("a LITERAL- server refuses large non-synchronising literals") {
    constexpr FragmenterLimits kLiteralMinus{.nonsync_literal_bytes_max = 4096};
    const TraceOptions options{.limits = &kLiteralMinus};
    CHECK(
        trace_whole("A1 X {4096+}\r\n" + letters(4096) + "\r\n", options).starts_with("command ["));
    CHECK(trace_whole("A1 X {4097+}\r\n" + letters(4097) + "\r\nA2 NOOP\r\n", options) ==
          "rejected [literal too large]\n  head A1 X {4097+}\ncommand [A2 NOOP]\n");
    CHECK(trace_whole("A1 X {4097}\r\n", options) == "continue [4097]\n");
}

TEST_CASE("raw lines are read between commands") {
    Fragmenter fragmenter;
    const std::string bytes =
        "A1 IDLE\r\nDONE\r\nA2 X\r\n{5+}\r\n" + letters(20'000) + " {9+}\r\nA3 NOOP\r\n";
    std::string_view input = bytes;
    CHECK(std::get<CommandReady>(fragmenter.next(input)).bytes == "A1 IDLE");
    CHECK(std::get<LineReady>(fragmenter.next_line(input)).bytes == "DONE");
    CHECK(std::get<CommandReady>(fragmenter.next(input)).bytes == "A2 X");
    CHECK(std::get<LineReady>(fragmenter.next_line(input)).bytes == "{5+}");
    CHECK(std::get<Rejected>(fragmenter.next_line(input)).reason == RejectReason::line_too_long);
    // The announcement in a raw line is none, also while it is dropped.
    CHECK(std::get<CommandReady>(fragmenter.next(input)).bytes == "A3 NOOP");
    CHECK(std::holds_alternative<NeedMore>(fragmenter.next_line(input)));

    std::string_view first = "DO";
    CHECK(std::holds_alternative<NeedMore>(fragmenter.next_line(first)));
    CHECK_FALSE(fragmenter.is_idle());
    std::string_view second = "NE\nA";
    CHECK(std::get<LineReady>(fragmenter.next_line(second)).bytes == "DONE");
    CHECK(second == "A");
}

TEST_CASE("a whole line is not copied") {
    Fragmenter fragmenter;
    const std::string bytes = "A1 NOOP and some more\r\n";
    std::string_view input = bytes;
    const auto event = std::get<CommandReady>(fragmenter.next(input));
    CHECK(event.bytes.data() == bytes.data());
    CHECK(fragmenter.is_idle());
}

TEST_CASE("reset forgets half a command") {
    Fragmenter fragmenter(kFragmenterLimitsAfterLogin);
    for (const std::string_view half : {"A1 NO", "A1 X {10+}\r\nabc", "A1 APPEND x {10+}\r\n"}) {
        std::string_view input = half;
        (void)fragmenter.next(input);
        CHECK_FALSE(fragmenter.is_idle());
        fragmenter.reset();
        CHECK(fragmenter.is_idle());
        input = "A2 NOOP\r\n";
        CHECK(std::get<CommandReady>(fragmenter.next(input)).bytes == "A2 NOOP");
    }
}

TEST_CASE("an idle fragmenter is small") {
    CHECK(sizeof(Fragmenter) <= 96);
}
