// The verification of backups: the manifest against the files, the files against each other.
#include "storage/backup/manifest.hpp"
#include "storage/crc32c.hpp"
#include "tests/storage/backup/backup_fixture.hpp"
#include "tests/storage/verify_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

using Place = BackupManifest::Place;

std::string id_of(char digit) {
    return std::string(32, digit);
}

// The small directory as a backup: a table, RocksDB's log, one segment, a secret.
struct BackupDirectory {
    BackupDirectory() {
        source.edit_segment([](SegmentRecord& record) { record.sealed = true; });
        source.open().flush();
        fill_manifest();
        files.replace_contents("/data/auth-secret", "0123456789abcdef");
        REQUIRE(files.make_directory("/backups"));
        for (const char* name : {"auth-secret", "format"}) add_file(name);
        const std::vector<std::string> names = *files.list("/data/db");
        for (const std::string& name : names) {
            if (name != "LOCK" && name != "LOG") add_file("db/" + name);
        }
        std::sort(manifest.files.begin(), manifest.files.end(),
                  [](const auto& a, const auto& b) { return a.path < b.path; });
        write("/backups/a");
    }

    void add_file(const std::string& path) {
        const std::string bytes = files.contents("/data/" + path);
        manifest.files.push_back({path, bytes.size(), crc32c(bytes), Place::kHere});
    }
    void fill_manifest() {
        RawDatabase database = source.open();
        const StoreState state = *decode_state(database.get(Family::kMeta, keys::state()));
        manifest.format = state.format;
        manifest.id = id_of('a');
        manifest.created_micros = 1'764'000'000'000'000;
        manifest.server_version = "test";
        manifest.store_seq = state.store_seq;
        manifest.fence_owner = state.fence_owner;
        manifest.fence_epoch = state.fence_epoch;
        for (const AccountId id : {source.me, source.other}) {
            const AccountCounters counters =
                *decode_counters(database.get(Family::kAccounts, keys::counters(id)));
            manifest.accounts.push_back({id, id == source.me ? "me" : "other", counters.modseq, 1,
                                         counters.used_messages, counters.used_bytes});
        }
        const SegmentRecord record =
            *decode_segment(database.get(Family::kMeta, keys::segment(SegmentId{1})));
        const std::string bytes = files.contents(source.segment).substr(0, record.bytes);
        manifest.segments.push_back(
            {SegmentId{1}, record.bytes, crc32c(bytes), record.sealed, Place::kHere});
        files.replace_contents(source.segment, bytes);
    }
    // What the manifest says is here, and the manifest.
    void write(const std::string& directory) {
        for (const char* name : {"", "/db", "/mail"})
            REQUIRE(files.make_directory(directory + name));
        for (const auto& file : manifest.files) {
            if (file.place == Place::kHere)
                files.replace_contents(directory + "/" + file.path,
                                       files.contents("/data/" + file.path));
        }
        if (manifest.segments[0].place == Place::kHere)
            files.replace_contents(directory + "/mail/00000001.seg",
                                   files.contents(source.segment));
        write_manifest(directory);
    }
    void write_manifest(const std::string& directory = "/backups/a") {
        files.replace_contents(directory + "/manifest.json", encode(manifest));
    }
    void edit_manifest(const std::function<void(BackupManifest&)>& change) {
        change(manifest);
        write_manifest();
    }
    void flip(const std::string& path, std::uint64_t offset = 0) {
        files.flip("/backups/a/" + path, offset);
    }
    std::string table() const {
        for (const auto& file : manifest.files) {
            if (file.path.ends_with(".sst")) return file.path;
        }
        FAIL("no table");
        return {};
    }
    // A second backup that leaves tables and the segment out.
    void write_second(const std::string& directory, const std::string& said) {
        manifest.since = BackupManifest::Since{id_of('a'), said};
        manifest.id = id_of('b');
        manifest.segments[0].place = Place::kPrevious;
        for (auto& file : manifest.files) {
            if (file.path.ends_with(".sst")) file.place = Place::kPrevious;
        }
        write(directory);
    }
    VerifyReport verify(const std::string& path = "/backups/a",
                        const VerifyOptions& options = test_options()) {
        const std::uint64_t operations = files.operations();
        Result<VerifyReport> report = tidemark::storage::verify(path, options, files);
        if (!report) FAIL("verify: " << report.error().detail);
        CHECK(files.operations() == operations);
        CHECK(report->is_backup);
        return *report;
    }

    VerifyDirectory source;
    FaultyFileSystem& files = source.files();
    BackupManifest manifest;
};

struct BackupBreak {
    std::string what;
    Codes codes;
    std::function<void(BackupDirectory&)> how;
};

void check_backup_breaks(const std::vector<BackupBreak>& breaks) {
    for (const BackupBreak& one : breaks) {
        CAPTURE(one.what);
        BackupDirectory backup;
        one.how(backup);
        CHECK(codes_of(backup.verify()) == one.codes);
    }
}

}  // namespace

TEST_CASE("a whole backup gives no findings and is not touched") {
    BackupDirectory backup;
    const VerifyReport report = backup.verify();
    CHECK(codes_of(report).empty());
    CHECK(report.counts.messages == 6);
    CHECK(report.counts.tables > 0);
    CHECK(codes_of(backup.verify("/backups/a/")).empty());
}

TEST_CASE("verify finds where a backup's files are not what the manifest says") {
    check_backup_breaks({
        {"a file is missing",
         {"manifest-digest"},
         [](BackupDirectory& b) { REQUIRE(b.files.unlink("/backups/a/auth-secret")); }},
        {"a file has other bytes",
         {"manifest-digest"},
         [](BackupDirectory& b) { b.flip("auth-secret", 3); }},
        {"a file is longer",
         {"manifest-digest"},
         [](BackupDirectory& b) { b.files.replace_contents("/backups/a/auth-secret", "longer"); }},
        {"the bytes of a message that is gone",
         {"manifest-digest"},
         [](BackupDirectory& b) {
             b.flip("mail/00000001.seg", b.source.files().contents(b.source.segment).find("three"));
         }},
        {"the bytes of a message",
         {"manifest-digest", "body-crc"},
         [](BackupDirectory& b) {
             b.flip("mail/00000001.seg", b.source.files().contents(b.source.segment).find("two"));
         }},
        {"a table is missing",
         {"manifest-digest", "database-open"},
         [](BackupDirectory& b) { REQUIRE(b.files.unlink("/backups/a/" + b.table())); }},
        {"a segment is missing",
         {"manifest-digest", "segment-missing"},
         [](BackupDirectory& b) { REQUIRE(b.files.unlink("/backups/a/mail/00000001.seg")); }},
        {"a file can not be read",
         {"read"},
         [](BackupDirectory& b) {
             b.files.fail(FaultyFileSystem::Operation::kRead, "auth-secret", EIO, 1);
         }},
        {"files that are not the backup's",
         {"unknown-file", "unknown-file", "unknown-file"},
         [](BackupDirectory& b) {
             b.files.replace_contents("/backups/a/notes", "x");
             b.files.replace_contents("/backups/a/mail/00000002.seg", "x");
             // Were it taken for RocksDB's, it would not open.
             b.files.replace_contents("/backups/a/db/999999.log", "no log");
         }},
    });
}

TEST_CASE("verify finds where a manifest is not what the backup holds") {
    check_backup_breaks({
        {"damaged", {"manifest"}, [](BackupDirectory& b) { b.flip("manifest.json", 40); }},
        {"format",
         {"manifest"},
         [](BackupDirectory& b) { b.edit_manifest([](BackupManifest& m) { ++m.format; }); }},
        {"store_seq",
         {"manifest"},
         [](BackupDirectory& b) { b.edit_manifest([](BackupManifest& m) { ++m.store_seq; }); }},
        {"fence owner",
         {"manifest"},
         [](BackupDirectory& b) { b.edit_manifest([](BackupManifest& m) { ++m.fence_owner; }); }},
        {"fence epoch",
         {"manifest"},
         [](BackupDirectory& b) { b.edit_manifest([](BackupManifest& m) { ++m.fence_epoch; }); }},
        {"an account's name",
         {"manifest"},
         [](BackupDirectory& b) {
             b.edit_manifest([](BackupManifest& m) { m.accounts[0].name = "you"; });
         }},
        {"an account's modseq",
         {"manifest"},
         [](BackupDirectory& b) {
             b.edit_manifest([](BackupManifest& m) { ++m.accounts[0].highest_modseq; });
         }},
        {"an account's mailboxes",
         {"manifest"},
         [](BackupDirectory& b) {
             b.edit_manifest([](BackupManifest& m) { ++m.accounts[1].mailboxes; });
         }},
        {"an account's messages",
         {"manifest"},
         [](BackupDirectory& b) {
             b.edit_manifest([](BackupManifest& m) { ++m.accounts[1].messages; });
         }},
        {"an account's bytes",
         {"manifest"},
         [](BackupDirectory& b) {
             b.edit_manifest([](BackupManifest& m) { ++m.accounts[1].bytes; });
         }},
        {"an account is not named",
         {"manifest"},
         [](BackupDirectory& b) {
             b.edit_manifest([](BackupManifest& m) { m.accounts.pop_back(); });
         }},
        {"another account is named",
         {"manifest"},
         [](BackupDirectory& b) {
             b.edit_manifest([](BackupManifest& m) { m.accounts.back().id = AccountId{77}; });
         }},
        {"a segment's sealing",
         {"manifest"},
         [](BackupDirectory& b) {
             b.edit_manifest([](BackupManifest& m) { m.segments[0].sealed = false; });
         }},
        {"a segment's length",
         {"manifest", "manifest-digest"},
         [](BackupDirectory& b) {
             b.edit_manifest([](BackupManifest& m) { ++m.segments[0].bytes; });
         }},
        {"a segment that has no record",
         {"manifest"},
         [](BackupDirectory& b) {
             b.files.replace_contents("/backups/a/mail/00000002.seg", "");
             b.edit_manifest([](BackupManifest& m) {
                 m.segments.push_back({SegmentId{2}, 0, 0, true, Place::kHere});
             });
         }},
        {"a file is not named",
         {"manifest-digest", "unknown-file"},
         [](BackupDirectory& b) {
             b.edit_manifest([](BackupManifest& m) { m.files[0].path = "another"; });
         }},
    });
}

TEST_CASE("quick verification of a backup compares sizes and reads no mail") {
    BackupDirectory backup;
    VerifyOptions options = test_options();
    options.quick = true;
    backup.files.fail(FaultyFileSystem::Operation::kRead, ".seg", EIO);
    CHECK(codes_of(backup.verify("/backups/a", options)).empty());
    backup.flip("auth-secret");
    CHECK(codes_of(backup.verify("/backups/a", options)).empty());
    backup.files.replace_contents("/backups/a/auth-secret", "short");
    CHECK(codes_of(backup.verify("/backups/a", options)) == Codes{"manifest-digest"});
    CHECK(backup.files.failures() == 0);
}

TEST_CASE("a backup that leaves files out is verified with the one that has them") {
    BackupDirectory backup;
    VerifyOptions options = test_options();
    std::string second = "/elsewhere/b";
    REQUIRE(backup.files.make_directory("/elsewhere"));
    SUBCASE("where the manifest says that it was") {
        backup.write_second(second, "/backups/a");
    }
    SUBCASE("beside it") {
        second = "/backups/b";
        backup.write_second(second, "/gone/a");
    }
    SUBCASE("where the caller says") {
        backup.write_second(second, "/gone/a");
        CHECK(codes_of(backup.verify(second)) == Codes{"manifest"});
        options.earlier = {"/backups/a"};
    }
    const VerifyReport report = backup.verify(second, options);
    CHECK(codes_of(report).empty());
    CHECK(report.counts.bodies == 5);
    CHECK(report.counts.body_bytes_read > 0);

    backup.files.flip("/backups/a/mail/00000001.seg",
                      backup.files.contents(backup.source.segment).find("three"));
    const VerifyReport damaged = backup.verify(second, options);
    REQUIRE(codes_of(damaged) == Codes{"manifest-digest"});
    CHECK(damaged.findings[0].file == "mail/00000001.seg");
    CHECK(damaged.findings[0].text.find("/backups/a/mail/00000001.seg") != std::string::npos);
}

TEST_CASE("what a backup has itself is looked at when an earlier one is missing") {
    BackupDirectory backup;
    backup.write_second("/backups/b", "/backups/a");
    REQUIRE(backup.files.unlink("/backups/a/manifest.json"));
    backup.files.flip("/backups/b/auth-secret", 0);
    CHECK(codes_of(backup.verify("/backups/b")) == Codes{"manifest", "manifest-digest"});
}

TEST_CASE("backups as a running store writes them are whole, full and in a chain") {
    BackupStore store;
    store.fill(10);
    REQUIRE(store.back_up("one").has_value());
    for (TestAccount& one : store.people) store.run(one, one.append({"later"}));
    BackupOptions next = store.backup_options("two");
    next.since = "/backups/one";
    SUBCASE("linked") {}
    SUBCASE("left out") {
        next.omit_unchanged = true;
    }
    REQUIRE(store.write(next).has_value());
    for (const char* path : {"/backups/one", "/backups/two"}) {
        const auto report = verify(path, test_options(), store.files);
        REQUIRE(report.has_value());
        CHECK(report->is_backup);
        CHECK(report->counts.body_bytes_read > 0);
        CHECK(codes_of(*report).empty());
    }
}
