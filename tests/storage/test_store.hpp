// A store on a file system in memory, for tests.
#pragma once

#include "storage/store.hpp"
#include "tests/storage/test_account.hpp"
#include "tests/support/faulty_file_system.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::storage::testing {

using tidemark::testing::FaultyFileSystem;

inline StoreOptions small_options() {
    StoreOptions options;
    options.segment_bytes = 64u << 10;
    options.disk_reserve_bytes = 1u << 20;
    options.ballast_bytes = 1u << 20;
    options.block_cache_bytes = 4u << 20;
    options.expunged_kept =
        std::chrono::seconds(0);  // so that compaction shows what it did at once
    options.create_if_missing = true;
    return options;
}

struct TestStore {
    static constexpr const char* kDirectory = "/data";

    explicit TestStore(StoreOptions with = small_options()) : options(std::move(with)) { open(); }

    void open() {
        Result<std::unique_ptr<Store>> opened = Store::open(kDirectory, options, files);
        if (!opened) FAIL("open: " << opened.error().detail);
        store = std::move(*opened);
    }
    StoreErrorKind open_error(std::string* detail = nullptr) {
        Result<std::unique_ptr<Store>> opened = Store::open(kDirectory, options, files);
        REQUIRE(!opened.has_value());
        if (detail != nullptr) *detail = opened.error().detail;
        return opened.error().kind;
    }
    // As after a kill of the process: what it wrote is there, synced or not.
    void reopen() {
        store.reset();
        open();
    }
    // As after a loss of power.
    void crash(std::uint64_t seed) {
        files.cut_power();
        store.reset();
        files.restart(seed);
        open();
    }

    std::vector<Result<void>> commit_all(std::vector<Transaction> transactions) {
        std::vector<Transaction*> pointers;
        pointers.reserve(transactions.size());
        for (Transaction& transaction : transactions) pointers.push_back(&transaction);
        return store->commit(pointers);
    }
    Result<void> commit(Transaction transaction) {
        Transaction* pointer = &transaction;
        return store->commit({&pointer, 1})[0];
    }
    // Must succeed; the account takes its new state over.
    void run(TestAccount& account, Transaction transaction) {
        const Result<void> result = commit(std::move(transaction));
        if (!result) FAIL("commit: " << result.error().detail);
        account.accept();
    }
    TestAccount account(const std::string& name) {
        TestAccount made(*store, name);
        run(made, made.create());
        return made;
    }
    std::string segment_path(unsigned id) const {
        std::string number = std::to_string(id);
        return std::string(kDirectory) + "/mail/" + std::string(8 - number.size(), '0') + number +
               ".seg";
    }
    std::vector<std::string> segment_names() {
        std::vector<std::string> names = *files.list(std::string(kDirectory) + "/mail");
        std::sort(names.begin(), names.end());
        return names;
    }

    FaultyFileSystem files;
    StoreOptions options;
    std::unique_ptr<Store> store;
};

}  // namespace tidemark::storage::testing
