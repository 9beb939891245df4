// Sizes, durations, addresses and paths as the configuration and the command line write them.

#include "tools/config.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace tidemark::tools {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};
// Largest first: formatting takes the first that divides.
constexpr std::array<Unit, 5> kByteUnits = {{{"TiB", std::uint64_t{1} << 40},
                                             {"GiB", std::uint64_t{1} << 30},
                                             {"MiB", std::uint64_t{1} << 20},
                                             {"KiB", std::uint64_t{1} << 10},
                                             {"B", 1}}};
constexpr std::array<Unit, 5> kTimeUnits = {
    {{"w", 604'800}, {"d", 86'400}, {"h", 3600}, {"m", 60}, {"s", 1}}};

// Takes a decimal number off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

std::string_view take_word(std::string_view& text) {
    std::size_t length = 0;
    while (length < text.size() && (text[length] < '0' || text[length] > '9')) ++length;
    const std::string_view word = text.substr(0, length);
    text.remove_prefix(length);
    return word;
}

std::optional<std::uint64_t> multiply(std::uint64_t value, std::uint64_t factor,
                                      std::uint64_t max) {
    if (value > max / factor) return std::nullopt;
    return value * factor;
}

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
    for (const Unit& unit : units) {
        if (unit.name == name) return &unit;
    }
    return nullptr;
}

bool valid_port(std::string_view text) {
    std::uint64_t port = 0;
    if (text.empty() || text.size() > 5) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port <= 65'535;
}

}  // namespace

tl::expected<std::uint64_t, std::string> parse_bytes(std::string_view text) {
    const std::string form =
        R"(is no size; write a whole number with KiB, MiB, GiB or TiB, like "64MiB")";
    std::string_view rest = text;
    const auto number = take_number(rest);
    if (!number) return tl::unexpected(fmt::format("\"{}\" {}", text, form));
    const Unit* unit = rest.empty() ? find_unit(kByteUnits, "B") : find_unit(kByteUnits, rest);
    if (unit == nullptr) return tl::unexpected(fmt::format("\"{}\" {}", text, form));
    // TOML's integers end at 2^63-1, so nothing larger could be written without a unit either.
    const auto bytes = multiply(*number, unit->factor, std::numeric_limits<std::int64_t>::max());
    if (!bytes) return tl::unexpected(fmt::format("\"{}\" is too large", text));
    return *bytes;
}

tl::expected<std::chrono::seconds, std::string> parse_duration(std::string_view text) {
    const std::string form =
        R"(is no duration; write whole numbers with s, m, h, d or w, like "90d" or "1h30m")";
    constexpr std::uint64_t kSecondsMax = 1000ull * 366 * 86'400;
    std::uint64_t total = 0;
    std::string_view rest = text;
    if (rest.empty()) return tl::unexpected(fmt::format("\"{}\" {}", text, form));
    while (!rest.empty()) {
        const auto number = take_number(rest);
        const Unit* unit = number ? find_unit(kTimeUnits, take_word(rest)) : nullptr;
        if (unit == nullptr) return tl::unexpected(fmt::format("\"{}\" {}", text, form));
        const auto seconds = multiply(*number, unit->factor, kSecondsMax);
        if (!seconds || *seconds > kSecondsMax - total) {
            return tl::unexpected(fmt::format("\"{}\" is too long", text));
        }
        total += *seconds;
    }
    return std::chrono::seconds(static_cast<std::int64_t>(total));
}

std::string format_bytes(std::uint64_t bytes) {
    for (const Unit& unit : kByteUnits) {
        if (bytes != 0 && bytes % unit.factor == 0)
            return fmt::format("{}{}", bytes / unit.factor, unit.name);
    }
    return "0B";
}

std::string format_duration(std::chrono::seconds duration) {
    auto left = static_cast<std::uint64_t>(duration.count());
    std::string text;
    for (const Unit& unit : kTimeUnits) {
        // Weeks only where nothing else is left over: 90 days are not 12 weeks and 6 days.
        if (left < unit.factor || (unit.name == "w" && left % unit.factor != 0)) continue;
        text += fmt::format("{}{}", left / unit.factor, unit.name);
        left %= unit.factor;
    }
    return text.empty() ? "0s" : text;
}

tl::expected<void, std::string> check_address(std::string_view address, bool unix_allowed) {
    if (unix_allowed && address.starts_with("unix:") && address.size() > 5) return {};
    const std::size_t colon = address.rfind(':');
    bool good =
        colon != std::string_view::npos && colon > 0 && valid_port(address.substr(colon + 1));
    if (good) {
        const std::string_view host = address.substr(0, colon);
        const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
        good = bracketed || host.find_first_of("[]: /") == std::string_view::npos;
    }
    if (good) return {};
    return tl::unexpected(
        fmt::format(R"("{}" is no address; write "127.0.0.1:143" or "[::1]:143"{})", address,
                    unix_allowed ? R"( or "unix:PATH")" : ""));
}

std::string resolve_path(const std::string& directory, const std::string& path) {
    constexpr std::string_view kUnix = "unix:";
    if (path.starts_with(kUnix))
        return std::string(kUnix) + resolve_path(directory, path.substr(kUnix.size()));
    if (path.empty() || path.front() == '/' || directory.empty()) return path;
    return directory.back() == '/' ? directory + path : directory + "/" + path;
}

}  // namespace tidemark::tools
