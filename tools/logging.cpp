#include "tools/logging.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

namespace tidemark::tools {

namespace {

constexpr std::array<std::pair<LogLevel, std::string_view>, 6> kLevelNames = {{
    {LogLevel::kTrace, "trace"},
    {LogLevel::kDebug, "debug"},
    {LogLevel::kInfo, "info"},
    {LogLevel::kWarning, "warning"},
    {LogLevel::kError, "error"},
    {LogLevel::kOff, "off"},
}};

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::kTrace:
            return spdlog::level::trace;
        case LogLevel::kDebug:
            return spdlog::level::debug;
        case LogLevel::kInfo:
            return spdlog::level::info;
        case LogLevel::kWarning:
            return spdlog::level::warn;
        case LogLevel::kError:
            return spdlog::level::err;
        case LogLevel::kOff:
            return spdlog::level::off;
    }
    return spdlog::level::info;
}

LogLevel from_spdlog(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::trace:
            return LogLevel::kTrace;
        case spdlog::level::debug:
            return LogLevel::kDebug;
        case spdlog::level::info:
            return LogLevel::kInfo;
        case spdlog::level::warn:
            return LogLevel::kWarning;
        case spdlog::level::off:
            return LogLevel::kOff;
        default:
            return LogLevel::kError;
    }
}

std::string timestamp(spdlog::log_clock::time_point time) {
    const auto since_epoch = time.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(since_epoch - seconds);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                       fmt::gmtime(static_cast<std::time_t>(seconds.count())), micros.count());
}

std::string_view view(spdlog::string_view_t text) {
    return {text.data(), text.size()};
}

class TextFormatter final : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        fmt::format_to(std::back_inserter(out), "{} {:<7} {:<6} {}\n", timestamp(message.time),
                       log_level_name(from_spdlog(message.level)), view(message.logger_name),
                       escape_for_log(view(message.payload)));
    }
    std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<TextFormatter>();
    }
};

class JsonFormatter final : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const nlohmann::ordered_json record = {
            {"time", timestamp(message.time)},
            {"level", log_level_name(from_spdlog(message.level))},
            {"component", view(message.logger_name)},
            {"message", view(message.payload)},
        };
        // Escapes control characters itself; bytes that are not UTF-8 become U+FFFD.
        const std::string line =
            record.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
        out.append(line.data(), line.data() + line.size());
        out.push_back('\n');
    }
    std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<JsonFormatter>();
    }
};

int open_log(const std::string& path) {
    return open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

// Writes each record with one write(), so that lines of several processes in one file do not mix.
class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    LineSink(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
    ~LineSink() override {
        if (!path_.empty()) close(descriptor_);
    }
    LineSink(const LineSink&) = delete;
    LineSink& operator=(const LineSink&) = delete;

    tl::expected<void, std::string> reopen() {
        const std::lock_guard lock(mutex_);
        if (path_.empty()) return {};
        const int descriptor = open_log(path_);
        if (descriptor < 0) {
            return tl::unexpected(
                fmt::format("{}: {}", path_, std::generic_category().message(errno)));
        }
        close(std::exchange(descriptor_, descriptor));
        return {};
    }

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        const char* next = line.data();
        std::size_t left = line.size();
        while (left > 0) {
            const ssize_t written = write(descriptor_, next, left);
            if (written < 0 && errno == EINTR) continue;
            // A log that can not be written must not stop the server; the record is lost.
            if (written <= 0) return;
            next += written;
            left -= static_cast<std::size_t>(written);
        }
    }
    void flush_() override {}

  private:
    std::string path_;  // empty: stderr, which is not ours to close
    int descriptor_;
};

// The sink in use; spdlog's own registry has no place for it.
std::mutex sink_mutex;
std::shared_ptr<LineSink> current_sink;

// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none (RFC 3629 §4).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
    };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
        const unsigned high = first == 0xed ? 0x9f : 0xbf;
        return byte(1) >= low && byte(1) <= high && tail(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const unsigned low = first == 0xf0 ? 0x90 : 0x80;
        const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
        return byte(1) >= low && byte(1) <= high && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

void escape_ascii(unsigned char c, std::string& out) {
    switch (c) {
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        case '\\':
            out += "\\\\";
            break;
        default:
            out += fmt::format("\\x{:02x}", c);
    }
}

}  // namespace

std::string escape_for_log(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        const std::size_t length = utf8_length(text.substr(i));
        const std::string_view sequence = text.substr(i, length);
        if (length == 0 || (length == 1 && (c < 0x20 || c == 0x7f || c == '\\'))) {
            escape_ascii(c, out);
        } else if (length == 2 && c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
            out += fmt::format("\\u00{:02x}", static_cast<unsigned char>(text[i + 1]));
        } else if (sequence == "\u2028" || sequence == "\u2029") {
            out += sequence == "\u2028" ? "\\u2028" : "\\u2029";
        } else {
            out += sequence;
        }
        i += length == 0 ? 1 : length;
    }
    return out;
}

std::optional<LogLevel> parse_log_level(std::string_view name) {
    for (const auto& [level, text] : kLevelNames) {
        if (text == name) return level;
    }
    return std::nullopt;
}

std::string_view log_level_name(LogLevel level) {
    for (const auto& [known, text] : kLevelNames) {
        if (known == level) return text;
    }
    return "info";
}

tl::expected<void, std::string> start_logging(const LogOptions& options) {
    const int descriptor = options.file.empty() ? STDERR_FILENO : open_log(options.file);
    if (descriptor < 0) {
        return tl::unexpected(
            fmt::format("{}: {}", options.file, std::generic_category().message(errno)));
    }
    auto sink = std::make_shared<LineSink>(options.file, descriptor);
    if (options.format == LogFormat::kJson) {
        sink->set_formatter(std::make_unique<JsonFormatter>());
    } else {
        sink->set_formatter(std::make_unique<TextFormatter>());
    }
    spdlog::drop_all();
    for (const std::string_view name : kLogComponents) {
        auto logger = std::make_shared<spdlog::logger>(std::string(name), sink);
        const auto own = options.components.find(name);
        logger->set_level(to_spdlog(own == options.components.end() ? options.level : own->second));
        spdlog::register_logger(logger);
    }
    spdlog::set_default_logger(spdlog::get(std::string(kLogComponents[0])));
    const std::lock_guard lock(sink_mutex);
    current_sink = std::move(sink);
    return {};
}

bool set_log_level(std::string_view component, LogLevel level) {
    bool found = false;
    for (const std::string_view name : kLogComponents) {
        if (!component.empty() && component != name) continue;
        if (const auto logger = spdlog::get(std::string(name))) {
            logger->set_level(to_spdlog(level));
            found = true;
        }
    }
    return found;
}

std::map<std::string, LogLevel> log_levels() {
    std::map<std::string, LogLevel> levels;
    for (const std::string_view name : kLogComponents) {
        if (const auto logger = spdlog::get(std::string(name))) {
            levels.emplace(name, from_spdlog(logger->level()));
        }
    }
    return levels;
}

tl::expected<void, std::string> reopen_log() {
    const std::lock_guard lock(sink_mutex);
    if (!current_sink) return {};
    return current_sink->reopen();
}

}  // namespace tidemark::tools
