#include "tests/tools/mail/scratch.hpp"
#include "tools/mail/mbox_lines.hpp"
#include "tools/mail/mbox_source.hpp"
#include "tools/mail/mbox_writer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace tidemark::tools;
using tidemark::tools::test::Scratch;

namespace {

using Folder = std::vector<std::string>;
const std::string kFrom = "From anna@example.org Wed Nov 25 10:44:58 2026\n";
constexpr std::int64_t kFromTime = 1'795'603'498;

std::vector<MailMessage> read_mbox(const std::string& path, MailSourceOptions options = {}) {
    auto source = MboxSource::open(path, std::move(options));
    REQUIRE_MESSAGE(source.has_value(), (source ? "" : source.error()));
    std::vector<MailMessage> messages;
    for (;;) {
        auto message = (*source)->next();
        REQUIRE(message.has_value());
        if (!*message) break;
        messages.push_back(std::move(**message));
    }
    CHECK((*source)->progress().done == (*source)->progress().total);
    return messages;
}

std::vector<MailMessage> parse(const std::string& text, MailSourceOptions options = {}) {
    const Scratch scratch;
    scratch.file("m", text);
    return read_mbox(scratch.path("m"), std::move(options));
}

}  // namespace

TEST_CASE("a From line is known by its date, in every form that is around") {
    const std::vector<std::pair<std::string, std::int64_t>> vectors = {
        {"From anna@example.org Wed Nov 25 10:44:58 2026", kFromTime},
        {"From anna@example.org Wed Nov 25 10:44 2026", kFromTime - 58},
        {"From anna@example.org  Wed Nov 25 10:44:58 2026 +0100", kFromTime - 3600},
        {"From anna@example.org Wed Nov 25 10:44:58 -0130 2026", kFromTime + 5400},
        {"From anna@example.org Wed Nov 25 10:44:58 UTC 2026", kFromTime},
        {"From anna@example.org Wed Nov 25 10:44:58 2026 remote from host", kFromTime},
        {"From - Wed Nov 25 10:44:58 2026", kFromTime},
        {"From \"a b\"@x Wed nov 25 10:44:58 2026\r", kFromTime},
        {"From x Thu Jan  1 00:00:00 1970", 0},
        {"From x Thu Feb 29 00:00:00 2024", 1'709'164'800},
    };
    for (const auto& [line, expected] : vectors) {
        CAPTURE(line);
        CHECK(parse_from_line(line) == expected);
    }
    for (const char* line : {"From what I know, we met at 10:44", "From x Thu Feb 29 00:00:00 2023",
                             "From ", "From x", ">From x Thu Jan  1 00:00:00 1970",
                             "from x Thu Jan  1 00:00:00 1970", "From x Thu Jan 32 00:00:00 1970",
                             "From x Thu Jan  1 25:00:00 1970", "From x Thu Jan  1 00:00:00"}) {
        CAPTURE(line);
        CHECK_FALSE(parse_from_line(line).has_value());
    }
    CHECK_FALSE(parse_from_line("From " + std::string(2000, 'x') + " Thu Jan  1 00:00:00 1970")
                    .has_value());
}

TEST_CASE("From lines are written so that they are read again") {
    CHECK(format_from_line(kFromTime) == "From MAILER-DAEMON Wed Nov 25 10:44:58 2026");
    CHECK(format_from_line(0) == "From MAILER-DAEMON Thu Jan  1 00:00:00 1970");
    CHECK(format_from_line(-5) == format_from_line(0));
    for (std::int64_t seconds = 0; seconds < 5'000'000'000; seconds += 86'400 * 13 + 7261) {
        CHECK(parse_from_line(format_from_line(seconds)) == seconds);
    }
}

TEST_CASE("messages of an mbox are told apart, their dates come from the From lines") {
    const auto messages = parse(kFrom + "Subject: a\n\none\n\ntwo\n\n" +
                                "From bob Thu Jan  1 00:00:10 1970\r\nSubject: b\r\n\r\nx\r\n");
    REQUIRE(messages.size() == 2);
    CHECK(messages[0].bytes == "Subject: a\r\n\r\none\r\n\r\ntwo\r\n");
    CHECK(messages[0].unix_seconds == kFromTime);
    CHECK(messages[1].bytes == "Subject: b\r\n\r\nx\r\n");
    CHECK(messages[1].unix_seconds == 10);
}

TEST_CASE("only a line with a date after an empty line begins a message") {
    const auto messages =
        parse(kFrom + "Subject: a\n\nFrom here on text\n\nFrom there, too\ntext\n" + kFrom +
              "no\n>From x\n>>From y\n>not From\n\n");
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].bytes ==
          "Subject: a\r\n\r\nFrom here on text\r\n\r\nFrom there, too\r\ntext\r\n"
          "From anna@example.org Wed Nov 25 10:44:58 2026\r\nno\r\nFrom x\r\n>From y\r\n>not "
          "From\r\n");
}

TEST_CASE("empty bodies, empty messages and a missing last line end") {
    auto messages = parse(kFrom + "Subject: a\n\n" + kFrom + "Subject: b\n\n\n" + kFrom + "\n" +
                          kFrom + "Subject: d\n\nx");
    REQUIRE(messages.size() == 4);
    CHECK(messages[0].bytes == "Subject: a\r\n\r\n");
    CHECK(messages[1].bytes == "Subject: b\r\n\r\n");
    CHECK(messages[2].bytes == "\r\n");
    CHECK(messages[3].bytes == "Subject: d\r\n\r\nx\r\n");
    CHECK(parse("").empty());
}

TEST_CASE("Content-Length is not believed") {
    const auto messages =
        parse(kFrom + "Content-Length: 100000\nSubject: a\n\nx\n\n" + kFrom + "Subject: b\n\ny\n");
    REQUIRE(messages.size() == 2);
    CHECK(messages[0].bytes == "Content-Length: 100000\r\nSubject: a\r\n\r\nx\r\n");
}

TEST_CASE("fields that hold flags are read and taken out of the header, not out of the body") {
    const auto messages =
        parse(kFrom +
              "Status: RO\nX-Status: AF\nSubject: a\nX-Keywords: $Label1 Work\n  More $Label1\n"
              "X-UID: 5\nX-Mozilla-Status: 0009\n\nStatus: O\n");
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].bytes == "Subject: a\r\n\r\nStatus: O\r\n");
    const MailFlags& flags = messages[0].flags;
    CHECK(flags.seen);
    CHECK(flags.answered);
    CHECK(flags.flagged);
    CHECK(flags.deleted);
    CHECK_FALSE(flags.draft);
    CHECK(flags.keywords == std::vector<std::string>{"$Label1", "Work"});
    CHECK(parse(kFrom + "Status: O\n\n")[0].flags == MailFlags{});
}

TEST_CASE("the record in which other servers keep their state is no message") {
    const auto messages = parse(kFrom + "Subject: DON'T DELETE THIS MESSAGE\nX-IMAP: 1 2\n\nx\n\n" +
                                kFrom + "Subject: b\n\n");
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].bytes == "Subject: b\r\n\r\n");
}

TEST_CASE("the key of a message stays when flags change and others come or go") {
    const std::string a = "Subject: a\n\nx\n\n";
    const std::string b = "Subject: b\n\nx\n\n";
    const auto before = parse(kFrom + a + kFrom + b + kFrom + b);
    const auto after = parse(kFrom + "Status: RO\n" + b + kFrom + b + kFrom + a);
    REQUIRE(before.size() == 3);
    REQUIRE(after.size() == 3);
    CHECK(before[1].key != before[2].key);
    CHECK(after[0].key == before[1].key);
    CHECK(after[1].key == before[2].key);
    CHECK(after[2].key == before[0].key);
    MailSourceOptions options;
    options.is_known = [&](const Folder&, const std::string& key) { return key != before[2].key; };
    const auto rest = parse(kFrom + a + kFrom + b + kFrom + b, options);
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].key == before[2].key);
}

TEST_CASE("large files are streamed over the ends of what is read at a time") {
    std::string text;
    for (int i = 0; i < 300; ++i) {
        text +=
            kFrom + "Subject: " + std::to_string(i) + "\n\n" + std::string(20'000, 'x') + "\n\n";
    }
    const auto messages = parse(text);
    REQUIRE(messages.size() == 300);
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const std::string header = "Subject: " + std::to_string(i) + "\r\n\r\n";
        CHECK(messages[i].bytes.starts_with(header));
        CHECK(messages[i].bytes.size() == header.size() + 20'002);
    }
}

TEST_CASE("a message that is too large is left out, those around it are not") {
    std::vector<std::string> skipped;
    MailSourceOptions options;
    options.message_bytes_max = 100;
    options.on_skip = [&](const std::string& text) { skipped.push_back(text); };
    const auto messages =
        parse(kFrom + "Subject: a\n\n\n" + kFrom + "Subject: b\n\n" + std::string(5'000'000, 'x') +
                  "\n" + std::string(101, 'y') + "\n\n" + kFrom + "Subject: c\n\n",
              options);
    REQUIRE(messages.size() == 2);
    CHECK(messages[1].bytes == "Subject: c\r\n\r\n");
    REQUIRE(skipped.size() == 1);
    CHECK(skipped[0].find("is too large") != std::string::npos);
}

TEST_CASE("what is no mbox is an error, in a directory it is left out") {
    const Scratch scratch;
    scratch.file("letter", "Dear Anna\n");
    CHECK_FALSE(MboxSource::open(scratch.path("letter"), {}).has_value());
    CHECK_FALSE(MboxSource::open(scratch.path("none"), {}).has_value());
    std::vector<std::string> skipped;
    MailSourceOptions options;
    options.on_skip = [&](const std::string& text) { skipped.push_back(text); };
    scratch.file("Inbox.msf", "index");
    scratch.file("Sent", kFrom + "Subject: s\n\n");
    scratch.file("Work.sbd/2024", kFrom + "Subject: w\n\n");
    const auto messages = read_mbox(scratch.path(), options);
    REQUIRE(messages.size() == 2);
    CHECK(messages[0].folder == Folder{"Sent"});
    CHECK(messages[1].folder == Folder{"Work", "2024"});
    CHECK(skipped.size() == 2);
}

TEST_CASE("what was written to mbox files is read back the same") {
    const Scratch scratch;
    std::vector<MailMessage> messages(5);
    messages[0].bytes = "Subject: a\r\n\r\nFrom me\r\n>From you\r\n\r\n" +
                        std::string("From x Thu Jan  1 00:00:00 1970\r\n\r\n");
    messages[0].unix_seconds = 5;
    messages[0].flags.seen = true;
    messages[0].flags.answered = true;
    messages[0].flags.keywords = {"$Forwarded", "Work"};
    messages[1].bytes = std::string("Subject: b\r\n\r\n\0\rodd\xff\r\n", 22);
    messages[1].flags.draft = true;
    messages[1].flags.deleted = true;
    messages[1].flags.flagged = true;
    messages[2].bytes = "From: x\r\n\r\n";
    messages[3].folder = {"Work", ".hidden"};
    messages[3].bytes = "\r\n";
    messages[4].folder = {"Work.mbox"};
    messages[4].bytes = "Subject: e\r\n\r\n\r\n\r\n";
    auto writer = MboxWriter::create(scratch.path("out"));
    REQUIRE(writer.has_value());
    for (const MailMessage& message : messages) REQUIRE(writer->write(message).has_value());
    REQUIRE(writer->add_folder({"Empty"}).has_value());
    REQUIRE(writer->finish().has_value());

    const auto back = read_mbox(scratch.path("out"));
    REQUIRE(back.size() == messages.size());
    for (std::size_t i = 0; i < messages.size(); ++i) {
        CAPTURE(i);
        CHECK(back[i].folder == messages[i].folder);
        CHECK(back[i].bytes == messages[i].bytes);
        CHECK(back[i].unix_seconds == messages[i].unix_seconds);
        CHECK(back[i].flags == messages[i].flags);
    }
    auto source = MboxSource::open(scratch.path("out"), {});
    CHECK((*source)->folders() ==
          std::vector<Folder>{{}, {"Empty"}, {"Work", ".hidden"}, {"Work.mbox"}});
    CHECK_FALSE(MboxWriter::create(scratch.path("out")).has_value());
}
