// Every step of a backup, cut off, failing, or on a full disk.
#include "tests/storage/backup/backup_fixture.hpp"

#include <doctest/doctest.h>

#include <cerrno>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

using Operation = FaultyFileSystem::Operation;

enum class End { kKill, kPowerKeepsNothing, kPowerKeepsSome };

// How many operations a backup takes.
std::uint64_t operations_of_a_backup(const std::string& name, const char* mount) {
    BackupStore at;
    at.fill(8);
    if (mount != nullptr) at.files.mount(mount);
    const std::uint64_t before = at.files.operations();
    REQUIRE(at.back_up(name).has_value());
    return at.files.operations() - before;
}

// Whether a backup that ends after `cut` operations leaves the store as it was, and no backup or a
// whole one.
bool survives(End end, std::uint64_t cut, bool remote, BackupOptions::Faults faults) {
    CAPTURE(cut);
    BackupStore at;
    at.fill(8);
    if (remote) at.files.mount("/backups/remote");
    const std::string name = remote ? "remote/one" : "one";
    BackupOptions options = at.backup_options(name);
    options.faults = faults;
    at.files.cut_power_after(cut);
    static_cast<void>(at.write(options));
    at.store.reset();
    if (end == End::kKill) at.files.restart_after_kill();
    if (end == End::kPowerKeepsNothing) at.files.restart(0);
    if (end == End::kPowerKeepsSome) at.files.restart(cut + 1);
    at.open();
    for (TestAccount& one : at.people) {
        one.set_store(*at.store);
        REQUIRE(one.matches());
    }
    const std::string directory = remote ? "/backups/remote" : "/backups";
    bool is_whole = false;
    for (const std::string& found : at.names_in(directory)) {
        if (found == "remote") continue;
        const std::string path = directory + "/" + found;
        if (!read_manifest(at.files, path)) continue;
        if (path != options.destination || !at.fault_of(path).empty()) return false;
        is_whole = true;
    }
    REQUIRE(clean_up_backups(at.files, "/data"));
    CHECK(at.names_in("/data/checkpoints").empty());
    CHECK(at.names_in(directory).size() == (is_whole ? 1 : 0));
    if (!is_whole) CHECK(at.back_up(name).has_value());
    return true;
}

bool survives_all(End end, bool remote, BackupOptions::Faults faults) {
    const std::uint64_t count =
        operations_of_a_backup(remote ? "remote/one" : "one", remote ? "/backups/remote" : nullptr);
    REQUIRE(count > 20);
    for (std::uint64_t cut = 0; cut <= count; ++cut) {
        if (!survives(end, cut, remote, faults)) return false;
    }
    return true;
}

bool takes_space(Operation operation) {
    return operation == Operation::kWrite || operation == Operation::kAllocate ||
           operation == Operation::kLink || operation == Operation::kMakeDirectory;
}

}  // namespace

TEST_CASE("a backup that is killed at any step is whole or none, and is cleaned up") {
    CHECK(survives_all(End::kKill, false, {}));
    CHECK(survives_all(End::kKill, true, {}));
}

TEST_CASE("a backup whose power is cut at any step is whole or none, and is cleaned up") {
    CHECK(survives_all(End::kPowerKeepsNothing, false, {}));
    CHECK(survives_all(End::kPowerKeepsSome, true, {}));
}

TEST_CASE("a backup that writes its manifest before the rest is durable is caught by that") {
    CHECK(!survives_all(End::kPowerKeepsNothing, false, {.manifest_before_sync = true}));
}

TEST_CASE("a backup that meets an error at any step fails, leaves nothing, and harms nobody") {
    const Operation operations[] = {
        Operation::kOpen,  Operation::kRead,          Operation::kWrite,  Operation::kAllocate,
        Operation::kSync,  Operation::kSyncDirectory, Operation::kRename, Operation::kLink,
        Operation::kClose, Operation::kMakeDirectory};
    BackupStore at;
    at.fill(8);
    at.files.mount("/backups/remote");
    int failed = 0;
    for (const bool remote : {false, true}) {
        for (const char* part : {"/backups", "/data/checkpoints"}) {
            for (const int code : {EIO, ENOSPC}) {
                for (const Operation operation : operations) {
                    if (code == ENOSPC && (!remote || !takes_space(operation))) continue;
                    for (unsigned skip = 0;; ++skip) {
                        CAPTURE(part);
                        CAPTURE(code);
                        CAPTURE(static_cast<int>(operation));
                        CAPTURE(skip);
                        const unsigned before = at.files.failures();
                        at.files.fail(operation, part, code, 1, skip);
                        const auto result = at.back_up(remote ? "remote/one" : "one");
                        at.files.clear_failures();
                        const bool delivered = at.files.failures() > before;
                        if (delivered && !result) {
                            ++failed;
                            if (operation == Operation::kWrite && code == ENOSPC)
                                CHECK(result.error().kind == StoreErrorKind::kNoSpace);
                        }
                        const std::string path = remote ? "/backups/remote/one" : "/backups/one";
                        // An error while the checkpoint is removed comes after the end.
                        if (result) CHECK(at.fault_of(path) == "");
                        if (!result) CHECK(!read_manifest(at.files, path));
                        REQUIRE(clean_up_backups(at.files, "/data"));
                        REQUIRE(remove_tree(at.files, path));
                        CHECK(at.names_in("/backups/remote").empty());
                        CHECK(at.names_in("/backups") == std::vector<std::string>{"remote"});
                        if (!delivered) break;
                    }
                }
            }
        }
    }
    CHECK(failed > 100);
    at.run(at.people[0], at.people[0].append({"after all that"}));
    CHECK(at.people[0].matches());
    CHECK(at.store->statistics().writable);
}

TEST_CASE("a disk that becomes full during a backup fails it, whole or none") {
    int full = 0;
    for (std::uint64_t room = 0; room < 150'000; room += 10'000) {
        StoreOptions with = small_options();
        with.ballast_bytes = 0;
        BackupStore at(with);
        at.fill(8);
        at.files.mount("/backups/remote");
        REQUIRE(at.store->hold_segments());  // gives back what the active segment had reserved
        at.files.set_capacity(at.files.used_bytes() + room);
        const auto result = at.back_up("remote/one");
        if (!result) {
            ++full;
            CHECK(result.error().kind == StoreErrorKind::kNoSpace);
            CHECK(at.names_in("/backups/remote").empty());
        } else {
            CHECK(at.fault_of("/backups/remote/one") == "");
        }
        at.files.set_capacity(UINT64_MAX);
        CHECK(at.people[0].matches());
    }
    CHECK(full > 2);
}
