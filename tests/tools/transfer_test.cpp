// Import and export of whole data directories, on the real file system.
#include "actors/clock.hpp"
#include "actors/limits.hpp"
#include "actors/server.hpp"
#include "tools/data_directory.hpp"
#include "tools/import_flags.hpp"
#include "tools/import_ledger.hpp"
#include "tools/mail/maildir_source.hpp"
#include "tools/mail/mbox_source.hpp"
#include "tools/server_bridge.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace tidemark::tools;

namespace fs = std::filesystem;

namespace {

class TransferDirectory {
  public:
    TransferDirectory()
        : path_(fs::temp_directory_path() /
                ("tidemark-transfer-test-" + std::to_string(getpid()))) {
        fs::remove_all(path_);
        fs::create_directory(path_);
    }
    ~TransferDirectory() { fs::remove_all(path_); }
    std::string path(const std::string& name) const { return (path_ / name).string(); }
    std::string write(const std::string& name, const std::string& text) const {
        fs::create_directories((path_ / name).parent_path());
        std::ofstream(path_ / name, std::ios::binary) << text;
        return path(name);
    }
    std::string read(const std::string& name) const {
        std::ifstream file(path_ / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

  private:
    fs::path path_;
};

// A data directory with the accounts anna and bert.
struct Data {
    explicit Data(const TransferDirectory& scratch) : path(scratch.path("data")) {
        REQUIRE(make_data_directory(path));
        REQUIRE(fill_data_directory(path, std::nullopt));
        auto accounts = accounts_of_directory(path);
        REQUIRE(accounts);
        REQUIRE((*accounts)->import_line("anna:{PLAIN}one"));
        REQUIRE((*accounts)->import_line("bert:{PLAIN}two"));
    }
    std::string path;
};

struct Said {
    CommandResult<void> result;
    std::string out;
    std::string err;
};

Said transfer(CommandResult<void> (*work)(const TransferOptions&, Terminal&),
              const TransferOptions& options) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    Terminal terminal{in, out, err};
    auto result = work(options, terminal);
    return {std::move(result), out.str(), err.str()};
}

TransferOptions options(const Data& data, const std::string& account, MailFormat format,
                        const std::string& path) {
    TransferOptions result;
    result.data = data.path;
    result.account = account;
    result.format = format;
    result.path = path;
    return result;
}

std::string imported(const Data& data, const std::string& account, MailFormat format,
                     const std::string& path) {
    const Said said = transfer(&import_mail, options(data, account, format, path));
    if (!said.result) return said.result.error().text;
    return said.out;
}

void exported(const Data& data, const std::string& account, MailFormat format,
              const std::string& path) {
    const Said said = transfer(&export_mail, options(data, account, format, path));
    const std::string error = said.result ? "" : said.result.error().text;
    REQUIRE(error == "");
}

// Everything that a transfer has to keep, one text a message, in their order within a folder.
std::vector<std::string> contents(MailSource& source) {
    std::map<std::string, std::vector<std::string>> folders;
    for (const auto& folder : source.folders()) {
        std::string name;
        for (const std::string& level : folder) name += "/" + level;
        folders[name];
    }
    for (;;) {
        auto message = source.next();
        REQUIRE(message);
        if (!*message) break;
        std::string name;
        for (const std::string& level : (*message)->folder) name += "/" + level;
        const MailFlags& flags = (*message)->flags;
        std::string text = std::to_string((*message)->unix_seconds);
        for (const bool flag :
             {flags.seen, flags.answered, flags.flagged, flags.deleted, flags.draft})
            text += flag ? '1' : '0';
        auto keywords = flags.keywords;
        std::sort(keywords.begin(), keywords.end());
        for (const std::string& keyword : keywords) text += " " + keyword;
        folders[name].push_back(text + "\n" + (*message)->bytes);
    }
    std::vector<std::string> all;
    for (auto& [name, messages] : folders) {
        // Accounts begin with some mailboxes that have no mail.
        if (messages.empty() && name != "/Empty") continue;
        all.push_back(name);
        all.insert(all.end(), messages.begin(), messages.end());
    }
    return all;
}

std::vector<std::string> maildir_contents(const std::string& path) {
    auto source = MaildirSource::open(path, {});
    REQUIRE(source);
    return contents(**source);
}

std::vector<std::string> mbox_contents(const std::string& path) {
    auto source = MboxSource::open(path, {});
    REQUIRE(source);
    return contents(**source);
}

std::string make_maildir(const TransferDirectory& scratch, unsigned messages) {
    for (const char* part : {"cur", "new", "tmp", ".Work.2026/cur", ".Empty/cur"})
        fs::create_directories(scratch.path(std::string("mail/") + part));
    scratch.write("mail/dovecot-keywords", "0 $Label1\n1 old\n");
    for (unsigned i = 0; i < messages; ++i) {
        const char* flags = i % 3 == 0 ? "S" : i % 3 == 1 ? "FSab" : "DRTb";
        const std::string folder = i % 5 == 0 ? "mail/.Work.2026/cur/" : "mail/cur/";
        const std::string letters =
            i % 5 == 0 ? std::string(flags).substr(0, 1) : std::string(flags);
        scratch.write(folder + std::to_string(1'600'000'000 + i) + ".M1P1.h:2," + letters,
                      "Subject: " + std::to_string(i) + "\n\nFrom here\n" +
                          std::string(i % 7 * 300, 'x') + "\n");
    }
    return scratch.path("mail");
}

ImportMark mark(std::uint64_t body) {
    return {body, 10, 1'600'000'000, "Work/My mail"};
}

}  // namespace

TEST_CASE("a Maildir that is imported, exported and imported again stays what it was") {
    const TransferDirectory scratch;
    const Data data(scratch);
    const std::string source = make_maildir(scratch, 450);
    CHECK(imported(data, "anna", MailFormat::kMaildir, source) ==
          "450 imported, 0 were imported before, 0 left out\n");
    exported(data, "anna", MailFormat::kMaildir, scratch.path("out"));
    const auto expected = maildir_contents(source);
    CHECK(maildir_contents(scratch.path("out")) == expected);
    CHECK(imported(data, "bert", MailFormat::kMaildir, scratch.path("out")) ==
          "450 imported, 0 were imported before, 0 left out\n");
    exported(data, "bert", MailFormat::kMbox, scratch.path("boxes"));
    CHECK(mbox_contents(scratch.path("boxes")) == expected);
}

TEST_CASE("an import that is run again brings in what is new") {
    const TransferDirectory scratch;
    const Data data(scratch);
    const std::string source = make_maildir(scratch, 10);
    CHECK(imported(data, "anna", MailFormat::kMaildir, source) ==
          "10 imported, 0 were imported before, 0 left out\n");
    CHECK(imported(data, "anna", MailFormat::kMaildir, source) ==
          "0 imported, 10 were imported before, 0 left out\n");
    scratch.write("mail/new/1700000000.M1P1.h", "Subject: late\n\nx\n");
    // Its flags changed: it is the same message.
    fs::rename(scratch.path("mail/cur/1600000003.M1P1.h:2,S"),
               scratch.path("mail/cur/1600000003.M1P1.h:2,FS"));
    CHECK(imported(data, "anna", MailFormat::kMaildir, source) ==
          "1 imported, 10 were imported before, 0 left out\n");
    // Another account is another import.
    CHECK(imported(data, "bert", MailFormat::kMaildir, source) ==
          "11 imported, 0 were imported before, 0 left out\n");
}

TEST_CASE("an import that was killed goes on without duplicates, whatever its ledger last said") {
    const TransferDirectory scratch;
    const Data data(scratch);
    const std::string source = make_maildir(scratch, 450);
    REQUIRE(imported(data, "anna", MailFormat::kMaildir, source).starts_with("450 "));
    const fs::path ledger = fs::directory_iterator(scratch.path("data/imports"))->path();
    const std::string name = "data/imports/" + ledger.filename().string();
    std::string text = scratch.read(name);
    // As if it was killed between the last commit and the line that says so.
    REQUIRE(text.ends_with("!\n"));
    text.resize(text.size() - 2);
    scratch.write(name, text);
    CHECK(imported(data, "anna", MailFormat::kMaildir, source).starts_with("0 imported, 450 "));
    // As if the batch had been announced and never committed: a body that is in no mailbox.
    text = scratch.read(name);
    std::string other = text;
    const std::size_t last = text.rfind("\n? ") + 3;
    other.replace(last, text.find(' ', last) - last, "999999999");
    other.resize(other.size() - 2);
    scratch.write(name, other);
    CHECK(!imported(data, "anna", MailFormat::kMaildir, source).starts_with("0 imported"));
}

TEST_CASE("a server that has the directory open takes the mail itself") {
    const TransferDirectory scratch;
    const Data data(scratch);
    const std::string source = make_maildir(scratch, 450);
    // From a mebibyte on a message takes another way through the server.
    scratch.write("mail/cur/1500000000.M1P1.h:2,F",
                  "Subject: large\n\n" + std::string(3'000'000, 'x') + "\n");
    {
        tidemark::actors::SystemClock clock;
        tidemark::actors::ServerOptions server_options;
        server_options.directory = data.path;
        server_options.admin = admin_socket_path(data.path);
        server_options.threads = 2;
        auto server = tidemark::actors::Server::open(std::move(server_options), clock,
                                                     tidemark::storage::posix_file_system());
        REQUIRE(server);
        (*server)->start();
        CHECK(imported(data, "Anna", MailFormat::kMaildir, source) ==
              "451 imported, 0 were imported before, 0 left out\n");
        CHECK(imported(data, "anna", MailFormat::kMaildir, source) ==
              "0 imported, 451 were imported before, 0 left out\n");
        CHECK(imported(data, "nobody", MailFormat::kMaildir, source) ==
              "there is no account \"nobody\"");
        (*server)->request_stop();
        (*server)->wait();
    }
    for (const auto& left : fs::directory_iterator(scratch.path("data/imports")))
        CHECK(left.path().extension() == ".ledger");
    // It is the same ledger without the server.
    CHECK(imported(data, "anna", MailFormat::kMaildir, source) ==
          "0 imported, 451 were imported before, 0 left out\n");
    exported(data, "anna", MailFormat::kMaildir, scratch.path("out"));
    CHECK(maildir_contents(scratch.path("out")) == maildir_contents(source));
}

TEST_CASE("--mailbox is where an import goes, and the one that is exported") {
    const TransferDirectory scratch;
    const Data data(scratch);
    auto wanted = options(data, "anna", MailFormat::kMaildir, make_maildir(scratch, 10));
    wanted.mailbox = "Old";
    REQUIRE(transfer(&import_mail, wanted).result);
    wanted.path = scratch.path("out");
    wanted.mailbox = "Old/Work/2026";
    REQUIRE(transfer(&export_mail, wanted).result);
    const auto found = maildir_contents(scratch.path("out"));
    CHECK(std::count(found.begin(), found.end(), "/Old/Work/2026") == 1);
    CHECK(std::count(found.begin(), found.end(), "/Old") == 0);
    wanted.path = scratch.path("other");
    wanted.mailbox = "Nowhere";
    CHECK(transfer(&export_mail, wanted).result.error().exit == ExitCode::kNo);
    CHECK(!fs::exists(scratch.path("other")));
}

TEST_CASE("what can not be done is refused before anything is written") {
    const TransferDirectory scratch;
    const Data data(scratch);
    const std::string source = make_maildir(scratch, 1);
    const auto exit_of = [&](const std::string& account, const std::string& path) {
        return transfer(&import_mail, options(data, account, MailFormat::kMaildir, path))
            .result.error()
            .exit;
    };
    CHECK(exit_of("nobody", source) == ExitCode::kNo);
    CHECK(exit_of("anna", scratch.path("nowhere")) == ExitCode::kCouldNotRun);
    // Somebody has the directory open.
    auto accounts = accounts_of_directory(data.path);
    REQUIRE(accounts);
    CHECK(exit_of("anna", source) == ExitCode::kCouldNotRun);
    const Said said =
        transfer(&export_mail, options(data, "anna", MailFormat::kMbox, scratch.path("out")));
    CHECK(said.result.error().exit == ExitCode::kCouldNotRun);
}

TEST_CASE("bare LF becomes CRLF, empty and too large messages are left out") {
    const TransferDirectory scratch;
    const Data data(scratch);
    scratch.write("data/tidemark.toml", "[limits]\nmessage_bytes_max = 65536\n");
    for (const char* part : {"cur", "new"})
        fs::create_directories(scratch.path("mail") + "/" + part);
    scratch.write("mail/cur/1600000000.a:2,", "Subject: a\n\nb\r\nc\n");
    scratch.write("mail/cur/1600000001.a:2,", "");
    scratch.write("mail/cur/1600000002.a:2,", "Subject: a\n\n" + std::string(70000, 'x'));
    const Said said =
        transfer(&import_mail, options(data, "anna", MailFormat::kMaildir, scratch.path("mail")));
    CHECK((said.result ? "" : said.result.error().text) == "");
    CHECK(said.out == "1 imported, 0 were imported before, 2 left out\n");
    CHECK(std::count(said.err.begin(), said.err.end(), '\n') == 2);
    exported(data, "anna", MailFormat::kMaildir, scratch.path("out"));
    CHECK(maildir_contents(scratch.path("out")) ==
          std::vector<std::string>{"", "160000000000000\nSubject: a\r\n\r\nb\r\nc\r\n"});
}

TEST_CASE("a ledger knows the batches that were confirmed, and which is open") {
    const TransferDirectory scratch;
    const std::string path = scratch.path("ledger");
    const std::vector<ImportKey> keys = {import_key({}, "a"), import_key({"a"}, "b"),
                                         import_key({"a", "b"}, ""), import_key({"ab"}, "")};
    {
        auto ledger = ImportLedger::open(path);
        REQUIRE(ledger);
        CHECK(!ledger->unsettled());
        REQUIRE(ledger->announce(mark(1), {keys[0], keys[1]}));
        ledger->confirm();
        REQUIRE(ledger->announce(mark(2), {keys[2]}));
    }
    {
        auto ledger = ImportLedger::open(path);
        REQUIRE(ledger);
        CHECK(ledger->has(keys[0]));
        CHECK(ledger->has(keys[1]));
        CHECK(!ledger->has(keys[2]));
        REQUIRE(ledger->unsettled());
        CHECK(ledger->unsettled()->body == 2);
        CHECK(ledger->unsettled()->mailbox == "Work/My mail");
        ledger->settle(true);
        CHECK(!ledger->unsettled());
        CHECK(ledger->has(keys[2]));
        REQUIRE(ledger->announce(mark(3), {keys[3]}));
    }
    auto ledger = ImportLedger::open(path);
    REQUIRE(ledger);
    CHECK(ledger->has(keys[2]));
    REQUIRE(ledger->unsettled());
    ledger->settle(false);
    CHECK(!ledger->has(keys[3]));
}

TEST_CASE("a ledger whose last line was cut off is read up to there; another file is refused") {
    const TransferDirectory scratch;
    {
        auto ledger = ImportLedger::open(scratch.path("ledger"));
        REQUIRE(ledger);
        REQUIRE(ledger->announce(mark(1), {import_key({}, "a")}));
        ledger->confirm();
    }
    const std::string text = scratch.read("ledger");
    for (std::size_t length = 0; length <= text.size(); ++length) {
        CAPTURE(length);
        scratch.write("ledger", text.substr(0, length));
        {
            auto ledger = ImportLedger::open(scratch.path("ledger"));
            REQUIRE(ledger);
            CHECK(ledger->has(import_key({}, "a")) == (length == text.size()));
            while (ledger->unsettled()) ledger->settle(false);
            REQUIRE(ledger->announce(mark(2), {import_key({}, "b")}));
            ledger->confirm();
        }
        auto ledger = ImportLedger::open(scratch.path("ledger"));
        REQUIRE(ledger);
        CHECK(ledger->has(import_key({}, "b")));
    }
    scratch.write("ledger", "something else\n");
    CHECK(!ImportLedger::open(scratch.path("ledger")));
    scratch.write("ledger", "tidemark import 1\n!\n");
    CHECK(!ImportLedger::open(scratch.path("ledger")));
}

TEST_CASE("two imports from the same source at the same time are refused") {
    const TransferDirectory scratch;
    auto first = ImportLedger::open(scratch.path("ledger"));
    REQUIRE(first);
    CHECK(!ImportLedger::open(scratch.path("ledger")));
}

TEST_CASE("keywords are made fit for IMAP, and those beyond the room are left behind") {
    CHECK(clean_keyword("$Label1") == "$Label1");
    CHECK(clean_keyword("very (new)") == "very__new_");
    CHECK(clean_keyword("\\Seen") == "_Seen");
    CHECK(clean_keyword("grün") == "gr__n");
    CHECK(clean_keyword("") == "");
    KeywordRoom room({"here"});
    MailFlags flags;
    flags.keywords = {"HERE", "here", "a b", "a_b"};
    CHECK(!room.fit(flags));
    CHECK(flags.keywords == std::vector<std::string>{"HERE", "a_b"});
    flags.keywords.clear();
    for (std::size_t i = 0; i < tidemark::actors::kKeywordsMax; ++i)
        flags.keywords.push_back("k" + std::to_string(i));
    CHECK(room.fit(flags));
    CHECK(flags.keywords.size() == tidemark::actors::kKeywordsMax - 2);
}
