// Clients of every kind through backup, more changes, the loss of the server and its restore: each
// must have again what the server has, without downloading what it has. The seed is printed;
// TEST_SEED runs that one, TEST_SEEDS so many.
#include "storage/backup/backup.hpp"
#include "storage/backup/restore.hpp"
#include "tests/actors/restore/random_writer.hpp"
#include "tests/actors/restore/sync_client.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <random>

using namespace tidemark;
using namespace tidemark::test;

namespace {

constexpr const char* kAccount = "ann";

storage::StoreOptions store_options() {
    storage::StoreOptions options;
    options.segment_bytes = 256u << 10;
    options.disk_reserve_bytes = 0;
    options.ballast_bytes = 0;
    options.block_cache_bytes = 4u << 20;
    return options;
}

// One server that is lost and restored, and everybody who has an account there.
class Story {
  public:
    explicit Story(unsigned seed, storage::FenceOptions::Faults faults = {})
        : faults_(faults), random_(seed), writer_(kAccount, seed) {
        server_.add_account(kAccount);
        REQUIRE(server_.files.make_directory("/backups").has_value());
        REQUIRE(server_.files.make_directory("/restored").has_value());
        for (const SyncStyle style : kSyncStyles) clients_.emplace_back(kAccount, style);
    }

    // What is wrong first; empty when nothing ever is.
    std::string tell() {
        change(40);
        some_synchronize();
        back_up();
        const AccountCopy then = full_fetch(server_, kAccount);
        for (unsigned restores = 0; restores < 2; ++restores) {
            change(6);
            some_synchronize();
            change(6);
            some_synchronize();
            // Also a server whose clock stands still.
            if (random_() % 2 == 0) server_.clock.advance(std::chrono::hours(random_() % 100));
            restore(restores);
            if (const std::string wrong = difference(full_fetch(server_, kAccount), then);
                !wrong.empty())
                return "restored: " + wrong;
            if (random_() % 4 != 0) change(5);
            if (const std::string wrong = all_synchronize(); !wrong.empty()) return wrong;
            if (random_() % 2 == 0) return {};
        }
        return {};
    }

    // A mailbox that both servers make, with other mail in it.
    std::string tell_of_a_new_mailbox() {
        back_up();
        fill_new_mailbox("lost");
        if (const std::string wrong = all_synchronize(); !wrong.empty()) return wrong;
        restore(0);
        fill_new_mailbox("restored");
        return all_synchronize();
    }

    std::size_t downloaded() const { return downloaded_; }
    std::size_t held() const { return held_; }

  private:
    void change(unsigned commands) { writer_.run(server_, commands); }
    void fill_new_mailbox(const std::string& by) {
        ImapClient imap = server_.connect(kAccount);
        imap.ok("CREATE New");
        for (int i = 0; i < 3; ++i) imap.append("New", "Subject: by the " + by + "\r\n\r\n");
    }
    void some_synchronize() {
        for (SyncClient& client : clients_) {
            if (random_() % 3 != 0) client.synchronize(server_);
        }
    }
    std::string all_synchronize() {
        const AccountCopy truth = full_fetch(server_, kAccount);
        for (SyncClient& client : clients_) {
            const std::size_t lacked = lacking(client.copy(), truth);
            client.synchronize(server_);
            if (const std::string wrong = difference(client.copy(), truth); !wrong.empty())
                return fmt::format("{}: {}", name_of(client.style()), wrong);
            if (!client.complaints().empty())
                return fmt::format("{}: {}", name_of(client.style()), client.complaints());
            if (client.style() == SyncStyle::kFull) continue;
            if (client.downloaded() != lacked)
                return fmt::format("{} lacked {} messages and downloaded {}\n",
                                   name_of(client.style()), lacked, client.downloaded());
            downloaded_ += client.downloaded();
            for (const auto& [name, box] : truth) held_ += box.messages.size();
        }
        return {};
    }

    void back_up() {
        server_.stop();
        {
            auto store = storage::Store::open("/data", store_options(), server_.files);
            REQUIRE(store.has_value());
            REQUIRE((*store)->hold_segments().has_value());
            storage::BackupOptions options;
            options.destination = "/backups/one";
            options.id = std::string(32, '1');
            options.created_micros = server_.clock.wall_microseconds();
            REQUIRE(storage::write_backup(**store, options).has_value());
            (*store)->release_segments();
            REQUIRE((*store)->close().has_value());
        }
        server_.restart();
    }
    void restore(unsigned earlier) {
        server_.stop();
        storage::RestoreOptions options;
        options.backup = "/backups/one";
        options.directory = "/restored/data";
        options.now_micros = server_.clock.wall_microseconds();
        options.earlier_restores = earlier;
        options.faults = faults_;
        options.store = store_options();
        const auto restored = storage::restore_backup(server_.files, options);
        if (!restored) FAIL(restored.error().detail);
        REQUIRE(restored->is_restored);
        REQUIRE(storage::remove_tree(server_.files, "/data").has_value());
        REQUIRE(server_.files.rename("/restored/data", "/data").has_value());
        server_.restart();
    }

    storage::FenceOptions::Faults faults_;
    std::mt19937 random_;
    TestServer server_;
    RandomWriter writer_;
    std::vector<SyncClient> clients_;
    std::size_t downloaded_ = 0;
    std::size_t held_ = 0;
};

unsigned number_from(const char* variable, unsigned usual) {
    const char* text = std::getenv(variable);
    return text == nullptr ? usual : static_cast<unsigned>(std::stoul(text));
}

// Whether one of some stories goes wrong.
bool is_caught(storage::FenceOptions::Faults faults) {
    for (unsigned seed = 1; seed <= 30; ++seed) {
        if (!Story(seed, faults).tell().empty()) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("clients of every kind agree with a restored server and download only what they lack") {
    const unsigned only = number_from("TEST_SEED", 0);
    const unsigned first = only != 0 ? only : 1;
    const unsigned last = only != 0 ? only : number_from("TEST_SEEDS", 12);
    std::size_t downloaded = 0;
    std::size_t held = 0;
    for (unsigned seed = first; seed <= last; ++seed) {
        Story story(seed);
        const std::string wrong = story.tell();
        CHECK_MESSAGE(wrong.empty(), "seed " << seed << ": " << wrong);
        downloaded += story.downloaded();
        held += story.held();
    }
    MESSAGE("seeds " << first << " to " << last << ": " << downloaded << " downloads, " << held
                     << " messages to agree on");
    CHECK(downloaded < held);
}

TEST_CASE("a restore that does not move the modseqs on is caught by its clients") {
    CHECK(is_caught({.keep_modseqs = true}));
}

TEST_CASE("a restore that does not move the UIDs on is caught by its clients") {
    CHECK(is_caught({.keep_uids = true}));
}

TEST_CASE("a mailbox made after a restore is not one that the lost server made") {
    CHECK(Story(1).tell_of_a_new_mailbox() == "");
}

TEST_CASE("a restore that does not move UIDVALIDITY on is caught by its clients") {
    CHECK(Story(1, {.keep_uidvalidity = true}).tell_of_a_new_mailbox() != "");
}
