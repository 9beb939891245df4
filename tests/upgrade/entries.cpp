#include "tests/upgrade/entries.hpp"

#include "tests/upgrade/archive.hpp"
#include "tools/dump.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>

namespace tidemark::test {

std::string entry_path(std::uint32_t format, std::string_view file) {
    return fmt::format("{}/tests/upgrade/format-{}/{}", TIDEMARK_SOURCE_DIR, format, file);
}

std::set<std::uint32_t> stored_formats() {
    constexpr std::string_view kPrefix = "format-";
    std::set<std::uint32_t> formats;
    const std::filesystem::path folder = std::string(TIDEMARK_SOURCE_DIR) + "/tests/upgrade";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(kPrefix))
            formats.insert(static_cast<std::uint32_t>(std::stoul(name.substr(kPrefix.size()))));
    }
    return formats;
}

void unpack_entry(std::uint32_t format, testing::FaultyFileSystem& files) {
    unpack(gunzip(entry_path(format, "data.tar.gz")), kDirectory, files);
}

Opened open_and_dump(testing::FaultyFileSystem& files, std::uint32_t newest) {
    storage::StoreOptions options;
    options.block_cache_bytes = 4U << 20;
    options.read_only = true;
    options.format = newest;
    const auto store = storage::Store::open(kDirectory, options, files);
    if (!store) FAIL(store.error().detail);
    Opened opened;
    const auto counts = tools::dump_store(**store, {}, [&](std::string_view line) {
        opened.dump.append(line) += '\n';
        return tools::CommandResult<void>();
    });
    if (!counts) FAIL(counts.error().text);
    const auto records = (*store)->accounts();
    REQUIRE(records);
    for (const storage::AccountRecord& record : *records) {
        if (record.enabled) opened.accounts.push_back(record.name);
    }
    return opened;
}

// Lines that differ, so that a failure can be read.
void check_same(const std::string& found, const std::string& stored) {
    if (found == stored) return;
    std::size_t line = 1;
    std::size_t at = 0;
    while (at < found.size() && at < stored.size() && found[at] == stored[at])
        line += found[at++] == '\n' ? 1 : 0;
    const auto line_at = [](const std::string& text, std::size_t where) {
        const std::size_t start = where == 0 ? 0 : text.rfind('\n', where - 1) + 1;
        return text.substr(start, text.find('\n', where) - start);
    };
    FAIL_CHECK("line " << line << "\nnow:    " << line_at(found, at)
                       << "\nstored: " << line_at(stored, at));
}

}  // namespace tidemark::test
