#include "protocol/lmtp.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

namespace tidemark::protocol::lmtp {
namespace {

Command parsed(std::string_view line, bool is_utf8 = false) {
    CAPTURE(line);
    auto command = parse_command(line, is_utf8);
    REQUIRE(command);
    return std::move(*command);
}

Reply refused(std::string_view line, bool is_utf8 = false) {
    CAPTURE(line);
    const auto command = parse_command(line, is_utf8);
    REQUIRE_FALSE(command);
    return command.error();
}

MailFrom mail(std::string_view line) {
    return std::get<MailFrom>(parsed(line));
}
Path rcpt(std::string_view line, bool is_utf8 = false) {
    return std::get<RcptTo>(parsed(line, is_utf8)).path;
}

// What comes out when the input arrives in pieces of `piece` bytes; the rest is what is left after
// the end.
struct Read {
    std::string bytes;
    bool ended = false;
    DataReader::End end;
    std::string rest;
};
Read read_data(std::string_view input, std::size_t piece, std::uint64_t bytes_max = 1'000'000) {
    DataReader reader(bytes_max);
    Read read;
    while (!input.empty() && !read.ended) {
        auto part = input.substr(0, piece);
        const auto before = part.size();
        while (!read.ended) {
            const auto event = reader.next(part);
            if (const auto* bytes = std::get_if<DataReader::Bytes>(&event)) {
                CHECK_FALSE(bytes->bytes.empty());
                read.bytes += bytes->bytes;
            } else if (const auto* end = std::get_if<DataReader::End>(&event)) {
                read.ended = true;
                read.end = *end;
            } else {
                CHECK(part.empty());
                break;
            }
        }
        input.remove_prefix(before - part.size());
    }
    read.rest = input;
    return read;
}

std::vector<std::string> read_lines(std::string_view input, std::size_t piece) {
    LineReader reader;
    std::vector<std::string> lines;
    while (!input.empty()) {
        auto part = input.substr(0, piece);
        input.remove_prefix(part.size());
        while (true) {
            const auto event = reader.next(part);
            if (const auto* line = std::get_if<LineReader::Line>(&event)) {
                lines.emplace_back(line->text);
            } else if (const auto* bad = std::get_if<LineReader::BadLine>(&event)) {
                lines.push_back("bad " + std::to_string(bad->reply.code));
            } else {
                break;
            }
        }
    }
    return lines;
}

TEST_CASE("LMTP commands are read in any case of letters") {
    CHECK(std::get<Lhlo>(parsed("lhlo mx.example.org")).domain == "mx.example.org");
    CHECK(std::get<Lhlo>(parsed("LHLO [127.0.0.1]")).domain == "[127.0.0.1]");
    CHECK(std::get<Lhlo>(parsed("LHLO [IPv6:::1]")).domain == "[IPv6:::1]");
    CHECK(std::holds_alternative<Data>(parsed("Data")));
    CHECK(std::holds_alternative<Rset>(parsed("RSET ")));
    CHECK(std::holds_alternative<Noop>(parsed("NOOP whatever")));
    CHECK(std::holds_alternative<Quit>(parsed("QUIT")));
    CHECK(std::holds_alternative<Help>(parsed("HELP MAIL")));
    CHECK(std::get<Vrfy>(parsed("VRFY someone")).text == "someone");
}

TEST_CASE("MAIL is read with its path and parameters") {
    CHECK(mail("MAIL FROM:<>").path.is_null());
    CHECK(mail("mail from:<a@b.example>").path == Path{"a", "b.example"});
    CHECK(mail("MAIL FROM: <a@b.example>").path == Path{"a", "b.example"});
    const auto full = mail("MAIL FROM:<a.b+c@d-e.example> SIZE=12345 body=8bitmime SMTPUTF8");
    CHECK(full.path == Path{"a.b+c", "d-e.example"});
    CHECK(full.size_bytes == 12345);
    CHECK(full.body == BodyType::eight_bit_mime);
    CHECK(full.is_utf8);
    const auto plain = mail("MAIL FROM:<a@b> BODY=7BIT");
    CHECK_FALSE(plain.size_bytes);
    CHECK(plain.body == BodyType::seven_bit);
    CHECK_FALSE(plain.is_utf8);
    // Too large for the type is too large for us.
    CHECK(mail("MAIL FROM:<a@b> SIZE=99999999999999999999").size_bytes == UINT64_MAX);
}

TEST_CASE("paths are read as RFC 5321 writes them") {
    CHECK(rcpt("RCPT TO:<user>") == Path{"user", ""});
    CHECK(rcpt("RCPT TO:<user@[192.0.2.1]>") == Path{"user", "[192.0.2.1]"});
    CHECK(rcpt("RCPT TO:<\"a b\"@c>") == Path{"a b", "c"});
    CHECK(rcpt("RCPT TO:<\"a\\\"b\\\\\"@c>") == Path{"a\"b\\", "c"});
    CHECK(rcpt("RCPT TO:<\"a>b\"@c>") == Path{"a>b", "c"});
    CHECK(rcpt("RCPT TO:<@x.example,@y.example:user@z.example>") == Path{"user", "z.example"});
    CHECK(rcpt("RCPT TO:<bücher@exämple.org>", true) == Path{"bücher", "exämple.org"});
    CHECK(rcpt("RCPT TO:<user@under_score.example>").domain == "under_score.example");
}

TEST_CASE("a path is written so that it can be read again") {
    for (const Path& path : {Path{"a", "b"}, Path{"a b", "c.example"}, Path{"a\"\\b", "c"},
                             Path{"..", "c"}, Path{"user", ""}, Path{"a@b", "c"}}) {
        CAPTURE(path.to_string());
        CHECK(rcpt("RCPT TO:<" + path.to_string() + ">") == path);
    }
    CHECK(Path{}.to_string().empty());
    CHECK(Path{"a b", "c"}.to_string() == "\"a b\"@c");
}

TEST_CASE("commands that are wrong are answered with the reason") {
    struct Row {
        std::string line;
        int code;
        const char* enhanced;
    };
    const Row rows[] = {
        {"", 500, "5.5.2"},
        {"XYZZY", 500, "5.5.2"},
        {" NOOP", 500, "5.5.2"},
        {"EHLO a", 500, "5.5.1"},
        {"HELO a", 500, "5.5.1"},
        {"LHLO", 501, "5.5.4"},
        {"LHLO a b", 501, "5.5.4"},
        {"LHLO -a", 501, "5.5.4"},
        {"DATA x", 501, "5.5.4"},
        {"VRFY", 501, "5.5.4"},
        {"MAIL", 501, "5.5.4"},
        {"MAIL TO:<a@b>", 501, "5.5.4"},
        {"MAIL FROM:a@b", 501, "5.1.7"},
        {"MAIL FROM:<a@b", 501, "5.1.7"},
        {"MAIL FROM:<a@>", 501, "5.1.7"},
        {"MAIL FROM:<@b>", 501, "5.1.7"},
        {"MAIL FROM:<a..b@c>", 501, "5.1.7"},
        {"MAIL FROM:<.a@c>", 501, "5.1.7"},
        {"MAIL FROM:<a@b..c>", 501, "5.1.7"},
        {"MAIL FROM:<a@b>x", 501, "5.1.7"},
        {"MAIL FROM:<a b@c>", 501, "5.1.7"},
        {"MAIL FROM:<\"a@c>", 501, "5.1.7"},
        {"MAIL FROM:<\"\"@c>", 501, "5.1.7"},
        {"MAIL FROM:<\"a\\", 501, "5.1.7"},
        {"MAIL FROM:<" + std::string(600, 'a') + "@b>", 501, "5.1.7"},
        {"MAIL FROM:<a@b> SIZE", 501, "5.5.4"},
        {"MAIL FROM:<a@b> SIZE=", 501, "5.5.4"},
        {"MAIL FROM:<a@b> SIZE=1x", 501, "5.5.4"},
        {"MAIL FROM:<a@b> SIZE=-1", 501, "5.5.4"},
        {"MAIL FROM:<a@b> BODY=BINARYMIME", 501, "5.5.4"},
        {"MAIL FROM:<a@b> SMTPUTF8=1", 501, "5.5.4"},
        {"MAIL FROM:<a@b> =x", 501, "5.5.4"},
        {"MAIL FROM:<a@b> RET=FULL", 555, "5.5.4"},
        {"MAIL FROM:<a@b> AUTH=<>", 555, "5.5.4"},
        {"MAIL FROM:<\xc3\xa9@b>", 553, "5.6.7"},
        {"MAIL FROM:<\xff@b> SMTPUTF8", 501, "5.1.7"},
        {"RCPT TO:<>", 501, "5.1.3"},
        {"RCPT TO:user", 501, "5.1.3"},
        {"RCPT TO:<@a:>", 501, "5.1.3"},
        {"RCPT TO:<a@b> NOTIFY=NEVER", 555, "5.5.4"},
        {"RCPT TO:<a@b> =", 501, "5.5.4"},
        {"RCPT TO:<\xc3\xa9@b>", 553, "5.6.7"},
        {"NOOP\rNOOP", 500, "5.5.2"},
        {"NOOP\nNOOP", 500, "5.5.2"},
        {std::string("NOOP\0", 5), 500, "5.5.2"},
    };
    for (const auto& row : rows) {
        const auto reply = refused(row.line);
        CAPTURE(row.line);
        CHECK(reply.code == row.code);
        CHECK(reply.enhanced == row.enhanced);
    }
}

TEST_CASE("a subaddress is split at the first separator") {
    CHECK(split_subaddress("user+a+b").user == "user");
    CHECK(split_subaddress("user+a+b").detail == "a+b");
    CHECK(split_subaddress("user+").detail == "");
    CHECK_FALSE(split_subaddress("user").detail);
    CHECK(split_subaddress("+detail").user == "+detail");
    CHECK(split_subaddress("user-a", '-').detail == "a");
}

TEST_CASE("command lines end with CRLF wherever the input is cut") {
    const std::string input = "LHLO a\r\nbare\nlf\r\nbare\rcr\r\n\r\nx\r\r\n" +
                              std::string(3000, 'a') + "\r\n" + std::string(2100, 'b') + "\r" +
                              std::string(2100, 'c') + "\n\r\nQUIT\r\nrest";
    const std::vector<std::string> expected = {"LHLO a", "bare\nlf", "bare\rcr", "",
                                               "x\r",    "bad 500",  "bad 500",  "QUIT"};
    for (const std::size_t piece : {1, 2, 3, 5, 7, 100, 2049, 100'000}) {
        CAPTURE(piece);
        CHECK(read_lines(input, piece) == expected);
    }
}

TEST_CASE("a command line of exactly the limit is taken") {
    const std::string line = "NOOP " + std::string(kCommandLineBytesMax - 7, 'x');
    CHECK(read_lines(line + "\r\n", 100) == std::vector<std::string>{line});
    CHECK(read_lines(line + "x\r\n", 100) == std::vector<std::string>{"bad 500"});
}

TEST_CASE("data ends with CRLF dot CRLF and only there, wherever the input is cut") {
    struct Row {
        std::string wire;
        std::string message;
    };
    const Row rows[] = {
        {".\r\n", ""},
        {"a\r\n.\r\n", "a\r\n"},
        {"a\r\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"},
        {"..\r\n.\r\n", ".\r\n"},
        {".a\r\n.\r\n", "a\r\n"},
        {"...\r\n.\r\n", "..\r\n"},
        // Line ends that only look like one: nothing of this ends the data.
        {"a\n.\n b\r\n.\r\n", "a\n.\n b\r\n"},
        {"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n"},
        {"a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n"},
        {"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n"},
        {"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n"},
        {"a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n"},
        {"a\r\r\n.\r\n", "a\r\r\n"},
        {"a\r\n\r\n.\r\n", "a\r\n\r\n"},
        {"\r\n.\r\n", "\r\n"},
        {"\n.\r\n\r\n.\r\n", "\n.\r\n\r\n"},
        {"8-bit \xff\x80\r\n.\r\n", "8-bit \xff\x80\r\n"},
        {"a.\r\n.\r\n", "a.\r\n"},
    };
    for (const auto& row : rows) {
        const std::string input = row.wire + "MAIL";
        for (std::size_t piece = 1; piece <= input.size(); ++piece) {
            CAPTURE(row.wire);
            CAPTURE(piece);
            const auto read = read_data(input, piece);
            CHECK(read.bytes == row.message);
            REQUIRE(read.ended);
            CHECK(read.rest == "MAIL");
            CHECK(read.end.bytes == row.message.size());
            CHECK_FALSE(read.end.is_too_large);
            CHECK_FALSE(read.end.has_nul);
        }
        // Without its last byte it has no end.
        CHECK_FALSE(read_data(std::string_view(row.wire).substr(0, row.wire.size() - 1), 4).ended);
    }
}

TEST_CASE("data that is too large is read to its end and reported") {
    const std::string wire = std::string(100, 'x') + "\r\n.\r\nQUIT";
    for (const std::size_t piece : {1, 7, 1000}) {
        CAPTURE(piece);
        const auto read = read_data(wire, piece, 50);
        CHECK(read.bytes.size() <= 50);
        REQUIRE(read.ended);
        CHECK(read.end.is_too_large);
        CHECK(read.end.bytes == 102);
        CHECK(read.rest == "QUIT");
        CHECK_FALSE(read_data(wire, piece, 102).end.is_too_large);
    }
}

TEST_CASE("a NUL in the data is reported") {
    const auto read = read_data(std::string("a\0b\r\n.\r\n", 8), 3);
    CHECK(read.end.has_nul);
    CHECK(read.bytes == std::string("a\0b\r\n", 5));
}

TEST_CASE("replies have enhanced codes and may have several lines") {
    ChunkPool pool;
    OutputBuffer out(pool);
    write_reply(out, {250, "2.1.0", "Sender ok"});
    write_reply(out, {354, "", "End data with <CR><LF>.<CR><LF>"});
    write_reply(out, {550, "5.1.1", "No such user\r\nHere"});
    write_reply(out, {451, "4.3.0", "tab\there"});
    CHECK(out.to_string() ==
          "250 2.1.0 Sender ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n"
          "550-5.1.1 No such user\r\n550 5.1.1 Here\r\n451 4.3.0 tab?here\r\n");
    out.clear();
    write_lhlo_reply(out, "mx.example.org",
                     std::array<std::string_view, 2>{"PIPELINING", "SIZE 1000"});
    CHECK(out.to_string() == "250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE 1000\r\n");
}

}  // namespace
}  // namespace tidemark::protocol::lmtp
