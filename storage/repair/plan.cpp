#include "storage/repair/salvage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace tidemark::storage {
namespace {

constexpr std::string_view kInbox = "INBOX";
constexpr MailboxId kFirstMailbox{1};  // of every account, the INBOX

class Planner {
  public:
    Planner(const SegmentFinds& segments, const DatabaseFinds& database, RepairReport& report)
        : segments_(segments), database_(database), report_(report) {}

    std::vector<PlannedAccount> plan() {
        for (const auto& [id, found] : database_.accounts) take_account(id, found);
        for (const SegmentFinds::Owned& owned : segments_.owned) take_owned(owned);
        report_.losses.insert(report_.losses.end(), segments_.losses.begin(),
                              segments_.losses.end());
        std::vector<PlannedAccount> accounts;
        accounts.reserve(accounts_.size());
        for (auto& [id, draft] : accounts_) accounts.push_back(finish(std::move(draft)));
        return accounts;
    }

  private:
    struct Mailbox {
        PlannedMailbox planned;
        bool is_told_by_view = false;
    };
    struct Account {
        PlannedAccount planned;
        std::map<MailboxId, Mailbox> mailboxes;
        const FoundAccount* found = nullptr;
    };

    void take_account(AccountId id, const FoundAccount& found) {
        Account& account = accounts_[id];
        account.found = &found;
        account.planned.record = found.record;
        account.planned.counters = found.counters;
        for (const auto& [mailbox_id, mailbox] : found.mailboxes) {
            Mailbox& draft = account.mailboxes[mailbox_id];
            draft.planned.record = mailbox.record;
            if (!mailbox.view) continue;
            draft.is_told_by_view = true;
            for (const PagePtr& page : mailbox.view->pages()) {
                for (std::size_t i = 0; i < page->count(); ++i)
                    take_message(found.record.name, draft.planned, page->at(i));
            }
        }
        std::set<std::string_view> names;
        for (const auto& [mailbox_id, draft] : account.mailboxes)
            names.insert(draft.planned.record.name);
        for (const std::string& name : found.subscriptions) {
            if (!names.contains(name)) account.planned.subscriptions.push_back(name);
        }
    }

    void take_message(const std::string& account, PlannedMailbox& mailbox, const Message& message) {
        const auto body = segments_.bodies.find(message.body);
        if (body == segments_.bodies.end()) return lose(account, mailbox.record.name, message.uid);
        mailbox.messages.push_back(message);
        mailbox.messages.back().size = body->second.length;
    }
    void lose(const std::string& account, const std::string& mailbox, Uid uid) {
        Loss loss;
        loss.account = account;
        loss.mailbox = mailbox;
        loss.uid = uid;
        loss.text = "no segment has it whole";
        report_.losses.push_back(std::move(loss));
    }

    // A message as a frame tells of it, where the database does not know better.
    void take_owned(const SegmentFinds::Owned& owned) {
        const BodyOwner& owner = owned.owner;
        if (owner.uid == 0 || owner.uid == UINT32_MAX) return;
        auto at = accounts_.find(owner.account);
        if (at == accounts_.end()) {
            if (database_.has_all_accounts) return;  // it was removed
            at = accounts_.try_emplace(owner.account).first;
            at->second.planned.record.name = name_for(owner.account);
            report_.made_up_names.push_back(at->second.planned.record.name);
        }
        Account& account = at->second;
        auto found = account.mailboxes.find(owner.mailbox);
        if (found == account.mailboxes.end()) {
            if (account.found != nullptr && account.found->has_all_mailboxes) return;
            found = account.mailboxes.try_emplace(owner.mailbox).first;
            found->second.planned.record.id = owner.mailbox;
            found->second.planned.record.name = name_for(account, owner.mailbox);
        }
        if (found->second.is_told_by_view) return;
        PlannedMailbox& mailbox = found->second.planned;
        const auto body = segments_.bodies.find(owned.body);
        if (body == segments_.bodies.end())
            return lose(account.planned.record.name, mailbox.record.name, owner.uid);
        Message message;
        message.uid = owner.uid;
        message.flags = body->second.system_flags & kSystemFlagsMask;
        message.size = body->second.length;
        message.internal_date = body->second.internal_date;
        message.save_date = body->second.internal_date.unix_seconds;
        message.body = owned.body;
        mailbox.messages.push_back(message);
    }

    std::string name_for(AccountId id) const {
        std::string name = fmt::format("account-{}", raw(id));
        const auto is_taken = [&] {
            return std::any_of(accounts_.begin(), accounts_.end(), [&](const auto& one) {
                return one.second.planned.record.name == name;
            });
        };
        while (is_taken()) name += "-lost";
        return name;
    }
    std::string name_for(const Account& account, MailboxId id) const {
        std::string name =
            id == kFirstMailbox ? std::string(kInbox) : fmt::format("Mailbox {}", raw(id));
        const auto is_taken = [&] {
            return std::any_of(
                account.mailboxes.begin(), account.mailboxes.end(),
                [&](const auto& one) { return one.second.planned.record.name == name; });
        };
        while (is_taken()) name += " (lost)";
        if (name != kInbox)
            report_.made_up_names.push_back(
                fmt::format("{}/{}", account.planned.record.name, name));
        return name;
    }

    static PlannedAccount finish(Account account) {
        bool has_inbox = false;
        std::uint32_t highest = 0;
        for (auto& [id, mailbox] : account.mailboxes) {
            auto& messages = mailbox.planned.messages;
            std::stable_sort(messages.begin(), messages.end(),
                             [](const Message& a, const Message& b) { return a.uid < b.uid; });
            messages.erase(
                std::unique(messages.begin(), messages.end(),
                            [](const Message& a, const Message& b) { return a.uid == b.uid; }),
                messages.end());
            has_inbox = has_inbox || mailbox.planned.record.name == kInbox;
            highest = std::max(highest, raw(id));
            account.planned.mailboxes.push_back(std::move(mailbox.planned));
        }
        if (!has_inbox) {
            PlannedMailbox inbox;
            inbox.record.id = MailboxId{highest + 1};
            inbox.record.name = kInbox;
            account.planned.mailboxes.push_back(std::move(inbox));
        }
        return std::move(account.planned);
    }

    const SegmentFinds& segments_;
    const DatabaseFinds& database_;
    RepairReport& report_;
    std::map<AccountId, Account> accounts_;
};

}  // namespace

std::vector<PlannedAccount> make_plan(const SegmentFinds& segments, const DatabaseFinds& database,
                                      RepairReport& report) {
    return Planner(segments, database, report).plan();
}

}  // namespace tidemark::storage
