#include "tools/serve_flags.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace tidemark::tools;

TEST_CASE("without flags the configuration stays as it is") {
    Config config;
    config.listen.imap = {"127.0.0.1:1"};
    config.auth.allow_plaintext = true;
    REQUIRE(apply_flags({}, config).has_value());
    CHECK(config.listen.imap == std::vector<std::string>{"127.0.0.1:1"});
    CHECK(config.listen.imaps == Config{}.listen.imaps);
    CHECK(config.auth.allow_plaintext);
}

TEST_CASE("flags replace what the file says, list by list") {
    Config config;
    config.log.components["imap"] = LogLevel::kTrace;
    ServeFlags flags;
    flags.imap = {"127.0.0.1:0", "[::1]:0"};
    flags.imaps = {"none"};
    flags.lmtp = {"unix:lmtp.sock"};
    flags.admin = "admin";
    flags.tls_certificate = "/c.pem";
    flags.tls_key = "k.pem";
    flags.allow_plaintext = true;
    flags.threads = 3;
    flags.log_level = "error";
    flags.log_format = "json";
    REQUIRE(apply_flags(flags, config).has_value());
    const std::string here = std::filesystem::current_path().string() + "/";
    CHECK(config.listen.imap == flags.imap);
    CHECK(config.listen.imaps.empty());
    CHECK(config.listen.lmtp == std::vector<std::string>{"unix:" + here + "lmtp.sock"});
    CHECK(config.listen.admin == here + "admin");
    CHECK(config.tls.certificate == "/c.pem");
    CHECK(config.tls.key == here + "k.pem");
    CHECK(config.auth.allow_plaintext);
    CHECK(config.server.threads == 3);
    CHECK(config.log.level == LogLevel::kError);
    CHECK(config.log.components.empty());
    CHECK(config.log.format == LogFormat::kJson);
}

TEST_CASE("a flag's bad value is named with its flag") {
    Config config;
    ServeFlags flags;
    flags.imaps = {"127.0.0.1"};
    const auto applied = apply_flags(flags, config);
    REQUIRE_FALSE(applied.has_value());
    CHECK(applied.error().starts_with("--imaps: "));
}
