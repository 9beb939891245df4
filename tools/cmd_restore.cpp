#include "actors/limits.hpp"
#include "actors/verify_checks.hpp"
#include "storage/backup/restore.hpp"
#include "tools/commands.hpp"
#include "tools/partial_restore.hpp"
#include "tools/progress.hpp"
#include "tools/verify_output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

namespace tidemark::tools {

namespace {

using nlohmann::json;

constexpr std::uint32_t kEarlierRestoresMax = 1000;

struct RestoreArguments {
    storage::RestoreOptions restore;
    bool json = false;
    PartialRestoreOptions partial;
};

CommandError to_command_error(const storage::StoreError& error) {
    using Kind = storage::StoreErrorKind;
    const bool is_answer =
        error.kind == Kind::kCorrupt || error.kind == Kind::kExists || error.kind == Kind::kLimit;
    return {is_answer ? ExitCode::kNo : ExitCode::kCouldNotRun, error.detail};
}

json to_json(const storage::RestoreResult& result, double seconds) {
    return {{"restored", result.is_restored},
            {"backup", result.id},
            {"backups", result.backups},
            {"created_micros", result.created_micros},
            {"store_seq", result.store_seq},
            {"accounts", result.accounts},
            {"mailboxes", result.mailboxes},
            {"messages", result.messages},
            {"bytes", result.bytes},
            {"links", result.counts.links},
            {"linked_bytes", result.counts.linked_bytes},
            {"copies", result.counts.copies},
            {"copied_bytes", result.counts.copied_bytes},
            {"uid_gap", result.uid_gap},
            {"findings", findings_json(result.report.findings)},
            {"findings_left_out", result.report.findings_left_out},
            {"seconds", seconds}};
}

void tell(const storage::RestoreResult& result, std::ostream& err) {
    for (const storage::Finding& finding : result.report.findings) {
        if (!storage::is_note(finding.code)) err << storage::to_string(finding) << '\n';
    }
    if (result.report.findings_left_out > 0)
        err << fmt::format("and {} more\n", result.report.findings_left_out);
}

CommandResult<void> run(RestoreArguments& options, Terminal& terminal) {
    const auto began = std::chrono::steady_clock::now();
    storage::RestoreOptions& restore = options.restore;
    restore.now_micros = std::chrono::duration_cast<std::chrono::microseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
    if (restore.verify.threads == 0)
        restore.verify.threads = std::max(std::thread::hardware_concurrency(), 1u);
    actors::set_verify_checks(restore.verify);
    ProgressBars bars;
    restore.on_progress = [&bars](const storage::RestoreProgress& progress) {
        bars.draw(progress.what, "bytes", progress.bytes_done, progress.bytes_total);
    };
    restore.verify.on_progress = [&bars](const storage::VerifyProgress& progress) {
        bars.draw(progress.what, progress.unit, progress.done, progress.total);
    };
    const auto result = storage::restore_backup(storage::posix_file_system(), restore);
    bars.finish();
    if (!result) return tl::unexpected(to_command_error(result.error()));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (options.json) write_json_line(to_json(*result, took.count()), terminal);
    tell(*result, terminal.err);
    if (!result->is_restored)
        return refuse(
            fmt::format("{} is not sound and was not restored; --accept-findings does it "
                        "all the same",
                        restore.backup));
    return {};
}

// Options that have a meaning only for the whole of a backup, and those only for a part of
// it: none is passed over in silence where it has none.
constexpr const char* kWholeOnly[] = {
    "DIR", "--copy", "--quick", "--served-before", "--uid-gap", "--threads", "--accept-findings"};
constexpr const char* kPartOnly[] = {"--data", "--admin", "--account", "--mailbox", "--as", "--at"};

void add_partial(CLI::App& sub, PartialRestoreOptions& partial) {
    sub.add_option("--into", partial.data,
                   "Restore one account or mailbox into this data directory, or the server that "
                   "runs on it")
        ->type_name("DIR");
    sub.add_flag("--online", partial.online,
                 "Restore one account or mailbox into the running server of --data (or --into)");
    sub.add_option("--data", partial.data, "The data directory of that server")->type_name("DIR");
    sub.add_option("--admin", partial.admin, "Its admin socket; else the directory's")
        ->type_name("PATH");
    sub.add_option("--account", partial.account, "The account")->type_name("NAME");
    sub.add_option("--mailbox", partial.mailbox, "Only this mailbox")->type_name("NAME");
    sub.add_option("--as", partial.as,
                   "The mailbox's new name; without --mailbox, all go below this one")
        ->type_name("NAME");
    sub.add_option("--at", partial.at,
                   "As it was after that change, or at that time (2026-11-25T10:00:00Z)")
        ->type_name("MODSEQ|TIME");
}

// Whether a part is to be restored. Throws what CLI11 throws for options that contradict.
bool is_partial(const CLI::App& sub) {
    constexpr const char* kPart = "--into or --online";
    const auto given = [&sub](const char* name) { return sub.count(name) > 0; };
    if (!given("--into") && !given("--online")) {
        for (const char* name : kPartOnly) {
            if (given(name)) throw CLI::RequiresError(name, kPart);
        }
        if (!given("DIR")) throw CLI::RequiredError("DIR, --into or --online");
        return false;
    }
    for (const char* name : kWholeOnly) {
        if (given(name)) throw CLI::ExcludesError(name, kPart);
    }
    if (given("--into") && given("--data")) throw CLI::ExcludesError("--data", "--into");
    if (!given("--into") && !given("--data")) throw CLI::RequiresError("--online", "--data");
    if (given("--admin") && !given("--online")) throw CLI::RequiresError("--admin", "--online");
    if (!given("--account")) throw CLI::RequiredError("--account");
    return true;
}

}  // namespace

void add_restore(CLI::App& app, CommandContext& context) {
    auto* sub =
        app.add_subcommand("restore",
                           "Make a new data directory from a backup, after verifying it, or "
                           "restore one account or mailbox of it");
    sub->footer(
        "Everything is verified before DIR is there under its name. All numbers (modseqs, UIDs) go "
        "on from\nabove what the lost server can have given out, so clients stay in sync. If a "
        "restore of the same\nbackup was served to clients before, say so with --served-before. "
        "Certificates are not in a backup\nunless it was made with them.\n"
        "With --into or --online one account or mailbox comes back beside what is there: messages "
        "with flags,\nkeywords and dates, subscriptions, and under its own name the special use "
        "if no other mailbox has it.\nNothing that exists is changed: a mailbox of the same name "
        "is refused (an INBOX without messages is\nnot); --as gives another one. --at reaches as "
        "far back as the log of each mailbox, and brings back what was\nexpunged since, as long "
        "as the backup still has the bytes; messages without are listed, with exit 1. Of\n"
        "mailboxes that were deleted there is no log: they are in earlier backups.");
    auto options = std::make_shared<RestoreArguments>();
    storage::RestoreOptions& restore = options->restore;
    sub->add_option("BACKUP", restore.backup, "The backup")->required();
    sub->add_option("DIR", restore.directory, "The new data directory; must not exist");
    add_partial(*sub, options->partial);
    sub->add_flag("--json", options->json, "One JSON object on stdout");
    sub->add_option("--chain", restore.earlier,
                    "Earlier backups that an incremental one leaves files out for, where they are "
                    "neither beside it nor where they were")
        ->type_name("DIR")
        ->allow_extra_args(false);
    sub->add_flag("--copy", restore.copy_all, "Copy everything; else what never changes is linked");
    sub->add_option("--served-before", restore.earlier_restores,
                    "Restores of this backup, or a later one, that clients have used before")
        ->check(CLI::Range(std::uint32_t{0}, kEarlierRestoresMax))
        ->type_name("N");
    sub->add_option("--uid-gap", restore.uid_gap,
                    "UIDs to step over in each mailbox; else a million and 20 a second since the "
                    "backup")
        ->type_name("N");
    sub->add_flag("--quick", restore.verify.quick,
                  "Verify digests, structure and sizes, but not each message");
    sub->add_flag("--accept-findings", restore.accept_findings,
                  "Restore although the verification found something");
    sub->add_option("--threads", restore.verify.threads, "Verify with so many; else one a core")
        ->check(CLI::Range(1u, actors::kVerifyThreadsMax))
        ->type_name("N");
    restore.verify.threads = 0;
    sub->callback([options, sub, &context] {
        options->partial.backup = options->restore.backup;
        options->partial.earlier = options->restore.earlier;
        options->partial.json = options->json;
        context.finish(is_partial(*sub) ? restore_partly(options->partial, context.terminal)
                                        : run(*options, context.terminal));
    });
}

}  // namespace tidemark::tools
