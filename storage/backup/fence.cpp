#include "storage/backup/fence.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark::storage {

namespace {

// Of each mailbox, before anything is written.
Result<void> check_uids(const LoadedAccount& account, std::uint64_t uid_gap) {
    constexpr std::uint64_t kUidMax = UINT32_MAX;
    for (const MailboxRecord& mailbox : account.mailboxes) {
        const std::uint64_t left = kUidMax - mailbox.uidnext;
        if (uid_gap <= left && left - uid_gap >= kUidsLeftMin) continue;
        const std::uint64_t most = left > kUidsLeftMin ? left - kUidsLeftMin : 0;
        return fail(StoreErrorKind::kLimit,
                    fmt::format("mailbox \"{}\" of \"{}\" has {} UIDs left, too few to step over "
                                "{}; with a gap of {} it would do, if the lost server gave out "
                                "fewer than that after the backup",
                                mailbox.name, account.record.name, left, uid_gap, most));
    }
    return {};
}

void fence_mailbox(Transaction& transaction, MailboxRecord mailbox, ModSeq modseq,
                   const FenceOptions& options) {
    RestoreFence fence;
    fence.backup_modseq = mailbox.highestmodseq;
    fence.restored_modseq = modseq;
    fence.backup_uidnext = mailbox.uidnext;
    fence.restored_uidnext =
        mailbox.uidnext + static_cast<Uid>(options.faults.keep_uids ? 0 : options.uid_gap);
    mailbox.fence = fence;
    mailbox.highestmodseq = fence.restored_modseq;
    if (mailbox.recent_uid == mailbox.uidnext) mailbox.recent_uid = fence.restored_uidnext;
    mailbox.uidnext = fence.restored_uidnext;
    ChangeRecord change;
    change.kind = ChangeKind::kRestore;
    change.time_micros = options.now_micros;
    transaction.put_change(mailbox.id, modseq, change);
    transaction.put_mailbox(mailbox);
}

Result<std::uint64_t> fence_account(Store& store, AccountId id, const FenceOptions& options) {
    const Result<LoadedAccount> account = store.load_account(id);
    if (!account) return tl::unexpected(account.error());
    AccountCounters counters = account->counters;
    Transaction transaction(id, counters.modseq);
    const std::uint32_t gap = kMailboxGap * (1 + options.earlier_restores);
    const std::int64_t seconds = options.now_micros / 1'000'000;
    counters.modseq =
        options.faults.keep_modseqs
            ? counters.modseq + 1
            : std::max(counters.modseq + kModSeqGap,
                       static_cast<ModSeq>(std::max<std::int64_t>(options.now_micros, 1))) +
                  options.earlier_restores * kModSeqGap;
    counters.mailbox_id += gap;
    if (!options.faults.keep_uidvalidity)
        counters.uidvalidity =
            std::max(counters.uidvalidity,
                     static_cast<std::uint32_t>(std::max<std::int64_t>(seconds, 0))) +
            gap;
    for (const MailboxRecord& mailbox : account->mailboxes)
        fence_mailbox(transaction, mailbox, counters.modseq, options);
    transaction.put_counters(counters);
    Transaction* pointer = &transaction;
    if (auto done = store.commit({&pointer, 1})[0]; !done) return tl::unexpected(done.error());
    return account->mailboxes.size();
}

}  // namespace

std::uint64_t uid_gap_for(std::int64_t seconds_since_backup) {
    const auto seconds =
        static_cast<std::uint64_t>(std::max<std::int64_t>(seconds_since_backup, 0));
    // Beyond what a UID can hold it is refused anyway.
    return kUidGapLeast + kUidGapPerSecond * std::min<std::uint64_t>(seconds, UINT32_MAX);
}

Result<FenceReport> fence_restored(Store& store, const FenceOptions& options) {
    const Result<std::vector<AccountRecord>> accounts = store.accounts();
    if (!accounts) return tl::unexpected(accounts.error());
    for (const AccountRecord& record : *accounts) {
        const Result<LoadedAccount> account = store.load_account(record.id);
        if (!account) return tl::unexpected(account.error());
        if (auto checked = check_uids(*account, options.uid_gap); !checked)
            return tl::unexpected(checked.error());
    }
    const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(options.now_micros, 1));
    const std::uint64_t next_body = raw(store.next_body_id());
    const std::uint64_t next_account = raw(store.next_account_id());
    const std::uint64_t restores = 1 + std::uint64_t{options.earlier_restores};
    auto begun = store.begin_anew(
        BodyId{std::max(next_body + kBodyIdGap, now) + (restores - 1) * kBodyIdGap},
        AccountId{next_account + kAccountIdGap * restores});
    if (!begun) return tl::unexpected(begun.error());
    FenceReport report;
    for (const AccountRecord& record : *accounts) {
        const Result<std::uint64_t> mailboxes = fence_account(store, record.id, options);
        if (!mailboxes) return tl::unexpected(mailboxes.error());
        ++report.accounts;
        report.mailboxes += *mailboxes;
    }
    return report;
}

}  // namespace tidemark::storage
