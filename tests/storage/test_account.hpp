// A small account actor for the tests of the store: one account with one mailbox, which turns
// commands into transactions and knows what the store must say when they are committed.
#pragma once

#include "storage/store.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace tidemark::storage::testing {

inline std::string any_body(std::mt19937_64& random, std::size_t bytes_max = 3000) {
    std::string body(random() % bytes_max, '\0');
    for (char& c : body) c = static_cast<char>(random());
    return body;
}

class TestAccount {
  public:
    struct State {
        AccountCounters counters;
        MailboxRecord mailbox;
        ViewPtr view = std::make_shared<const MailboxView>();
        ViewPtr folded = view;
        std::map<Uid, std::string> bodies;
    };

    TestAccount(Store& store, std::string name) : store_(&store), name_(std::move(name)) {}

    AccountId id() const { return id_; }
    const std::string& name() const { return name_; }
    MailboxId mailbox() const { return MailboxId{1}; }
    const State& state() const { return state_; }
    void set_store(Store& store) { store_ = &store; }
    // When a change was committed.
    static std::int64_t time_of(ModSeq modseq) {
        return static_cast<std::int64_t>(modseq) * 1'000'000;
    }

    // Each makes a transaction for the state after the last accepted one; accept() or drop() must
    // follow.
    Transaction create() {
        id_ = store_->next_account_id();
        next_ = state_;
        Transaction transaction(id_, 0);
        AccountRecord record;
        record.id = id_;
        record.name = name_;
        transaction.put_account(record);
        next_.counters.modseq = 1;
        next_.mailbox.id = mailbox();
        next_.mailbox.name = "INBOX";
        next_.mailbox.uidvalidity = 7;
        next_.counters.mailbox_id = raw(mailbox());
        next_.counters.uidvalidity = next_.mailbox.uidvalidity;
        ChangeRecord change;
        change.kind = ChangeKind::kMailboxCreated;
        change.new_name = "INBOX";
        finish(transaction, change);
        return transaction;
    }

    Transaction append(const std::vector<std::string>& bodies) {
        Transaction transaction = begin();
        ChangeRecord change;
        change.kind = ChangeKind::kDelivery;
        for (const std::string& text : bodies) {
            NewBody body;
            body.id = store_->next_body_id();
            body.bytes = std::make_shared<const std::string>(text);
            add_message(transaction, change, std::move(body), text);
        }
        finish(transaction, change);
        return transaction;
    }

    // Streams the body; nullopt when the disk refuses.
    std::optional<Transaction> append_staged(const std::string& text) {
        Transaction transaction = begin();
        ChangeRecord change;
        change.kind = ChangeKind::kAppend;
        NewBody body;
        body.id = store_->next_body_id();
        auto file = store_->stage_body(body.id, text.size());
        const std::string_view all = text;
        if (!file || !(*file)->append(all.substr(0, text.size() / 2)) ||
            !(*file)->append(all.substr(text.size() / 2)) || !(*file)->finish()) {
            return std::nullopt;
        }
        body.staged = *file;
        add_message(transaction, change, std::move(body), text);
        finish(transaction, change);
        return transaction;
    }

    Transaction copy(const std::vector<Uid>& uids) {
        Transaction transaction = begin();
        ChangeRecord change;
        change.kind = ChangeKind::kCopyIn;
        for (const Uid uid : uids) {
            const Message original = state_.view->at(*state_.view->find_uid(uid));
            const std::string& text = state_.bodies.at(uid);
            const Message message = new_message(original.body, text);
            transaction.change_reference(original.body, 1);
            change.appended.push_back(message);
            next_.bodies[message.uid] = text;
        }
        finish(transaction, change);
        return transaction;
    }

    Transaction set_flags(const std::vector<Uid>& uids, FlagBits flags) {
        Transaction transaction = begin();
        ChangeRecord change;
        change.kind = ChangeKind::kStore;
        for (const Uid uid : uids) {
            const FlagBits before = state_.view->at(*state_.view->find_uid(uid)).flags;
            change.flags.push_back({before, flags, {{uid, uid}}});
        }
        finish(transaction, change);
        return transaction;
    }

    Transaction expunge(const std::vector<Uid>& uids) {
        Transaction transaction = begin();
        transaction.set_frees_space();
        ChangeRecord change;
        change.kind = ChangeKind::kExpunge;
        for (const Uid uid : uids) {
            const Message message = state_.view->at(*state_.view->find_uid(uid));
            change.expunged.push_back(message);
            transaction.change_reference(message.body, -1);
            next_.bodies.erase(uid);
        }
        finish(transaction, change);
        return transaction;
    }

    // The pages become what the view is.
    Transaction fold() {
        next_ = state_;
        Transaction transaction(id_, state_.counters.modseq);
        transaction.set_lazy();
        for (const PagePtr& page : state_.folded->pages())
            transaction.delete_page(mailbox(), page->first_uid());
        for (const PagePtr& page : state_.view->pages()) transaction.put_page(mailbox(), *page);
        next_.mailbox.folded_modseq = next_.mailbox.highestmodseq;
        next_.folded = next_.view;
        transaction.put_mailbox(next_.mailbox);
        return transaction;
    }

    // Only what the fold does not need may go.
    Transaction trim() {
        next_ = state_;
        Transaction transaction(id_, state_.counters.modseq);
        transaction.set_lazy();
        transaction.trim_changes(mailbox(), state_.mailbox.folded_modseq);
        next_.mailbox.horizon_modseq = state_.mailbox.folded_modseq;
        transaction.put_mailbox(next_.mailbox);
        return transaction;
    }

    Transaction delete_mailbox() {
        Transaction transaction = begin();
        transaction.set_frees_space();
        transaction.delete_mailbox(mailbox());
        for (const auto& [uid, text] : state_.bodies) {
            transaction.change_reference(state_.view->at(*state_.view->find_uid(uid)).body, -1);
        }
        next_.bodies.clear();
        next_.counters.modseq = state_.counters.modseq + 1;
        transaction.put_counters(next_.counters);
        return transaction;
    }

    void accept() { state_ = next_; }

    // Reads everything back and compares it with the accepted state. `else_next`: the state of the
    // transaction that was under way is right too; it is then taken over.
    bool matches(bool else_next = false) {
        if (!agrees(state_)) {
            if (!else_next || !agrees(next_)) return false;
            accept();
        }
        // A fold is lazy and may have been forgotten; the next one builds on what is there.
        const MailboxRecord record = store_->load_account(id_)->mailboxes.at(0);
        state_.mailbox.folded_modseq = record.folded_modseq;
        state_.mailbox.horizon_modseq = record.horizon_modseq;
        state_.folded = store_->load_mailbox(id_, record)->folded;
        return true;
    }

    // The uids whose body is not read back as it was stored.
    std::vector<Uid> damaged() const {
        std::vector<Uid> uids;
        for (const auto& [uid, text] : state_.bodies) {
            if (read(state_.view->at(*state_.view->find_uid(uid)).body) != text)
                uids.push_back(uid);
        }
        return uids;
    }

    std::optional<std::string> read(BodyId body) const {
        const auto reader = store_->open_body(body, false);
        if (!reader || !*reader) return std::nullopt;
        const Result<std::string> bytes = (*reader)->read_all();
        if (!bytes) return std::nullopt;
        return *bytes;
    }

    std::vector<Uid> uids() const {
        std::vector<Uid> uids;
        uids.reserve(state_.bodies.size());
        for (const auto& [uid, text] : state_.bodies) uids.push_back(uid);
        return uids;
    }
    Message message(Uid uid) const { return state_.view->at(*state_.view->find_uid(uid)); }

  private:
    Transaction begin() {
        next_ = state_;
        return Transaction(id_, state_.counters.modseq);
    }

    Message new_message(BodyId body, const std::string& text) {
        Message message;
        message.uid = next_.mailbox.uidnext++;
        message.modseq = message.createseq = state_.counters.modseq + 1;
        message.size = static_cast<std::uint32_t>(text.size());
        message.internal_date = {1'700'000'000 + message.uid, 60};
        message.save_date = 1'700'000'001 + message.uid;
        message.body = body;
        return message;
    }

    void add_message(Transaction& transaction, ChangeRecord& change, NewBody body,
                     const std::string& text) {
        const Message message = new_message(body.id, text);
        body.owners = {{id_, mailbox(), message.uid}};
        transaction.add_body(std::move(body));
        transaction.put_summary(message.body, "summary of " + std::to_string(raw(message.body)));
        change.appended.push_back(message);
        next_.bodies[message.uid] = text;
    }

    void finish(Transaction& transaction, const ChangeRecord& change) {
        const ModSeq modseq = state_.counters.modseq + (state_.mailbox.id == MailboxId{} ? 0 : 1);
        next_.counters.modseq = modseq;
        MailboxDraft draft(state_.view);
        ChangeRecord timed = change;
        timed.time_micros = time_of(modseq);
        REQUIRE(apply(draft, modseq, timed).has_value());
        draft.raise_uidnext(next_.mailbox.uidnext);
        next_.view = std::move(draft).finish();
        next_.mailbox.highestmodseq = modseq;
        next_.mailbox.counts = next_.view->counts();
        next_.counters.used_messages = next_.mailbox.counts.messages;
        next_.counters.used_bytes = next_.mailbox.counts.bytes;
        transaction.put_change(mailbox(), modseq, timed);
        transaction.put_mailbox(next_.mailbox);
        transaction.put_counters(next_.counters);
    }

    bool agrees(const State& expected) const {
        const auto found = store_->find_account(name_);
        if (expected.mailbox.id == MailboxId{}) return !found.has_value();
        if (!found || *found != id_) return false;
        const Result<LoadedAccount> loaded = store_->load_account(id_);
        if (!loaded || loaded->counters != expected.counters) return false;
        if (loaded->mailboxes.size() != 1) return false;
        const MailboxRecord& record = loaded->mailboxes[0];
        MailboxRecord comparable = record;
        comparable.folded_modseq = expected.mailbox.folded_modseq;
        comparable.horizon_modseq = expected.mailbox.horizon_modseq;
        if (comparable != expected.mailbox) return false;
        const Result<LoadedMailbox> mailbox = store_->load_mailbox(id_, record);
        if (!mailbox) {
            MESSAGE("mailbox does not load: " << mailbox.error().detail);
            return false;
        }
        const MailboxView& view = *mailbox->view;
        if (view.count() != expected.view->count() || view.uidnext() != expected.view->uidnext() ||
            view.highestmodseq() != expected.view->highestmodseq() ||
            view.counts() != expected.view->counts()) {
            return false;
        }
        std::vector<BodyId> bodies;
        for (const auto& [uid, text] : expected.bodies) {
            const auto here = view.find_uid(uid);
            if (!here || view.at(*here) != expected.view->at(*expected.view->find_uid(uid)))
                return false;
            bodies.push_back(view.at(*here).body);
            if (read(bodies.back()) != text) return false;
        }
        const auto summaries = store_->summaries(id_, bodies, false);
        if (!summaries || !*summaries) return false;
        for (std::size_t i = 0; i < bodies.size(); ++i) {
            if ((**summaries)[i] != "summary of " + std::to_string(raw(bodies[i]))) return false;
        }
        return true;
    }

    Store* store_;
    std::string name_;
    AccountId id_{};
    State state_;
    State next_;
};

}  // namespace tidemark::storage::testing
