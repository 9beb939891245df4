// Logs: one line a record, text or JSON, to stderr or a file. Every part of the server has its own
// logger with a level of its own, found by spdlog::get(name) for any name of kLogComponents once
// start_logging() has run. What is logged never contains a password or the text of a message; that
// is the caller's part. This part: a record is one line whatever a client sent, because control
// characters and invalid UTF-8 are escaped.
#pragma once

#include <tl/expected.hpp>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::tools {

inline constexpr std::array<std::string_view, 6> kLogComponents = {"server", "imap",  "lmtp",
                                                                   "store",  "admin", "auth"};
enum class LogLevel { kTrace, kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat { kText, kJson };

std::optional<LogLevel> parse_log_level(std::string_view name);  // "trace" … "off"
std::string_view log_level_name(LogLevel level);

struct LogOptions {
    LogLevel level = LogLevel::kInfo;
    LogFormat format = LogFormat::kText;
    std::string file;                                         // empty: stderr
    std::map<std::string, LogLevel, std::less<>> components;  // levels that differ from `level`
};

// Replaces whatever was set up before. "server" becomes spdlog's default logger. The error is a
// sentence: the file can not be opened. Before other threads log.
[[nodiscard]] tl::expected<void, std::string> start_logging(const LogOptions& options);

// Any thread, at any time. An empty component means all of them. False: there is no such component.
bool set_log_level(std::string_view component, LogLevel level);
std::map<std::string, LogLevel> log_levels();

// Opens the file again by its name, after somebody moved it away (SIGHUP). Any thread. The old file
// stays in use when that fails. Nothing to do for stderr.
[[nodiscard]] tl::expected<void, std::string> reopen_log();

// The text with C0 and C1 control characters, DEL, Unicode's line separators, backslashes and bytes
// that are not UTF-8 written as \n, \\, \x1b, \u2028: what it was stays recognisable.
std::string escape_for_log(std::string_view text);

}  // namespace tidemark::tools
