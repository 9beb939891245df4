#include "tools/testdata/unfolded.hpp"

#include "storage/store.hpp"

namespace tidemark::tools::testdata {

using storage::FlagBits;

namespace {

// \Flagged of the message is turned over.
CommandResult<void> turn_flag(storage::Store& store, const storage::LoadedAccount& account,
                              storage::MailboxRecord record, const storage::Message& message) {
    storage::AccountCounters counters = account.counters;
    storage::Transaction transaction(account.record.id, counters.modseq);
    ++counters.modseq;
    record.highestmodseq = counters.modseq;
    storage::ChangeRecord change;
    change.kind = storage::ChangeKind::kStore;
    change.time_micros = message.save_date * 1'000'000;
    change.flags = {
        {message.flags, message.flags ^ storage::kFlagged, {{message.uid, message.uid}}}};
    transaction.put_change(record.id, counters.modseq, change);
    transaction.put_mailbox(record);
    transaction.put_counters(counters);
    storage::Transaction* pointer = &transaction;
    const auto results = store.commit({&pointer, 1});
    if (!results.front()) return could_not_run(results.front().error().detail);
    return {};
}

}  // namespace

CommandResult<void> leave_unfolded(const std::string& directory) {
    auto store = storage::Store::open(directory, {}, storage::posix_file_system());
    if (!store) return could_not_run(store.error().detail);
    const auto records = (*store)->accounts();
    if (!records) return could_not_run(records.error().detail);
    for (const storage::AccountRecord& account : *records) {
        const auto loaded = (*store)->load_account(account.id);
        if (!loaded) return could_not_run(loaded.error().detail);
        for (const storage::MailboxRecord& record : loaded->mailboxes) {
            if (record.counts.messages == 0) continue;
            const auto mailbox = (*store)->load_mailbox(account.id, record);
            if (!mailbox) return could_not_run(mailbox.error().detail);
            const storage::MailboxView& view = *mailbox->view;
            if (auto done = turn_flag(**store, *loaded, record, view.at(view.find_seq(1))); !done)
                return done;
            break;
        }
    }
    // Not closed: closing would write what is in the log to tables.
    return {};
}

}  // namespace tidemark::tools::testdata
