#include "storage/backup/prune.hpp"

#include "storage/backup/manifest.hpp"
#include "tests/support/faulty_file_system.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace tidemark::storage;
using tidemark::testing::FaultyFileSystem;

namespace {

constexpr std::int64_t kHour = 3'600'000'000;
// Monday 2024-01-01 00:00 UTC.
constexpr std::int64_t kStart = 1'704'067'200'000'000;

FoundBackup at(std::int64_t hours, const std::string& since = "") {
    FoundBackup backup;
    backup.name = std::to_string(hours);
    backup.id = backup.name;
    backup.created_micros = kStart + hours * kHour;
    backup.since_id = since;
    return backup;
}

// One an hour for so many days.
std::vector<FoundBackup> hourly(int days) {
    std::vector<FoundBackup> all;
    all.reserve(static_cast<std::size_t>(days) * 24);
    for (int hour = 0; hour < days * 24; ++hour) all.push_back(at(hour));
    return all;
}

std::vector<std::string> kept(std::vector<FoundBackup> found, const KeepRules& rules) {
    const std::size_t count = found.size();
    const PruneChoice choice = choose_backups(std::move(found), rules);
    CHECK(choice.kept.size() + choice.removed.size() == count);
    std::vector<std::string> names;
    names.reserve(choice.kept.size());
    for (const FoundBackup& backup : choice.kept) names.push_back(backup.name);
    return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("of each period that has a backup the newest is kept") {
    CHECK(kept(hourly(3), {.last = 2}) == Names{"70", "71"});
    CHECK(kept(hourly(3), {.hourly = 3}) == Names{"69", "70", "71"});
    CHECK(kept(hourly(3), {.daily = 2}) == Names{"47", "71"});
    CHECK(kept(hourly(3), {.daily = 9}) == Names{"23", "47", "71"});
    // Weeks end on Sunday: the 7th and the 14th of January.
    CHECK(kept(hourly(17), {.weekly = 3}) == Names{"167", "335", "407"});
    // January has 31 days, February 2024 has 29.
    CHECK(kept(hourly(70), {.monthly = 3}) == Names{std::to_string(31 * 24 - 1),
                                                    std::to_string(60 * 24 - 1),
                                                    std::to_string(70 * 24 - 1)});
    CHECK(kept(hourly(370), {.yearly = 2}) ==
          Names{std::to_string(366 * 24 - 1), std::to_string(370 * 24 - 1)});
    CHECK(kept(hourly(17), {.last = 1, .hourly = 2, .daily = 2, .weekly = 2}) ==
          Names{"335", "383", "406", "407"});
    // Two in one hour; periods without any do not count.
    std::vector<FoundBackup> few = {at(0), at(1000), at(1000)};
    few[2].created_micros += 60'000'000;
    CHECK(choose_backups(few, {.daily = 2}).kept == std::vector<FoundBackup>{few[0], few[2]});
}

TEST_CASE("the newest is kept whatever the rules, and nothing is made of nothing") {
    CHECK(kept(hourly(1), {}) == Names{"23"});
    CHECK(kept({}, {.last = 5}).empty());
    CHECK(choose_backups(hourly(1), {.last = 23}).removed.size() == 1);
}

TEST_CASE("what a kept backup leaves out stays, over every link of the chain") {
    const std::vector<FoundBackup> chain = {at(0), at(24, "0"), at(48, "24"), at(72, "48"), at(96)};
    const PruneChoice choice = choose_backups(chain, {.last = 2});
    CHECK(choice.removed.empty());
    REQUIRE(choice.kept.size() == 5);
    CHECK(choice.kept[0].is_needed);
    CHECK(choice.kept[2].is_needed);
    CHECK(!choice.kept[3].is_needed);
    // Nothing needs them any more.
    const PruneChoice later = choose_backups(chain, {.last = 1});
    REQUIRE(later.removed.size() == 4);
    CHECK(later.removed[0].name == "72");
    CHECK(later.removed[3].name == "0");
}

TEST_CASE("only whole backups are listed and removed") {
    FaultyFileSystem files;
    REQUIRE(files.make_directory("/b").has_value());
    const auto add = [&files](const std::string& name, std::int64_t created) {
        REQUIRE(files.make_directory("/b/" + name).has_value());
        BackupManifest manifest;
        manifest.format = 1;
        manifest.id = std::string(32, '1');
        manifest.created_micros = created;
        files.replace_contents("/b/" + name + "/manifest.json", encode(manifest));
    };
    add("young", 2);
    add("old", 1);
    add("new.tidemark-unfinished-1", 3);
    REQUIRE(files.make_directory("/b/other").has_value());
    files.replace_contents("/b/file", "x");
    const auto found = list_backups(files, "/b");
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 2);
    CHECK((*found)[0].name == "old");
    CHECK((*found)[1].name == "young");
    CHECK(!remove_backup(files, "/b/other").has_value());
    CHECK(!remove_backup(files, "/b/none").has_value());
    CHECK(remove_backup(files, "/b/old").has_value());
    auto names = *files.list("/b");
    std::sort(names.begin(), names.end());
    CHECK(names == Names{"file", "new.tidemark-unfinished-1", "other", "young"});
    CHECK(!list_backups(files, "/none").has_value());
}
