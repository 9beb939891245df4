// `tidemark repair` as it is typed, on the real file system.
#include "storage/store.hpp"
#include "tests/tools/mail/scratch.hpp"
#include "tests/tools/run_command.hpp"
#include "tools/data_directory.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace tidemark;
using namespace tidemark::tools;
using tidemark::tools::test::run;
using tidemark::tools::test::Run;
using tidemark::tools::test::Scratch;

namespace fs = std::filesystem;

namespace {

// What `init` and `import` make: configuration, certificate, an account with three messages.
class Damaged {
  public:
    Damaged() {
        REQUIRE(run({"init", path("old"), "--account", "anna"}, "correct horse-7\n").exit ==
                ExitCode::kWell);
        std::string mbox;
        for (const char* subject : {"one", "two", "three"}) {
            mbox += std::string("From a@example.org Mon Jan  1 10:00:00 2024\nSubject: ") +
                    subject + "\n\ntext\n\n";
        }
        scratch_.file("mbox", mbox);
        REQUIRE(run({"import", "mbox", path("mbox"), "--data", path("old"), "--account", "anna"})
                    .exit == ExitCode::kWell);
    }

    std::string path(const std::string& name) const { return scratch_.path(name); }
    std::string read(const std::string& name) const { return scratch_.read(name); }
    void write(const std::string& name, const std::string& bytes) const {
        scratch_.file(name, bytes);
    }

    void lose_database() const {
        fs::remove_all(path("old/db"));
        fs::remove(path("old/format"));
    }
    // The frame of the message with that subject does not begin as one any more.
    void damage_frame(const std::string& subject) const {
        for (const auto& entry : fs::directory_iterator(path("old/mail"))) {
            fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
            std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
            const std::string bytes(std::istreambuf_iterator<char>(file), {});
            const std::size_t at = bytes.find("Subject: " + subject + "\r\n");
            if (at == std::string::npos) continue;
            file.seekp(static_cast<std::streamoff>(bytes.rfind("TMB1 ", at)));
            file.write("####", 4);
            return;
        }
        FAIL("no segment has it");
    }

    // No parameter: the new directory has its name.
    Run repair(std::vector<std::string> more = {}) const {
        std::vector<std::string> line = {"repair", path("old"), "--into", path("new")};
        line.insert(line.end(), more.begin(), more.end());
        return run(line);
    }
    // The subjects that an account of the new directory has, after it was verified.
    std::vector<std::string> saved(const std::string& account) const {
        const Run verified = run({"verifydata", path("new")});
        CHECK(verified.exit == ExitCode::kWell);
        CHECK(verified.out == "");
        CHECK(verified.err == "");
        fs::remove(path("out"));
        REQUIRE(run({"export", "mbox", path("out"), "--data", path("new"), "--account", account})
                    .exit == ExitCode::kWell);
        std::vector<std::string> subjects;
        for (const auto& entry : fs::recursive_directory_iterator(path("out"))) {
            if (!entry.is_regular_file()) continue;
            std::ifstream file(entry.path());
            for (std::string line; std::getline(file, line);) {
                if (line.starts_with("Subject: ")) subjects.push_back(line.substr(9));
            }
        }
        return subjects;
    }
    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(path("")))
            names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    }

  private:
    Scratch scratch_;
};

using Subjects = std::vector<std::string>;

unsigned mode_of(const std::string& path) {
    struct stat status{};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("repair of a whole directory says how much it saved, and loses nothing") {
    const Damaged at;
    const Run repaired = at.repair();
    CHECK(repaired.exit == ExitCode::kWell);
    CHECK(repaired.err == "");
    CHECK(repaired.out.starts_with("saved 3 messages ("));
    CHECK(repaired.out.ends_with(" mailboxes of 1 accounts\n"));
    CHECK(std::count(repaired.out.begin(), repaired.out.end(), '\n') == 1);
    CHECK(at.saved("anna") == Subjects{"one", "two", "three"});
    CHECK(mode_of(at.path("new")) == 0700);
    CHECK(run({"account", "list", "--data", at.path("new")}).out ==
          run({"account", "list", "--data", at.path("old")}).out);
}

TEST_CASE("repair of a directory whose database is gone names what it made up, and exits with 1") {
    const Damaged at;
    at.lose_database();
    SUBCASE("in lines") {
        const Run repaired = at.repair();
        CHECK(repaired.exit == ExitCode::kNo);
        CHECK(repaired.err == "");
        CHECK(repaired.out.starts_with("lost: db: flags, copies and names can not be read: "));
        CHECK(repaired.out.find("\nmade-up name: account-1\nsaved 3 messages (") !=
              std::string::npos);
        CHECK(std::count(repaired.out.begin(), repaired.out.end(), '\n') == 3);
    }
    SUBCASE("as an object") {
        const Run repaired = at.repair({"--json"});
        CHECK(repaired.exit == ExitCode::kNo);
        CHECK(repaired.err == "");
        CHECK(std::count(repaired.out.begin(), repaired.out.end(), '\n') == 1);
        const auto told = nlohmann::json::parse(repaired.out, nullptr, false);
        REQUIRE(told.is_object());
        CHECK(told["has_database"] == false);
        CHECK(told["made_up_names"] == nlohmann::json::array({"account-1"}));
        CHECK(told["messages"] == 3);
        CHECK(told["bytes"] > 0);
        REQUIRE(told["losses"].size() == 1);
        CHECK(told["losses"][0]["file"] == "db");
        CHECK(!told["losses"][0].contains("uid"));
    }
    CHECK(at.saved("account-1") == Subjects{"one", "two", "three"});
    // Its owner can be given a password.
    const Run passwd =
        run({"account", "passwd", "--data", at.path("new"), "account-1"}, "battery staple-8\n");
    CHECK(passwd.exit == ExitCode::kWell);
}

TEST_CASE("repair names the message whose frame is damaged, and saves the others") {
    const Damaged at;
    at.damage_frame("two");
    SUBCASE("in lines") {
        const Run repaired = at.repair();
        CHECK(repaired.exit == ExitCode::kNo);
        CHECK(repaired.out.starts_with("lost: mail/0000000"));
        CHECK(repaired.out.find("\nlost: anna/INBOX uid 2: no segment has it whole\n") !=
              std::string::npos);
        CHECK(repaired.out.find("\nsaved 2 messages (") != std::string::npos);
    }
    SUBCASE("as an object") {
        const Run repaired = at.repair({"--json"});
        CHECK(repaired.exit == ExitCode::kNo);
        const auto told = nlohmann::json::parse(repaired.out, nullptr, false);
        REQUIRE(told.is_object());
        CHECK(told["has_database"] == true);
        CHECK(told["messages"] == 2);
        REQUIRE(told["losses"].size() == 2);
        CHECK(told["losses"][0]["offset"].is_number());
        CHECK(told["losses"][1]["account"] == "anna");
        CHECK(told["losses"][1]["mailbox"] == "INBOX");
        CHECK(told["losses"][1]["uid"] == 2);
    }
    CHECK(at.saved("anna") == Subjects{"one", "three"});
}

TEST_CASE("repair that can not be done says why, exits with 3 and leaves nothing") {
    const Damaged at;
    const auto refused = [&](std::vector<std::string> line, const std::string& why) {
        line.emplace_back("--json");
        const Run result = run(line);
        CAPTURE(result.err);
        CHECK(result.exit == ExitCode::kCouldNotRun);
        CHECK(result.out == "");
        CHECK(result.err.find(why) != std::string::npos);
        CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    };
    SUBCASE("the new directory exists") {
        fs::create_directory(at.path("new"));
        refused({"repair", at.path("old"), "--into", at.path("new")}, "/new exists");
        CHECK(fs::is_empty(at.path("new")));
        fs::remove(at.path("new"));
    }
    SUBCASE("the old one is not there") {
        refused({"repair", at.path("none"), "--into", at.path("new")}, "/none does not exist");
    }
    SUBCASE("the old one is none") {
        refused({"repair", at.path("old/tls"), "--into", at.path("new")}, "has no directory mail/");
    }
    SUBCASE("the new one would be nowhere") {
        refused({"repair", at.path("old"), "--into", at.path("none/new")}, "/none does not exist");
    }
    SUBCASE("somebody has the old one open") {
        storage::StoreOptions options;
        options.ballast_bytes = 0;
        const auto store =
            storage::Store::open(at.path("old"), options, storage::posix_file_system());
        REQUIRE(store);
        refused({"repair", at.path("old"), "--into", at.path("new")}, "is in use");
    }
    CHECK(at.names() == std::vector<std::string>{"mbox", "old"});
    CHECK(run({"repair", at.path("old")}).exit == ExitCode::kUsage);
}

TEST_CASE("the new directory has the configuration, the certificates and keys of the old one") {
    const Damaged at;
    at.lose_database();
    at.write("old/tls/more/second.pem", "a certificate");
    at.write("old/keys/second.pem", "its key");
    at.write("old/notes", "nobody named them");
    at.write("old/tidemark.toml",
             "[tls]\ncertificate = \"tls/more/second.pem\"\nkey = \"keys/second.pem\"\n");
    REQUIRE(at.repair().exit == ExitCode::kNo);
    for (const char* name : {"tidemark.toml", "tls/certificate.pem", "tls/key.pem",
                             "tls/more/second.pem", "keys/second.pem", "auth-secret"}) {
        CAPTURE(name);
        CHECK(!at.read(std::string("old/") + name).empty());
        CHECK(at.read(std::string("new/") + name) == at.read(std::string("old/") + name));
        CHECK(mode_of(at.path(std::string("new/") + name)) == 0600);
    }
    CHECK(mode_of(at.path("new/tls/more")) == 0700);
    CHECK(!fs::exists(at.path("new/notes")));
    CHECK(run({"config", "check", at.path("new/tidemark.toml")}).exit == ExitCode::kWell);
    CHECK(at.saved("account-1").size() == 3);
}

TEST_CASE("a configuration or a key that can not be read is a loss and no more") {
    const Damaged at;
    for (const char* name : {"old/tidemark.toml", "old/tls/key.pem"}) {
        fs::remove(at.path(name));
        fs::create_symlink(at.path(name), at.path(name));  // leads nowhere but to itself
    }
    const Run repaired = at.repair();
    CHECK(repaired.exit == ExitCode::kNo);
    CHECK(repaired.err == "");
    CHECK(repaired.out.starts_with("lost: tidemark.toml: it can not be read: "));
    CHECK(repaired.out.find("\nlost: tls/key.pem: it can not be read: ") != std::string::npos);
    CHECK(repaired.out.find("\nsaved 3 messages (") != std::string::npos);
    CHECK(at.read("new/tls/certificate.pem") == at.read("old/tls/certificate.pem"));
    CHECK(!fs::exists(at.path("new/tidemark.toml")));
    CHECK(at.saved("anna").size() == 3);
}
