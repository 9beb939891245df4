#include "storage/format_file.hpp"

#include "storage/segments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace tidemark::storage {
namespace {

constexpr std::string_view kFormatPrefix = "tidemark data directory, format ";
constexpr std::string_view kDatabasePrefix = "db-";

// No other spelling of a number is one.
std::optional<std::uint32_t> parse_number(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0 ||
        text.starts_with('0')) {
        return std::nullopt;
    }
    return number;
}

std::optional<std::uint32_t> parse_format(std::string_view text) {
    if (!text.starts_with(kFormatPrefix) || !text.ends_with('\n')) return std::nullopt;
    return parse_number(text.substr(kFormatPrefix.size(), text.size() - kFormatPrefix.size() - 1));
}

tl::unexpected<StoreError> io_error(const IoError& error) {
    return tl::unexpected(store_error(error));
}

}  // namespace

Result<std::uint32_t> read_format_number(const std::string& directory, FileSystem& files) {
    const std::string path = directory + "/format";
    const auto status = files.status(path);
    if (!status) return io_error(status.error());
    if (!*status) return fail(StoreErrorKind::kNotFound, fmt::format("{} is missing", path));
    auto file = files.open(path, FileSystem::Mode::kRead);
    if (!file) return io_error(file.error());
    std::string text(256, '\0');
    const auto got = (*file)->read_at(0, text.data(), text.size());
    if (!got) return io_error(got.error());
    text.resize(*got);
    const std::optional<std::uint32_t> format = parse_format(text);
    if (!format)
        return fail(StoreErrorKind::kCorrupt, fmt::format("{} is not a format file", path));
    return *format;
}

Result<void> write_format_number(const std::string& directory, std::uint32_t format,
                                 FileSystem& files) {
    const std::string path = directory + "/format";
    // Written aside and renamed: a crash leaves it whole or not there.
    const std::string aside = path + ".new";
    auto file = files.open(aside, FileSystem::Mode::kCreateOrTruncate);
    if (!file) return io_error(file.error());
    const auto done = (*file)
                          ->write_at(0, fmt::format("{}{}\n", kFormatPrefix, format))
                          .and_then([&] { return (*file)->sync(); })
                          .and_then([&] { return files.rename(aside, path); })
                          .and_then([&] { return files.sync_directory(directory); });
    if (!done) return io_error(done.error());
    return {};
}

std::string database_name(std::uint32_t format) {
    return format == 1 ? "db" : fmt::format("{}{}", kDatabasePrefix, format);
}

std::optional<std::uint32_t> format_of_database(std::string_view name) {
    if (name == "db") return 1;
    if (!name.starts_with(kDatabasePrefix)) return std::nullopt;
    const auto number = parse_number(name.substr(kDatabasePrefix.size()));
    return number == 1U ? std::nullopt : number;
}

Result<void> remove_database(const std::string& path, FileSystem& files) {
    auto names = files.list(path);
    if (!names) return io_error(names.error());
    // First what names the others: what is left of it after a crash is no database.
    std::partition(names->begin(), names->end(),
                   [](const std::string& name) { return name == "CURRENT"; });
    for (const std::string& name : *names) {
        if (auto removed = files.unlink(path + "/" + name); !removed)
            return io_error(removed.error());
        if (name == "CURRENT") {
            if (auto synced = files.sync_directory(path); !synced) return io_error(synced.error());
        }
    }
    if (auto removed = files.remove_directory(path); !removed) return io_error(removed.error());
    return {};
}

Result<void> remove_other_databases(const std::string& directory, std::uint32_t first,
                                    std::uint32_t last, FileSystem& files) {
    const auto names = files.list(directory);
    if (!names) return io_error(names.error());
    for (const std::string& name : *names) {
        const auto format = format_of_database(name);
        if (!format || (*format >= first && *format <= last)) continue;
        if (auto removed = remove_database(directory + "/" + name, files); !removed) return removed;
    }
    return {};
}

Result<std::uint64_t> database_bytes(const std::string& path, FileSystem& files) {
    const auto there = files.status(path);
    if (!there) return io_error(there.error());
    if (!*there) return 0;
    const auto names = files.list(path);
    if (!names) return io_error(names.error());
    std::uint64_t bytes = 0;
    for (const std::string& name : *names) {
        const auto status = files.status(path + "/" + name);
        if (!status) return io_error(status.error());
        if (*status) bytes += (*status)->size;
    }
    return bytes;
}

}  // namespace tidemark::storage
