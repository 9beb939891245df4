#include "actors/account_batch.hpp"

#include "actors/limits.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <utility>

namespace tidemark::actors {

using storage::ChangeKind;
using storage::ChangeRecord;
using storage::FlagBits;
using storage::MailboxId;
using storage::MailboxRecord;
using storage::Message;
using storage::ModSeq;
using storage::raw;
using storage::Uid;
using storage::UidRange;

namespace {

constexpr FlagBits kSystemBits = (FlagBits{1} << storage::kKeywordShift) - 1;

tl::unexpected<AccountError> no_mailbox() {
    return refuse(AccountErrorKind::kNonexistent, "there is no such mailbox");
}

bool same_keyword(const std::string& a, const std::string& b) {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<unsigned> keyword_index(const MailboxRecord& record, const std::string& keyword) {
    for (unsigned i = 0; i < record.keywords.size(); ++i) {
        if (same_keyword(record.keywords[i], keyword)) return i;
    }
    return std::nullopt;
}

void count(storage::MailboxCounts& counts, FlagBits flags, std::uint32_t size, bool add) {
    const std::uint32_t one = add ? 1 : -1U;
    const std::uint64_t bytes = add ? size : -std::uint64_t{size};
    counts.messages += one;
    counts.bytes += bytes;
    if ((flags & storage::kSeen) == 0) counts.unseen += one;
    if ((flags & storage::kDeleted) != 0) {
        counts.deleted += one;
        counts.deleted_bytes += bytes;
    }
}

// One entry for each pair of old and new flags, in place of one for each message.
void add_flag_change(ChangeRecord& change, FlagBits before, FlagBits after, Uid uid) {
    for (auto& group : change.flags) {
        if (group.before == before && group.after == after) {
            storage::append_uid(group.uids, uid);
            return;
        }
    }
    change.flags.push_back({before, after, {{uid, uid}}});
}

}  // namespace

AccountBatch::AccountBatch(Account& account, std::int64_t now_micros)
    : account_(account),
      now_micros_(now_micros),
      transaction_(account.id_, account.counters_.modseq),
      counters_(account.counters_),
      orphans_(account.orphan_subscriptions_) {}

void AccountBatch::apply(AccountRequest request) {
    std::visit([this](auto&& one) { handle(std::forward<decltype(one)>(one)); },
               std::move(request));
}

template <class Request>
void AccountBatch::answer_after_commit(Request& request, typename Request::Answer answer) {
    auto reply = std::make_shared<ReplyTo<typename Request::Answer>>(std::move(request.reply));
    finishers_.push_back([reply, answer = std::move(answer)](const AccountError* error) mutable {
        if (error != nullptr && answer) {
            reply->send(tl::unexpected(*error));
        } else {
            reply->send(std::move(answer));
        }
    });
}

std::optional<MailboxId> AccountBatch::id_of(std::string_view name) const {
    if (const auto it = names_.find(name); it != names_.end()) return it->second;
    if (const auto it = account_.names_.find(name); it != account_.names_.end()) return it->second;
    return std::nullopt;
}

AccountBatch::Working& AccountBatch::open(MailboxId id) {
    const auto it = working_.find(raw(id));
    if (it != working_.end()) return it->second;
    const Mailbox& mailbox = *account_.mailbox(id);
    Working working;
    working.record = mailbox.record;
    working.log_entries = mailbox.log_entries;
    if (mailbox.view) working.draft.emplace(mailbox.view);
    return working_.emplace(raw(id), std::move(working)).first->second;
}

AccountBatch::Working* AccountBatch::find(MailboxId id) {
    if (const auto it = working_.find(raw(id)); it != working_.end()) {
        return it->second.deleted ? nullptr : &it->second;
    }
    return account_.mailbox(id) == nullptr ? nullptr : &open(id);
}

AccountBatch::Working* AccountBatch::find(std::string_view name) {
    const auto id = id_of(name);
    return id ? find(*id) : nullptr;
}

bool AccountBatch::has_children(std::string_view name) const {
    const std::string prefix = std::string(name) + '/';
    const auto starts = [&prefix](const std::string& other) {
        return other.compare(0, prefix.size(), prefix) == 0;
    };
    for (auto it = account_.names_.lower_bound(prefix);
         it != account_.names_.end() && starts(it->first); ++it) {
        if (id_of(it->first)) return true;
    }
    const auto it = names_.lower_bound(prefix);
    return it != names_.end() && starts(it->first) && it->second.has_value();
}

ModSeq AccountBatch::next_modseq() {
    changed_ = true;
    return ++counters_.modseq;
}

void AccountBatch::log(Working& mailbox, ModSeq modseq, const ChangeRecord& change) {
    mailbox.touched = true;
    mailbox.record.highestmodseq = modseq;
    if (mailbox.draft) mailbox.draft->raise_highestmodseq(modseq);
    ++mailbox.log_entries;
    transaction_.put_change(mailbox.record.id, modseq, change);
}

std::optional<AccountError> AccountBatch::check_room(std::uint64_t bytes) const {
    const std::uint64_t quota = (record_ ? *record_ : account_.record_).quota_bytes;
    if (quota != 0 && counters_.used_bytes + bytes > quota) {
        return AccountError{AccountErrorKind::kOverQuota, "the account's quota is used up"};
    }
    return std::nullopt;
}

bool AccountBatch::has_room_for(const MailboxRecord& record, const FlagNames& names) {
    std::size_t missing = 0;
    for (const std::string& keyword : names.keywords) {
        if (!keyword_index(record, keyword)) ++missing;
    }
    return record.keywords.size() + missing <= kKeywordsMax;
}

std::optional<FlagBits> AccountBatch::resolve_flags(MailboxRecord& record, const FlagNames& names) {
    if (!has_room_for(record, names)) return std::nullopt;
    FlagBits bits = names.system & kSystemBits;
    for (const std::string& keyword : names.keywords) {
        auto index = keyword_index(record, keyword);
        if (!index) {
            record.keywords.push_back(keyword);
            index = static_cast<unsigned>(record.keywords.size() - 1);
        }
        bits |= FlagBits{1} << (storage::kKeywordShift + *index);
    }
    return bits;
}

FlagBits AccountBatch::translate_flags(const MailboxRecord& source, MailboxRecord& destination,
                                       FlagBits flags) {
    FlagBits result = flags & kSystemBits;
    for (unsigned i = 0; i < source.keywords.size(); ++i) {
        if ((flags >> (storage::kKeywordShift + i) & 1) == 0) continue;
        // A keyword for which the destination's table has no room is left behind rather than the
        // message.
        if (const auto bits = resolve_flags(destination, {0, {source.keywords[i]}}))
            result |= *bits;
    }
    return result;
}

Uid AccountBatch::put_message(Working& mailbox, ChangeRecord& change, Message message,
                              ModSeq modseq) {
    message.uid = mailbox.record.uidnext++;
    message.modseq = modseq;
    message.createseq = modseq;
    message.save_date = now_micros_ / 1'000'000;
    if (mailbox.first_new_uid == 0) mailbox.first_new_uid = message.uid;
    if (mailbox.draft) mailbox.draft->append(message);
    count(mailbox.record.counts, message.flags, message.size, true);
    counters_.used_bytes += message.size;
    ++counters_.used_messages;
    change.appended.push_back(message);
    only_frees_ = false;
    return message.uid;
}

void AccountBatch::remove_message(Working& mailbox, ChangeRecord& change, const Message& message,
                                  ModSeq modseq) {
    mailbox.draft->expunge(message.uid, modseq);
    count(mailbox.record.counts, message.flags, message.size, false);
    counters_.used_bytes -= message.size;
    --counters_.used_messages;
    change.expunged.push_back(message);
}

void AccountBatch::handle(AppendRequest request) {
    Working* mailbox = find(request.mailbox);
    if (mailbox == nullptr) return answer_after_commit(request, no_mailbox());
    std::uint64_t bytes = 0;
    MailboxRecord trial = mailbox->record;
    for (const AppendMessage& message : request.messages) {
        bytes += message.size;
        if (!resolve_flags(trial, message.flags)) {
            return answer_after_commit(
                request,
                refuse(AccountErrorKind::kLimit,
                       fmt::format("a mailbox has room for {} different keywords", kKeywordsMax)));
        }
    }
    if (Uid{0} - mailbox->record.uidnext <= request.messages.size()) {
        return answer_after_commit(
            request, refuse(AccountErrorKind::kLimit, "the mailbox has used up its UIDs"));
    }
    if (auto error = check_room(bytes)) return answer_after_commit(request, tl::unexpected(*error));

    mailbox->record.keywords = std::move(trial.keywords);
    const ModSeq modseq = next_modseq();
    ChangeRecord change;
    change.kind = request.kind;
    change.time_micros = now_micros_;
    AppendOutcome outcome;
    outcome.uidvalidity = mailbox->record.uidvalidity;
    outcome.modseq = modseq;
    for (AppendMessage& source : request.messages) {
        Message message;
        message.flags = *resolve_flags(mailbox->record, source.flags);
        message.size = source.size;
        message.internal_date = source.internal_date;
        message.body = source.body;
        const Uid uid = put_message(*mailbox, change, message, modseq);
        storage::append_uid(outcome.uids, uid);
        storage::NewBody body;
        body.id = source.body;
        body.bytes = std::move(source.bytes);
        body.staged = std::move(source.staged);
        body.is_shared = source.is_shared_body;
        body.internal_date = source.internal_date;
        body.system_flags = source.flags.system;
        body.owners.push_back({account_.id_, mailbox->record.id, uid});
        transaction_.add_body(std::move(body));
        if (source.summary) transaction_.put_summary(source.body, *source.summary);
    }
    log(*mailbox, modseq, change);
    answer_after_commit(request, std::move(outcome));
}

void AccountBatch::handle(StoreRequest request) {
    Working* mailbox = find(request.mailbox);
    if (mailbox == nullptr || !mailbox->draft) return answer_after_commit(request, no_mailbox());
    if (request.mode != StoreMode::kRemove && !has_room_for(mailbox->record, request.flags)) {
        return answer_after_commit(
            request,
            refuse(AccountErrorKind::kLimit,
                   fmt::format("a mailbox has room for {} different keywords", kKeywordsMax)));
    }
    FlagBits given = request.flags.system & kSystemBits;
    if (request.mode == StoreMode::kRemove) {
        for (const std::string& keyword : request.flags.keywords) {
            if (const auto index = keyword_index(mailbox->record, keyword)) {
                given |= FlagBits{1} << (storage::kKeywordShift + *index);
            }
        }
    } else {
        given = *resolve_flags(mailbox->record, request.flags);
    }
    StoreOutcome outcome;
    outcome.given = given;
    ChangeRecord change;
    change.kind = ChangeKind::kStore;
    change.time_micros = now_micros_;
    const ModSeq modseq = counters_.modseq + 1;  // taken only if something changes
    for (const UidRange& range : request.uids) {
        for (std::uint64_t uid = range.first; uid <= range.last; ++uid) {
            const auto message = mailbox->draft->find(static_cast<Uid>(uid));
            if (!message) {
                storage::append_uid(outcome.missing, static_cast<Uid>(uid));
                continue;
            }
            // RFC 7162 §3.1.3: compare and set, one message at a time; what came before in this
            // round counts.
            if (request.unchanged_since && message->modseq > *request.unchanged_since) {
                storage::append_uid(outcome.failed, message->uid);
                continue;
            }
            FlagBits flags = given;
            if (request.mode == StoreMode::kAdd) flags = message->flags | given;
            if (request.mode == StoreMode::kRemove) flags = message->flags & ~given;
            if (flags == message->flags) continue;
            add_flag_change(change, message->flags, flags, message->uid);
            count(mailbox->record.counts, message->flags, message->size, false);
            count(mailbox->record.counts, flags, message->size, true);
            mailbox->draft->set_flags(message->uid, flags, modseq);
        }
    }
    if (!change.flags.empty()) {
        outcome.modseq = next_modseq();
        log(*mailbox, modseq, change);
    }
    answer_after_commit(request, std::move(outcome));
}

void AccountBatch::handle(ExpungeRequest request) {
    Working* mailbox = find(request.mailbox);
    if (mailbox == nullptr || !mailbox->draft) return answer_after_commit(request, no_mailbox());
    std::vector<Message> doomed;
    const auto consider = [&](Uid uid) {
        const auto message = mailbox->draft->find(uid);
        if (message && (message->flags & storage::kDeleted) != 0) doomed.push_back(*message);
    };
    // Candidates come from the published view (a superset but for what this round appended, which
    // is in the draft only and is no session's to expunge by number); the draft decides.
    const auto& view = *account_.mailbox(request.mailbox)->view;
    if (mailbox->record.counts.deleted > 0) {
        for (const auto& page : view.pages()) {
            if (request.only) break;
            for (const Uid uid : page->fixed->uid) consider(uid);
        }
        if (request.only) {
            for (const UidRange& range : *request.only) {
                for (auto at = view.lower_bound(range.first);
                     at && view.uid_at(*at) <= range.last;) {
                    consider(view.uid_at(*at));
                    at = view.next(*at);
                }
            }
        }
    }
    ExpungeOutcome outcome;
    if (!doomed.empty()) {
        const ModSeq modseq = next_modseq();
        ChangeRecord change;
        change.kind = ChangeKind::kExpunge;
        change.time_micros = now_micros_;
        for (const Message& message : doomed) {
            remove_message(*mailbox, change, message, modseq);
            transaction_.change_reference(message.body, -1);
            storage::append_uid(outcome.uids, message.uid);
        }
        outcome.modseq = modseq;
        log(*mailbox, modseq, change);
    }
    answer_after_commit(request, std::move(outcome));
}

void AccountBatch::handle(CopyRequest request) {
    Working* source = find(request.source);
    if (source == nullptr || !source->draft) return answer_after_commit(request, no_mailbox());
    Working* destination = find(request.destination);
    if (destination == nullptr) return answer_after_commit(request, no_mailbox());
    std::vector<Message> messages;
    std::uint64_t bytes = 0;
    for (const UidRange& range : request.uids) {
        for (std::uint64_t uid = range.first; uid <= range.last; ++uid) {
            if (auto message = source->draft->find(static_cast<Uid>(uid))) {
                bytes += message->size;
                messages.push_back(*message);
            } else if (request.all_required) {
                return answer_after_commit(request,
                                           refuse(AccountErrorKind::kExpungeIssued,
                                                  "some of the messages are already expunged"));
            }
        }
    }
    CopyOutcome outcome;
    outcome.uidvalidity = destination->record.uidvalidity;
    if (messages.empty()) return answer_after_commit(request, std::move(outcome));
    if (Uid{0} - destination->record.uidnext <= messages.size()) {
        return answer_after_commit(
            request, refuse(AccountErrorKind::kLimit, "the mailbox has used up its UIDs"));
    }
    if (!request.move) {
        if (auto error = check_room(bytes))
            return answer_after_commit(request, tl::unexpected(*error));
    }
    const bool same = source == destination;
    const ModSeq modseq = next_modseq();
    ChangeRecord in;
    in.kind = request.move ? ChangeKind::kMoveIn : ChangeKind::kCopyIn;
    in.time_micros = now_micros_;
    ChangeRecord out;
    out.kind = ChangeKind::kMoveOut;
    out.time_micros = now_micros_;
    for (const Message& message : messages) {
        Message copy = message;
        if (!same) copy.flags = translate_flags(source->record, destination->record, message.flags);
        const Uid uid = put_message(*destination, in, copy, modseq);
        storage::append_uid(outcome.source_uids, message.uid);
        storage::append_uid(outcome.destination_uids, uid);
        if (request.move) {
            remove_message(*source, same ? in : out, message, modseq);
        } else {
            transaction_.change_reference(message.body, 1);
        }
    }
    outcome.modseq = modseq;
    log(*destination, modseq, in);
    if (request.move && !same) log(*source, modseq, out);
    answer_after_commit(request, std::move(outcome));
}

void AccountBatch::handle(OpenRequest request) {
    Working* mailbox = raw(request.id) != 0 ? find(request.id) : find(request.name);
    if (mailbox == nullptr) return answer_after_commit(request, no_mailbox());
    if (!mailbox->draft && !mailbox->created) {
        return answer_after_commit(
            request, refuse(AccountErrorKind::kServerBug, "the mailbox can not be read just now"));
    }
    const MailboxId id = mailbox->record.id;
    answer_after_commit(request, id);
}

void AccountBatch::handle(UpdateAccountRequest request) {
    if (!record_) record_ = account_.record_;
    request.change(*record_);
    record_->id = account_.id_;
    transaction_.put_account(*record_);
    const ModSeq modseq = next_modseq();
    answer_after_commit(request, modseq);
}

std::unique_ptr<storage::Transaction> AccountBatch::take_transaction() {
    for (auto& [id, mailbox] : working_) {
        if (mailbox.deleted) {
            if (!mailbox.created) transaction_.delete_mailbox(mailbox.record.id);
        } else if (mailbox.touched || mailbox.created) {
            transaction_.put_mailbox(mailbox.record);
        }
    }
    if (orphans_changed_) {
        for (const auto& name : orphans_) transaction_.put_subscription(name);
        for (const auto& name : account_.orphan_subscriptions_) {
            if (std::find(orphans_.begin(), orphans_.end(), name) == orphans_.end()) {
                transaction_.delete_subscription(name);
            }
        }
    }
    transaction_.put_counters(counters_);
    if (only_frees_) transaction_.set_frees_space();
    return std::make_unique<storage::Transaction>(std::move(transaction_));
}

void AccountBatch::fail(const AccountError& error) {
    for (auto& finish : finishers_) finish(&error);
}

void AccountBatch::commit() {
    std::vector<MailboxWatcher*> changed;
    std::vector<MailboxWatcher*> deleted;
    if (changed_) {
        account_.counters_ = counters_;
        if (record_) account_.record_ = *record_;
        account_.orphan_subscriptions_ = std::move(orphans_);
        for (auto& [name, id] : names_) {
            if (id) {
                account_.names_.insert_or_assign(name, *id);
            } else {
                account_.names_.erase(name);
            }
        }
        for (auto& [id, working] : working_) {
            if (working.deleted) {
                if (Mailbox* gone = account_.mailbox(working.record.id)) {
                    deleted.insert(deleted.end(), gone->watchers.begin(), gone->watchers.end());
                    account_.mailboxes_.erase(id);
                }
                continue;
            }
            if (!working.touched && !working.created) continue;
            Mailbox& mailbox = account_.mailboxes_[id];
            const Uid recent_uid = std::max(mailbox.record.recent_uid, working.record.recent_uid);
            mailbox.record = std::move(working.record);
            mailbox.record.recent_uid = recent_uid;
            mailbox.log_entries = working.log_entries;
            if (working.draft) mailbox.view = std::move(*working.draft).finish();
            if (working.created) mailbox.folded = std::make_shared<const storage::MailboxView>();
            if (working.first_new_uid != 0) {
                for (MailboxWatcher* watcher : mailbox.watchers) {
                    if (!watcher->takes_recent()) continue;
                    const auto recent = account_.claim_recent(mailbox.record.id);
                    if (recent.first != 0) watcher->add_recent(recent);
                    break;
                }
            }
            changed.insert(changed.end(), mailbox.watchers.begin(), mailbox.watchers.end());
        }
    }
    for (auto& finish : finishers_) finish(nullptr);
    for (MailboxWatcher* watcher : changed) watcher->on_mailbox_changed();
    for (MailboxWatcher* watcher : deleted) watcher->on_mailbox_deleted();
}

}  // namespace tidemark::actors
