#include "storage/migrate/migration.hpp"

#include "storage/backup/manifest.hpp"
#include "storage/format_file.hpp"
#include "storage/keys.hpp"
#include "storage/limits.hpp"
#include "storage/migrate/maker.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace tidemark::storage {
namespace {

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

Result<StoreState> state_of(const Database& database) {
    const auto bytes = database.get(Family::kMeta, keys::state());
    if (bytes) return decode_state(*bytes);
    if (bytes.error().kind != StoreErrorKind::kNotFound) return tl::unexpected(bytes.error());
    // Nothing was ever written to it.
    return StoreState{};
}

bool is_frameworks_own(Family family, std::string_view key) {
    return family == Family::kMeta &&
           (key == keys::state() || key == keys::log_mark() || key == keys::migration());
}

}  // namespace

std::string Migration::database_path(std::uint32_t format) const {
    return directory_ + "/" + database_name(format);
}

Result<std::unique_ptr<Migration>> Migration::open(std::string directory, const MigrationPlan& plan,
                                                   MigrationOptions options, FileSystem& files) {
    std::unique_ptr<Migration> migration(
        new Migration(without_slash(std::move(directory)), plan, std::move(options), files));
    const std::string& path = migration->directory_;
    const auto format = read_format_file(path, files, plan.newest());
    if (!format) {
        if (format.error().kind != StoreErrorKind::kNotFound) return tl::unexpected(format.error());
        return fail(StoreErrorKind::kNotFound,
                    fmt::format("{} is not a Tidemark data directory", path));
    }
    const auto manifest = files.status(fmt::format("{}/{}", path, kManifestFile));
    if (!manifest) return tl::unexpected(store_error(manifest.error()));
    if (*manifest) {
        return fail(StoreErrorKind::kExists,
                    fmt::format("{} is a backup: restore it and migrate what that makes", path));
    }
    auto lock = files.lock(path + "/lock");
    if (!lock) {
        if (lock.error().code != EAGAIN) return tl::unexpected(store_error(lock.error()));
        return fail(StoreErrorKind::kLocked, fmt::format("{} is in use by another process", path));
    }
    migration->lock_ = std::move(*lock);
    // Again, now that nobody else can change it.
    const auto locked = read_format_file(path, files, plan.newest());
    if (!locked) return tl::unexpected(locked.error());
    migration->from_ = *locked;
    return migration;
}

Result<void> Migration::check_space() {
    std::uint64_t bytes = figures_.old_bytes;
    std::uint64_t there = 0;
    for (std::uint32_t format = from_; format < to(); ++format) {
        bytes = plan_.steps[format - 1]()->bytes_needed(bytes);
        figures_.needed_bytes += bytes;
        const auto made = database_bytes(database_path(format + 1), files_);
        if (!made) return tl::unexpected(made.error());
        there += *made;
    }
    const auto free = files_.free_bytes(directory_);
    if (!free) return tl::unexpected(store_error(free.error()));
    figures_.free_bytes = *free;
    const std::uint64_t needed = figures_.needed_bytes + options_.disk_reserve_bytes;
    if (there >= needed || *free >= needed - there) return {};
    return fail(
        StoreErrorKind::kNoSpace,
        fmt::format("{} needs {} MB for the new database and has {} MB; nothing was changed",
                    directory_, (needed + 999'999) / 1'000'000, *free / 1'000'000));
}

Result<void> Migration::make() {
    if (!is_needed()) return {};
    if (auto swept = remove_other_databases(directory_, from_, to(), files_); !swept) return swept;
    auto made = database_bytes(database_path(from_), files_)
                    .and_then([&](std::uint64_t bytes) {
                        figures_.old_bytes = bytes;
                        return check_space();
                    })
                    .and_then([&] { return make_all(); });
    // The old server needs the space more than the next try needs what is there.
    if (!made && made.error().kind == StoreErrorKind::kNoSpace) abandon();
    return made;
}

Result<void> Migration::make_all() {
    for (std::uint32_t format = from_; format < to(); ++format) {
        if (auto made = make_next(format); !made) return made;
    }
    const auto bytes = database_bytes(database_path(to()), files_);
    if (!bytes) return tl::unexpected(bytes.error());
    figures_.new_bytes = *bytes;
    return {};
}

Result<void> Migration::make_next(std::uint32_t format) {
    const auto source = Database::open(database_path(format), files_);
    if (!source) {
        return fail(source.error().kind, fmt::format("can not read {}: {}", database_path(format),
                                                     source.error().detail));
    }
    auto state = state_of(**source);
    if (!state) return tl::unexpected(state.error());
    const std::unique_ptr<MigrationStep> step = plan_.steps[format - 1]();

    MigrationProgress origin;
    origin.fence_owner = state->fence_owner;
    origin.store_seq = state->store_seq;
    origin.sequence = (*source)->sequence();
    origin.step = step->name();
    auto opened =
        MigrationMaker::open(database_path(format + 1), origin, options_.batch_bytes, files_);
    if (!opened) return tl::unexpected(opened.error());
    MigrationMaker& maker = **opened;
    figures_.resumed = figures_.resumed || maker.resumed();
    if (maker.progress().is_done) return {};

    const auto begin = maker.progress();
    for (std::uint8_t i = begin.family; i < kFamilyCount; ++i) {
        const auto family = static_cast<Family>(i);
        std::string first;
        if (i == begin.family && !begin.key.empty()) first = begin.key + '\0';
        const auto visit = [&](std::string_view key, std::string_view value) -> Result<bool> {
            if (is_frameworks_own(family, key)) return true;
            auto done = step->record(family, key, value, maker);
            if (done && step->at_rest()) done = maker.reach(family, key);
            if (!done) return tl::unexpected(done.error());
            if (options_.on_progress) options_.on_progress(figures_.records_read);
            ++figures_.records_read;
            return true;
        };
        auto done = (*source)->scan(family, first, {}, visit).and_then([&] {
            return step->end_of_family(family, maker);
        });
        if (!done) return done;
        if (i + 1U < kFamilyCount) done = maker.reach(static_cast<Family>(i + 1), {});
        if (!done) return done;
    }
    state->format = format + 1;
    auto finished = maker.finish(*state);
    figures_.records_written += maker.records();
    if (!finished) return finished;
    const auto synced = files_.sync_directory(database_path(format + 1)).and_then([&] {
        return files_.sync_directory(directory_);
    });
    if (!synced) return tl::unexpected(store_error(synced.error()));
    return {};
}

void Migration::abandon() {
    static_cast<void>(remove_other_databases(directory_, from_, from_, files_));
}

Result<void> Migration::commit() {
    if (!is_needed()) return {};
    auto done = MigrationMaker::drop_progress(database_path(to()), files_).and_then([&] {
        return write_format_number(directory_, to(), files_);
    });
    if (!done) return done;
    from_ = to();
    // It counts already; what can not be removed now is removed by the next start.
    static_cast<void>(remove_other_databases(directory_, to(), to(), files_));
    return {};
}

}  // namespace tidemark::storage
