// Repair: what is whole of a damaged directory is in the new one, what is not is listed.
#include "storage/repair/repair.hpp"

#include "tests/storage/verify_directory.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <map>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

// Texts by "account/mailbox uid flags".
using Contents = std::map<std::string, std::string>;

Contents contents_of(FaultyFileSystem& files, const std::string& directory) {
    StoreOptions options = small_options();
    options.create_if_missing = false;
    auto store = Store::open(directory, options, files);
    if (!store) FAIL("open: " << store.error().detail);
    Contents contents;
    const std::vector<AccountRecord> accounts = *(*store)->accounts();
    for (const AccountRecord& account : accounts) {
        const LoadedAccount loaded = *(*store)->load_account(account.id);
        for (const MailboxRecord& mailbox : loaded.mailboxes) {
            const ViewPtr view = (*store)->load_mailbox(account.id, mailbox)->view;
            for (const PagePtr& page : view->pages()) {
                for (std::size_t i = 0; i < page->count(); ++i) {
                    const Message message = page->at(i);
                    const auto body = (*store)->open_body(message.body, false);
                    REQUIRE(body.has_value());
                    REQUIRE(body->has_value());
                    contents[fmt::format("{}/{} {} {:x}", account.name, mailbox.name, message.uid,
                                         message.flags)] = *(*body)->read_all();
                }
            }
        }
    }
    return contents;
}

struct RepairDirectory : VerifyDirectory {
    RepairOptions options() const {
        RepairOptions options;
        options.directory = "/data";
        options.into = "/new";
        options.store = small_options();
        options.now_micros = 1'764'000'000'000'000;
        return options;
    }
    RepairReport repair() {
        const Result<RepairReport> report = tidemark::storage::repair(options(), files());
        if (!report) FAIL("repair: " << report.error().detail);
        return *report;
    }
    void lose_database() {
        const std::vector<std::string> names = *files().list("/data/db");
        for (const std::string& name : names) REQUIRE(files().unlink("/data/db/" + name));
        REQUIRE(files().unlink("/data/format"));
    }
    // Whatever it holds, the new directory is right in itself.
    Contents result() {
        const auto report = tidemark::storage::verify("/new", test_options(), files());
        REQUIRE(report.has_value());
        CHECK(codes_of(*report).empty());
        return contents_of(files(), "/new");
    }
};

std::vector<std::string> lines_of(const RepairReport& report) {
    std::vector<std::string> lines;
    for (const Loss& loss : report.losses) {
        lines.push_back(to_string(loss));
        MESSAGE(lines.back());
    }
    return lines;
}

const Contents kAll = {{"me/INBOX 1 1", "Subject: a\r\n\r\none"},
                       {"me/INBOX 2 4", "two"},
                       {"me/INBOX 4 0", "four"},
                       {"me/INBOX 5 0", "two"},
                       {"me/INBOX 6 0", "six"},
                       {"other/INBOX 1 0", "another account's"}};

}  // namespace

TEST_CASE("repair of a whole directory saves everything, with new UIDVALIDITYs") {
    RepairDirectory directory;
    directory.put(Family::kAccounts, keys::subscription(directory.me, "elsewhere"), kOne);
    const RepairReport report = directory.repair();
    CHECK(lines_of(report).empty());
    CHECK(report.has_database);
    CHECK(report.made_up_names.empty());
    CHECK(report.accounts == 2);
    CHECK(report.mailboxes == 2);
    CHECK(report.messages == 6);
    CHECK(directory.result() == kAll);
    CHECK(codes_of(directory.verify()).empty());  // the old one is as it was
    auto store = Store::open("/new", small_options(), directory.files());
    const LoadedAccount account = *(*store)->load_account(*(*store)->find_account("me"));
    CHECK(account.mailboxes.at(0).uidvalidity > 1'764'000'000);
    CHECK(account.mailboxes.at(0).uidnext == 7);
    CHECK(account.orphan_subscriptions == std::vector<std::string>{"elsewhere"});
    // A copy shares its original's body.
    const ViewPtr view = (*store)->load_mailbox(account.record.id, account.mailboxes.at(0))->view;
    CHECK(view->at(*view->find_uid(2)).body == view->at(*view->find_uid(5)).body);
}

TEST_CASE("repair without a database brings back what the segments hold, under made-up names") {
    RepairDirectory directory;
    SUBCASE("deleted") {
        directory.lose_database();
    }
    SUBCASE("damaged") {
        directory.files().replace_contents("/data/db/CURRENT", "nothing\n");
    }
    const RepairReport report = directory.repair();
    CHECK(!report.has_database);
    REQUIRE(lines_of(report).size() == 1);
    CHECK(report.losses[0].file == "db");
    const std::string me = fmt::format("account-{}", raw(directory.me));
    const std::string other = fmt::format("account-{}", raw(directory.other));
    CHECK(report.made_up_names == std::vector<std::string>{me, other});
    // The expunged message too; without the copy; flags as at delivery.
    CHECK(directory.result() == Contents{{me + "/INBOX 1 0", "Subject: a\r\n\r\none"},
                                         {me + "/INBOX 2 0", "two"},
                                         {me + "/INBOX 3 0", "three"},
                                         {me + "/INBOX 4 0", "four"},
                                         {me + "/INBOX 6 0", "six"},
                                         {other + "/INBOX 1 0", "another account's"}});
}

TEST_CASE("repair lists what a torn segment has lost, and saves what is around it") {
    RepairDirectory directory;
    std::string bytes = directory.files().contents(directory.segment);
    const BodyRecord two = directory.body(BodyId{2});
    const std::size_t first = two.offset - two.header_bytes;
    SUBCASE("a frame is overwritten") {
        for (std::size_t i = 0; i < 20; ++i) bytes[first + i] = '#';
    }
    SUBCASE("bytes are missing") {
        bytes.erase(first + 5, 10);
    }
    directory.files().replace_contents(directory.segment, bytes);
    const RepairReport report = directory.repair();
    const std::vector<std::string> lines = lines_of(report);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].starts_with(fmt::format("mail/00000001.seg at {}: ", first)));
    CHECK(lines[1].starts_with("me/INBOX uid 2: "));
    CHECK(lines[2].starts_with("me/INBOX uid 5: "));
    Contents expected = kAll;
    expected.erase("me/INBOX 2 4");
    expected.erase("me/INBOX 5 0");
    CHECK(directory.result() == expected);
}

TEST_CASE("repair never saves bytes that are not those that were stored") {
    RepairDirectory directory;
    directory.files().flip(directory.segment, directory.body(BodyId{1}).offset + 3);
    SUBCASE("with the database") {
        const RepairReport report = directory.repair();
        CHECK(lines_of(report).size() == 2);
        Contents expected = kAll;
        expected.erase("me/INBOX 1 1");
        CHECK(directory.result() == expected);
    }
    SUBCASE("without it the owner is still known") {
        directory.lose_database();
        const std::vector<std::string> lines = lines_of(directory.repair());
        REQUIRE(lines.size() == 3);
        CHECK(lines[2].starts_with(fmt::format("account-{}/INBOX uid 1: ", raw(directory.me))));
        CHECK(directory.result().size() == 5);
    }
}

TEST_CASE("repair takes from the segments what one mailbox's rows do not tell") {
    RepairDirectory directory;
    directory.put(Family::kPages, keys::page(directory.me, directory.inbox, 1), kOne);
    const std::vector<std::string> lines = lines_of(directory.repair());
    CHECK(lines == std::vector<std::string>{"me db: flags and copies in INBOX can not be read"});
    CHECK(directory.result() == Contents{{"me/INBOX 1 0", "Subject: a\r\n\r\none"},
                                         {"me/INBOX 2 0", "two"},
                                         {"me/INBOX 3 0", "three"},
                                         {"me/INBOX 4 0", "four"},
                                         {"me/INBOX 6 0", "six"},
                                         {"other/INBOX 1 0", "another account's"}});
}

TEST_CASE("repair does not bring a deleted mailbox or a removed account back") {
    RepairDirectory directory;
    directory.store.open();
    TestAccount gone = directory.store.account("gone");
    directory.store.run(gone, gone.append({"of somebody who left"}));
    while (!*directory.store.store->remove_account_step(gone.id())) {
    }
    directory.store.store.reset();
    CHECK(lines_of(directory.repair()).empty());
    CHECK(directory.result() == kAll);
}

TEST_CASE("large messages are streamed, many are written in several steps") {
    RepairDirectory directory;
    directory.store.open();
    TestAccount many = directory.store.account("many");
    const std::string large(3u << 20, 'x');
    directory.store.run(many, *many.append_staged(large));
    directory.store.run(many, many.append(std::vector<std::string>(1500, "small")));
    directory.store.store.reset();
    CHECK(lines_of(directory.repair()).empty());
    const Contents contents = directory.result();
    CHECK(contents.size() == kAll.size() + 1501);
    CHECK(contents.at("many/INBOX 1 0") == large);
}

TEST_CASE(
    "repair copies what else it is told to, and only that can be lost which is not readable") {
    RepairDirectory directory;
    FaultyFileSystem& files = directory.files();
    for (const char* name : {"/data/tls", "/data/tls/more", "/data/keys"})
        REQUIRE(files.make_directory(name));
    const std::map<std::string, std::string> others = {{"auth-secret", std::string(32, 's')},
                                                       {"settings", "[listen]\n"},
                                                       {"tls/a.pem", "certificate"},
                                                       {"tls/more/b.pem", ""},
                                                       {"keys/c.pem", "key"}};
    for (const auto& [name, bytes] : others) files.replace_contents("/data/" + name, bytes);
    files.replace_contents("/data/keys/other", "not asked for");
    RepairOptions options = directory.options();
    options.others = {"settings", "tls", "tls/more/b.pem", "keys/c.pem", "none", "none/at/all"};
    std::map<std::string, std::string> expected = others;
    std::vector<std::string> lines;
    SUBCASE("all of it") {}
    SUBCASE("but a file that can not be read") {
        files.fail(FaultyFileSystem::Operation::kRead, "/data/tls/a.pem", EIO);
        expected.erase("tls/a.pem");
        lines = {"tls/a.pem: it can not be read: "};
    }
    SUBCASE("nor the secret") {
        files.fail(FaultyFileSystem::Operation::kRead, "/data/auth-secret", EIO);
        expected.erase("auth-secret");
        lines = {"auth-secret: it can not be read: "};
    }
    SUBCASE("durably, or there is no new directory") {
        files.fail(FaultyFileSystem::Operation::kSync, "/tls/a.pem", EIO, 1);
        const auto failed = tidemark::storage::repair(options, files);
        REQUIRE(!failed.has_value());
        CHECK(failed.error().kind == StoreErrorKind::kIo);
        CHECK(!files.status("/new.tidemark-repair")->has_value());
    }
    const auto report = tidemark::storage::repair(options, files);
    REQUIRE(report.has_value());
    const std::vector<std::string> told = lines_of(*report);
    REQUIRE(told.size() == lines.size());
    for (std::size_t i = 0; i < lines.size(); ++i) CHECK(told[i].starts_with(lines[i]));
    files.cut_power();
    files.restart(0);
    for (const auto& [name, bytes] : others) {
        CAPTURE(name);
        CHECK(files.status("/new/" + name)->has_value() == expected.contains(name));
        if (expected.contains(name)) CHECK(files.contents("/new/" + name) == bytes);
    }
    CHECK(!files.status("/new/keys/other")->has_value());
    CHECK(!files.status("/new/none")->has_value());
    CHECK(directory.result() == kAll);
}

TEST_CASE("repair refuses what it must not touch, and leaves nothing behind when it fails") {
    RepairDirectory directory;
    RepairOptions options = directory.options();
    const auto kind = [&] {
        const auto report = tidemark::storage::repair(options, directory.files());
        REQUIRE(!report.has_value());
        return report.error().kind;
    };
    SUBCASE("a directory that exists") {
        REQUIRE(directory.files().make_directory("/new"));
        CHECK(kind() == StoreErrorKind::kExists);
    }
    SUBCASE("no parent") {
        options.into = "/no/where";
        CHECK(kind() == StoreErrorKind::kNotFound);
    }
    SUBCASE("no segments") {
        options.directory = "/data/db";
        CHECK(kind() == StoreErrorKind::kNotFound);
    }
    SUBCASE("one that a server has open") {
        directory.store.open();
        directory.files().replace_contents("/data/lock", "");  // this disk shows no lock files
        CHECK(kind() == StoreErrorKind::kLocked);
    }
    SUBCASE("a disk that fails") {
        directory.files().fail(FaultyFileSystem::Operation::kSync, "/new", EIO);
        static_cast<void>(kind());
        directory.files().clear_failures();
        CHECK(!directory.files().status("/new")->has_value());
        CHECK(!directory.files().status("/new.tidemark-repair")->has_value());
        directory.repair();
        CHECK(directory.result() == kAll);
    }
}
