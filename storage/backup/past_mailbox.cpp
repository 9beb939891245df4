#include "storage/backup/past_mailbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace tidemark::storage {

namespace {

using Messages = std::map<Uid, Message>;
using Entries = std::vector<std::pair<ModSeq, ChangeRecord>>;

tl::unexpected<StoreError> misfit(ModSeq modseq, Uid uid, std::string_view what) {
    return tl::unexpected(StoreError{StoreErrorKind::kCorrupt,
                                     fmt::format("log entry {}: uid {} {}", modseq, uid, what)});
}

Result<void> undo(Messages& messages, ModSeq modseq, const ChangeRecord& change) {
    for (const Message& message : change.expunged) {
        if (!messages.try_emplace(message.uid, message).second)
            return misfit(modseq, message.uid, "was expunged, and is there after that");
    }
    for (const FlagChange& flags : change.flags) {
        for (const UidRange& range : flags.uids) {
            // As many steps as there are messages, whatever the range.
            auto at = messages.lower_bound(range.first);
            for (std::uint64_t uid = range.first; uid <= range.last; ++uid, ++at) {
                if (at == messages.end() || at->first != uid || at->second.flags != flags.after)
                    return misfit(modseq, static_cast<Uid>(uid), "has not the flags it was given");
                at->second.flags = flags.before;
                at->second.modseq = 0;
            }
        }
    }
    for (const Message& message : change.appended) {
        const auto found = messages.find(message.uid);
        if (found == messages.end() || found->second.body != message.body)
            return misfit(modseq, message.uid, "was brought in, and is not there after that");
        messages.erase(found);
    }
    return {};
}

// The entries to undo, ascending. Times need not ascend (the clock was set back): what counts is
// the last entry that was committed by then.
Result<Entries> entries_after(const Store& store, AccountId account, const MailboxRecord& mailbox,
                              Moment moment) {
    const auto* since = std::get_if<ModSeq>(&moment);
    const auto below = [&](const std::string& what) {
        return tl::unexpected(StoreError{
            StoreErrorKind::kLimit,
            fmt::format("\"{}\" can not be told as it was at {}: its log begins after modseq {}",
                        mailbox.name, what, mailbox.horizon_modseq)});
    };
    const auto not_made = [&] {
        return tl::unexpected(StoreError{StoreErrorKind::kNotFound,
                                         fmt::format("\"{}\" was made after that, with modseq {}",
                                                     mailbox.name, mailbox.created_modseq)});
    };
    if (since != nullptr && *since < mailbox.created_modseq) return not_made();
    if (since != nullptr && *since < mailbox.horizon_modseq)
        return below(fmt::format("modseq {}", *since));
    Entries entries;
    std::size_t kept = 0;  // entries that the moment includes
    const auto read = store.changes_since(
        account, mailbox.id, since != nullptr ? *since : mailbox.horizon_modseq,
        [&](ModSeq modseq, const ChangeRecord& change) {
            entries.emplace_back(modseq, change);
            if (since == nullptr && change.time_micros <= std::get<UnixMicros>(moment).value)
                kept = entries.size();
            return true;
        });
    if (!read) return tl::unexpected(read.error());
    if (since == nullptr && kept == 0) {
        // A log that is whole begins with the making. Of another one nobody knows whether its
        // horizon was before or after the time.
        const std::int64_t made_micros = mailbox.created_seconds * 1'000'000;
        if (mailbox.horizon_modseq < mailbox.created_modseq ||
            made_micros > std::get<UnixMicros>(moment).value)
            return not_made();
        return below("that time");
    }
    entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(kept));
    return entries;
}

}  // namespace

Result<PastMailbox> mailbox_at(const Store& store, AccountId account, const MailboxRecord& mailbox,
                               Moment moment) {
    const auto entries = entries_after(store, account, mailbox, moment);
    if (!entries) return tl::unexpected(entries.error());
    const auto loaded = store.load_mailbox(account, mailbox);
    if (!loaded) return tl::unexpected(loaded.error());
    Messages messages;
    for (const PagePtr& page : loaded->view->pages()) {
        for (std::size_t i = 0; i < page->count(); ++i)
            messages.emplace_hint(messages.end(), page->fixed->uid[i], page->at(i));
    }
    for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
        if (auto done = undo(messages, entry->first, entry->second); !done)
            return tl::unexpected(done.error());
    }
    PastMailbox past;
    past.undone = entries->size();
    past.messages.reserve(messages.size());
    for (auto& [uid, message] : messages) {
        past.messages.push_back(message);
        if (!loaded->view->find_uid(uid)) past.expunged.push_back(message.body);
    }
    return past;
}

}  // namespace tidemark::storage
