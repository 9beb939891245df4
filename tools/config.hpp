// The configuration: a TOML file, every setting with a default. What can be set, within which
// range, and what it is for is one table in config.cpp; the commented file that `init` writes is
// made from it. Values, any thread.
//
// Relative paths in a file are relative to the data directory. The listening addresses are not
// looked at here beyond their form; opening them tells.
#pragma once

#include "tools/logging.hpp"

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::tools {

struct CertificatePaths {
    std::string certificate;  // PEM, the server's certificate first, then its chain
    std::string key;
    friend bool operator==(const CertificatePaths&, const CertificatePaths&) = default;
};

struct Config {
    struct Listen {  // "ADDRESS:PORT", "[IPV6]:PORT", for lmtp also "unix:PATH"
        std::vector<std::string> imap = {"0.0.0.0:143"};
        std::vector<std::string> imaps = {"0.0.0.0:993"};
        std::vector<std::string> lmtp = {"127.0.0.1:24"};
        std::string admin = "admin.sock";
    } listen;

    struct Tls {
        std::string certificate = "tls/certificate.pem";
        std::string key = "tls/key.pem";
        std::vector<CertificatePaths> sni;  // further ones, chosen by the names that they are for
    } tls;

    struct Auth {
        bool allow_plaintext = false;
    } auth;

    struct Server {
        std::string hostname;  // empty: the machine's
        unsigned threads = 0;  // 0: one a core
        unsigned workers = 0;  // 0: one a core
    } server;

    struct Limits {
        std::uint64_t connections_max = 20'000;
        std::uint64_t connections_per_address_max = 0;  // 0: no limit
        std::uint64_t connections_per_account_max = 100;
        std::uint64_t message_bytes_max = 128u << 20;
        std::uint64_t account_memory_bytes_max = 512u << 20;
        std::chrono::seconds login_timeout{60};
        std::chrono::seconds idle_timeout{1860};
    } limits;

    struct Store {
        std::chrono::seconds change_horizon{90 * 86'400};
        std::uint64_t segment_bytes = 64u << 20;
        std::uint64_t disk_reserve_bytes = 64u << 20;
        std::uint64_t block_cache_bytes = 64u << 20;
        std::uint64_t text_cache_bytes = 128u << 20;
    } store;

    struct Backup {
        std::chrono::seconds every{0};  // 0: none by itself
        std::string directory;
        std::uint64_t rate_bytes_max = 0;  // a second, of copies; 0: unbounded
        bool with_keys = false;
        unsigned keep_last = 0;
        unsigned keep_hourly = 0;
        unsigned keep_daily = 0;
        unsigned keep_weekly = 0;
        unsigned keep_monthly = 0;
        unsigned keep_yearly = 0;
    } backup;

    LogOptions log;
};

struct ConfigProblem {
    std::string file;
    unsigned line = 0;        // 0: the file as a whole
    std::string text;         // what is wrong and how to mend it
    bool unreadable = false;  // the file could not be read: nothing is known of its content
    // "FILE:LINE: TEXT"
    std::string to_string() const;
};

// All problems that the file has, in its order, not only the first.
using ConfigResult = tl::expected<Config, std::vector<ConfigProblem>>;

[[nodiscard]] ConfigResult parse_config(std::string_view text, const std::string& file);
[[nodiscard]] ConfigResult read_config(const std::string& file);

// Every setting with its default and what it means, commented out. parse_config() of it gives
// Config{}.
std::string default_config_text();

// Absolute `path`s stay, others are below `directory`; "unix:" prefixes are kept.
std::string resolve_path(const std::string& directory, const std::string& path);

// "64MiB", "512KiB", "1GiB", "4096B", "4096": whole numbers only.
[[nodiscard]] tl::expected<std::uint64_t, std::string> parse_bytes(std::string_view text);
// "90d", "30m", "10s", "2h", "1w", also together: "1h30m".
[[nodiscard]] tl::expected<std::chrono::seconds, std::string> parse_duration(std::string_view text);
std::string format_bytes(std::uint64_t bytes);
std::string format_duration(std::chrono::seconds duration);

// "127.0.0.1:143", "[::1]:143", and with `unix_allowed` "unix:PATH". The error says what is
// expected.
[[nodiscard]] tl::expected<void, std::string> check_address(std::string_view address,
                                                            bool unix_allowed);

}  // namespace tidemark::tools
