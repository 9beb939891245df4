// What is remembered of the credentials, and that it never outlives a change.
#include "actors/credential_store.hpp"

#include "actors/account_admin.hpp"
#include "actors/limits.hpp"
#include "tests/support/faulty_file_system.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

using namespace tidemark;

namespace {

actors::Credentials derived_from(char letter) {
    actors::Credentials password;
    password.salt = std::string(16, letter);
    password.iterations = 4096;
    return password;
}

// A store in memory and the credentials of its accounts; nobody else knows of its changes.
struct Accounts {
    testing::FaultyFileSystem files;
    std::unique_ptr<storage::Store> store;
    std::unique_ptr<actors::CredentialStore> credentials;

    Accounts() {
        storage::StoreOptions options;
        options.create_if_missing = true;
        options.disk_reserve_bytes = 1u << 20;
        options.ballast_bytes = 1u << 20;
        auto opened = storage::Store::open("/data", options, files);
        REQUIRE(opened.has_value());
        store = std::move(*opened);
        credentials = std::make_unique<actors::CredentialStore>(*store);
        REQUIRE(credentials->scan().has_value());
    }

    static std::string text(char letter) {
        return actors::stored_password_text(derived_from(letter));
    }
    std::uint64_t add(const std::string& name, char letter) {
        auto id = actors::add_account(*store, {name, text(letter), 0}, 0);
        REQUIRE(id.has_value());
        return storage::raw(*id);
    }
    void change(std::string_view name, const std::function<void(storage::AccountRecord&)>& how) {
        REQUIRE(actors::change_account(*store, name, how).has_value());
    }
    void set_password(std::string_view name, char letter) {
        change(name, [&](storage::AccountRecord& record) { record.credentials = text(letter); });
    }
    // The letter of the password, 0: nobody can log in under this name.
    char found(std::string_view name) const {
        const auto account = credentials->find(name);
        if (!account || !account->enabled) return 0;
        return std::get<actors::Credentials>(account->password).salt[0];
    }
};

}  // namespace

TEST_CASE("credentials are read once") {
    Accounts at;
    at.add("ann", 'a');
    CHECK(at.found("ann") == 'a');
    at.set_password("ann", 'b');
    // Nobody said that it has changed.
    CHECK(at.found("ann") == 'a');
}

TEST_CASE("a password that was changed is not remembered") {
    Accounts at;
    const auto ann = at.add("ann", 'a');
    const auto bob = at.add("bob", 'x');
    CHECK(at.found("ann") == 'a');
    CHECK(at.found("bob") == 'x');
    at.set_password("ann", 'b');
    at.set_password("bob", 'y');
    at.credentials->account_changed(ann);
    CHECK(at.found("ann") == 'b');
    CHECK(at.found("bob") == 'x');  // of whom it was not said
    at.credentials->account_changed(bob);
    CHECK(at.found("bob") == 'y');
}

TEST_CASE("an account that was disabled is not remembered as enabled") {
    Accounts at;
    const auto ann = at.add("ann", 'a');
    CHECK(at.found("ann") == 'a');
    at.change("ann", [](storage::AccountRecord& record) { record.enabled = false; });
    at.credentials->account_changed(ann);
    CHECK(at.found("ann") == 0);
}

TEST_CASE("an account that was removed is not remembered, nor mistaken for a later one") {
    Accounts at;
    const auto first = at.add("ann", 'a');
    CHECK(at.found("ann") == 'a');
    REQUIRE(actors::remove_account(*at.store, "ann").has_value());
    at.credentials->account_changed(first);
    CHECK(at.found("ann") == 0);
    const auto second = at.add("ann", 'b');
    REQUIRE(second != first);
    CHECK(at.found("ann") == 'b');
    CHECK(at.credentials->find("ann")->account_id == second);
    at.set_password("ann", 'c');
    at.credentials->account_changed(second);
    CHECK(at.found("ann") == 'c');
}

TEST_CASE("a name that nobody has is asked for again") {
    Accounts at;
    CHECK(at.found("ann") == 0);
    at.add("ann", 'a');
    CHECK(at.found("ann") == 'a');
}

TEST_CASE("no more credentials are remembered than the limit says") {
    Accounts at;
    const auto ann = at.add("ann", 'a');
    CHECK(at.found("ann") == 'a');
    std::vector<std::unique_ptr<storage::Transaction>> others;
    std::vector<storage::Transaction*> round;
    for (std::size_t i = 0; i < actors::kKnownCredentialsMax; ++i) {
        auto& one = others.emplace_back();
        storage::AccountRecord record;
        record.id = at.store->next_account_id();
        record.name = "user" + std::to_string(i);
        record.credentials = Accounts::text('u');
        one = std::make_unique<storage::Transaction>(record.id, 0);
        one->put_account(record);
        storage::AccountCounters counters;
        counters.modseq = 1;
        one->put_counters(counters);
        round.push_back(one.get());
    }
    for (const auto& result : at.store->commit(round)) REQUIRE(result.has_value());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < actors::kKnownCredentialsMax; ++i)
        wrong += at.found("user" + std::to_string(i)) == 'u' ? 0 : 1;
    CHECK(wrong == 0);
    // Ann had to go for them, and is read again.
    at.set_password("ann", 'b');
    CHECK(at.found("ann") == 'b');
    at.set_password("ann", 'c');
    at.credentials->account_changed(ann);
    CHECK(at.found("ann") == 'c');
}
