// Mail out of backups: of chains, of what was expunged before, of damaged ones.
#include "storage/backup/backup_reader.hpp"

#include "storage/backup/past_mailbox.hpp"
#include "storage/segment_frame.hpp"
#include "tests/storage/backup/backup_fixture.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <map>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

using Reader = std::unique_ptr<BackupReader>;

Result<Reader> open(BackupStore& at, const std::string& directory,
                    const std::vector<std::string>& earlier = {}) {
    return BackupReader::open(directory, earlier, at.files);
}

MailboxRecord record_of(const Store& store, AccountId account) {
    return store.load_account(account)->mailboxes.at(0);
}

// The text of every message that is there now, by uid.
std::map<Uid, std::string> texts(const BackupReader& reader, AccountId account) {
    std::map<Uid, std::string> found;
    const auto loaded =
        reader.store().load_mailbox(account, record_of(reader.store(), account))->view;
    for (const PagePtr& page : loaded->pages()) {
        for (std::size_t i = 0; i < page->count(); ++i) {
            const auto bytes = reader.read(page->at(i));
            REQUIRE(bytes.has_value());
            found[page->at(i).uid] = *bytes;
        }
    }
    return found;
}

void remove_all(FileSystem& files, const std::string& directory) {
    const auto names = files.list(directory);
    REQUIRE(names.has_value());
    for (const std::string& name : *names) {
        const std::string path = directory + "/" + name;
        if ((*files.status(path))->directory) {
            remove_all(files, path);
        } else {
            REQUIRE(files.unlink(path).has_value());
        }
    }
    REQUIRE(files.remove_directory(directory).has_value());
}

// Every path below a directory with its contents.
std::map<std::string, std::string> everything(FaultyFileSystem& files, const std::string& from) {
    std::map<std::string, std::string> found;
    const auto names = files.list(from);
    REQUIRE(names.has_value());
    for (const std::string& name : *names) {
        const std::string path = from + "/" + name;
        if ((*files.status(path))->directory) {
            found.merge(everything(files, path));
        } else {
            found[path] = files.contents(path);
        }
    }
    return found;
}

// A full backup and two that leave out what the one before has.
struct Chain : BackupStore {
    Chain() {
        fill(12);
        REQUIRE(back_up("0").has_value());
        for (int i = 1; i <= 2; ++i) {
            std::mt19937_64 random(static_cast<unsigned>(i));
            for (TestAccount& one : people) run(one, one.append({any_body(random, 9000) + "x"}));
            BackupOptions with = backup_options(std::to_string(i));
            with.since = "/backups/" + std::to_string(i - 1);
            with.omit_unchanged = true;
            const auto result = write(with);
            REQUIRE(result.has_value());
            REQUIRE(result->omitted > 0);
        }
    }
};

// Ten messages of one account in one segment, of which 3 and 7 were expunged, and a backup of that.
struct Expunged : BackupStore {
    Expunged() {
        people.push_back(account("anna"));
        TestAccount& anna = people.front();
        for (int i = 1; i <= 10; ++i)
            run(anna, anna.append({"message " + std::to_string(i) + std::string(200, 'x')}));
        then = anna.state();
        // Its record stays: another message names the body.
        run(anna, anna.copy({5}));
        run(anna, anna.expunge({3, 5, 7}));
        reopen_store();
    }
    PastMailbox past(const Store& store) const {
        const AccountId id = people.front().id();
        auto told = mailbox_at(store, id, record_of(store, id), then.mailbox.highestmodseq);
        REQUIRE(told.has_value());
        return std::move(*told);
    }
    void compact() const {
        for (int step = 0; *store->compact_step(1u << 20); ++step) REQUIRE(step < 100);
    }
    // Flips a bit of the message's text, wherever in the directory's segments it is.
    void damage(const std::string& directory, const std::string& text) {
        for (const std::string& name : names_in(directory + "/mail")) {
            const std::string path = directory + "/mail/" + name;
            std::string bytes = files.contents(path);
            const std::size_t at = bytes.find(text);
            if (at == std::string::npos) continue;
            bytes[at] = static_cast<char>(bytes[at] ^ 1);
            files.replace_contents(path, bytes);
            return;
        }
        FAIL("nothing says " << text);
    }

    TestAccount::State then;
};

}  // namespace

TEST_CASE("mail is read out of a chain of backups, wherever the earlier ones are") {
    Chain at;
    std::vector<std::string> earlier;
    SUBCASE("where they were") {}
    SUBCASE("elsewhere, and said so") {
        REQUIRE(at.files.make_directory("/other").has_value());
        for (const char* name : {"0", "1"}) {
            REQUIRE(at.files.rename(std::string("/backups/") + name, std::string("/other/") + name)
                        .has_value());
            earlier.push_back(std::string("/other/") + name);
        }
    }
    const auto before = everything(at.files, "/backups");
    const std::uint64_t operations = at.files.operations();
    const auto reader = open(at, "/backups/2/", earlier);
    REQUIRE(reader.has_value());
    for (const TestAccount& one : at.people) CHECK(texts(**reader, one.id()) == one.state().bodies);
    CHECK(at.files.operations() == operations);
    CHECK(everything(at.files, "/backups") == before);
}

TEST_CASE("what is missing of a chain, or damaged, is named before any mail is read") {
    Chain at;
    const auto fault = [&](const std::string& directory) {
        const auto reader = open(at, directory);
        REQUIRE(!reader.has_value());
        return reader.error();
    };
    SUBCASE("an earlier backup is gone") {
        remove_all(at.files, "/backups/0");
        const StoreError error = fault("/backups/2");
        CHECK(error.kind == StoreErrorKind::kNotFound);
        CHECK(error.detail.find("/backups/0") != std::string::npos);
    }
    SUBCASE("a segment is gone") {
        REQUIRE(at.files.unlink("/backups/0/mail/00000001.seg").has_value());
        const StoreError error = fault("/backups/2");
        CHECK(error.kind == StoreErrorKind::kCorrupt);
        CHECK(error.detail.find("/backups/0/mail/00000001.seg is missing") != std::string::npos);
    }
    SUBCASE("a segment is cut off") {
        const std::string path = "/backups/0/mail/00000001.seg";
        const std::string bytes = at.files.contents(path);
        at.files.replace_contents(path, bytes.substr(0, bytes.size() - 1));
        const StoreError error = fault("/backups/2");
        CHECK(error.kind == StoreErrorKind::kCorrupt);
        CHECK(error.detail.find(path + " has ") != std::string::npos);
    }
    SUBCASE("a byte of a table") {
        // Most are in the first one.
        const auto manifest = read_manifest(at.files, "/backups/2");
        for (const auto& file : manifest->files) {
            const std::string path = "/backups/0/" + file.path;
            if (!file.path.ends_with(".sst") || !at.files.status(path)->has_value()) continue;
            std::string bytes = at.files.contents(path);
            bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
            at.files.replace_contents(path, bytes);
            const StoreError error = fault("/backups/2");
            CHECK(error.kind == StoreErrorKind::kCorrupt);
            CHECK(error.detail.find(path + " is not what") != std::string::npos);
            return;
        }
        FAIL("no table");
    }
    SUBCASE("a byte of the manifest") {
        const std::string path = "/backups/2/manifest.json";
        std::string bytes = at.files.contents(path);
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
        at.files.replace_contents(path, bytes);
        const StoreError error = fault("/backups/2");
        CHECK(error.kind == StoreErrorKind::kCorrupt);
        CHECK(error.detail.find(path) != std::string::npos);
    }
    SUBCASE("it was never finished") {
        const std::string path = "/backups/2" + std::string(kUnfinishedInfix) + "1";
        REQUIRE(at.files.rename("/backups/2", path).has_value());
        CHECK(fault(path).kind == StoreErrorKind::kNotFound);
    }
    SUBCASE("a directory that is none") {
        CHECK(fault("/backups").kind == StoreErrorKind::kNotFound);
        CHECK(fault("/nowhere").kind == StoreErrorKind::kNotFound);
        const auto not_a_backup = open(at, "/data", {"/backups/0"});
        REQUIRE(!not_a_backup.has_value());
        CHECK(not_a_backup.error().kind == StoreErrorKind::kNotFound);
    }
}

TEST_CASE("what was expunged is read as long as its bytes are in a segment") {
    Expunged at;
    std::string directory;
    SUBCASE("of a backup") {
        REQUIRE(at.back_up("0").has_value());
        directory = "/backups/0";
    }
    SUBCASE("of a data directory that nobody has open") {
        REQUIRE(at.store->close().has_value());
        at.store.reset();
        directory = "/data";
    }
    const auto reader = open(at, directory);
    REQUIRE(reader.has_value());
    const PastMailbox past = at.past((*reader)->store());
    REQUIRE(past.messages.size() == 10);
    CHECK(past.expunged.size() == 3);
    for (const Message& message : past.messages) {
        const bool is_gone = message.uid == 3 || message.uid == 7;
        const auto bytes = (*reader)->read(message);
        REQUIRE(bytes.has_value() == !is_gone);
        if (is_gone) CHECK(bytes.error().kind == StoreErrorKind::kNotFound);
    }
    (*reader)->find_expunged(past.expunged);
    for (const Message& message : past.messages) {
        CAPTURE(message.uid);
        const auto bytes = (*reader)->read(message);
        REQUIRE(bytes.has_value());
        CHECK(*bytes == at.then.bodies.at(message.uid));
    }
}

TEST_CASE("what compaction has removed stays gone, whatever else is found") {
    Expunged at;
    // Of the second segment only the last message is left; it is compacted away. The first has
    // mostly live messages and stays.
    TestAccount& anna = at.people.front();
    for (int i = 0; i < 2; ++i) at.run(anna, anna.append({std::string(i == 0 ? 20'000 : 10, 'y')}));
    REQUIRE(at.store->hold_segments().has_value());
    at.store->release_segments();
    at.then = anna.state();
    const Uid large = anna.uids()[anna.uids().size() - 2];
    at.run(anna, anna.expunge({large}));
    at.compact();
    REQUIRE(at.back_up("0").has_value());
    const auto reader = open(at, "/backups/0");
    REQUIRE(reader.has_value());
    const PastMailbox past = at.past((*reader)->store());
    (*reader)->find_expunged(past.expunged);
    for (const Message& message : past.messages) {
        const auto bytes = (*reader)->read(message);
        REQUIRE(bytes.has_value() == (message.uid != large));
        if (!bytes) CHECK(bytes.error().kind == StoreErrorKind::kNotFound);
    }
}

TEST_CASE("damage of one message is damage of no other, expunged or not") {
    Expunged at;
    REQUIRE(at.back_up("0").has_value());
    std::map<Uid, StoreErrorKind> expected;
    SUBCASE("a live one") {
        at.damage("/backups/0", "message 4x");
        expected[4] = StoreErrorKind::kCorrupt;
    }
    SUBCASE("an expunged one") {
        at.damage("/backups/0", "message 3x");
        expected[3] = StoreErrorKind::kCorrupt;
    }
    SUBCASE("the frame of an expunged one") {
        // Its line has the owner as account:mailbox:uid.
        at.damage("/backups/0", ":1:7 ");
        expected[7] = StoreErrorKind::kNotFound;
    }
    const auto reader = open(at, "/backups/0");
    REQUIRE(reader.has_value());
    const PastMailbox past = at.past((*reader)->store());
    (*reader)->find_expunged(past.expunged);
    for (const Message& message : past.messages) {
        CAPTURE(message.uid);
        const auto bytes = (*reader)->read(message);
        const auto wrong = expected.find(message.uid);
        REQUIRE(bytes.has_value() == (wrong == expected.end()));
        if (!bytes) CHECK(bytes.error().kind == wrong->second);
    }
}

TEST_CASE("a segment that can not be searched is named with what is not found") {
    Expunged at;
    REQUIRE(at.back_up("0").has_value());
    const auto reader = open(at, "/backups/0");
    REQUIRE(reader.has_value());
    const PastMailbox past = at.past((*reader)->store());
    at.files.fail(FaultyFileSystem::Operation::kRead, "/backups/0/mail/", EIO);
    (*reader)->find_expunged(past.expunged);
    at.files.clear_failures();
    const auto bytes = (*reader)->read(past.messages.at(2));
    REQUIRE(!bytes.has_value());
    CHECK(bytes.error().kind == StoreErrorKind::kNotFound);
    CHECK(bytes.error().detail.find("/backups/0/mail/0000000") != std::string::npos);
    // Another search finds it.
    (*reader)->find_expunged(past.expunged);
    CHECK((*reader)->read(past.messages.at(2)).has_value());
}
