// One mailbox: its record, its messages, the log of its changes, and that these are the same story.
#include "storage/keys.hpp"
#include "storage/verify/account_work.hpp"
#include "storage/verify/log_undo.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>

namespace tidemark::storage {
namespace {

constexpr FlagBits kSystemBits = (FlagBits{1} << kKeywordShift) - 1;

bool same_keyword(const std::string& a, const std::string& b) {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void VerifyRun::check_mailbox(AccountWork& work, const MailboxRecord& record) {
    check_mailbox_record(work, record);
    check_special_use(work, record);
    check_keyword_table(work, record);
    MailboxWork mailbox{work, record, nullptr, 0, {}};
    // Each needs what the one before has proved; what a finding makes meaningless is left out.
    ViewPtr view;
    if (load_pages(mailbox) && check_uids(mailbox, *mailbox.pages) &&
        check_modseqs(mailbox, *mailbox.pages) && check_log_rows(mailbox)) {
        if (check_tombstones(mailbox)) {
            check_pages_against_log(mailbox);
            view = fold_log(mailbox);
            // A uid is never used again, so it stays gone whatever came later.
            if (view) find_alive(mailbox, mailbox.expunged, *view);
        }
    }
    {
        const std::lock_guard lock(mutex_);
        counts_.log_entries += mailbox.log_entries;
    }
    if (!view) {
        work.is_complete = false;
        return;
    }
    check_flags_in_table(mailbox, *view);
    if (!work.is_being_removed) check_counts(mailbox, *view);
    for (const PagePtr& page : view->pages()) {
        for (std::size_t i = 0; i < page->count(); ++i) {
            work.bodies.push_back(
                {page->fixed->body[i], record.id, page->fixed->uid[i], page->fixed->size[i]});
            work.bytes += page->fixed->size[i];
        }
    }
}

void VerifyRun::check_mailbox_record(const AccountWork& work, const MailboxRecord& record) {
    const auto wrong = [&](FindingCode code, std::string text) {
        find(code, {work.id, record.id, 0}, std::move(text));
    };
    if (record.uidvalidity == 0) wrong(FindingCode::kMailbox, "its UIDVALIDITY is 0");
    if (record.uidnext == 0) wrong(FindingCode::kMailbox, "its UIDNEXT is 0");
    if (record.recent_uid > record.uidnext) {
        wrong(FindingCode::kMailbox, fmt::format("\\Recent begins at {}, UIDNEXT is {}",
                                                 record.recent_uid, record.uidnext));
    }
    if (record.highestmodseq == 0) wrong(FindingCode::kHighestModseq, "its HIGHESTMODSEQ is 0");
    if (record.folded_modseq > record.highestmodseq ||
        record.created_modseq > record.highestmodseq ||
        record.horizon_modseq > record.folded_modseq) {
        wrong(FindingCode::kMailbox,
              fmt::format("created at {}, horizon {}, folded to {}, highest {}: out of order",
                          record.created_modseq, record.horizon_modseq, record.folded_modseq,
                          record.highestmodseq));
    }
    if (!work.counters) return;
    if (record.highestmodseq > work.counters->modseq) {
        wrong(FindingCode::kHighestModseq,
              fmt::format("its HIGHESTMODSEQ {} is above the account's last modseq {}",
                          record.highestmodseq, work.counters->modseq));
    }
    if (record.uidvalidity > work.counters->uidvalidity) {
        wrong(FindingCode::kMailbox,
              fmt::format("its UIDVALIDITY {} is above the account's last {}", record.uidvalidity,
                          work.counters->uidvalidity));
    }
    if (raw(record.id) > work.counters->mailbox_id) {
        wrong(FindingCode::kMailbox, fmt::format("its id {} is above the account's last {}",
                                                 raw(record.id), work.counters->mailbox_id));
    }
}

// RFC 6154 §2: a use is of a mailbox made for it; INBOX has its own. Two mailboxes may have the
// same use. That the number is a known one is part of decoding.
void VerifyRun::check_special_use(const AccountWork& work, const MailboxRecord& record) {
    if (record.name == "INBOX" && record.special_use != SpecialUse::kNone)
        find(FindingCode::kSpecialUse, {work.id, record.id, 0}, "INBOX has a special use");
}

void VerifyRun::check_keyword_table(const AccountWork& work, const MailboxRecord& record) {
    for (std::size_t i = 0; i < record.keywords.size(); ++i) {
        const std::string& keyword = record.keywords[i];
        const bool is_legal =
            !keyword.empty() && (!options_.keyword_is_legal || options_.keyword_is_legal(keyword));
        if (!is_legal) {
            find(FindingCode::kKeywords, {work.id, record.id, 0},
                 fmt::format("\"{}\" is no keyword", keyword));
        }
        const auto end = record.keywords.begin() + static_cast<std::ptrdiff_t>(i);
        if (std::any_of(record.keywords.begin(), end,
                        [&](const std::string& other) { return same_keyword(keyword, other); })) {
            find(FindingCode::kKeywords, {work.id, record.id, 0},
                 fmt::format("the keyword {} is there twice", keyword));
        }
    }
}

// Sets mailbox.pages; false when there is nothing to go on with.
bool VerifyRun::load_pages(MailboxWork& mailbox) {
    std::vector<PagePtr> pages;
    bool is_whole = true;
    Uid last_uid = 0;
    const AccountId account = mailbox.account.id;
    const MailboxId id = mailbox.record.id;
    const Result<void> scanned = db_->scan_prefix(
        Family::kPages, keys::of_mailbox(account, id),
        [&](std::string_view key, std::string_view value) -> Result<bool> {
            const std::optional<Uid> uid = keys::uid_of_page(key);
            if (!uid) {
                find(FindingCode::kKey, mailbox.place(), "a page's key has a wrong shape");
                is_whole = false;
                return true;
            }
            Result<Page> page = decode_page(value);
            if (!page || encode_page(*page) != value) {
                find(FindingCode::kValue, mailbox.place(*uid),
                     page ? "its page is not in its one form" : page.error().detail);
                is_whole = false;
                return true;
            }
            if (page->first_uid() != *uid || *uid <= last_uid) {
                find(FindingCode::kUidOrder, mailbox.place(*uid),
                     page->first_uid() != *uid
                         ? fmt::format("its page begins with uid {}", page->first_uid())
                         : fmt::format("its page begins within the one before, which ends at {}",
                                       last_uid));
                is_whole = false;
            }
            last_uid = std::max(last_uid, page->last_uid());
            pages.push_back(std::make_shared<const Page>(std::move(*page)));
            return !cancelled();
        });
    if (!scanned) find_unread(scanned.error(), "the pages", mailbox.place());
    if (!scanned || !is_whole || cancelled()) return false;
    mailbox.pages = std::make_shared<const MailboxView>(
        std::move(pages), last_uid == UINT32_MAX ? last_uid : last_uid + 1,
        std::max<ModSeq>(mailbox.record.folded_modseq, 1));
    return true;
}

bool VerifyRun::check_uids(MailboxWork& mailbox, const MailboxView& view) {
    if (view.count() == 0) return true;
    const Uid last = view.pages().back()->last_uid();
    if (last < mailbox.record.uidnext) return true;
    find(FindingCode::kUidNext, mailbox.place(last),
         fmt::format("UIDNEXT is {}", mailbox.record.uidnext));
    return false;
}

bool VerifyRun::check_modseqs(MailboxWork& mailbox, const MailboxView& view) {
    bool is_right = true;
    for (const PagePtr& page : view.pages()) {
        for (std::size_t i = 0; i < page->count(); ++i) {
            const ModSeq modseq = page->modseq[i];
            const ModSeq createseq = page->fixed->createseq[i];
            const Place place = mailbox.place(page->fixed->uid[i]);
            if (modseq == 0 || modseq > mailbox.record.highestmodseq) {
                find(FindingCode::kHighestModseq, place,
                     fmt::format("its modseq is {}, HIGHESTMODSEQ is {}", modseq,
                                 mailbox.record.highestmodseq));
                is_right = false;
            } else if (createseq == 0 || createseq > modseq) {
                find(FindingCode::kCreateModseq, place,
                     fmt::format("it is there since {}, its modseq is {}", createseq, modseq));
                is_right = false;
            } else if (modseq > mailbox.record.folded_modseq) {
                find(FindingCode::kFold, place,
                     fmt::format("its modseq is {}, its page is the fold up to {}", modseq,
                                 mailbox.record.folded_modseq));
                is_right = false;
            }
        }
    }
    return is_right;
}

void VerifyRun::check_flags_in_table(MailboxWork& mailbox, const MailboxView& view) {
    const std::size_t bits = kKeywordShift + mailbox.record.keywords.size();
    const FlagBits known = bits >= 64 ? ~FlagBits{0} : (FlagBits{1} << bits) - 1;
    for (const PagePtr& page : view.pages()) {
        for (std::size_t i = 0; i < page->count(); ++i) {
            if ((page->flags[i] & ~known & ~kSystemBits) == 0) continue;
            find(FindingCode::kKeywords, mailbox.place(page->fixed->uid[i]),
                 fmt::format("its flags {:x} name keywords that are not in the table",
                             page->flags[i]));
        }
    }
}

// Keys and values of all entries; collects what they expunge.
bool VerifyRun::check_log_rows(MailboxWork& mailbox) {
    bool is_right = true;
    const Result<void> scanned = db_->scan_prefix(
        Family::kChanges, keys::of_mailbox(mailbox.account.id, mailbox.record.id),
        [&](std::string_view key, std::string_view value) -> Result<bool> {
            const std::optional<ModSeq> modseq = keys::modseq_of_change(key);
            if (!modseq) {
                find(FindingCode::kKey, mailbox.place(), "a log entry's key has a wrong shape");
                is_right = false;
                return true;
            }
            ++mailbox.log_entries;
            const Result<ChangeRecord> change = decode_change(value);
            if (!change || encode(*change) != value) {
                find(FindingCode::kValue, mailbox.place(),
                     fmt::format("log entry {}: {}", *modseq,
                                 change ? "it is not in its one form" : change.error().detail));
                is_right = false;
                return true;
            }
            if (*modseq == 0 || *modseq > mailbox.record.highestmodseq) {
                find(FindingCode::kHighestModseq, mailbox.place(),
                     fmt::format("there is a log entry {}, HIGHESTMODSEQ is {}", *modseq,
                                 mailbox.record.highestmodseq));
                is_right = false;
            }
            for (const Message& message : change->expunged) mailbox.expunged.push_back(message.uid);
            return !cancelled();
        });
    if (!scanned) find_unread(scanned.error(), "the log", mailbox.place());
    return scanned && is_right && !cancelled();
}

// A uid that was expunged up to the fold is not in the pages. What is expunged after it the fold of
// the log takes out, or says that it can not.
bool VerifyRun::check_tombstones(MailboxWork& mailbox) {
    const MailboxRecord& record = mailbox.record;
    if (mailbox.expunged.empty() || mailbox.pages->count() == 0) return true;
    if (record.folded_modseq >= record.highestmodseq)
        return find_alive(mailbox, mailbox.expunged, *mailbox.pages);
    std::vector<Uid> buried;
    const Result<void> scanned =
        db_->scan(Family::kChanges, keys::change(mailbox.account.id, record.id, 0),
                  keys::change(mailbox.account.id, record.id, record.folded_modseq + 1),
                  [&](std::string_view, std::string_view value) -> Result<bool> {
                      if (const auto ranges = decode_expunged(value)) {
                          for (const UidRange& range : *ranges) {
                              for (std::uint64_t uid = range.first; uid <= range.last; ++uid)
                                  buried.push_back(static_cast<Uid>(uid));
                          }
                      }
                      return true;
                  });
    if (!scanned) return false;  // it was read a moment ago
    return find_alive(mailbox, buried, *mailbox.pages);
}

// Whether none of the uids is in the view.
bool VerifyRun::find_alive(MailboxWork& mailbox, const std::vector<Uid>& expunged,
                           const MailboxView& view) {
    bool is_right = true;
    for (const Uid uid : expunged) {
        if (!view.find_uid(uid)) continue;
        find(FindingCode::kTombstone, mailbox.place(uid), "the log has expunged it, it is alive");
        is_right = false;
    }
    return is_right;
}

// The log from the fold back to the horizon undone on the pages, see log_undo.hpp.
void VerifyRun::check_pages_against_log(MailboxWork& mailbox) {
    const MailboxRecord& record = mailbox.record;
    if (mailbox.account.is_being_removed || record.folded_modseq == 0) return;
    LogUndo undo(*mailbox.pages);
    const AccountId account = mailbox.account.id;
    std::optional<LogMisfit> misfit;
    if (record.horizon_modseq > record.folded_modseq) return;
    const Result<void> scanned = db_->scan_backward(
        Family::kChanges, keys::change(account, record.id, record.horizon_modseq + 1),
        keys::change(account, record.id, record.folded_modseq + 1),
        [&](std::string_view key, std::string_view value) -> Result<bool> {
            const Result<ChangeRecord> change = decode_change(value);
            if (!change) return tl::unexpected(change.error());
            misfit = undo.undo(*keys::modseq_of_change(key), *change);
            return !misfit;
        });
    if (!scanned) return find_unread(scanned.error(), "the log", mailbox.place());
    if (!misfit) misfit = undo.check_rest(record.horizon_modseq);
    if (misfit) find(FindingCode::kFold, mailbox.place(misfit->uid), misfit->text);
}

// The mailbox as the server would have it; null when pages and log do not fit.
ViewPtr VerifyRun::fold_log(MailboxWork& mailbox) {
    const MailboxRecord& record = mailbox.record;
    const AccountId account = mailbox.account.id;
    MailboxDraft draft(mailbox.pages);
    bool is_right = true;
    const Result<void> scanned = db_->scan(
        Family::kChanges, keys::change(account, record.id, record.folded_modseq + 1),
        end_of(keys::of_mailbox(account, record.id)),
        [&](std::string_view key, std::string_view value) -> Result<bool> {
            const Result<ChangeRecord> change = decode_change(value);
            if (!change) return tl::unexpected(change.error());
            for (const Message& message : change->appended) {
                if (message.uid < record.uidnext) continue;
                find(FindingCode::kUidNext, mailbox.place(message.uid),
                     fmt::format("UIDNEXT is {}", record.uidnext));
                is_right = false;
                return false;
            }
            if (auto applied = apply(draft, *keys::modseq_of_change(key), *change); !applied) {
                find(FindingCode::kFold, mailbox.place(), applied.error().detail);
                is_right = false;
            }
            return is_right;
        });
    if (!scanned) find_unread(scanned.error(), "the log", mailbox.place());
    if (!scanned || !is_right) return nullptr;
    return std::move(draft).finish();
}

void VerifyRun::check_counts(MailboxWork& mailbox, const MailboxView& view) {
    const MailboxCounts& stored = mailbox.record.counts;
    const MailboxCounts& folded = view.counts();
    if (stored == folded) return;
    const auto text = [](const MailboxCounts& counts) {
        return fmt::format("{} messages, {} unseen, {} deleted, {} bytes, {} deleted bytes",
                           counts.messages, counts.unseen, counts.deleted, counts.bytes,
                           counts.deleted_bytes);
    };
    find(FindingCode::kCounts, mailbox.place(),
         fmt::format("its record says {}; there are {}", text(stored), text(folded)));
}

}  // namespace tidemark::storage
