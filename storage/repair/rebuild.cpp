#include "storage/repair/rebuild.hpp"

#include "storage/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace tidemark::storage {
namespace {

// Of one transaction: what a client's largest command brings in.
constexpr std::size_t kMessagesAtATime = 1000;
constexpr std::uint64_t kBytesAtATime = 8u << 20;

void count(MailboxRecord& record, const Message& message) {
    MailboxCounts& counts = record.counts;
    ++counts.messages;
    counts.bytes += message.size;
    if ((message.flags & kSeen) == 0) ++counts.unseen;
    if ((message.flags & kDeleted) != 0) {
        ++counts.deleted;
        counts.deleted_bytes += message.size;
    }
}

}  // namespace

Rebuild::Rebuild(Store& store, const SegmentDirectory& segments, const SegmentFinds& finds,
                 const RepairOptions& options, RepairReport& report)
    : store_(store), segments_(segments), finds_(finds), options_(options), report_(report) {}

Result<void> Rebuild::write(const std::vector<PlannedAccount>& accounts) {
    for (const PlannedAccount& account : accounts) {
        for (const PlannedMailbox& mailbox : account.mailboxes) {
            for (const Message& message : mailbox.messages) progress_.bytes_total += message.size;
        }
    }
    for (const PlannedAccount& account : accounts) {
        if (auto written = write_account(account); !written) return written;
    }
    return {};
}

Result<void> Rebuild::commit(Transaction transaction) {
    Transaction* pointer = &transaction;
    return store_.commit({&pointer, 1})[0];
}

Result<void> Rebuild::write_account(const PlannedAccount& account) {
    State state;
    AccountRecord record = account.record;
    record.id = state.account = store_.next_account_id();
    if (record.created_seconds == 0) record.created_seconds = options_.now_micros / 1'000'000;
    state.counters.modseq = 1;
    state.counters.uidvalidity = std::max(
        account.counters.uidvalidity, static_cast<std::uint32_t>(options_.now_micros / 1'000'000));
    Transaction transaction(state.account, 0);
    transaction.put_account(record);
    std::vector<MailboxRecord> mailboxes;
    for (const PlannedMailbox& mailbox : account.mailboxes) {
        mailboxes.push_back(new_mailbox(state, mailbox.record));
        ChangeRecord change;
        change.kind = ChangeKind::kMailboxCreated;
        change.time_micros = options_.now_micros;
        change.new_name = mailbox.record.name;
        transaction.put_change(mailboxes.back().id, state.counters.modseq, change);
        transaction.put_mailbox(mailboxes.back());
    }
    for (const std::string& name : account.subscriptions) transaction.put_subscription(name);
    transaction.put_counters(state.counters);
    if (auto done = commit(std::move(transaction)); !done) return done;
    ++report_.accounts;
    report_.mailboxes += mailboxes.size();
    for (std::size_t i = 0; i < mailboxes.size(); ++i) {
        state.mailbox = std::move(mailboxes[i]);
        if (auto done = write_messages(state, account.mailboxes[i]); !done) return done;
    }
    return {};
}

MailboxRecord Rebuild::new_mailbox(State& state, const MailboxRecord& old) const {
    MailboxRecord record;
    record.id = MailboxId{++state.counters.mailbox_id};
    record.name = old.name;
    record.uidvalidity = ++state.counters.uidvalidity;
    record.uidnext = std::max<Uid>(old.uidnext, 1);
    record.highestmodseq = record.folded_modseq = record.created_modseq = state.counters.modseq;
    record.keywords = old.keywords;
    record.special_use = old.special_use;
    record.subscribed = old.subscribed;
    record.object_id =
        fmt::format("M{:x}-{:x}-{:x}", raw(state.account), raw(record.id), record.uidvalidity);
    record.created_seconds =
        old.created_seconds != 0 ? old.created_seconds : options_.now_micros / 1'000'000;
    return record;
}

Result<void> Rebuild::write_messages(State& state, const PlannedMailbox& mailbox) {
    for (std::size_t done = 0; done < mailbox.messages.size();) {
        const Result<std::size_t> written = write_some(state, mailbox.messages, done);
        if (!written) return tl::unexpected(written.error());
        done += *written;
    }
    return {};
}

Result<std::size_t> Rebuild::write_some(State& state, const std::vector<Message>& messages,
                                        std::size_t first) {
    Transaction transaction(state.account, state.counters.modseq);
    const ModSeq modseq = ++state.counters.modseq;
    ChangeRecord change;
    change.kind = ChangeKind::kAppend;
    change.time_micros = options_.now_micros;
    std::uint64_t bytes = 0;
    std::size_t at = first;
    for (; at < messages.size() && at - first < kMessagesAtATime && bytes < kBytesAtATime; ++at) {
        Message message = messages[at];
        if (auto added = add_body(transaction, state, message); !added)
            return tl::unexpected(added.error());
        message.modseq = message.createseq = modseq;
        bytes += message.size;
        count(state.mailbox, message);
        change.appended.push_back(message);
    }
    const std::size_t count = at - first;
    MailboxRecord& record = state.mailbox;
    record.highestmodseq = modseq;
    record.uidnext = std::max<Uid>(record.uidnext, messages[at - 1].uid + 1);
    record.recent_uid = record.uidnext;
    state.counters.used_messages += count;
    state.counters.used_bytes += bytes;
    transaction.put_change(record.id, modseq, change);
    transaction.put_mailbox(record);
    transaction.put_counters(state.counters);
    if (auto done = commit(std::move(transaction)); !done) return tl::unexpected(done.error());
    report_.messages += count;
    report_.bytes += bytes;
    progress_.bytes_done += bytes;
    if (options_.on_progress) options_.on_progress(progress_);
    return count;
}

// A body that several messages name is written once.
Result<void> Rebuild::add_body(Transaction& transaction, const State& state, Message& message) {
    const BodyId old = message.body;
    if (const auto known = new_ids_.find(old); known != new_ids_.end()) {
        message.body = known->second;
        transaction.change_reference(known->second, 1);
        return {};
    }
    Result<NewBody> body = copy_body(finds_.bodies.at(old));
    if (!body) return tl::unexpected(body.error());
    message.body = body->id;
    body->internal_date = message.internal_date;
    body->system_flags = message.flags & kSystemFlagsMask;
    body->owners = {{state.account, state.mailbox.id, message.uid}};
    new_ids_.emplace(old, body->id);
    transaction.add_body(std::move(*body));
    return {};
}

Result<NewBody> Rebuild::copy_body(const WholeBody& from) {
    const auto segment = segments_.open(from.segment, false);
    if (!segment) return tl::unexpected(segment.error());
    NewBody body;
    body.id = store_.next_body_id();
    const bool is_staged = from.length >= options_.store.stage_bytes;
    if (is_staged) {
        auto staged = store_.stage_body(body.id, from.length);
        if (!staged) return tl::unexpected(staged.error());
        body.staged = std::move(*staged);
    }
    std::string bytes(is_staged ? std::min<std::size_t>(from.length, kReadPieceBytes) : from.length,
                      '\0');
    for (std::uint64_t done = 0; done < from.length;) {
        const std::size_t size = std::min<std::uint64_t>(bytes.size(), from.length - done);
        const auto got = (*segment)->file().read_at(from.offset + done, bytes.data(), size);
        if (!got) return tl::unexpected(store_error(got.error()));
        if (*got != size)
            return fail(StoreErrorKind::kIo, "a segment became shorter while it was read");
        if (is_staged) {
            if (auto put = body.staged->append(std::string_view(bytes).substr(0, size)); !put)
                return tl::unexpected(put.error());
        }
        done += size;
    }
    if (is_staged) {
        if (auto finished = body.staged->finish(); !finished)
            return tl::unexpected(finished.error());
    } else {
        body.bytes = std::make_shared<const std::string>(std::move(bytes));
    }
    return body;
}

}  // namespace tidemark::storage
