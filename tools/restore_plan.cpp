#include "tools/restore_plan.hpp"

#include "actors/auth/account_name.hpp"
#include "protocol/mailbox_name.hpp"
#include "storage/backup/past_mailbox.hpp"
#include "tools/logging.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <utility>

namespace tidemark::tools {

namespace {

using storage::MailboxRecord;
using storage::Moment;

CommandResult<Moment> parse_moment(const std::string& text) {
    storage::ModSeq modseq = 0;
    const char* end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data(), end, modseq);
        read.ec == std::errc() && read.ptr == end && modseq > 0)
        return Moment(modseq);
    std::tm time{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
    if (rest == nullptr || *rest != '\0')
        return tl::unexpected(CommandError{
            ExitCode::kUsage, "--at takes a modseq or a time such as 2026-11-25T10:00:00Z"});
    constexpr std::int64_t kMicrosPerSecond = 1'000'000;
    // All of that second.
    return Moment(storage::UnixMicros{(::timegm(&time) + 1) * kMicrosPerSecond - 1});
}

CommandResult<std::string> valid_name(const std::string& text) {
    const auto name = protocol::MailboxName::from_utf8(text);
    if (!name)
        return refuse(fmt::format("{}: no name for a mailbox: {}", escape_for_log(text),
                                  protocol::describe(name.error())));
    return name->utf8();
}

// The name that a mailbox of the backup gets.
CommandResult<std::string> new_name(const std::string& name, const PartialRestoreOptions& options) {
    if (!options.as) return valid_name(name);
    if (options.mailbox) return valid_name(*options.as);
    return valid_name(fmt::format("{}{}{}", *options.as, protocol::kHierarchySeparator, name));
}

CommandResult<std::vector<RestorePart>> choose(std::vector<MailboxRecord> mailboxes,
                                               const PartialRestoreOptions& options) {
    std::sort(mailboxes.begin(), mailboxes.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    std::optional<std::string> wanted;
    if (options.mailbox) {
        auto name = valid_name(*options.mailbox);
        if (!name) return tl::unexpected(name.error());
        wanted = std::move(*name);
    }
    std::vector<RestorePart> parts;
    for (MailboxRecord& record : mailboxes) {
        if (wanted && record.name != *wanted) continue;
        auto name = new_name(record.name, options);
        if (!name) return tl::unexpected(name.error());
        parts.push_back({std::move(record), std::move(*name), {}});
    }
    if (parts.empty())
        return refuse(fmt::format("{} has no mailbox \"{}\" of that account", options.backup,
                                  options.mailbox.value_or("")));
    return parts;
}

// Of the account's subscriptions without a mailbox those that belong to what is restored.
std::vector<std::string> subscriptions(const std::vector<std::string>& orphans,
                                       const PartialRestoreOptions& options,
                                       const std::vector<RestorePart>& parts) {
    std::vector<std::string> found;
    const std::string above = parts.front().record.name + protocol::kHierarchySeparator;
    for (const std::string& orphan : orphans) {
        if (options.mailbox && !orphan.starts_with(above)) continue;
        const CommandResult<std::string> name =
            options.mailbox ? valid_name(parts.front().name + orphan.substr(above.size() - 1))
                            : new_name(orphan, options);
        // Below a longer name it may be none any more; then it is nothing to subscribe to.
        if (name) found.push_back(*name);
    }
    return found;
}

}  // namespace

CommandError to_command_error(const storage::StoreError& error) {
    using Kind = storage::StoreErrorKind;
    const bool is_answer = error.kind == Kind::kCorrupt || error.kind == Kind::kLimit;
    return {is_answer ? ExitCode::kNo : ExitCode::kCouldNotRun, error.detail};
}

CommandResult<RestorePlan> plan_restore(storage::BackupReader& backup,
                                        const PartialRestoreOptions& options) {
    std::optional<Moment> moment;
    if (options.at) {
        auto parsed = parse_moment(*options.at);
        if (!parsed) return tl::unexpected(parsed.error());
        moment = *parsed;
    }
    const auto account = actors::normalize_account_name(options.account);
    if (!account)
        return refuse(fmt::format("\"{}\" can not be an account's name", options.account));
    const storage::Store& store = backup.store();
    const auto id = store.find_account(*account);
    if (!id && id.error().kind != storage::StoreErrorKind::kNotFound)
        return tl::unexpected(to_command_error(id.error()));
    if (!id) return refuse(fmt::format("{} has no account \"{}\"", options.backup, *account));
    auto loaded = store.load_account(*id);
    if (!loaded) return tl::unexpected(to_command_error(loaded.error()));
    auto parts = choose(std::move(loaded->mailboxes), options);
    if (!parts) return tl::unexpected(parts.error());
    RestorePlan plan;
    plan.subscriptions = subscriptions(loaded->orphan_subscriptions, options, *parts);
    std::vector<storage::BodyId> expunged;
    for (RestorePart& part : *parts) {
        auto past = storage::mailbox_at(store, *id, part.record,
                                        moment.value_or(Moment(part.record.highestmodseq)));
        if (!past && past.error().kind == storage::StoreErrorKind::kNotFound) {
            if (options.mailbox) return refuse(past.error().detail);
            continue;  // the account had it not yet
        }
        if (!past) return tl::unexpected(to_command_error(past.error()));
        part.messages = std::move(past->messages);
        expunged.insert(expunged.end(), past->expunged.begin(), past->expunged.end());
        plan.parts.push_back(std::move(part));
    }
    if (plan.parts.empty())
        return refuse(fmt::format("\"{}\" had no mailbox at that moment", *account));
    backup.find_expunged(expunged);
    return plan;
}

}  // namespace tidemark::tools
