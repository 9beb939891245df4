
#include "tests/tools/run_command.hpp"
#include "tools/config.hpp"
#include "tools/server_bridge.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace tidemark::tools;
using tidemark::tools::test::run;
using tidemark::tools::test::Run;

namespace {

class Scratch {
  public:
    Scratch()
        : path_(std::filesystem::temp_directory_path() /
                ("tidemark-cli-test-" + std::to_string(getpid()))) {
        std::filesystem::remove_all(path_);
        std::filesystem::create_directory(path_);
    }
    ~Scratch() { std::filesystem::remove_all(path_); }
    std::string file(const std::string& name, const std::string& text) const {
        std::ofstream(path_ / name) << text;
        return path(name);
    }
    std::string path(const std::string& name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("without a command the program explains itself on stderr and calls it wrong usage") {
    const Run result = run({});
    CHECK(result.exit == ExitCode::kUsage);
    CHECK(result.out.empty());
    for (const char* command :
         {"init", "serve", "account", "import", "export", "status", "ctl", "config", "help"}) {
        CAPTURE(command);
        CHECK(contains(result.err, std::string("\n  ") + command + " "));
    }
}

TEST_CASE("help explains the program, a command, and a command's command") {
    CHECK(run({"help"}).exit == ExitCode::kWell);
    CHECK(contains(run({"help"}).out, "serve"));
    const Run serve = run({"help", "serve"});
    CHECK(contains(serve.out, "Usage: tidemark serve [OPTIONS]"));
    CHECK(contains(serve.out, "--allow-plaintext"));
    CHECK(contains(run({"help", "account", "add"}).out,
                   "Usage: tidemark account add [OPTIONS] NAME"));
    CHECK(contains(run({"serve", "--help"}).out, "--allow-plaintext"));
    const Run unknown = run({"help", "frobnicate"});
    CHECK(unknown.exit == ExitCode::kUsage);
    CHECK(contains(unknown.err, "no command 'frobnicate'"));
}

TEST_CASE("wrong command lines exit with 2 and point to the help") {
    const std::vector<std::vector<std::string>> lines = {
        {"frobnicate"},
        {"serve"},
        {"serve", "--data"},
        {"serve", "--data", "d", "extra"},
        {"serve", "--data", "d", "--tls-cert", "c.pem"},
        {"serve", "--data", "d", "--threads", "many"},
        {"serve", "--data", "d", "--threads", "-1"},
        {"serve", "--data", "d", "--log-format", "xml"},
        {"account", "--data", "d"},
        {"account", "add", "--data", "d"},
        {"account", "add", "anna"},
        {"account", "frobnicate", "--data", "d"},
        {"import", "tar", "source", "--data", "d", "--account", "a"},
        {"import", "maildir", "source", "--data", "d"},
        {"export", "mbox", "--data", "d", "--account", "a"},
        {"config"},
        {"config", "check"},
        {"ctl", "--data", "d"},
        {"backup", "dest"},
        {"backups", "prune", "d", "--keep-daily", "-1"},
        {"backups"},
        {"backup", "--data", "d"},
        {"backup", "dest", "--data", "d", "--omit-unchanged"},
        {"init"},
        {"gentestdata"},
        {"gentestdata", "d", "--accounts", "0"},
        {"restore"},
        {"restore", "backup"},
    };
    for (const auto& line : lines) {
        std::string text;
        for (const std::string& word : line) text += word + " ";
        CAPTURE(text);
        const Run result = run(line);
        CHECK(result.exit == ExitCode::kUsage);
        CHECK(result.out.empty());
        CHECK(result.err.starts_with("tidemark: "));
        CHECK(contains(result.err, "See: tidemark help"));
    }
    CHECK(contains(run({"account", "add", "--data", "d"}).err, "See: tidemark help account add"));
    // Without a rule all but the newest would go.
    const Run prune = run({"backups", "prune", "d"});
    CHECK(prune.exit == ExitCode::kUsage);
    CHECK(contains(prune.err, "--keep option"));
}

TEST_CASE("the version is printed") {
    CHECK(run({"--version"}).exit == ExitCode::kWell);
    CHECK(run({"--version"}).out.starts_with("tidemark 0."));
}

TEST_CASE("config check is silent about a good file and names the problems of a bad one") {
    const Scratch scratch;
    const Run good = run({"config", "check", scratch.file("good.toml", default_config_text())});
    CHECK(good.exit == ExitCode::kWell);
    CHECK(good.out + good.err == "");

    const std::string path = scratch.file("bad.toml", "[lisen]\n[server]\nthreads = -1\n");
    const Run bad = run({"config", "check", path});
    CHECK(bad.exit == ExitCode::kNo);
    CHECK(bad.err == path + ":1: unknown key 'lisen', did you mean 'listen'?\n" + path +
                         ":3: server.threads: is -1, must be from 0 to 256\n");
    CHECK(run({"config", "check", scratch.path("none.toml")}).exit == ExitCode::kCouldNotRun);
}

TEST_CASE("serve checks its configuration and flags before anything else") {
    const Scratch scratch;
    const std::string bad = scratch.file("bad.toml", "[lisen]\n");
    const Run result = run({"serve", "--data", scratch.path(""), "--config", bad});
    CHECK(result.exit == ExitCode::kCouldNotRun);
    CHECK(result.err == "tidemark: " + bad + ":1: unknown key 'lisen', did you mean 'listen'?\n");
    CHECK(run({"serve", "--data", scratch.path(""), "--config", "/nonexistent"}).exit ==
          ExitCode::kCouldNotRun);
    const Run address = run({"serve", "--data", scratch.path("none"), "--imap", "143"});
    CHECK(address.exit == ExitCode::kUsage);
    CHECK(contains(address.err, "--imap: \"143\" is no address"));
    CHECK(run({"serve", "--data", scratch.path("none"), "--log-level", "loud"}).exit ==
          ExitCode::kUsage);
}

TEST_CASE("init refuses a directory that holds something, and needs a password for an account") {
    const Scratch scratch;
    scratch.file("x", "x");
    const Run full = run({"init", scratch.path("")});
    CHECK(full.exit == ExitCode::kNo);
    CHECK(contains(full.err, "is not empty"));
    const Run silent = run({"init", scratch.path("new"), "--account", "anna"});
    CHECK(silent.exit == ExitCode::kCouldNotRun);
    CHECK(contains(silent.err, "no password"));
    CHECK_FALSE(std::filesystem::exists(scratch.path("new")));
}

TEST_CASE("a password is one line of the input") {
    const auto read = [](const std::string& input, bool interactive = false) {
        std::istringstream in(input);
        std::ostringstream out;
        Terminal terminal{in, out, out, interactive};
        const auto password = read_password(terminal, "anna");
        return password ? std::string(password->view()) : "error: " + password.error().text;
    };
    CHECK(read("secret\nrest\n") == "secret");
    CHECK(read("secret\r\n") == "secret");
    CHECK(read("no line end") == "no line end");
    CHECK(read(" kept \n") == " kept ");
    CHECK(read("").starts_with("error: no password"));
    CHECK(read("\n").starts_with("error: no password"));
    CHECK(read(std::string(1024, 'x')) == std::string(1024, 'x'));
    CHECK(read(std::string(100'000, 'x')).starts_with("error: a password has at most"));
    CHECK(read("secret\nsecret\n", true) == "secret");
    CHECK(read("secret\nsecrte\n", true) == "error: the two passwords differ");
}

TEST_CASE("status and ctl say that no server runs") {
    const Scratch scratch;
    for (const auto& words :
         {std::vector<std::string>{"status"}, std::vector<std::string>{"ctl", "status"},
          std::vector<std::string>{"backup", scratch.path("backup")}}) {
        std::vector<std::string> line = words;
        line.insert(line.end(), {"--data", scratch.path("")});
        const Run result = run(line);
        CHECK(result.exit == ExitCode::kCouldNotRun);
        CHECK(contains(result.err, "no server listens on"));
    }
    CHECK(run({"backup", "b", "--data", "d", "--max-rate", "fast"}).exit == ExitCode::kUsage);
    CHECK(run({"ctl", "status", "nonsense", "--data", "d"}).exit == ExitCode::kUsage);
    CHECK(run({"ctl", "status", "5", "--data", "d"}).exit == ExitCode::kUsage);
}

TEST_CASE("the ready line names every address once") {
    CHECK(ready_line({{"127.0.0.1:1", "[::1]:2"}, {"127.0.0.1:3"}, {"unix:/l"}, "/d/admin.sock"}) ==
          "tidemark ready imap=127.0.0.1:1 imap=[::1]:2 imaps=127.0.0.1:3 lmtp=unix:/l "
          "admin=/d/admin.sock");
    CHECK(ready_line({}) == "tidemark ready");
}
