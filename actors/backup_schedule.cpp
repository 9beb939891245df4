#include "actors/backup_schedule.hpp"

#include "actors/core.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace tidemark::actors {

std::string backup_name(std::int64_t wall_micros) {
    using namespace std::chrono;
    const sys_time<microseconds> time{microseconds(wall_micros)};
    const sys_days day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(floor<seconds>(time - day));
    return fmt::format("{:04}-{:02}-{:02}T{:02}-{:02}-{:02}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

BackupSchedule::BackupSchedule(SnapshotActor& snapshots, storage::FileSystem& files,
                               WorkerPool& workers, Clock& clock, BackupScheduleOptions options)
    : snapshots_(snapshots),
      files_(files),
      workers_(workers),
      clock_(clock),
      options_(std::move(options)) {}

Awaitable<void> BackupSchedule::run() {
    auto latest = co_await newest();
    std::chrono::microseconds wait{0};
    if (latest) {
        const std::chrono::microseconds age(clock_.wall_microseconds() - latest->created_micros);
        wait = std::clamp<std::chrono::microseconds>(options_.every - age, wait, options_.every);
    }
    while (co_await Core::current()->sleep(wait)) {
        latest = co_await newest();
        co_await back_up(std::move(latest));
        co_await prune();
        wait = options_.every;
    }
}

Awaitable<std::optional<storage::FoundBackup>> BackupSchedule::newest() {
    auto found = co_await workers_.run(WorkPriority::background, [this] {
        return storage::list_backups(files_, options_.directory);
    });
    if (!found || !*found || (*found)->empty()) co_return std::nullopt;
    co_return (*found)->back();
}

Awaitable<void> BackupSchedule::back_up(std::optional<storage::FoundBackup> since) {
    BackupRequest request;
    request.destination =
        fmt::format("{}/{}", options_.directory, backup_name(clock_.wall_microseconds()));
    if (since) request.since = fmt::format("{}/{}", options_.directory, since->name);
    request.with_keys = options_.with_keys;
    request.bytes_per_second_max = options_.bytes_per_second_max;
    auto report = co_await snapshots_.back_up(request);
    if (report || !since) co_return;
    // The earlier one is of another store (a restore was between), damaged, or gone by now.
    const storage::StoreErrorKind kind = report.error().kind;
    if (kind != storage::StoreErrorKind::kLimit && kind != storage::StoreErrorKind::kCorrupt &&
        kind != storage::StoreErrorKind::kNotFound && kind != storage::StoreErrorKind::kTooNew)
        co_return;
    request.since.reset();
    report = co_await snapshots_.back_up(std::move(request));
}

Awaitable<void> BackupSchedule::prune() {
    if (!options_.keep.any()) co_return;
    auto done =
        co_await workers_.run(WorkPriority::background, [this]() -> storage::Result<std::size_t> {
            auto found = storage::list_backups(files_, options_.directory);
            if (!found) return tl::unexpected(found.error());
            const auto choice = storage::choose_backups(std::move(*found), options_.keep);
            for (const storage::FoundBackup& old : choice.removed) {
                const auto path = fmt::format("{}/{}", options_.directory, old.name);
                if (auto removed = storage::remove_backup(files_, path); !removed)
                    return tl::unexpected(removed.error());
            }
            return choice.removed.size();
        });
    if (done && !*done)
        spdlog::error("backup: old ones can not be removed: {}", done->error().detail);
}

}  // namespace tidemark::actors
