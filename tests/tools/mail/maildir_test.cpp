#include "tests/tools/mail/scratch.hpp"
#include "tools/mail/maildir_names.hpp"
#include "tools/mail/maildir_source.hpp"
#include "tools/mail/maildir_writer.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace tidemark::tools;
using tidemark::tools::test::Scratch;

namespace {

using Folder = std::vector<std::string>;

std::vector<MailMessage> read_all(const std::string& path, MailSourceOptions options = {}) {
    auto source = MaildirSource::open(path, std::move(options));
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

std::vector<std::string> keys(const std::vector<MailMessage>& messages) {
    std::vector<std::string> result;
    for (const MailMessage& message : messages) result.push_back(message.key);
    return result;
}

}  // namespace

TEST_CASE("a message's name gives its base and its flags, with any mark before them") {
    const auto split = [](std::string_view name) {
        const MaildirName parts = split_maildir_name(name);
        return std::pair(std::string(parts.base), std::string(parts.letters));
    };
    using Parts = std::pair<std::string, std::string>;
    CHECK(split("1.M2.host,S=3:2,FS") == Parts("1.M2.host,S=3", "FS"));
    CHECK(split("1.M2.host;2,S") == Parts("1.M2.host", "S"));
    CHECK(split("1.M2.host!2,S") == Parts("1.M2.host", "S"));
    CHECK(split("1.M2.host:2,") == Parts("1.M2.host", ""));
    CHECK(split("1.M2.host") == Parts("1.M2.host", ""));
    CHECK(split("1.M2.host:1,x") == Parts("1.M2.host", ""));
}

TEST_CASE("the time in a name is taken only where it looks like one") {
    CHECK(maildir_name_time("1700000000.M1P2.host") == 1'700'000'000);
    CHECK(maildir_name_time("1700000000_0.1.host") == 1'700'000'000);
    for (const char* name :
         {"", "x", "17.x", "1700000000", "17000000000.x", "1700000000x", "-170000000.x"}) {
        CAPTURE(name);
        CHECK_FALSE(maildir_name_time(name).has_value());
    }
}

TEST_CASE("letters are flags and back, keywords by the folder's table") {
    std::vector<std::string> keywords = {"$Label1", "NonJunk"};
    const MailFlags flags = maildir_flags("DFPRSTab?zA", keywords);
    CHECK(flags.seen);
    CHECK(flags.answered);
    CHECK(flags.flagged);
    CHECK(flags.deleted);
    CHECK(flags.draft);
    CHECK(flags.keywords == std::vector<std::string>{"$Forwarded", "$Label1", "NonJunk"});
    CHECK(maildir_letters(flags, keywords) == "DFPRSTab");
    MailFlags fresh;
    fresh.keywords = {"New", "NonJunk"};
    CHECK(maildir_letters(fresh, keywords) == "bc");
    CHECK(keywords == std::vector<std::string>{"$Label1", "NonJunk", "New"});
}

TEST_CASE("a 27th keyword finds no letter") {
    std::vector<std::string> keywords;
    MailFlags flags;
    for (int i = 0; i < 30; ++i) flags.keywords.push_back("k" + std::to_string(i));
    CHECK(maildir_letters(flags, keywords) == "abcdefghijklmnopqrstuvwxyz");
    CHECK(keywords.size() == 26);
}

TEST_CASE("dovecot-keywords is read and written, gaps and nonsense included") {
    CHECK(
        parse_keyword_file("0 $Label1\n2 Work\r\n26 TooFar\nx y\n\n1\n99999999999999999999 z\n") ==
        std::vector<std::string>{"$Label1", "", "Work"});
    CHECK(write_keyword_file({"a", "b"}) == "0 a\n1 b\n");
    CHECK(maildir_flags("b", {"$Label1", "", "Work"}).keywords.empty());
}

TEST_CASE("Maildir++ directories are folders in modified UTF-7, dots within names included") {
    CHECK(folder_of_directory(".Sent") == Folder{"Sent"});
    CHECK(folder_of_directory(".A.B C") == Folder{"A", "B C"});
    CHECK(folder_of_directory(".Entw&APw-rfe") == Folder{"Entwürfe"});
    CHECK(folder_of_directory(".v1&AC4-2") == Folder{"v1.2"});
    CHECK(folder_of_directory(".A&x") == Folder{"A&x"});
    CHECK(folder_of_directory(".A%B*") == Folder{"A_B_"});
    CHECK_FALSE(folder_of_directory("Sent").has_value());
    CHECK_FALSE(folder_of_directory("..").has_value());
    CHECK_FALSE(folder_of_directory(".").has_value());
    for (const Folder& folder :
         {Folder{"Sent"}, Folder{"A", "B"}, Folder{"Entwürfe & mehr", "日本"}, Folder{"v1.2"}}) {
        CHECK(folder_of_directory(directory_of_folder(folder)) == folder);
    }
}

TEST_CASE("line ends become CRLF on the way in and LF on the way out") {
    CHECK(to_crlf("a\nb\r\nc\rd\n\n") == "a\r\nb\r\nc\rd\r\n\r\n");
    CHECK(to_crlf("no end") == "no end");
    CHECK(to_crlf("").empty());
    CHECK(to_crlf("\n") == "\r\n");
    CHECK(to_crlf(std::string("\0\n", 2)) == std::string("\0\r\n", 3));
    CHECK(to_lf("a\r\nb\rc\r\r\nd\n") == "a\nb\rc\r\nd\n");
    CHECK(to_lf("").empty());
}

TEST_CASE("folder names become valid parts of mailbox names") {
    CHECK(clean_folder_name("Entwürfe") == "Entwürfe");
    CHECK(clean_folder_name("a/b%c*\n") == "a_b_c__");
    CHECK(clean_folder_name("").size() == 1);
    CHECK(clean_folder_name("\xff\xfe") == "__");
    CHECK(clean_folder_name("a\u0085") == "a__");
    CHECK(clean_folder_name(std::string(254, 'x') + "ü") == std::string(254, 'x'));
}

TEST_CASE("a Maildir is read in the order of delivery with flags, dates and keywords") {
    const Scratch scratch;
    scratch.directory("tmp");
    scratch.file("cur/1700000300.M1.h:2,S", "Subject: three\n\nx\n", 1'700'000'300);
    scratch.file("cur/1700000100.M1.h,S=5:2,RFa", "Subject: one\r\n\r\nx\r\n", 1'600'000'000);
    scratch.file("new/1700000200.M1.h", "Subject: two\n\n", 1'799'999'999);
    scratch.file("cur/odd-name:2,T", "Subject: last\n\n", 1'500'000'000);
    scratch.file("cur/.hidden", "x");
    scratch.file("tmp/1700000000.M1.h", "unfinished");
    scratch.file("dovecot-keywords", "0 $Label1\n");
    const auto messages = read_all(scratch.path());
    REQUIRE(keys(messages) == std::vector<std::string>{"1700000100.M1.h,S=5", "1700000200.M1.h",
                                                       "1700000300.M1.h", "odd-name"});
    CHECK(messages[0].bytes == "Subject: one\r\n\r\nx\r\n");
    CHECK(messages[0].flags.answered);
    CHECK(messages[0].flags.flagged);
    CHECK_FALSE(messages[0].flags.seen);
    CHECK(messages[0].flags.keywords == std::vector<std::string>{"$Label1"});
    CHECK(messages[0].unix_seconds == 1'600'000'000);
    CHECK(messages[1].flags == MailFlags{});
    CHECK(messages[1].unix_seconds == 1'700'000'200);  // its modification time is that of a copy
    CHECK(messages[2].bytes == "Subject: three\r\n\r\nx\r\n");
    CHECK(messages[2].unix_seconds == 1'700'000'300);
    CHECK(messages[3].flags.deleted);
    CHECK(messages[3].unix_seconds == 1'500'000'000);
    for (const MailMessage& message : messages) CHECK(message.folder.empty());
}

TEST_CASE("folders of both layouts are found, also empty ones, parents first") {
    const Scratch scratch;
    for (const char* folder :
         {"", ".Sent/", ".A.B/", "Nested/", "Nested/Inner/", "Nested/.X/", "INBOX/"}) {
        scratch.directory(std::string(folder) + "cur");
    }
    scratch.directory("NoMaildir");
    scratch.file(".Sent/cur/1700000000.M1.h:2,S", "x");
    scratch.file("Nested/Inner/new/1700000000.M1.h", "y");
    std::filesystem::create_directory_symlink(".", scratch.path("loop"));
    std::filesystem::create_directory_symlink(".", scratch.path("Nested/loop"));
    auto source = MaildirSource::open(scratch.path(), {});
    REQUIRE(source.has_value());
    CHECK((*source)->folders() ==
          std::vector<Folder>{
              {}, {}, {"A", "B"}, {"Nested"}, {"Nested", "Inner"}, {"Nested", "X"}, {"Sent"}});
    CHECK((*source)->progress().total == 2);
    const auto messages = read_all(scratch.path());
    REQUIRE(messages.size() == 2);
    CHECK(messages[0].folder == Folder{"Nested", "Inner"});
    CHECK(messages[1].folder == Folder{"Sent"});
}

TEST_CASE(
    "what the importer knows is not read again, and a changed flag does not make a message new") {
    const Scratch scratch;
    scratch.file("cur/1700000000.M1.h:2,", "a");
    scratch.file("cur/1700000001.M1.h:2,", "b");
    MailSourceOptions options;
    options.is_known = [](const Folder&, const std::string& key) {
        return key == "1700000000.M1.h";
    };
    CHECK(keys(read_all(scratch.path(), options)) == std::vector<std::string>{"1700000001.M1.h"});
    std::filesystem::rename(scratch.path("cur/1700000000.M1.h:2,"),
                            scratch.path("cur/1700000000.M1.h:2,FS"));
    CHECK(keys(read_all(scratch.path(), options)) == std::vector<std::string>{"1700000001.M1.h"});
}

TEST_CASE("a message that is renamed or deleted while the Maildir is read") {
    const Scratch scratch;
    scratch.file("cur/1700000000.M1.h:2,", "a");
    scratch.file("new/1700000001.M1.h", "b");
    scratch.file("cur/1700000002.M1.h:2,", "c");
    auto source = MaildirSource::open(scratch.path(), {});
    REQUIRE(source.has_value());
    REQUIRE((*source)->next().value()->bytes == "a");
    std::filesystem::rename(scratch.path("new/1700000001.M1.h"),
                            scratch.path("cur/1700000001.M1.h:2,S"));
    std::filesystem::remove(scratch.path("cur/1700000002.M1.h:2,"));
    const auto renamed = (*source)->next();
    REQUIRE((renamed.has_value() && renamed->has_value()));
    CHECK((*renamed)->bytes == "b");
    CHECK((*renamed)->flags.seen);
    const auto end = (*source)->next();
    REQUIRE(end.has_value());
    CHECK_FALSE(end->has_value());
}

TEST_CASE("what is too large or no file is left out and named") {
    const Scratch scratch;
    scratch.file("cur/1700000000.M1.h:2,", std::string(11, 'x'));
    scratch.file("cur/1700000001.M1.h:2,", std::string(10, '\n'));
    scratch.directory("cur/1700000002.M1.h:2,");
    scratch.file("cur/1700000003.M1.h:2,", "good");
    std::vector<std::string> skipped;
    MailSourceOptions options;
    options.message_bytes_max = 10;
    options.on_skip = [&](const std::string& text) { skipped.push_back(text); };
    CHECK(keys(read_all(scratch.path(), options)) == std::vector<std::string>{"1700000003.M1.h"});
    REQUIRE(skipped.size() == 3);
    CHECK(skipped[0].find("1700000000.M1.h:2,: 11 bytes are too many") != std::string::npos);
    CHECK(skipped[1].find("20 bytes are too many") != std::string::npos);
    CHECK(skipped[2].find("is no file") != std::string::npos);
}

TEST_CASE("a directory that is no Maildir is an error") {
    const Scratch scratch;
    scratch.file("letter.txt", "x");
    const auto source = MaildirSource::open(scratch.path(), {});
    REQUIRE_FALSE(source.has_value());
    CHECK(source.error().find("is no Maildir") != std::string::npos);
    CHECK_FALSE(MaildirSource::open(scratch.path("none"), {}).has_value());
}

TEST_CASE("what was written to a Maildir is read back the same") {
    const Scratch scratch;
    std::vector<MailMessage> messages(4);
    messages[0].bytes = "Subject: a\r\n\r\nx\r\n";
    messages[0].unix_seconds = 1'600'000'000;
    messages[0].flags.seen = true;
    messages[0].flags.keywords = {"$Forwarded", "$Label1"};
    messages[1].bytes = std::string("\0\r\rodd\xff", 7);
    messages[1].unix_seconds = 1'600'000'000;
    messages[2].folder = {"Entwürfe", "v1.2"};
    messages[2].bytes = "y\r\n";
    messages[2].unix_seconds = 1'500'000'000;
    messages[2].flags.draft = true;
    messages[3].folder = {"Entwürfe", "v1.2"};
    messages[3].unix_seconds = 1'550'000'000;
    messages[3].flags.keywords = {"Work"};
    auto writer = MaildirWriter::create(scratch.path("out"));
    REQUIRE(writer.has_value());
    for (const MailMessage& message : messages) REQUIRE(writer->write(message).has_value());
    REQUIRE(writer->add_folder({"Empty"}).has_value());
    REQUIRE(writer->finish().has_value());

    const auto back = read_all(scratch.path("out"));
    REQUIRE(back.size() == messages.size());
    for (std::size_t i = 0; i < messages.size(); ++i) {
        CAPTURE(i);
        CHECK(back[i].folder == messages[i].folder);
        CHECK(back[i].bytes == messages[i].bytes);
        CHECK(back[i].unix_seconds == messages[i].unix_seconds);
        CHECK(back[i].flags == messages[i].flags);
    }
    auto source = MaildirSource::open(scratch.path("out"), {});
    CHECK((*source)->folders() == std::vector<Folder>{{}, {"Empty"}, {"Entwürfe", "v1.2"}});
    CHECK(scratch.read("out/dovecot-keywords") == "0 $Label1\n");
    CHECK_FALSE(MaildirWriter::create(scratch.path("out")).has_value());
}
