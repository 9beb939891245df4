// The verification as a whole: what it leaves alone, what it says and refuses, the store's own
// state.
#include "storage/backup/fence.hpp"
#include "tests/storage/verify_directory.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

TEST_CASE("a directory in which all is well gives no findings and is not touched") {
    VerifyDirectory directory;
    const std::uint64_t operations = directory.files().operations();
    const VerifyReport report = directory.verify();
    CHECK(codes_of(report).empty());
    CHECK(report.well());
    CHECK(directory.files().operations() == operations);
    CHECK(report.counts.accounts == 2);
    CHECK(report.counts.mailboxes == 2);
    CHECK(report.counts.messages == 6);
    CHECK(report.counts.log_entries == 9);
    CHECK(report.counts.bodies == 5);
    CHECK(report.counts.summaries == 5);
    CHECK(report.counts.segments == 1);
    CHECK(report.counts.body_bytes_read > 0);
    CHECK(report.counts.log_rounds == report.counts.store_seq);
}

TEST_CASE("what is in tables is checked as what is in RocksDB's log") {
    VerifyDirectory directory;
    directory.open().flush();
    const VerifyReport report = directory.verify();
    CHECK(codes_of(report).empty());
    CHECK(report.counts.tables > 0);
}

TEST_CASE("verify finds what is wrong with the store as a whole") {
    check_breaks({
        {"format file", FindingCode::kFormat,
         [](VerifyDirectory& d) { d.files().replace_contents("/data/format", "something\n"); }},
        {"no format file", FindingCode::kFormat,
         [](VerifyDirectory& d) { REQUIRE(d.files().unlink("/data/format")); }},
        {"format in the state", FindingCode::kFormat,
         [](VerifyDirectory& d) { d.edit_state([](StoreState& state) { state.format = 99; }); }},
        {"database", FindingCode::kDatabaseOpen,
         [](VerifyDirectory& d) { d.files().replace_contents("/data/db/CURRENT", "nothing\n"); }},
        {"state", FindingCode::kStoreState,
         [](VerifyDirectory& d) { d.put(Family::kMeta, keys::state(), kOne); }},
        {"a round is missing", FindingCode::kStoreSeq,
         [](VerifyDirectory& d) { d.edit_state([](StoreState& state) { ++state.store_seq; }); }},
        {"body ids", FindingCode::kIdLimit,
         [](VerifyDirectory& d) {
             d.edit_state([](StoreState& state) { state.body_id_limit = 3; });
         }},
        {"account ids", FindingCode::kIdLimit,
         [](VerifyDirectory& d) {
             d.edit_state([](StoreState& state) { state.account_id_limit = 2; });
         }},
        {"segment ids", FindingCode::kIdLimit,
         [](VerifyDirectory& d) {
             d.edit_state([](StoreState& state) { state.segment_id_next = 1; });
         }},
        {"a key of no kind", FindingCode::kKey,
         [](VerifyDirectory& d) { d.put(Family::kMeta, "\x09", kOne); }},
        {"log mark", FindingCode::kValue,
         [](VerifyDirectory& d) { d.put(Family::kMeta, keys::log_mark(), "xx"); }},
        {"segment record", FindingCode::kValue,
         [](VerifyDirectory& d) {
             RawDatabase database = d.open();
             const std::string key = keys::segment(SegmentId{2});
             database.put(Family::kMeta, key, "\x01");
         }},
    });
}

TEST_CASE("verify finds a block whose checksum is wrong, and names its table") {
    VerifyDirectory directory;
    directory.open().flush();
    std::string table;
    const std::vector<std::string> names = *directory.files().list("/data/db");
    for (const std::string& name : names) {
        const std::string path = "/data/db/" + name;
        if (name.ends_with(".sst") &&
            directory.files().contents(path).find("summary of 1") != std::string::npos) {
            table = path;
        }
    }
    REQUIRE(!table.empty());
    directory.files().flip(table, directory.files().contents(table).find("summary of 1") + 3);
    const VerifyReport report = directory.verify();
    CHECK(codes_of(report) == Codes{"database-block"});
    CHECK("/data/" + report.findings[0].file == table);
}

TEST_CASE("a restored mailbox is the fold of its log, the restore's entry among it") {
    VerifyDirectory directory;
    directory.store.open();
    Store& store = *directory.store.store;
    FenceOptions fence;
    fence.now_micros = 1'764'000'000'000'000;
    REQUIRE(fence_restored(store, fence).has_value());
    LoadedAccount account = *store.load_account(directory.me);
    MailboxRecord& mailbox = account.mailboxes.at(0);
    Transaction fold(directory.me, account.counters.modseq);
    const LoadedMailbox loaded = *store.load_mailbox(directory.me, mailbox);
    fold.put_page(mailbox.id, *loaded.view->pages().at(0));
    mailbox.folded_modseq = mailbox.highestmodseq;
    fold.put_mailbox(mailbox);
    REQUIRE(directory.store.commit(std::move(fold)).has_value());
    directory.store.store.reset();
    Codes expected;
    SUBCASE("as it is") {}
    SUBCASE("but for a message that did not get the new modseq") {
        directory.edit_page([](Page& page, FixedColumns&) { page.modseq[0] = 7; });
        expected = {"fold"};
    }
    CHECK(codes_of(directory.verify()) == expected);
}

TEST_CASE("a short segment is found without reading it") {
    VerifyDirectory directory;
    std::string bytes = directory.files().contents(directory.segment);
    bytes.pop_back();
    directory.files().replace_contents(directory.segment, bytes);
    directory.files().fail(FaultyFileSystem::Operation::kRead, ".seg", EIO);
    VerifyOptions options = test_options();
    options.quick = true;
    CHECK(codes_of(directory.verify(options)) == Codes{"segment-length"});
    CHECK(directory.files().failures() == 0);
}

TEST_CASE("a finding names account, mailbox, uid, file and offset") {
    VerifyDirectory directory;
    const BodyRecord record = directory.body(BodyId{1});
    directory.files().flip(directory.segment, record.offset);
    const VerifyReport report = directory.verify();
    REQUIRE(report.findings.size() == 1);
    CHECK(to_string(report.findings[0])
              .starts_with(
                  fmt::format("body-crc me/INBOX uid 1 mail/00000001.seg at {}: ", record.offset)));
}

TEST_CASE("verify refuses what it can not judge") {
    VerifyDirectory directory;
    const auto kind = [&](const std::string& path) {
        const auto report = verify(path, test_options(), directory.files());
        REQUIRE(!report.has_value());
        return report.error().kind;
    };
    CHECK(kind("/nowhere") == StoreErrorKind::kNotFound);
    CHECK(kind("/data/format") == StoreErrorKind::kNotFound);
    CHECK(kind("/data/mail") == StoreErrorKind::kNotFound);
    SUBCASE("of a later format") {
        directory.files().replace_contents("/data/format",
                                           "tidemark data directory, format 2000\n");
        CHECK(kind("/data") == StoreErrorKind::kTooNew);
    }
    SUBCASE("when it is cancelled") {
        VerifyOptions options = test_options();
        options.is_cancelled = [] { return true; };
        const auto report = verify("/data", options, directory.files());
        REQUIRE(!report.has_value());
        CHECK(report.error().kind == StoreErrorKind::kUnavailable);
    }
}

TEST_CASE("verify survives any damage") {
    std::mt19937_64 random(20'261'125);
    for (int round = 0; round < 25; ++round) {
        CAPTURE(round);
        VerifyDirectory directory;
        if (round % 2 == 0) directory.open().flush();
        std::vector<std::string> paths = {"/data/format", directory.segment};
        const std::vector<std::string> names = *directory.files().list("/data/db");
        for (const std::string& name : names) paths.push_back("/data/db/" + name);
        for (int i = 0; i < 4; ++i) {
            const std::string& path = paths[random() % paths.size()];
            std::string bytes = directory.files().contents(path);
            if (bytes.empty()) continue;
            switch (random() % 3) {
                case 0:
                    bytes.resize(random() % bytes.size());
                    break;
                case 1:
                    bytes[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
                    break;
                default:
                    for (std::size_t at = random() % bytes.size(), k = 0;
                         k < 40 && at + k < bytes.size(); ++k) {
                        bytes[at + k] = static_cast<char>(random());
                    }
            }
            directory.files().replace_contents(path, bytes);
        }
        const auto report = verify(VerifyDirectory::kPath, test_options(), directory.files());
        if (!report) CHECK(!report.error().detail.empty());
    }
}

TEST_CASE("values that decode to anything are survived and found") {
    std::mt19937_64 random(11);
    for (int round = 0; round < 25; ++round) {
        CAPTURE(round);
        VerifyDirectory directory;
        {
            RawDatabase database(directory.files(), VerifyDirectory::kPath);
            const auto family = static_cast<Family>(random() % kFamilyCount);
            std::string key(random() % 20, '\0');
            for (char& c : key) c = static_cast<char>(random() % 4 == 0 ? 0xff : random() % 3);
            std::string value(random() % 30, '\x01');
            for (char& c : value) {
                if (random() % 2 == 0) c = static_cast<char>(random() % 4);
            }
            if (key.empty()) key = "\x01";
            database.put(family, key, value);
        }
        static_cast<void>(directory.verify());
    }
}

TEST_CASE("a directory on a disk keeps its bytes and times") {
    char name[] = "/tmp/tidemark-verify-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    const std::string path = std::string(name) + "/data";
    StoreOptions options = small_options();
    {
        auto store = Store::open(path, options, posix_file_system());
        REQUIRE(store.has_value());
        const auto refused = verify(path, test_options(), posix_file_system());
        REQUIRE(!refused.has_value());
        CHECK(refused.error().kind == StoreErrorKind::kLocked);
        TestAccount account(**store, "me");
        for (Transaction transaction : {account.create()}) {
            Transaction* pointer = &transaction;
            REQUIRE((*store)->commit({&pointer, 1})[0]);
        }
        account.accept();
        Transaction transaction = account.append({"one", "two"});
        Transaction* pointer = &transaction;
        REQUIRE((*store)->commit({&pointer, 1})[0]);
    }
    const auto look = [&] {
        std::map<std::string, std::string> found;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(name)) {
            struct stat info{};
            REQUIRE(stat(entry.path().c_str(), &info) == 0);
            std::string bytes;
            if (entry.is_regular_file()) {
                std::ifstream file(entry.path(), std::ios::binary);
                bytes.assign(std::istreambuf_iterator<char>(file), {});
            }
            found[entry.path()] = fmt::format("{}.{} {:o} {} ", info.st_mtim.tv_sec,
                                              info.st_mtim.tv_nsec, info.st_mode, info.st_ino) +
                                  bytes;
        }
        return found;
    };
    const auto before = look();
    const auto report = verify(path, test_options(), posix_file_system());
    REQUIRE(report.has_value());
    CHECK(codes_of(*report).empty());
    CHECK(report->counts.messages == 2);
    CHECK(look() == before);
    std::filesystem::remove_all(name);
}
