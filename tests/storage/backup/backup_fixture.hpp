// A store in memory that is backed up, the history of what it held, and whether a backup is whole.
#pragma once

#include "storage/backup/backup.hpp"
#include "storage/crc32c.hpp"
#include "storage/format_file.hpp"
#include "tests/storage/test_store.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::storage::testing {

struct BackupStore : TestStore {
    explicit BackupStore(StoreOptions with = small_options()) : TestStore(std::move(with)) {
        REQUIRE(files.make_directory("/backups"));
    }

    // Two accounts with mail in sealed segments, tables and log.
    void fill(int messages = 40) {
        std::mt19937_64 random(5);
        people.push_back(account("a"));
        people.push_back(account("b"));
        for (int i = 0; i < messages; ++i) {
            for (TestAccount& one : people) run(one, one.append({any_body(random, 6000) + "x"}));
            if (i == messages / 2) {
                REQUIRE(store->close());
                reopen_store();
            }
        }
        remember();
    }
    void reopen_store() {
        reopen();
        for (TestAccount& one : people) one.set_store(*store);
    }
    // What the store holds from now on, by its store_seq.
    void remember() { history.insert_or_assign(store->statistics().store_seq, people); }

    BackupOptions backup_options(const std::string& name) {
        BackupOptions backup;
        backup.destination = "/backups/" + name;
        const std::string number = std::to_string(++backups);
        backup.id = std::string(32 - number.size(), '0') + number;
        backup.created_micros = 1'700'000'000'000'000;
        backup.server_version = "test";
        return backup;
    }
    Result<BackupResult> write(const BackupOptions& backup) {
        if (auto held = store->hold_segments(); !held) return tl::unexpected(held.error());
        auto result = write_backup(*store, backup);
        store->release_segments();
        return result;
    }
    Result<BackupResult> back_up(const std::string& name) { return write(backup_options(name)); }

    // What is wrong with it; empty when it is whole. Files that it leaves out are looked for in
    // `chain`.
    std::string fault_of(const std::string& directory, std::vector<std::string> chain = {}) {
        const auto manifest = read_manifest(files, directory);
        if (!manifest) return manifest.error().detail;
        chain.insert(chain.begin(), directory);
        for (const auto& segment : manifest->segments) {
            const std::string fault =
                fault_of_file(storage::segment_path(segment.id), segment.bytes, segment.crc32c,
                              chain, segment.place == BackupManifest::Place::kHere);
            if (!fault.empty()) return fault;
        }
        for (const auto& file : manifest->files) {
            const std::string fault = fault_of_file(file.path, file.bytes, file.crc32c, chain,
                                                    file.place == BackupManifest::Place::kHere);
            if (!fault.empty()) return fault;
        }
        return {};
    }
    std::string fault_of_file(const std::string& path, std::uint64_t bytes,
                              std::optional<std::uint32_t> crc,
                              const std::vector<std::string>& chain, bool here) {
        for (std::size_t i = here ? 0 : 1; i < (here ? 1 : chain.size()); ++i) {
            const std::string from = chain[i] + "/" + path;
            if (!files.status(from)->has_value()) continue;
            const std::string text = files.contents(from);
            if (text.size() != bytes) return from + " has another length";
            if (!crc) return from + " has no CRC in the manifest";
            if (crc32c(text) != *crc) return from + " has another CRC";
            return {};
        }
        return path + " is missing";
    }

    // Opens a copy of a whole backup as a data directory and compares it with the history.
    bool restores(const std::string& directory, std::vector<std::string> chain = {}) {
        const auto manifest = read_manifest(files, directory);
        REQUIRE(manifest.has_value());
        const std::string to = "/restored" + std::to_string(++restored);
        for (const std::string& name : {std::string(), "/" + database_name(options.format),
                                        std::string("/mail"), std::string("/config")})
            REQUIRE(files.make_directory(to + name));
        chain.insert(chain.begin(), directory);
        const auto copy = [&](const std::string& path) {
            for (const std::string& from : chain) {
                if (!files.status(from + "/" + path)->has_value()) continue;
                files.replace_contents(to + "/" + path, files.contents(from + "/" + path));
                return;
            }
        };
        for (const auto& segment : manifest->segments) copy(storage::segment_path(segment.id));
        for (const auto& file : manifest->files) copy(file.path);
        StoreOptions with = options;
        with.create_if_missing = false;
        with.faults = {};
        auto opened = Store::open(to, with, files);
        if (!opened) {
            MESSAGE("the backup does not open: " << opened.error().detail);
            return false;
        }
        auto then = history.upper_bound(manifest->store_seq);
        REQUIRE(then != history.begin());
        --then;
        for (TestAccount one : then->second) {
            one.set_store(**opened);
            if (!one.matches()) return false;
        }
        return manifest->accounts.size() == then->second.size();
    }

    std::vector<std::string> names_in(const std::string& directory) {
        auto names = files.list(directory);
        return names ? *names : std::vector<std::string>();
    }

    std::vector<TestAccount> people;
    std::map<StoreSeq, std::vector<TestAccount>> history;
    int backups = 0;
    int restored = 0;
};

}  // namespace tidemark::storage::testing
