#include "storage/backup/restore.hpp"

#include "tests/storage/backup/backup_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

using Operation = FaultyFileSystem::Operation;
constexpr std::int64_t kNow = 1'764'000'000'000'000;

StoreOptions open_options() {
    StoreOptions options = small_options();
    options.create_if_missing = false;
    return options;
}

RestoreOptions to_new(const std::string& backup = "/backups/one",
                      const std::string& parent = "/new") {
    RestoreOptions options;
    options.backup = backup;
    options.directory = parent + "/data";
    options.now_micros = kNow;
    options.store = small_options();
    return options;
}

// A store with a backup, and somewhere to restore it to.
struct Backed : BackupStore {
    explicit Backed(int messages = 8) {
        fill(messages);
        REQUIRE(back_up("one").has_value());
        REQUIRE(files.make_directory("/new"));
    }
    // As the clients of each account would have it: what the backup held, with numbers above.
    void check_restored(const std::string& directory) {
        auto opened = Store::open(directory, open_options(), files);
        if (!opened) FAIL(opened.error().detail);
        for (TestAccount& one : people) {
            const auto account = (*opened)->find_account(one.name());
            REQUIRE(account.has_value());
            const LoadedAccount loaded = *(*opened)->load_account(*account);
            const MailboxRecord& mailbox = loaded.mailboxes.at(0);
            CHECK(mailbox.fence.backup_modseq == one.state().mailbox.highestmodseq);
            CHECK(mailbox.uidnext >= one.state().mailbox.uidnext + kUidGapLeast);
            CHECK(mailbox.uidvalidity == one.state().mailbox.uidvalidity);
            const auto view = (*opened)->load_mailbox(*account, mailbox)->view;
            REQUIRE(view->count() == one.state().bodies.size());
            for (const auto& [uid, text] : one.state().bodies) {
                const Message message = view->at(*view->find_uid(uid));
                CHECK(message.flags == one.message(uid).flags);
                const auto body = (*opened)->open_body(message.body, false);
                REQUIRE((body.has_value() && body->has_value()));
                CHECK((*body)->read_all() == text);
            }
        }
    }
    // What a server would open, or the next restore could take for something of the user's.
    void check_nothing() {
        for (const std::string& name : names_in(parent)) {
            CAPTURE(name);
            auto opened = Store::open(parent + "/" + name, open_options(), files);
            REQUIRE(!opened.has_value());
        }
    }
    // Removing one is not durable in the file system of tests before all its directories are
    // synced, so each restore gets another place.
    RestoreOptions to_next() {
        parent = "/new" + std::to_string(++places);
        REQUIRE(files.make_directory(parent));
        return to_new("/backups/one", parent);
    }
    StoreErrorKind check_refused(const RestoreOptions& options) {
        const auto refused = restore_backup(files, options);
        REQUIRE(!refused.has_value());
        CHECK(names_in("/new").empty());
        return refused.error().kind;
    }
    std::vector<std::string> backup_paths() {
        const auto manifest = read_manifest(files, "/backups/one");
        REQUIRE(manifest.has_value());
        std::vector<std::string> paths;
        for (const auto& segment : manifest->segments)
            paths.push_back("/backups/one/" + tidemark::storage::segment_path(segment.id));
        for (const auto& file : manifest->files) paths.push_back("/backups/one/" + file.path);
        return paths;
    }

    std::string parent = "/new";
    int places = 0;
};

enum class End { kKill, kPowerKeepsNothing, kPowerKeepsSome };

// Each step costs a restore or two: the cases take some of the steps, each beginning with another
// one. TIDEMARK_TEST_EVERY_STEP=1 takes them all.
unsigned step_stride(unsigned usual) {
    return std::getenv("TIDEMARK_TEST_EVERY_STEP") != nullptr ? 1 : usual;
}

// Restores are cut off later each time, until one is not cut off. How many were whole although they
// were.
int cut_at_every_step(End end, std::uint64_t first) {
    Backed at;
    at.store.reset();
    const unsigned stride = step_stride(24);
    int whole = 0;
    for (std::uint64_t cut = first % stride;; cut += stride) {
        CAPTURE(cut);
        const RestoreOptions options = at.to_next();
        at.files.cut_power_after(cut);
        const bool is_done = restore_backup(at.files, options).has_value();
        if (end == End::kKill) at.files.restart_after_kill();
        if (end == End::kPowerKeepsNothing) at.files.restart(0);
        if (end == End::kPowerKeepsSome) at.files.restart(cut + 1);
        if (Store::open(options.directory, open_options(), at.files)) {
            ++whole;
        } else {
            REQUIRE(!is_done);
            at.check_nothing();
            const auto again = restore_backup(at.files, options);
            if (!again) FAIL(again.error().detail);
        }
        at.check_restored(options.directory);
        CHECK(at.names_in(at.parent) == std::vector<std::string>{"data"});
        if (is_done) {
            CHECK(cut > 20);
            return whole - 1;
        }
    }
}

}  // namespace

TEST_CASE("a restored directory holds what the backup held, with every number above") {
    Backed at;
    SUBCASE("while the server that was backed up goes on") {}
    SUBCASE("after it has changed and compacted everything") {
        std::vector<TestAccount> later = at.people;
        for (TestAccount& one : later) {
            at.run(one, one.expunge({1, 2, 3}));
            at.run(one, one.append({"later"}));
        }
        while (*at.store->compact_step(1u << 20)) {
        }
    }
    const auto result = restore_backup(at.files, to_new());
    if (!result) FAIL(result.error().detail);
    CHECK(result->is_restored);
    CHECK(result->report.well());
    CHECK(result->accounts == 2);
    CHECK(result->counts.links > 2);
    CHECK(result->backups == std::vector<std::string>{"/backups/one"});
    CHECK(result->uid_gap == uid_gap_for((kNow - 1'700'000'000'000'000) / 1'000'000));
    at.check_restored("/new/data");
    CHECK(at.names_in("/new") == std::vector<std::string>{"data"});
    CHECK(at.fault_of("/backups/one") == "");
}

TEST_CASE("a restored directory that is written to does not change its backup, linked or not") {
    Backed at;
    RestoreOptions options = to_new();
    SUBCASE("linked") {}
    SUBCASE("copied") {
        options.copy_all = true;
    }
    const auto result = restore_backup(at.files, options);
    REQUIRE(result.has_value());
    CHECK((result->counts.links == 0) == options.copy_all);
    auto opened = Store::open("/new/data", open_options(), at.files);
    REQUIRE(opened.has_value());
    // Numbers of a restored account are not those that the tests' account expects.
    REQUIRE((*opened)->begin_anew(BodyId{1}, AccountId{1}));
    while (!*(*opened)->remove_account_step(at.people[0].id())) {
    }
    while (*(*opened)->compact_step(1u << 20)) {
    }
    REQUIRE((*opened)->close());
    opened->reset();
    CHECK(at.fault_of("/backups/one") == "");
    CHECK(at.restores("/backups/one"));
}

TEST_CASE("segments that are sealed are read-only after a restore, however they came there") {
    Backed at;
    RestoreOptions options = to_new();
    options.copy_all = true;
    REQUIRE(restore_backup(at.files, options).has_value());
    CHECK(at.files.is_read_only("/new/data/mail/00000001.seg"));
}

TEST_CASE("the configuration is restored to where a server looks for it") {
    BackupStore at;
    at.fill(4);
    at.files.replace_contents("/data/tidemark.toml", "[listen]\n");
    BackupOptions backup = at.backup_options("one");
    backup.config.push_back({"/data/tidemark.toml", "tidemark.toml"});
    REQUIRE(at.write(backup).has_value());
    REQUIRE(at.files.make_directory("/new"));
    REQUIRE(restore_backup(at.files, to_new()).has_value());
    CHECK(at.files.contents("/new/data/tidemark.toml") == "[listen]\n");
    CHECK(!at.files.status("/new/data/config")->has_value());
}

TEST_CASE("a directory that exists is refused and left alone") {
    Backed at;
    REQUIRE(at.files.make_directory("/new/data"));
    at.files.replace_contents("/new/data/restoring", "a file of somebody");
    const auto refused = restore_backup(at.files, to_new());
    REQUIRE(!refused.has_value());
    CHECK(refused.error().kind == StoreErrorKind::kExists);
    CHECK(at.files.contents("/new/data/restoring") == "a file of somebody");
}

TEST_CASE("what is no backup, and a parent that is not there, are refused") {
    Backed at;
    CHECK(at.check_refused(to_new("/backups/two")) == StoreErrorKind::kNotFound);
    CHECK(at.check_refused(to_new("/data")) == StoreErrorKind::kNotFound);
    RestoreOptions options = to_new();
    options.directory = "/nowhere/data";
    CHECK(at.check_refused(options) == StoreErrorKind::kNotFound);
}

TEST_CASE(
    "each file that is missing, changed, longer or shorter is found before anything is made") {
    Backed at;
    for (const std::string& path : at.backup_paths()) {
        CAPTURE(path);
        const std::string whole = at.files.contents(path);
        REQUIRE(at.files.unlink(path));
        CHECK(at.check_refused(to_new()) == StoreErrorKind::kCorrupt);
        at.files.replace_contents(path, whole + "x");
        CHECK(at.check_refused(to_new()) == StoreErrorKind::kCorrupt);
        if (!whole.empty()) {
            at.files.replace_contents(path, whole.substr(1));
            CHECK(at.check_refused(to_new()) == StoreErrorKind::kCorrupt);
            std::string other = whole;
            other[other.size() / 2] ^= 1;
            at.files.replace_contents(path, other);
            CHECK(at.check_refused(to_new()) == StoreErrorKind::kCorrupt);
        }
        at.files.replace_contents(path, whole);
    }
    const std::string manifest = at.files.contents("/backups/one/manifest.json");
    at.files.flip("/backups/one/manifest.json", manifest.size() / 2);
    CHECK(at.check_refused(to_new()) == StoreErrorKind::kCorrupt);
    at.files.replace_contents("/backups/one/manifest.json", manifest);
    CHECK(restore_backup(at.files, to_new()).has_value());
}

TEST_CASE("what verification finds is told and not restored, unless it is accepted") {
    Backed at;
    RestoreOptions options = to_new();
    options.verify.summary_matches = [](BodyId, std::string_view, std::string_view) {
        return false;
    };
    auto result = restore_backup(at.files, options);
    REQUIRE(result.has_value());
    CHECK(!result->is_restored);
    CHECK(!result->report.findings.empty());
    CHECK(at.names_in("/new").empty());
    options.accept_findings = true;
    result = restore_backup(at.files, options);
    REQUIRE(result.has_value());
    CHECK(result->is_restored);
    CHECK(!result->report.findings.empty());
    at.check_restored("/new/data");
}

TEST_CASE("a restore that is cut off at any step is whole or refused, and the next one cleans up") {
    // Only between the last two steps can it be whole.
    CHECK(cut_at_every_step(End::kKill, 0) <= 2);
    CHECK(cut_at_every_step(End::kPowerKeepsNothing, 8) == 0);
    CHECK(cut_at_every_step(End::kPowerKeepsSome, 16) <= 2);
}

TEST_CASE("a restore that meets an error at any step fails and leaves nothing") {
    const Operation operations[] = {
        Operation::kOpen, Operation::kRead,   Operation::kWrite,         Operation::kAllocate,
        Operation::kSync, Operation::kRename, Operation::kSyncDirectory, Operation::kClose,
        Operation::kLink, Operation::kUnlink, Operation::kMakeDirectory};
    const unsigned stride = step_stride(7);
    int failed = 0;
    Backed at;
    for (const Operation operation : operations) {
        for (unsigned skip = static_cast<unsigned>(operation) % stride;; skip += stride) {
            const int code = skip % 2 == 0 ? EIO : ENOSPC;
            CAPTURE(code);
            CAPTURE(static_cast<int>(operation));
            CAPTURE(skip);
            const RestoreOptions options = at.to_next();
            const unsigned before = at.files.failures();
            at.files.fail(operation, "/new", code, 1, skip);
            const auto result = restore_backup(at.files, options);
            at.files.clear_failures();
            const bool delivered = at.files.failures() > before;
            // Where the error was that of something that can be done without, it is whole.
            if (result && result->is_restored) {
                at.check_restored(options.directory);
            } else {
                ++failed;
                at.check_nothing();
            }
            if (!delivered) break;
        }
    }
    CHECK(failed > 12);
    CHECK(at.fault_of("/backups/one") == "");
}

TEST_CASE("a full disk fails a restore and leaves nothing") {
    int full = 0;
    Backed at;
    for (std::uint64_t room = 0; room < 1'500'000; room += 50'000) {
        CAPTURE(room);
        at.files.set_capacity(at.files.used_bytes() + room);
        RestoreOptions options = to_new();
        options.copy_all = true;
        options.store.ballast_bytes = 0;
        options.store.disk_reserve_bytes = 0;
        const auto result = restore_backup(at.files, options);
        at.files.set_capacity(UINT64_MAX);
        if (result) {
            at.check_restored("/new/data");
            REQUIRE(remove_tree(at.files, "/new/data"));
            continue;
        }
        ++full;
        CHECK(result.error().kind == StoreErrorKind::kNoSpace);
        CHECK(at.names_in("/new").empty());
    }
    CHECK(full > 2);
    CHECK(full < 30);
}

TEST_CASE("a restore that is given up leaves nothing") {
    Backed at;
    for (int steps = 0; steps < 200; ++steps) {
        RestoreOptions options = to_new();
        options.copy_all = true;
        int left = steps;
        options.pace.pause = [&left](std::chrono::microseconds) { return left-- > 0; };
        const auto result = restore_backup(at.files, options);
        if (result) {
            CHECK(steps > 5);
            return;
        }
        CHECK(result.error().kind == StoreErrorKind::kUnavailable);
        CHECK(at.names_in("/new").empty());
    }
    FAIL("it never came to an end");
}
