#include "tools/upgrade.hpp"

#include "storage/migrate/linked_copy.hpp"
#include "storage/verify/verify.hpp"
#include "tools/dump_comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace tidemark::tools {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

milliseconds since(steady_clock::time_point start) {
    return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

tl::unexpected<CommandError> command_error(const storage::StoreError& error) {
    switch (error.kind) {
        case storage::StoreErrorKind::kNoSpace:
        case storage::StoreErrorKind::kExists:
        case storage::StoreErrorKind::kCorrupt:
            return refuse(error.detail);
        default:
            return could_not_run(error.detail);
    }
}

// `format`: of a database that does not count yet, in a directory that is locked; 0: the one that
// counts.
CommandResult<void> dump_into(const UpgradeOptions& options, const std::string& directory,
                              std::uint32_t format, bool bodies, const DumpSink& sink) {
    storage::StoreOptions settings;
    settings.read_only = true;
    settings.format = options.plan->newest();
    settings.database_format = format;
    settings.lock = format == 0;
    const auto store = storage::Store::open(directory, settings, *options.files);
    if (!store) return command_error(store.error());
    DumpOptions dump;
    dump.bodies = bodies;
    return dump_store(**store, dump, sink).map([](const DumpCounts&) {});
}

CommandResult<void> compare(const UpgradeOptions& options, UpgradeReport& report) {
    const auto start = steady_clock::now();
    DumpComparison comparison;
    for (const bool is_new : {false, true}) {
        auto dumped = dump_into(options, options.directory, is_new ? report.to : report.from, false,
                                is_new ? comparison.found() : comparison.expected());
        if (!dumped) return dumped;
    }
    report.lines = comparison.lines();
    report.compared_in = since(start);
    if (const auto difference = comparison.differs())
        return refuse(
            fmt::format("the new database does not hold what the old one does; {} is as "
                        "it was. {}",
                        options.directory, *difference));
    return {};
}

CommandResult<void> verify(const RehearsalOptions& options, RehearsalReport& report) {
    const auto start = steady_clock::now();
    storage::VerifyOptions verify;
    verify.format = options.upgrade.plan->newest();
    verify.threads = std::max(std::thread::hardware_concurrency(), 1U);
    const auto found = storage::verify(options.copy, verify, *options.upgrade.files);
    if (!found) return command_error(found.error());
    report.verified_in = since(start);
    for (const storage::Finding& finding : found->findings) {
        if (!storage::is_note(finding.code)) report.findings.push_back(to_string(finding));
    }
    if (report.findings.empty()) return {};
    return refuse(fmt::format("the migrated copy does not verify: {} ({} findings)",
                              report.findings.front(),
                              report.findings.size() + found->findings_left_out));
}

CommandResult<void> rehearse_on_copy(const RehearsalOptions& options, RehearsalReport& report) {
    DumpComparison comparison;
    if (auto dumped =
            dump_into(options.upgrade, options.upgrade.directory, 0, true, comparison.expected());
        !dumped)
        return dumped;
    UpgradeOptions on_copy = options.upgrade;
    on_copy.directory = options.copy;
    auto upgraded = upgrade(on_copy);
    if (!upgraded) return tl::unexpected(upgraded.error());
    report.upgrade = *upgraded;
    if (auto verified = verify(options, report); !verified) return verified;
    if (auto dumped = dump_into(options.upgrade, options.copy, 0, true, comparison.found());
        !dumped)
        return dumped;
    report.lines = comparison.lines();
    if (const auto difference = comparison.differs())
        return refuse(fmt::format("the migrated copy does not hold what {} does: {}",
                                  options.upgrade.directory, *difference));
    return {};
}

}  // namespace

CommandResult<UpgradeReport> upgrade(const UpgradeOptions& options) {
    storage::MigrationOptions settings;
    settings.on_progress = options.on_progress;
    auto opened =
        storage::Migration::open(options.directory, *options.plan, settings, *options.files);
    if (!opened) return command_error(opened.error());
    storage::Migration& migration = **opened;
    UpgradeReport report;
    report.from = migration.from();
    report.to = migration.to();
    if (!migration.is_needed()) return report;
    const auto start = steady_clock::now();
    if (auto made = migration.make(); !made) return command_error(made.error());
    report.made_in = since(start);
    report.figures = migration.figures();
    if (auto same = compare(options, report); !same) {
        migration.abandon();
        return tl::unexpected(same.error());
    }
    if (auto committed = migration.commit(); !committed) return command_error(committed.error());
    return report;
}

CommandResult<RehearsalReport> rehearse_upgrade(const RehearsalOptions& given) {
    RehearsalOptions options = given;
    std::string& directory = options.upgrade.directory;
    while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    if (options.copy.empty()) options.copy = directory + ".rehearsal";
    RehearsalReport report;
    const auto start = steady_clock::now();
    const auto copied = storage::make_linked_copy(directory, options.copy, *options.upgrade.files);
    if (!copied) {
        if (copied.error().kind != storage::StoreErrorKind::kLocked)
            return command_error(copied.error());
        return could_not_run(fmt::format("{}; stop its server, or rehearse on a backup of it",
                                         copied.error().detail));
    }
    report.copied = *copied;
    report.copied_in = since(start);
    const auto done = rehearse_on_copy(options, report);
    if (!options.keep) {
        const auto removed = storage::remove_tree(*options.upgrade.files, options.copy);
        if (done && !removed) return could_not_run(removed.error().text);
    }
    if (!done) return tl::unexpected(done.error());
    return report;
}

}  // namespace tidemark::tools
