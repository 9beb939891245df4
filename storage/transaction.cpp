#include "storage/transaction.hpp"

#include "storage/keys.hpp"

#include <cassert>

namespace tidemark::storage {

Transaction::Transaction(AccountId account, ModSeq base_modseq)
    : account_(account), base_modseq_(base_modseq), new_modseq_(base_modseq) {}

void Transaction::put(Family family, std::string key, std::string value) {
    bytes_ += key.size() + value.size();
    mutations_.push_back({Mutation::Kind::kPut, family, std::move(key), std::move(value)});
}
void Transaction::remove(Family family, std::string key) {
    bytes_ += key.size();
    mutations_.push_back({Mutation::Kind::kDelete, family, std::move(key), {}});
}
void Transaction::remove_range(Family family, std::string first, std::string end) {
    bytes_ += first.size() + end.size();
    mutations_.push_back({Mutation::Kind::kDeleteRange, family, std::move(first), std::move(end)});
}

void Transaction::put_account(const AccountRecord& record) {
    put(Family::kAccounts, keys::account(record.id), encode(record));
    put(Family::kAccounts, keys::account_name(record.name), keys::encode_account_id(record.id));
}

void Transaction::rename_account(const AccountRecord& record, std::string_view old_name) {
    if (old_name != record.name) remove(Family::kAccounts, keys::account_name(old_name));
    put_account(record);
}

void Transaction::put_counters(const AccountCounters& counters) {
    assert(counters.modseq >= base_modseq_);
    new_modseq_ = counters.modseq;
    put(Family::kAccounts, keys::counters(account_), encode(counters));
}

void Transaction::put_mailbox(const MailboxRecord& record) {
    put(Family::kMailboxes, keys::mailbox(account_, record.id), encode(record));
}

void Transaction::delete_mailbox(MailboxId mailbox) {
    const std::string first = keys::of_mailbox(account_, mailbox);
    const std::string end = keys::after(first);
    remove(Family::kMailboxes, keys::mailbox(account_, mailbox));
    remove_range(Family::kPages, first, end);
    remove_range(Family::kChanges, first, end);
}

void Transaction::put_change(MailboxId mailbox, ModSeq modseq, const ChangeRecord& change) {
    put(Family::kChanges, keys::change(account_, mailbox, modseq), encode(change));
}

void Transaction::put_page(MailboxId mailbox, const Page& page) {
    put(Family::kPages, keys::page(account_, mailbox, page.first_uid()), encode_page(page));
}

void Transaction::delete_page(MailboxId mailbox, Uid first_uid) {
    remove(Family::kPages, keys::page(account_, mailbox, first_uid));
}

void Transaction::trim_changes(MailboxId mailbox, ModSeq up_to) {
    remove_range(Family::kChanges, keys::change(account_, mailbox, 0),
                 keys::change(account_, mailbox, up_to + 1));
}

void Transaction::put_summary(BodyId body, std::string_view summary) {
    put(Family::kSummaries, keys::summary(account_, body), std::string(summary));
}

void Transaction::put_subscription(std::string_view name) {
    put(Family::kAccounts, keys::subscription(account_, name), std::string(1, '\x01'));
}
void Transaction::delete_subscription(std::string_view name) {
    remove(Family::kAccounts, keys::subscription(account_, name));
}

void Transaction::add_body(NewBody body) {
    assert(!body.owners.empty() && (body.bytes != nullptr) != (body.staged != nullptr));
    bytes_ += body.bytes ? body.bytes->size() : 0;
    bodies_.push_back(std::move(body));
}

void Transaction::change_reference(BodyId body, std::int32_t delta) {
    bytes_ += sizeof(ReferenceChange);
    references_.push_back({body, delta});
}

std::size_t Transaction::memory_bytes() const {
    return sizeof(*this) + bytes_ + mutations_.capacity() * sizeof(Mutation) +
           bodies_.capacity() * sizeof(NewBody) + references_.capacity() * sizeof(ReferenceChange);
}

}  // namespace tidemark::storage
