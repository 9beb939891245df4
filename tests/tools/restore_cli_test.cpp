// `tidemark restore` as it is typed, on the real file system.
#include "storage/backup/backup.hpp"
#include "storage/store.hpp"
#include "tests/tools/run_command.hpp"
#include "tools/data_directory.hpp"
#include "tools/server_bridge.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace tidemark;
using namespace tidemark::tools;
using tidemark::tools::test::run;
using tidemark::tools::test::Run;

namespace fs = std::filesystem;

namespace {

// A data directory with an account and its mail, and a backup of it.
class Backed {
  public:
    Backed()
        : path_(fs::temp_directory_path() / ("tidemark-restore-test-" + std::to_string(getpid()))) {
        fs::remove_all(path_);
        fs::create_directory(path_);
        REQUIRE(make_data_directory(path("data")));
        REQUIRE(fill_data_directory(path("data"), std::nullopt));
        {
            auto accounts = accounts_of_directory(path("data"));
            REQUIRE(accounts);
            REQUIRE((*accounts)->import_line("anna:{PLAIN}one"));
        }
        std::ofstream(path("mbox")) << "From a@example.org Mon Jan  1 10:00:00 2024\n"
                                       "Subject: one\n\ntext\n";
        REQUIRE(run({"import", "mbox", path("mbox"), "--data", path("data"), "--account", "anna"})
                    .exit == ExitCode::kWell);
        back_up();
    }
    ~Backed() { fs::remove_all(path_); }
    // A backup of what the store would never have come to by itself: the account is subscribed to
    // what is no name.
    void back_up_unsound() const {
        storage::StoreOptions options;
        options.ballast_bytes = 0;
        {
            auto store = storage::Store::open(path("data"), options, storage::posix_file_system());
            REQUIRE(store);
            const auto id = (*store)->find_account("anna");
            REQUIRE(id);
            storage::Transaction transaction(*id, (*store)->load_account(*id)->counters.modseq);
            transaction.put_subscription("a\xff");
            storage::Transaction* pointer = &transaction;
            REQUIRE((*store)->commit({&pointer, 1})[0]);
            REQUIRE((*store)->close());
        }
        fs::remove_all(path("backup"));
        back_up();
    }
    std::string path(const std::string& name) const { return (path_ / name).string(); }

  private:
    void back_up() const {
        storage::StoreOptions options;
        options.ballast_bytes = 0;
        auto store = storage::Store::open(path("data"), options, storage::posix_file_system());
        REQUIRE(store);
        REQUIRE((*store)->hold_segments());
        storage::BackupOptions backup;
        backup.destination = path("backup");
        backup.id = std::string(32, 'a');
        backup.created_micros = 1'700'000'000'000'000;
        backup.config.push_back({config_path(path("data")), "tidemark.toml"});
        REQUIRE(storage::write_backup(**store, backup));
        (*store)->release_segments();
        REQUIRE((*store)->close());
    }

    fs::path path_;
};

void damage(const std::string& path) {
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(70);
    const char old = static_cast<char>(file.get());
    file.seekp(70);
    file.put(static_cast<char>(old ^ 1));
}

}  // namespace

TEST_CASE("a restore prints nothing, and what is restored has the same mail") {
    const Backed at;
    const Run restored = run({"restore", at.path("backup"), at.path("new")});
    CHECK(restored.err.empty());
    CHECK(restored.out.empty());
    REQUIRE(restored.exit == ExitCode::kWell);
    CHECK(fs::exists(at.path("new/tidemark.toml")));
    CHECK(!fs::exists(at.path("new/restoring")));
    CHECK(fs::exists(at.path("new/auth-secret")));
    struct stat status{};
    REQUIRE(stat(at.path("new").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
    CHECK(run({"export", "mbox", at.path("out"), "--data", at.path("new"), "--account", "anna"})
              .exit == ExitCode::kWell);
}

TEST_CASE("a directory that was restored is sound, and so is its backup") {
    const Backed at;
    REQUIRE(run({"restore", at.path("backup"), at.path("new")}).exit == ExitCode::kWell);
    for (const char* name : {"new", "backup"}) {
        const Run verified = run({"verifydata", at.path(name)});
        CHECK(verified.exit == ExitCode::kWell);
        CHECK(verified.out.empty());
    }
}

TEST_CASE("a restore tells what it did as one object") {
    const Backed at;
    const Run restored = run({"restore", at.path("backup"), at.path("new"), "--json"});
    REQUIRE(restored.exit == ExitCode::kWell);
    const auto object = nlohmann::json::parse(restored.out, nullptr, false);
    REQUIRE(object.is_object());
    CHECK(object["restored"] == true);
    CHECK(object["accounts"] == 1);
    CHECK(object["messages"] == 1);
    CHECK(object["backup"] == std::string(32, 'a'));
    CHECK(object["links"] > 0);
    CHECK(object["findings"].empty());
}

TEST_CASE("a restore tells findings as verifydata does, in lines and as objects") {
    const Backed at;
    at.back_up_unsound();
    const Run lines = run({"verifydata", at.path("backup")});
    CHECK(lines.exit == ExitCode::kNo);
    CHECK(lines.out.starts_with("subscription anna: "));
    const Run verified = run({"verifydata", at.path("backup"), "--json"});
    const auto expected = nlohmann::json::parse(verified.out, nullptr, false);
    REQUIRE(expected["findings"].size() == 1);
    CHECK(expected["findings"][0]["code"] == "subscription");
    CHECK(expected["findings"][0]["account"] == "anna");
    const Run refused = run({"restore", at.path("backup"), at.path("new"), "--json"});
    CHECK(refused.exit == ExitCode::kNo);
    CHECK(refused.err.starts_with(lines.out));
    const auto told = nlohmann::json::parse(refused.out, nullptr, false);
    REQUIRE(told.is_object());
    CHECK(told["restored"] == false);
    CHECK(told["findings"] == expected["findings"]);
    CHECK(!fs::exists(at.path("new")));
    const Run accepted =
        run({"restore", at.path("backup"), at.path("new"), "--json", "--accept-findings"});
    CHECK(accepted.exit == ExitCode::kWell);
    const auto done = nlohmann::json::parse(accepted.out, nullptr, false);
    CHECK(done["restored"] == true);
    CHECK(done["findings"] == expected["findings"]);
}

TEST_CASE("a restore that can not be done says why and leaves nothing") {
    const Backed at;
    const Run exists = run({"restore", at.path("backup"), at.path("data")});
    CHECK(exists.exit == ExitCode::kNo);
    CHECK(exists.err.find("exists already") != std::string::npos);
    const Run no_backup = run({"restore", at.path("data"), at.path("new")});
    CHECK(no_backup.exit == ExitCode::kCouldNotRun);
    damage(at.path("backup/mail/00000001.seg"));
    const Run damaged = run({"restore", at.path("backup"), at.path("new"), "--json"});
    CHECK(damaged.exit == ExitCode::kNo);
    CHECK(damaged.err.find("mail/00000001.seg") != std::string::npos);
    CHECK(damaged.out.empty());
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(at.path("")))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    CHECK(names == std::vector<std::string>{"backup", "data", "mbox"});
}

TEST_CASE("nothing opens what an unfinished restore left, and the next restore removes it") {
    const Backed at;
    REQUIRE(run({"restore", at.path("backup"), at.path("new")}).exit == ExitCode::kWell);
    std::ofstream(at.path("new/restoring"))
        << "tidemark restore, unfinished; remove this directory\n";
    for (const std::vector<std::string>& line :
         {std::vector<std::string>{"dump", at.path("new")},
          std::vector<std::string>{"verifydata", at.path("new")},
          std::vector<std::string>{"account", "list", "--data", at.path("new")}}) {
        const Run refused = run(line);
        CAPTURE(line[0]);
        CHECK(refused.exit == ExitCode::kCouldNotRun);
        CHECK(refused.err.find("unfinished restore") != std::string::npos);
    }
    REQUIRE(run({"restore", at.path("backup"), at.path("new")}).exit == ExitCode::kWell);
    CHECK(run({"dump", at.path("new")}).exit == ExitCode::kWell);
}
