#include "storage/backup/prune.hpp"

#include "storage/backup/file_copier.hpp"
#include "storage/backup/manifest.hpp"
#include "storage/segments.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace tidemark::storage {
namespace {

using Days = std::chrono::sys_days;

// The number of the period that a moment is in; the unit is the rule's.
using Period = std::int64_t (*)(std::int64_t micros);

constexpr std::int64_t kMicrosAnHour = 3'600'000'000;

Days day_of(std::int64_t micros) {
    return std::chrono::floor<std::chrono::days>(
        std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(micros)));
}
std::int64_t hour_number(std::int64_t micros) {
    return micros / kMicrosAnHour;
}
std::int64_t day_number(std::int64_t micros) {
    return day_of(micros).time_since_epoch().count();
}
// 1970-01-01 was a Thursday.
std::int64_t week_number(std::int64_t micros) {
    return (day_number(micros) + 3) / 7;
}
std::int64_t year_number(std::int64_t micros) {
    return static_cast<int>(std::chrono::year_month_day(day_of(micros)).year());
}
std::int64_t month_number(std::int64_t micros) {
    const std::chrono::year_month_day date(day_of(micros));
    return year_number(micros) * 12 + static_cast<unsigned>(date.month());
}

bool leaves_out(const BackupManifest& manifest) {
    const auto is_elsewhere = [](const auto& item) {
        return item.place == BackupManifest::Place::kPrevious;
    };
    return std::any_of(manifest.segments.begin(), manifest.segments.end(), is_elsewhere) ||
           std::any_of(manifest.files.begin(), manifest.files.end(), is_elsewhere);
}

}  // namespace

Result<std::vector<FoundBackup>> list_backups(FileSystem& file_system,
                                              const std::string& directory) {
    auto names = file_system.list(directory);
    if (!names) return tl::unexpected(store_error(names.error()));
    std::vector<FoundBackup> found;
    for (const std::string& name : *names) {
        const auto manifest = read_manifest(file_system, directory + "/" + name);
        if (!manifest) continue;
        FoundBackup backup{
            name, manifest->id, manifest->created_micros, manifest->bytes(), manifest->messages(),
            {},   false};
        if (leaves_out(*manifest)) backup.since_id = manifest->since->id;
        found.push_back(std::move(backup));
    }
    std::sort(found.begin(), found.end(), [](const FoundBackup& a, const FoundBackup& b) {
        return std::pair(a.created_micros, a.name) < std::pair(b.created_micros, b.name);
    });
    return found;
}

PruneChoice choose_backups(std::vector<FoundBackup> found, const KeepRules& rules) {
    std::vector<bool> keep(found.size(), false);
    const auto apply = [&](unsigned count, Period period) {
        std::optional<std::int64_t> before;
        for (std::size_t i = found.size(); i > 0 && count > 0; --i) {
            const std::int64_t number = period(found[i - 1].created_micros);
            if (before == number) continue;
            before = number;
            keep[i - 1] = true;
            --count;
        }
    };
    for (std::size_t i = 0; i < found.size(); ++i)
        keep[i] = found.size() - i <= std::max(rules.last, 1U);
    apply(rules.hourly, &hour_number);
    apply(rules.daily, &day_number);
    apply(rules.weekly, &week_number);
    apply(rules.monthly, &month_number);
    apply(rules.yearly, &year_number);
    // From the newest on: what a backup needs is older than it.
    std::set<std::string> needed;
    for (std::size_t i = found.size(); i > 0; --i) {
        FoundBackup& one = found[i - 1];
        if (!keep[i - 1] && needed.count(one.id) != 0) {
            keep[i - 1] = true;
            one.is_needed = true;
        }
        if (keep[i - 1] && !one.since_id.empty()) needed.insert(one.since_id);
    }
    PruneChoice choice;
    for (std::size_t i = 0; i < found.size(); ++i)
        (keep[i] ? choice.kept : choice.removed).push_back(std::move(found[i]));
    std::reverse(choice.removed.begin(), choice.removed.end());
    return choice;
}

Result<void> remove_backup(FileSystem& file_system, const std::string& path) {
    if (auto manifest = read_manifest(file_system, path); !manifest)
        return tl::unexpected(manifest.error());
    if (auto removed = remove_tree(file_system, path); !removed)
        return tl::unexpected(store_error(removed.error()));
    return {};
}

}  // namespace tidemark::storage
