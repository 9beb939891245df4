#include "tools/config.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace tidemark::tools;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> problems(std::string_view text) {
    const auto config = parse_config(text, "t.toml");
    std::vector<std::string> result;
    if (!config) {
        for (const ConfigProblem& problem : config.error()) result.push_back(problem.to_string());
    }
    return result;
}

std::string problem(std::string_view text) {
    const auto all = problems(text);
    CHECK(all.size() == 1);
    return all.empty() ? "none" : all[0];
}

// The default text with every setting switched on.
std::string all_settings() {
    std::string text = default_config_text();
    std::string result;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        std::string line = text.substr(begin, end - begin);
        if (line.starts_with("#") && !line.starts_with("# ")) line.erase(0, 1);
        result += line + "\n";
        begin = end + 1;
    }
    return result;
}

}  // namespace

TEST_CASE("an empty configuration and the commented default are the defaults") {
    for (const std::string& text : {std::string(), default_config_text(), all_settings()}) {
        const auto config = parse_config(text, "t.toml");
        REQUIRE(config.has_value());
        CHECK(config->listen.imap == std::vector<std::string>{"0.0.0.0:143"});
        CHECK(config->listen.admin == "admin.sock");
        CHECK_FALSE(config->auth.allow_plaintext);
        CHECK(config->limits.idle_timeout == 31min);
        CHECK(config->limits.message_bytes_max == 128u << 20);
        CHECK(config->store.change_horizon == std::chrono::hours(90 * 24));
        CHECK(config->log.level == LogLevel::kInfo);
        CHECK(config->tls.sni.empty());
    }
    CHECK(all_settings().find("\nconnections_max = 20000\n") != std::string::npos);
    CHECK(all_settings().find("\nidle_timeout = \"31m\"\n") != std::string::npos);
}

TEST_CASE("settings are read from their sections") {
    const auto config = parse_config(R"(
        [listen]
        imap = "127.0.0.1:0"
        imaps = []
        lmtp = ["[::1]:2424", "unix:lmtp.sock"]
        [tls]
        certificate = "/etc/c.pem"
        key = "/etc/k.pem"
        [[tls.sni]]
        certificate = "a.pem"
        key = "a.key"
        [auth]
        allow_plaintext = true
        [limits]
        message_bytes_max = "10MiB"
        account_memory_bytes_max = 1048576
        login_timeout = "1m30s"
        [log]
        level = "debug"
        format = "json"
        [log.levels]
        auth = "error"
    )",
                                     "t.toml");
    REQUIRE(config.has_value());
    CHECK(config->listen.imap == std::vector<std::string>{"127.0.0.1:0"});
    CHECK(config->listen.imaps.empty());
    CHECK(config->listen.lmtp == std::vector<std::string>{"[::1]:2424", "unix:lmtp.sock"});
    CHECK(config->tls.sni == std::vector<CertificatePaths>{{"a.pem", "a.key"}});
    CHECK(config->auth.allow_plaintext);
    CHECK(config->limits.message_bytes_max == 10u << 20);
    CHECK(config->limits.account_memory_bytes_max == 1u << 20);
    CHECK(config->limits.login_timeout == 90s);
    CHECK(config->log.level == LogLevel::kDebug);
    CHECK(config->log.format == LogFormat::kJson);
    CHECK(config->log.components.at("auth") == LogLevel::kError);
}

TEST_CASE("an unknown key is an error with its line and the mend") {
    CHECK(problem("[lisen]\nimap = []\n") ==
          "t.toml:1: unknown key 'lisen', did you mean 'listen'?");
    CHECK(problem("\n[listen]\nimpa = []\n") ==
          "t.toml:3: unknown key 'impa' in [listen], did you mean 'imap'?");
    CHECK(problem("[log.level]\nx = 1\n") ==
          "t.toml:1: log.level: must be \"trace\", \"debug\", \"info\", \"warning\", \"error\" or "
          "\"off\"");
    CHECK(problem("[log.levels]\nsmtp = 'info'\n")
              .starts_with("t.toml:2: unknown key 'smtp' in [log.levels], did you"));
    CHECK(problem("[tls]\nallow_plaintext = true\n") ==
          "t.toml:2: unknown key 'allow_plaintext' in [tls]; it belongs in [auth]");
    CHECK(problem("[tls]\nfrobnicate = 1\n") ==
          "t.toml:2: unknown key 'frobnicate' in [tls]; known are certificate, key, sni");
    CHECK(problem("[[tls.sni]]\ncert = 'x'\n").find("unknown key 'cert'") != std::string::npos);
    CHECK(problem(std::string(100'000, 'x') + " = 1\n")
              .ends_with("known are listen, tls, auth, server, limits, store, backup, log"));
}

TEST_CASE("a value of the wrong type or out of range is named with what is expected") {
    CHECK(problem("[server]\nthreads = 'many'\n") ==
          "t.toml:2: server.threads: must be a whole number");
    CHECK(problem("[server]\nthreads = -1\n") ==
          "t.toml:2: server.threads: is -1, must be from 0 to 256");
    CHECK(problem("[server]\nthreads = 1.5\n") ==
          "t.toml:2: server.threads: must be a whole number");
    CHECK(problem("[auth]\nallow_plaintext = 'yes'\n") ==
          "t.toml:2: auth.allow_plaintext: must be true or false");
    CHECK(problem("[limits]\nidle_timeout = '29m'\n") ==
          "t.toml:2: limits.idle_timeout: is 29m, must be from 30m to 1d");
    CHECK(problem("[limits]\nidle_timeout = 1800\n") ==
          "t.toml:2: limits.idle_timeout: must be a duration like \"30m\"");
    CHECK(problem("[store]\nsegment_bytes = '1KiB'\n") ==
          "t.toml:2: store.segment_bytes: is 1KiB, must be from 1MiB to 1GiB");
    CHECK(problem("[store]\nsegment_bytes = '64MB'\n").find("is no size") != std::string::npos);
    CHECK(problem("[store]\nsegment_bytes = -5\n").find("is no size") != std::string::npos);
    CHECK(problem("[listen]\nimap = 'localhost'\n").find("is no address") != std::string::npos);
    CHECK(problem("[listen]\nimap = 'unix:x'\n").find("is no address") != std::string::npos);
    CHECK(problem("[listen]\nimap = [143]\n").find("must be a list of addresses") !=
          std::string::npos);
    CHECK(problem("listen = 5\n") ==
          "t.toml:1: 'listen' is a section: write [listen] and its settings below");
    CHECK(problem("[tls]\nkey = ''\n") ==
          "t.toml: [tls] certificate and key come together: give both or neither");
}

TEST_CASE("broken TOML is reported with its line") {
    CHECK(problem("[listen]\nimap = \n").starts_with("t.toml:2: "));
    CHECK(problem("[listen\n").starts_with("t.toml:1: "));
}

TEST_CASE("every problem of a file is reported, in its order") {
    const auto all = problems("[zzz]\n[server]\nthreads = 999\nworkers = 'x'\n");
    REQUIRE(all.size() == 3);
    CHECK(all[0].starts_with("t.toml:1: "));
    CHECK(all[1].starts_with("t.toml:3: "));
    CHECK(all[2].starts_with("t.toml:4: "));
}

TEST_CASE("a file that can not be read is a problem of that file") {
    const auto config = read_config("/nonexistent/tidemark.toml");
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().at(0).to_string() ==
          "/nonexistent/tidemark.toml: No such file or directory");
    const auto directory = read_config("/tmp");
    REQUIRE_FALSE(directory.has_value());
    CHECK(directory.error().at(0).line == 0);
}

TEST_CASE("sizes are whole numbers with binary units") {
    CHECK(parse_bytes("0").value() == 0);
    CHECK(parse_bytes("4096").value() == 4096);
    CHECK(parse_bytes("4096B").value() == 4096);
    CHECK(parse_bytes("3KiB").value() == 3072);
    CHECK(parse_bytes("8388607TiB").value() == std::uint64_t{8388607} << 40);
    for (const char* wrong :
         {"", "MiB", "1.5MiB", "-1", "1 MiB", "1mib", "1MB", "1MiBx", "8388608TiB",
          "18446744073709551616", "99999999999999999999999999B"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_bytes(wrong).has_value());
    }
    for (const std::uint64_t bytes :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1023}, std::uint64_t{1024},
          std::uint64_t{1536}, std::uint64_t{64} << 20, std::uint64_t{5} << 40}) {
        CHECK(parse_bytes(format_bytes(bytes)).value() == bytes);
    }
    CHECK(format_bytes(64u << 20) == "64MiB");
}

TEST_CASE("durations are whole numbers with units, also several") {
    CHECK(parse_duration("10s").value() == 10s);
    CHECK(parse_duration("1h30m").value() == 90min);
    CHECK(parse_duration("2w").value() == std::chrono::hours(14 * 24));
    CHECK(parse_duration("90d").value() == std::chrono::hours(90 * 24));
    for (const char* wrong : {"", "s", "10", "1.5h", "-1s", "1 h", "10x", "1h30",
                              "999999999999999999999d", "400000d"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_duration(wrong).has_value());
    }
    for (const std::int64_t seconds :
         {0, 1, 59, 60, 61, 3600, 86'400, 604'800, 7'776'000, 90'061}) {
        CHECK(parse_duration(format_duration(std::chrono::seconds(seconds))).value().count() ==
              seconds);
    }
    CHECK(format_duration(std::chrono::hours(90 * 24)) == "90d");
}

TEST_CASE("addresses need a host and a port") {
    for (const char* good : {"127.0.0.1:143", "[::1]:0", "[::]:65535", "mail.example.org:993"}) {
        CAPTURE(good);
        CHECK(check_address(good, false).has_value());
    }
    for (const char* wrong :
         {"", ":143", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:143",
          "[]:143", "[::1:143", "unix:/x", "127.0.0.1:143:1"}) {
        CAPTURE(wrong);
        CHECK_FALSE(check_address(wrong, false).has_value());
    }
    CHECK(check_address("unix:/run/x", true).has_value());
    CHECK_FALSE(check_address("unix:", true).has_value());
}

TEST_CASE("relative paths are below the data directory") {
    CHECK(resolve_path("/var/lib/t", "tls/key.pem") == "/var/lib/t/tls/key.pem");
    CHECK(resolve_path("/var/lib/t/", "tls/key.pem") == "/var/lib/t/tls/key.pem");
    CHECK(resolve_path("/var/lib/t", "/etc/key.pem") == "/etc/key.pem");
    CHECK(resolve_path("/var/lib/t", "unix:lmtp.sock") == "unix:/var/lib/t/lmtp.sock");
    CHECK(resolve_path("/var/lib/t", "unix:/run/l") == "unix:/run/l");
    CHECK(resolve_path("/var/lib/t", "") == "");
}
