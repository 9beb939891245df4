#include "tools/config.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <numeric>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

namespace tidemark::tools {

namespace {

// Reads one value into the configuration, or says what is wrong with it.
using Read = std::function<tl::expected<void, std::string>(const toml::node&, Config&)>;

struct Setting {
    std::string_view section;
    std::string_view key;
    std::string_view meaning;
    std::string default_text;  // as TOML
    Read read;
};

std::string in_quotes(std::string_view text) {
    return fmt::format("\"{}\"", text);
}

tl::unexpected<std::string> wrong_type(std::string_view expected) {
    return tl::unexpected(fmt::format("must be {}", expected));
}

template <class Section>
Read text_into(Section Config::* section, std::string Section::* member) {
    return [=](const toml::node& node, Config& config) -> tl::expected<void, std::string> {
        const auto value = node.value_exact<std::string>();
        if (!value) return wrong_type("text in quotes");
        (config.*section).*member = *value;
        return {};
    };
}

template <class Section>
Read bool_into(Section Config::* section, bool Section::* member) {
    return [=](const toml::node& node, Config& config) -> tl::expected<void, std::string> {
        const auto value = node.value_exact<bool>();
        if (!value) return wrong_type("true or false");
        (config.*section).*member = *value;
        return {};
    };
}

template <class Section, class Number>
Read number_into(Section Config::* section, Number Section::* member, std::int64_t min,
                 std::int64_t max) {
    return [=](const toml::node& node, Config& config) -> tl::expected<void, std::string> {
        const auto value = node.value_exact<std::int64_t>();
        if (!value) return wrong_type("a whole number");
        if (*value < min || *value > max) {
            return tl::unexpected(fmt::format("is {}, must be from {} to {}", *value, min, max));
        }
        (config.*section).*member = static_cast<Number>(*value);
        return {};
    };
}

template <class Section>
Read bytes_into(Section Config::* section, std::uint64_t Section::* member, std::uint64_t min,
                std::uint64_t max) {
    return [=](const toml::node& node, Config& config) -> tl::expected<void, std::string> {
        tl::expected<std::uint64_t, std::string> bytes = tl::unexpected(std::string());
        if (const auto number = node.value_exact<std::int64_t>()) {
            bytes = parse_bytes(std::to_string(*number));
        } else if (const auto text = node.value_exact<std::string>()) {
            bytes = parse_bytes(*text);
        } else {
            return wrong_type("a size like \"64MiB\"");
        }
        if (!bytes) return tl::unexpected(bytes.error());
        if (*bytes < min || *bytes > max) {
            return tl::unexpected(fmt::format("is {}, must be from {} to {}", format_bytes(*bytes),
                                              format_bytes(min), format_bytes(max)));
        }
        (config.*section).*member = *bytes;
        return {};
    };
}

template <class Section>
Read duration_into(Section Config::* section, std::chrono::seconds Section::* member,
                   std::chrono::seconds min, std::chrono::seconds max) {
    return [=](const toml::node& node, Config& config) -> tl::expected<void, std::string> {
        const auto text = node.value_exact<std::string>();
        if (!text) return wrong_type("a duration like \"30m\"");
        const auto duration = parse_duration(*text);
        if (!duration) return tl::unexpected(duration.error());
        if (*duration < min || *duration > max) {
            return tl::unexpected(fmt::format("is {}, must be from {} to {}",
                                              format_duration(*duration), format_duration(min),
                                              format_duration(max)));
        }
        (config.*section).*member = *duration;
        return {};
    };
}

// One address or a list of them; an empty list: do not listen.
Read addresses_into(std::vector<std::string> Config::Listen::* member, bool unix_allowed) {
    return [=](const toml::node& node, Config& config) -> tl::expected<void, std::string> {
        std::vector<std::string> addresses;
        const auto add = [&](const toml::node& item) -> tl::expected<void, std::string> {
            const auto text = item.value_exact<std::string>();
            if (!text) return wrong_type("a list of addresses in quotes");
            addresses.push_back(*text);
            return check_address(*text, unix_allowed);
        };
        if (const auto* list = node.as_array()) {
            for (const toml::node& item : *list) {
                if (auto added = add(item); !added) return added;
            }
        } else if (auto added = add(node); !added) {
            return added;
        }
        config.listen.*member = std::move(addresses);
        return {};
    };
}

tl::expected<void, std::string> read_sni(const toml::node& node, Config& config) {
    const std::string form = "tables [[tls.sni]], each with certificate and key";
    const auto* list = node.as_array();
    if (list == nullptr) return wrong_type(form);
    for (const toml::node& item : *list) {
        const auto* table = item.as_table();
        if (table == nullptr) return wrong_type(form);
        for (const auto& [key, value] : *table) {
            if (key.str() != "certificate" && key.str() != "key") {
                return tl::unexpected(fmt::format(
                    "has an unknown key '{}'; known are certificate and key", key.str()));
            }
        }
        const auto certificate = (*table)["certificate"].value_exact<std::string>();
        const auto key = (*table)["key"].value_exact<std::string>();
        if (!certificate || !key) return wrong_type(form);
        config.tls.sni.push_back({*certificate, *key});
    }
    return {};
}

tl::expected<LogLevel, std::string> read_level(const toml::node& node) {
    const auto text = node.value_exact<std::string>();
    const auto level = text ? parse_log_level(*text) : std::nullopt;
    if (!level)
        return tl::unexpected<std::string>(
            R"(must be "trace", "debug", "info", "warning", "error" or "off")");
    return *level;
}

Read component_level(std::string_view component) {
    return [component](const toml::node& node, Config& config) -> tl::expected<void, std::string> {
        const auto level = read_level(node);
        if (!level) return tl::unexpected(level.error());
        config.log.components[std::string(component)] = *level;
        return {};
    };
}

std::vector<Setting> make_settings() {
    using namespace std::chrono_literals;
    constexpr std::uint64_t kKiB = 1u << 10;
    constexpr std::uint64_t kMiB = 1u << 20;
    constexpr std::uint64_t kGiB = 1u << 30;
    constexpr auto kDay = std::chrono::seconds(24h);
    const Config d;
    const auto list = [](const std::vector<std::string>& items) {
        std::string text;
        for (const std::string& item : items) text += (text.empty() ? "" : ", ") + in_quotes(item);
        return "[" + text + "]";
    };
    const auto bytes = [](std::uint64_t value) { return in_quotes(format_bytes(value)); };
    const auto duration = [](std::chrono::seconds value) {
        return in_quotes(format_duration(value));
    };
    const auto number = [](std::uint64_t value) { return std::to_string(value); };

    std::vector<Setting> all = {
        {"listen", "imap",
         "IMAP with STARTTLS. A list of \"ADDRESS:PORT\"; port 0 takes a free one, [] listens "
         "nowhere.",
         list(d.listen.imap), addresses_into(&Config::Listen::imap, false)},
        {"listen", "imaps", "IMAP with TLS from the first byte.", list(d.listen.imaps),
         addresses_into(&Config::Listen::imaps, false)},
        {"listen", "lmtp",
         "Where a mail transfer agent hands in mail. Also \"unix:PATH\". LMTP asks for no "
         "password: never on a\n"
         "public address.",
         list(d.listen.lmtp), addresses_into(&Config::Listen::lmtp, true)},
        {"listen", "admin", "The admin socket.", in_quotes(d.listen.admin),
         text_into(&Config::listen, &Config::Listen::admin)},

        {"tls", "certificate",
         "PEM, the server's certificate first, then its chain. Read again on SIGHUP.",
         in_quotes(d.tls.certificate), text_into(&Config::tls, &Config::Tls::certificate)},
        {"tls", "key", "PEM, not encrypted.", in_quotes(d.tls.key),
         text_into(&Config::tls, &Config::Tls::key)},
        {"tls", "sni",
         "More certificates, each a table [[tls.sni]] with certificate and key; a client gets the "
         "one that is for\n"
         "the name it asks for.",
         "[]", read_sni},

        {"auth", "allow_plaintext",
         "Let clients send passwords over connections without TLS. For tests only.", "false",
         bool_into(&Config::auth, &Config::Auth::allow_plaintext)},

        {"server", "hostname", "The name in greetings and Received lines. Empty: the machine's.",
         "\"\"", text_into(&Config::server, &Config::Server::hostname)},
        {"server", "threads", "Threads for connections and accounts. 0: one a core.",
         number(d.server.threads), number_into(&Config::server, &Config::Server::threads, 0, 256)},
        {"server", "workers",
         "Threads for heavy work: password hashes, searches in bodies, cold reads. 0: one a core.",
         number(d.server.workers), number_into(&Config::server, &Config::Server::workers, 0, 256)},

        {"limits", "connections_max", "Connections at a time, all listeners together.",
         number(d.limits.connections_max),
         number_into(&Config::limits, &Config::Limits::connections_max, 1, 10'000'000)},
        {"limits", "connections_per_address_max", "From one address at a time. 0: no limit.",
         number(d.limits.connections_per_address_max),
         number_into(&Config::limits, &Config::Limits::connections_per_address_max, 0, 10'000'000)},
        {"limits", "connections_per_account_max",
         "Sessions of one account at a time. Mail clients open five and more each.",
         number(d.limits.connections_per_account_max),
         number_into(&Config::limits, &Config::Limits::connections_per_account_max, 1, 1'000'000)},
        {"limits", "message_bytes_max", "The largest message that is taken, by APPEND and LMTP.",
         bytes(d.limits.message_bytes_max),
         bytes_into(&Config::limits, &Config::Limits::message_bytes_max, 64 * kKiB, 2 * kGiB)},
        {"limits", "account_memory_bytes_max",
         "Accounts that nobody is logged in to stay in memory up to this much.",
         bytes(d.limits.account_memory_bytes_max),
         bytes_into(&Config::limits, &Config::Limits::account_memory_bytes_max, kMiB, 1024 * kGiB)},
        {"limits", "login_timeout", "Time to log in.", duration(d.limits.login_timeout),
         duration_into(&Config::limits, &Config::Limits::login_timeout, 1s, 1h)},
        {"limits", "idle_timeout",
         "A client that says nothing for this long is logged out; at least 30m (RFC 9051 §5.4).",
         duration(d.limits.idle_timeout),
         duration_into(&Config::limits, &Config::Limits::idle_timeout, 30min, kDay)},

        {"store", "change_horizon",
         "How long the log of changes is kept. Clients that come back later than that are still\n"
         "told exactly what is gone of what they know, only with more bytes.",
         duration(d.store.change_horizon),
         duration_into(&Config::store, &Config::Store::change_horizon, kDay, 3660 * kDay)},
        {"store", "segment_bytes", "Size at which a segment file of message bodies is sealed.",
         bytes(d.store.segment_bytes),
         bytes_into(&Config::store, &Config::Store::segment_bytes, kMiB, kGiB)},
        {"store", "disk_reserve_bytes",
         "With less free disk space than this only what frees space is written.",
         bytes(d.store.disk_reserve_bytes),
         bytes_into(&Config::store, &Config::Store::disk_reserve_bytes, kMiB, 1024 * kGiB)},
        {"store", "block_cache_bytes", "Memory for RocksDB's block cache.",
         bytes(d.store.block_cache_bytes),
         bytes_into(&Config::store, &Config::Store::block_cache_bytes, kMiB, 1024 * kGiB)},
        {"store", "text_cache_bytes",
         "Memory for envelopes, structures and headers that were asked for: about 1 KiB a message.",
         bytes(d.store.text_cache_bytes),
         bytes_into(&Config::store, &Config::Store::text_cache_bytes, 0, 1024 * kGiB)},

        {"backup", "every",
         "How often the server makes a backup by itself, like \"1h\". 0s: never.",
         duration(d.backup.every),
         duration_into(&Config::backup, &Config::Backup::every, 0s, 366 * kDay)},
        {"backup", "directory",
         "Where it makes them, named by the time. An absolute path outside of the data directory "
         "that exists.",
         in_quotes(d.backup.directory), text_into(&Config::backup, &Config::Backup::directory)},
        {"backup", "rate_bytes_max",
         "Copies at most so much a second; links cost nothing. 0: no limit.",
         bytes(d.backup.rate_bytes_max),
         bytes_into(&Config::backup, &Config::Backup::rate_bytes_max, 0, 1024 * kGiB)},
        {"backup", "with_keys", "Also the certificates and their keys.", "false",
         bool_into(&Config::backup, &Config::Backup::with_keys)},
        {"backup", "keep_last",
         "After each one the others in the directory are removed but for so many last ones and the "
         "newest of so many hours, days, weeks, months and years. All 0: none is removed.",
         number(d.backup.keep_last),
         number_into(&Config::backup, &Config::Backup::keep_last, 0, 10'000)},
        {"backup", "keep_hourly", "See keep_last.", number(d.backup.keep_hourly),
         number_into(&Config::backup, &Config::Backup::keep_hourly, 0, 10'000)},
        {"backup", "keep_daily", "See keep_last.", number(d.backup.keep_daily),
         number_into(&Config::backup, &Config::Backup::keep_daily, 0, 10'000)},
        {"backup", "keep_weekly", "See keep_last.", number(d.backup.keep_weekly),
         number_into(&Config::backup, &Config::Backup::keep_weekly, 0, 10'000)},
        {"backup", "keep_monthly", "See keep_last.", number(d.backup.keep_monthly),
         number_into(&Config::backup, &Config::Backup::keep_monthly, 0, 10'000)},
        {"backup", "keep_yearly", "See keep_last.", number(d.backup.keep_yearly),
         number_into(&Config::backup, &Config::Backup::keep_yearly, 0, 10'000)},

        {"log", "level",
         "\"trace\", \"debug\", \"info\", \"warning\", \"error\" or \"off\". While the server "
         "runs: tidemark ctl log_level.",
         in_quotes(log_level_name(d.log.level)),
         [](const toml::node& node, Config& config) -> tl::expected<void, std::string> {
             const auto level = read_level(node);
             if (!level) return tl::unexpected(level.error());
             config.log.level = *level;
             return {};
         }},
        {"log", "format", "\"text\" or \"json\", one line a record.", in_quotes("text"),
         [](const toml::node& node, Config& config) -> tl::expected<void, std::string> {
             const auto text = node.value_exact<std::string>();
             if (text != "text" && text != "json")
                 return tl::unexpected<std::string>(R"(must be "text" or "json")");
             config.log.format = text == "json" ? LogFormat::kJson : LogFormat::kText;
             return {};
         }},
        {"log", "file", "Empty: stderr. Opened again on SIGHUP.", "\"\"",
         text_into(&Config::log, &LogOptions::file)},
    };
    for (const std::string_view component : kLogComponents) {
        all.push_back({"log.levels", component, "", in_quotes("info"), component_level(component)});
    }
    return all;
}

const std::vector<Setting>& settings() {
    static const std::vector<Setting> all = make_settings();
    return all;
}

const Setting* find_setting(std::string_view section, std::string_view key) {
    for (const Setting& setting : settings()) {
        if (setting.section == section && setting.key == key) return &setting;
    }
    return nullptr;
}

bool is_section(std::string_view name) {
    return std::any_of(settings().begin(), settings().end(),
                       [&](const Setting& setting) { return setting.section == name; });
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
        }
    }
    return row.back();
}

// What may stand in `section` ("": the top).
std::vector<std::string> known_names(std::string_view section) {
    std::vector<std::string> names;
    for (const Setting& setting : settings()) {
        std::string_view name;
        if (setting.section == section) {
            name = setting.key;
        } else if (section.empty()) {
            name = setting.section.substr(0, setting.section.find('.'));
        } else if (setting.section.starts_with(section) &&
                   setting.section.substr(section.size()).starts_with(".")) {
            name = setting.section.substr(section.size() + 1);
        }
        if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
            names.emplace_back(name);
    }
    return names;
}

std::string mend_unknown(std::string_view section, std::string_view name) {
    std::string text = fmt::format("unknown key '{}'", name);
    if (!section.empty()) text += fmt::format(" in [{}]", section);
    const std::vector<std::string> names = known_names(section);
    const std::size_t name_bytes_max = 64;  // the distance takes time of the product of the lengths
    const std::string* best = nullptr;
    std::size_t best_distance = std::min<std::size_t>(3, name.size() / 3 + 1) + 1;
    for (const std::string& known : names) {
        if (name.size() > name_bytes_max) break;
        const std::size_t distance = edit_distance(name, known);
        if (distance < best_distance) {
            best = &known;
            best_distance = distance;
        }
    }
    if (best != nullptr) return text + fmt::format(", did you mean '{}'?", *best);
    for (const Setting& setting : settings()) {
        if (setting.key == name && setting.section != "log.levels") {
            return text + fmt::format("; it belongs in [{}]", setting.section);
        }
    }
    return text + fmt::format("; known are {}", fmt::join(names, ", "));
}

class Reader {
  public:
    explicit Reader(std::string file) : file_(std::move(file)) {}

    ConfigResult read(const toml::table& root) {
        read_table("", root);
        if (config_.tls.certificate.empty() != config_.tls.key.empty()) {
            problem(0, "[tls] certificate and key come together: give both or neither");
        }
        if (config_.backup.every.count() > 0 && !config_.backup.directory.starts_with('/')) {
            problem(0, "[backup] every needs a directory, an absolute path");
        }
        if (problems_.empty()) return std::move(config_);
        std::sort(problems_.begin(), problems_.end(),
                  [](const ConfigProblem& a, const ConfigProblem& b) {
                      return std::tie(a.line, a.text) < std::tie(b.line, b.text);
                  });
        return tl::unexpected(std::move(problems_));
    }

  private:
    // The table nests as deep as the names of the known sections: two.
    void read_table(const std::string& section, const toml::table& table) {
        for (const auto& [key, node] : table) {
            const std::string path =
                section.empty() ? std::string(key.str()) : fmt::format("{}.{}", section, key.str());
            const unsigned line = node.source().begin.line;
            if (const Setting* setting = find_setting(section, key.str())) {
                if (const auto done = setting->read(node, config_); !done) {
                    problem(line, fmt::format("{}: {}", path, done.error()));
                }
            } else if (is_section(path)) {
                if (const auto* inner = node.as_table()) {
                    read_table(path, *inner);
                } else {
                    problem(line,
                            fmt::format("'{}' is a section: write [{}] and its settings below",
                                        path, path));
                }
            } else {
                problem(line, mend_unknown(section, key.str()));
            }
        }
    }

    void problem(unsigned line, std::string text) {
        problems_.push_back({file_, line, std::move(text)});
    }

    std::string file_;
    Config config_;
    std::vector<ConfigProblem> problems_;
};

}  // namespace

std::string ConfigProblem::to_string() const {
    return line == 0 ? fmt::format("{}: {}", file, text)
                     : fmt::format("{}:{}: {}", file, line, text);
}

ConfigResult parse_config(std::string_view text, const std::string& file) {
    try {
        return Reader(file).read(toml::parse(text, file));
    } catch (const toml::parse_error& error) {
        return tl::unexpected(std::vector<ConfigProblem>{
            {file, error.source().begin.line, std::string(error.description())}});
    }
}

ConfigResult read_config(const std::string& file) {
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    const bool opened = stream.is_open();
    std::string text;
    std::array<char, 4096> piece;
    while (opened && (stream.read(piece.data(), piece.size()) || stream.gcount() > 0)) {
        text.append(piece.data(), static_cast<std::size_t>(stream.gcount()));
    }
    if (!opened || stream.bad()) {
        const std::string reason =
            errno == 0 ? "can not be read" : std::generic_category().message(errno);
        return tl::unexpected(std::vector<ConfigProblem>{{file, 0, reason, true}});
    }
    return parse_config(text, file);
}

std::string default_config_text() {
    std::string text =
        "# Tidemark's configuration. Every setting is shown with its default, commented out. "
        "Relative paths are relative\n"
        "# to the data directory. `tidemark config check FILE` tells whether all is well.\n";
    std::string_view section;
    for (const Setting& setting : settings()) {
        if (setting.section != section) {
            section = setting.section;
            text += fmt::format("\n[{}]\n", section);
            if (section == "log.levels")
                text += "# Levels of single parts; those that are not set follow log.level.\n";
        }
        for (std::string_view left = setting.meaning; !left.empty();) {
            const std::size_t end = std::min(left.find('\n'), left.size());
            text += fmt::format("# {}\n", left.substr(0, end));
            left.remove_prefix(std::min(end + 1, left.size()));
        }
        text += fmt::format("#{} = {}\n", setting.key, setting.default_text);
    }
    return text;
}

}  // namespace tidemark::tools
