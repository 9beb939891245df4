#include "tools/logging.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

using namespace tidemark::tools;

namespace {

class LogFile {
  public:
    LogFile()
        : path_(std::filesystem::temp_directory_path() /
                ("tidemark-log-test-" + std::to_string(getpid()))) {
        std::filesystem::remove(path_);
    }
    ~LogFile() {
        CHECK(start_logging({}).has_value());  // lets go of the file
        std::filesystem::remove(path_);
    }
    std::string path() const { return path_.string(); }
    std::vector<std::string> lines() const {
        std::ifstream file(path_);
        std::vector<std::string> result;
        for (std::string line; std::getline(file, line);) result.push_back(line);
        return result;
    }

  private:
    std::filesystem::path path_;
};

LogOptions options(const LogFile& file, LogFormat format) {
    LogOptions result;
    result.file = file.path();
    result.format = format;
    return result;
}

}  // namespace

TEST_CASE("a text record is one line with time, level, component and message") {
    const LogFile file;
    REQUIRE(start_logging(options(file, LogFormat::kText)).has_value());
    spdlog::get("imap")->info("login as {}", "anna");
    REQUIRE(file.lines().size() == 1);
    const std::regex shape(
        R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z info    imap   login as anna)");
    CHECK(std::regex_match(file.lines()[0], shape));
}

TEST_CASE("what a client sends can not forge a record") {
    const LogFile file;
    for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
        REQUIRE(start_logging(options(file, format)).has_value());
        spdlog::get("auth")->warn("user {}",
                                  "a\r\n2026-01-01T00:00:00Z info auth root logged in\x1b[2J");
    }
    const auto lines = file.lines();
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].find(R"(user a\r\n2026-01-01T00:00:00Z info auth root logged in\x1b[2J)") !=
          std::string::npos);
    const auto record = nlohmann::json::parse(lines[1]);
    CHECK(record["component"] == "auth");
    CHECK(record["level"] == "warning");
    CHECK(record["message"].get<std::string>().starts_with("user a\r\n2026"));
}

TEST_CASE("text for the log keeps valid UTF-8 and escapes everything that is not printable") {
    const std::vector<std::pair<std::string, std::string>> vectors = {
        {"plain", "plain"},
        {"Grüße 日本 🎉", "Grüße 日本 🎉"},
        {"a\\b", "a\\\\b"},
        {"\t\x7f", "\\t\\x7f"},
        {std::string("\0", 1), "\\x00"},
        {"\xff\xfe", "\\xff\\xfe"},
        {"\xc0\xaf", "\\xc0\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xe2\x80", "\\xe2\\x80"},
        {"\u0085", "\\u0085"},
        {"\u00a0", "\u00a0"},
        {"a\u2028b\u2029", "a\\u2028b\\u2029"},
    };
    for (const auto& [text, expected] : vectors) {
        CAPTURE(expected);
        CHECK(escape_for_log(text) == expected);
    }
}

TEST_CASE("JSON records stay valid JSON for bytes that are not UTF-8") {
    const LogFile file;
    REQUIRE(start_logging(options(file, LogFormat::kJson)).has_value());
    spdlog::get("lmtp")->info("{}", "x\xff\xfey");
    REQUIRE(file.lines().size() == 1);
    CHECK(nlohmann::json::parse(file.lines()[0])["message"] == "x\ufffd\ufffdy");
}

TEST_CASE("levels change at run time, for one component or all") {
    const LogFile file;
    LogOptions with_levels = options(file, LogFormat::kText);
    with_levels.components["store"] = LogLevel::kDebug;
    REQUIRE(start_logging(with_levels).has_value());
    CHECK(log_levels().at("store") == LogLevel::kDebug);
    CHECK(log_levels().at("imap") == LogLevel::kInfo);

    spdlog::get("imap")->debug("unseen");
    CHECK(set_log_level("imap", LogLevel::kTrace));
    spdlog::get("imap")->debug("seen");
    CHECK(file.lines().size() == 1);
    CHECK_FALSE(set_log_level("smtp", LogLevel::kInfo));
    CHECK(set_log_level("", LogLevel::kOff));
    spdlog::get("imap")->error("unseen");
    spdlog::get("store")->error("unseen");
    CHECK(file.lines().size() == 1);
}

TEST_CASE("after the file was moved away, reopening makes a new one") {
    const LogFile file;
    REQUIRE(start_logging(options(file, LogFormat::kText)).has_value());
    spdlog::get("server")->info("old");
    std::filesystem::rename(file.path(), file.path() + ".1");
    REQUIRE(reopen_log().has_value());
    spdlog::get("server")->info("new");
    REQUIRE(file.lines().size() == 1);
    CHECK(file.lines()[0].ends_with("new"));
    std::filesystem::remove(file.path() + ".1");
}

TEST_CASE("a log file that can not be opened is an error that names it") {
    LogOptions wrong;
    wrong.file = "/nonexistent/tidemark.log";
    const auto started = start_logging(wrong);
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error() == "/nonexistent/tidemark.log: No such file or directory");
}

TEST_CASE("level names are read and written alike") {
    for (const char* name : {"trace", "debug", "info", "warning", "error", "off"}) {
        const auto level = parse_log_level(name);
        REQUIRE(level.has_value());
        CHECK(log_level_name(*level) == name);
    }
    CHECK_FALSE(parse_log_level("loud").has_value());
    CHECK_FALSE(parse_log_level("").has_value());
}
