// The requests that change the tree of mailboxes: CREATE, DELETE, RENAME, SUBSCRIBE (RFC 9051
// §6.3.4–§6.3.8).
#include "actors/account_batch.hpp"
#include "actors/limits.hpp"
#include "protocol/mailbox_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tidemark::actors {

using storage::ChangeKind;
using storage::ChangeRecord;
using storage::MailboxId;
using storage::MailboxRecord;
using storage::Message;
using storage::ModSeq;
using storage::raw;

namespace {

template <class Reply, class Answer>
std::function<void(const AccountError*)> finisher(Reply reply, Answer answer) {
    auto shared = std::make_shared<Reply>(std::move(reply));
    return [shared, answer = std::move(answer)](const AccountError* error) mutable {
        if (error != nullptr && answer) {
            shared->send(tl::unexpected(*error));
        } else {
            shared->send(std::move(answer));
        }
    };
}

}  // namespace

void AccountBatch::adopt_subscription(MailboxRecord& record) {
    const auto orphan = std::find(orphans_.begin(), orphans_.end(), record.name);
    if (orphan == orphans_.end()) return;
    record.subscribed = true;
    orphans_.erase(orphan);
    orphans_changed_ = true;
}

AccountBatch::Working& AccountBatch::create(const std::string& name, storage::SpecialUse use,
                                            ModSeq modseq) {
    const auto now_seconds = now_micros_ / 1'000'000;
    // RFC 9051 §2.3.1.1: a new mailbox of an old name needs a larger UIDVALIDITY; the clock gives
    // one after a restore of the whole server too, the counter when two come within a second.
    counters_.uidvalidity =
        std::max(counters_.uidvalidity + 1,
                 static_cast<std::uint32_t>(std::max<std::int64_t>(now_seconds, 1)));
    const MailboxId id{++counters_.mailbox_id};
    Working working;
    working.created = true;
    working.touched = true;
    MailboxRecord& record = working.record;
    record.id = id;
    record.name = name;
    record.uidvalidity = counters_.uidvalidity;
    record.highestmodseq = modseq;
    record.created_modseq = modseq;
    record.folded_modseq = modseq;
    record.special_use = use;
    record.object_id =
        fmt::format("M{:x}-{:x}-{:x}", raw(account_.id_), raw(id), record.uidvalidity);
    record.created_seconds = now_seconds;
    adopt_subscription(record);
    working.draft.emplace(std::make_shared<const storage::MailboxView>());
    working.draft->raise_highestmodseq(modseq);
    names_.insert_or_assign(name, id);
    Working& result = working_.emplace(raw(id), std::move(working)).first->second;
    ChangeRecord change;
    change.kind = ChangeKind::kMailboxCreated;
    change.time_micros = now_micros_;
    change.new_name = name;
    log(result, modseq, change);
    // The created entry changes no message, so the (empty) pages already hold it.
    result.log_entries = 0;
    only_frees_ = false;
    return result;
}

void AccountBatch::handle(CreateRequest request) {
    if (id_of(request.name)) {
        finishers_.push_back(
            finisher(std::move(request.reply),
                     CreateRequest::Answer(refuse(AccountErrorKind::kAlreadyExists,
                                                  "there is a mailbox of that name"))));
        return;
    }
    if (account_.mailboxes_.size() + working_.size() >= kMailboxesMax) {
        finishers_.push_back(
            finisher(std::move(request.reply),
                     CreateRequest::Answer(refuse(
                         AccountErrorKind::kLimit,
                         fmt::format("an account has at most {} mailboxes", kMailboxesMax)))));
        return;
    }
    Working& mailbox = create(request.name, request.special_use, next_modseq());
    if (request.subscribed) mailbox.record.subscribed = true;
    MailboxRecord record = mailbox.record;
    finishers_.push_back(
        finisher(std::move(request.reply), CreateRequest::Answer(std::move(record))));
}

void AccountBatch::handle(DeleteRequest request) {
    const auto answer = [&](DeleteRequest::Answer value) {
        finishers_.push_back(finisher(std::move(request.reply), std::move(value)));
    };
    if (request.name == kInbox)
        return answer(refuse(AccountErrorKind::kCannot, "INBOX can not be deleted"));
    Working* mailbox = find(request.name);
    if (mailbox == nullptr) {
        return answer(
            has_children(request.name)
                ? refuse(AccountErrorKind::kCannot, "this name only has mailboxes below it")
                : refuse(AccountErrorKind::kNonexistent, "there is no such mailbox"));
    }
    const Mailbox* published = account_.mailbox(mailbox->record.id);
    if (!mailbox->draft && published != nullptr) {
        return answer(refuse(AccountErrorKind::kServerBug, "the mailbox can not be read just now"));
    }
    const ModSeq modseq = next_modseq();
    // Every body that the mailbox named loses a reference: those of the published view that the
    // draft still has. What this round appended is looked up by uid above the view's.
    const auto drop = [&](storage::Uid uid) {
        const auto message = mailbox->draft->find(uid);
        if (!message) return;
        transaction_.change_reference(message->body, -1);
        counters_.used_bytes -= message->size;
        --counters_.used_messages;
    };
    storage::Uid next = 1;
    if (published != nullptr && published->view) {
        for (const auto& page : published->view->pages()) {
            for (const storage::Uid uid : page->fixed->uid) drop(uid);
        }
        next = published->view->uidnext();
    }
    for (; next < mailbox->record.uidnext; ++next) drop(next);
    if (mailbox->record.subscribed) {
        // RFC 9051 §6.3.7: a subscription outlives its mailbox.
        orphans_.push_back(request.name);
        orphans_changed_ = true;
    }
    mailbox->deleted = true;
    names_.insert_or_assign(request.name, std::nullopt);
    answer(modseq);
}

void AccountBatch::handle(RenameRequest request) {
    const auto answer = [&](RenameRequest::Answer value) {
        finishers_.push_back(finisher(std::move(request.reply), std::move(value)));
    };
    if (id_of(request.to))
        return answer(refuse(AccountErrorKind::kAlreadyExists, "there is a mailbox of that name"));
    if (request.from == kInbox) return rename_inbox(std::move(request));
    const std::string prefix = request.from + '/';
    if (request.to.compare(0, prefix.size(), prefix) == 0) {
        return answer(refuse(AccountErrorKind::kCannot, "a mailbox can not be moved below itself"));
    }
    std::vector<std::pair<std::string, MailboxId>> moving;
    const auto consider = [&](const std::string& name) {
        if (name != request.from && name.compare(0, prefix.size(), prefix) != 0) return;
        const auto id = id_of(name);
        if (!id) return;
        for (const auto& known : moving) {
            if (known.second == *id) return;
        }
        moving.emplace_back(name, *id);
    };
    for (auto it = account_.names_.lower_bound(request.from); it != account_.names_.end(); ++it) {
        if (it->first.compare(0, request.from.size(), request.from) != 0) break;
        consider(it->first);
    }
    for (const auto& [name, id] : names_) consider(name);
    if (moving.empty())
        return answer(refuse(AccountErrorKind::kNonexistent, "there is no such mailbox"));
    for (const auto& [name, id] : moving) {
        const std::string to = request.to + name.substr(request.from.size());
        if (to.size() > protocol::kMailboxNameBytesMax) {
            return answer(refuse(AccountErrorKind::kLimit, "a name below it would be too long"));
        }
        if (id_of(to))
            return answer(
                refuse(AccountErrorKind::kAlreadyExists, "a mailbox below it is in the way"));
    }
    const ModSeq modseq = next_modseq();
    for (const auto& [name, id] : moving) {
        Working& mailbox = open(id);
        const std::string to = request.to + name.substr(request.from.size());
        mailbox.record.name = to;
        adopt_subscription(mailbox.record);
        names_.insert_or_assign(name, std::nullopt);
        names_.insert_or_assign(to, id);
        ChangeRecord change;
        change.kind = ChangeKind::kMailboxRenamed;
        change.time_micros = now_micros_;
        change.old_name = name;
        change.new_name = to;
        log(mailbox, modseq, change);
    }
    answer(modseq);
}

// RFC 9051 §6.3.6: renaming INBOX moves its messages to a new mailbox and leaves INBOX empty; names
// below it stay.
void AccountBatch::rename_inbox(RenameRequest request) {
    Working* inbox = find(kInbox);
    if (inbox == nullptr || !inbox->draft) {
        finishers_.push_back(finisher(std::move(request.reply),
                                      RenameRequest::Answer(refuse(AccountErrorKind::kNonexistent,
                                                                   "there is no such mailbox"))));
        return;
    }
    const ModSeq modseq = next_modseq();
    Working& destination = create(request.to, storage::SpecialUse::kNone, modseq);
    move_all(*inbox, destination, modseq);
    finishers_.push_back(finisher(std::move(request.reply), RenameRequest::Answer(modseq)));
}

void AccountBatch::move_all(Working& source, Working& destination, ModSeq modseq) {
    ChangeRecord in;
    in.kind = ChangeKind::kMailboxCreated;
    in.time_micros = now_micros_;
    in.new_name = destination.record.name;
    ChangeRecord out;
    out.kind = ChangeKind::kMoveOut;
    out.time_micros = now_micros_;
    storage::Uid next = 1;
    const auto move = [&](storage::Uid uid) {
        const auto message = source.draft->find(uid);
        if (!message) return;
        Message copy = *message;
        copy.flags = translate_flags(source.record, destination.record, message->flags);
        put_message(destination, in, copy, modseq);
        remove_message(source, out, *message, modseq);
    };
    if (const Mailbox* published = account_.mailbox(source.record.id);
        published && published->view) {
        for (const auto& page : published->view->pages()) {
            for (const storage::Uid uid : page->fixed->uid) move(uid);
        }
        next = published->view->uidnext();
    }
    for (; next < source.record.uidnext; ++next) move(next);
    // The entry of the creation is replaced by this one of the same modseq, which says both.
    destination.record.folded_modseq = 0;
    log(destination, modseq, in);
    log(source, modseq, out);
}

void AccountBatch::handle(SubscribeRequest request) {
    const auto answer = [&](SubscribeRequest::Answer value) {
        finishers_.push_back(finisher(std::move(request.reply), std::move(value)));
    };
    if (Working* mailbox = find(request.name)) {
        if (mailbox->record.subscribed == request.subscribed) return answer(counters_.modseq);
        const ModSeq modseq = next_modseq();
        mailbox->record.subscribed = request.subscribed;
        ChangeRecord change;
        change.kind = ChangeKind::kMailboxChanged;
        change.time_micros = now_micros_;
        change.new_name = request.name;
        log(*mailbox, modseq, change);
        return answer(modseq);
    }
    const auto it = std::find(orphans_.begin(), orphans_.end(), request.name);
    if ((it != orphans_.end()) == request.subscribed) return answer(counters_.modseq);
    if (!request.subscribed) {
        orphans_.erase(it);
    } else if (orphans_.size() >= kOrphanSubscriptionsMax) {
        return answer(refuse(AccountErrorKind::kLimit,
                             "too many subscriptions to names that are no mailboxes"));
    } else {
        orphans_.push_back(request.name);
    }
    orphans_changed_ = true;
    answer(next_modseq());
}

}  // namespace tidemark::actors
