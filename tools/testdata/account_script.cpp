#include "tools/testdata/account_script.hpp"

#include "actors/incoming_message.hpp"
#include "actors/limits.hpp"
#include "protocol/mailbox_name.hpp"
#include "tools/testdata/messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace tidemark::tools::testdata {

using actors::FlagNames;
using storage::ChangeKind;
using storage::MailboxRecord;
using storage::SpecialUse;

namespace {

// Nested, with what names rarely have, and two that differ in case only.
constexpr std::array<std::string_view, 13> kMailboxes = {
    "Work",
    "Work/2024",
    "Work/2024/Q1 & Q2",
    "INBOX/below",
    "work",
    "\xC3\x9C"
    "bersicht/\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E",
    "quoted \"name\" \\ {5}",
    "with  two spaces",
    "Dot.ted-name_~tilde",
    "NIL",
    "&-ampersand",
    "\xF0\x9F\x8C\x8A",
    "parent of nothing/child"};

constexpr std::array<std::string_view, 7> kKeywords = {
    "$Forwarded", "$MDNSent", "$Junk", "$Label1", "custom", "with.dot", "$NotJunk"};

constexpr std::array<storage::FlagBits, 5> kSystemFlags = {
    storage::kSeen, storage::kAnswered, storage::kFlagged, storage::kDeleted, storage::kDraft};

// The beginning of time, zones at both ends, past 2038.
constexpr std::array<storage::Date, 6> kDates = {{{0, 0},
                                                  {1'704'067'200, 60},
                                                  {1'709'251'199, -720},
                                                  {4'102'444'800, 840},
                                                  {951'782'400, 345},
                                                  {1'700'000'000, -210}}};

constexpr std::uint64_t kPauseSecondsMax = 7200;

}  // namespace

AccountScript::AccountScript(DrivenServer& server, storage::AccountId account, std::uint64_t seed,
                             std::uint64_t first_number)
    : server_(server), account_(account), random_(seed), number_(first_number) {}

void AccountScript::fail(std::string text) {
    if (!error_) error_ = std::move(text);
}

template <class Request>
std::optional<typename Request::Answer::value_type> AccountScript::ask(Request request) {
    if (error_) return std::nullopt;
    auto answer = server_.call(account_, std::move(request));
    if (answer) return std::move(*answer);
    // A mailbox without room for another keyword refuses some of what is asked; nothing happened.
    if (answer.error().kind == actors::AccountErrorKind::kLimit) return std::nullopt;
    fail(answer.error().text);
    return std::nullopt;
}

void AccountScript::pass_time() {
    const std::uint64_t micros = 1 + random_.below(kPauseSecondsMax * 1'000'000);
    server_.clock().advance(static_cast<std::int64_t>(micros));
}

std::vector<MailboxRecord> AccountScript::mailboxes() {
    if (error_) return {};
    auto loaded = server_.store().load_account(account_);
    if (loaded) return std::move(loaded->mailboxes);
    fail(loaded.error().detail);
    return {};
}

std::optional<MailboxRecord> AccountScript::find(const std::string& name) {
    for (MailboxRecord& record : mailboxes()) {
        if (record.name == name) return std::move(record);
    }
    fail(fmt::format("there is no mailbox {}", name));
    return std::nullopt;
}

storage::ViewPtr AccountScript::view(const MailboxRecord& record) {
    if (!error_) {
        auto loaded = server_.store().load_mailbox(account_, record);
        if (loaded) return loaded->view;
        fail(loaded.error().detail);
    }
    return std::make_shared<const storage::MailboxView>();
}

std::optional<MailboxRecord> AccountScript::any_filled() {
    std::vector<MailboxRecord> all = mailboxes();
    std::erase_if(all, [](const MailboxRecord& record) { return record.counts.messages == 0; });
    if (all.empty()) return std::nullopt;
    return std::move(all[random_.below(all.size())]);
}

storage::UidRanges AccountScript::some_uids(const storage::MailboxView& view,
                                            std::uint64_t divisor) {
    storage::UidRanges uids;
    for (std::uint32_t seq = 1; seq <= view.count(); ++seq) {
        if (random_.one_in(divisor)) storage::append_uid(uids, view.uid_at(view.find_seq(seq)));
    }
    return uids;
}

FlagNames AccountScript::some_flags() {
    FlagNames flags;
    for (const storage::FlagBits flag : kSystemFlags) {
        if (random_.one_in(flag == storage::kDeleted ? 12 : 4)) flags.system |= flag;
    }
    for (const std::string_view keyword : kKeywords) {
        if (random_.one_in(7)) flags.keywords.emplace_back(keyword);
    }
    return flags;
}

std::optional<actors::AppendMessage> AccountScript::message(std::string bytes) {
    if (error_) return std::nullopt;
    auto made = actors::make_append_message(server_.store(), std::move(bytes));
    if (!made) {
        fail(made.error().text);
        return std::nullopt;
    }
    made->flags = some_flags();
    made->internal_date = random_.pick<storage::Date>(kDates);
    made->internal_date.unix_seconds += static_cast<std::int64_t>(random_.below(100'000));
    return std::move(*made);
}

void AccountScript::append(const std::string& mailbox, std::uint64_t count, ChangeKind kind) {
    actors::AppendRequest request;
    request.mailbox = mailbox;
    request.kind = kind;
    for (std::uint64_t i = 0; i < count; ++i) {
        auto made = message(any_message(random_, number_++));
        if (made) request.messages.push_back(std::move(*made));
    }
    (void)ask(std::move(request));
}

void AccountScript::create(const std::string& name, SpecialUse use, bool subscribed) {
    actors::CreateRequest request;
    request.name = name;
    request.special_use = use;
    request.subscribed = subscribed;
    (void)ask(std::move(request));
    pass_time();
}

void AccountScript::subscribe(const std::string& name, bool subscribed) {
    actors::SubscribeRequest request;
    request.name = name;
    request.subscribed = subscribed;
    (void)ask(std::move(request));
    pass_time();
}

void AccountScript::make_mailboxes() {
    for (const std::string_view name : kMailboxes)
        create(std::string(name), SpecialUse::kNone, random_.one_in(2));
    create("All mail", SpecialUse::kAll);
    create("Starred", SpecialUse::kFlagged, true);
    create("Important", SpecialUse::kImportant);
    // As long as names may be, and three levels of it.
    const std::string level(protocol::kMailboxComponentBytesMax, '-');
    create(level + '/' + level + '/' + level + "/long", SpecialUse::kNone, true);
    subscribe("no such mailbox", true);
    subscribe(
        "no/such/\xC3\xA4"
        "either",
        true);
    subscribe("not any more", true);
    subscribe("not any more", false);
    subscribe("Junk", false);
}

void AccountScript::store_flags() {
    const auto record = any_filled();
    if (!record) return;
    actors::StoreRequest request;
    request.mailbox = record->id;
    request.uids = some_uids(*view(*record), 3);
    request.mode = static_cast<actors::StoreMode>(random_.below(3));
    request.flags = some_flags();
    if (random_.one_in(4)) request.unchanged_since = record->highestmodseq - 1;
    (void)ask(std::move(request));
}

void AccountScript::copy_or_move(bool move) {
    const auto record = any_filled();
    const std::vector<MailboxRecord> all = mailboxes();
    if (!record || all.empty()) return;
    actors::CopyRequest request;
    request.source = record->id;
    request.uids = some_uids(*view(*record), 4);
    request.destination = all[random_.below(all.size())].name;
    request.move = move;
    if (request.uids.empty() || (move && request.destination == record->name)) return;
    (void)ask(std::move(request));
}

void AccountScript::expunge(const MailboxRecord& record, const storage::UidRanges& uids) {
    if (uids.empty()) return;
    actors::StoreRequest mark;
    mark.mailbox = record.id;
    mark.uids = uids;
    mark.mode = actors::StoreMode::kAdd;
    mark.flags.system = storage::kDeleted;
    (void)ask(std::move(mark));
    pass_time();
    actors::ExpungeRequest request;
    request.mailbox = record.id;
    request.only = uids;
    (void)ask(std::move(request));
    pass_time();
}

void AccountScript::expunge_some(std::uint64_t divisor) {
    for (const MailboxRecord& record : mailboxes()) {
        if (record.counts.messages == 0) continue;
        const storage::UidRanges uids = some_uids(*view(record), divisor);
        if (random_.one_in(2)) {
            expunge(record, uids);
        } else {
            for (const storage::UidRange& range : uids) expunge(record, {range});
        }
    }
}

void AccountScript::live(std::uint64_t messages) {
    std::uint64_t left = messages;
    while (left > 0 && !error_) {
        pass_time();
        switch (random_.below(8)) {
            case 0:
            case 1:
                store_flags();
                break;
            case 2:
                copy_or_move(false);
                break;
            case 3:
                copy_or_move(true);
                break;
            default: {
                const std::vector<MailboxRecord> all = mailboxes();
                if (all.empty()) return;
                const std::uint64_t count = std::min(left, 1 + random_.below(3));
                // Half of it where mail arrives.
                const bool arrives = random_.one_in(2);
                const std::string name = arrives ? "INBOX" : all[random_.below(all.size())].name;
                append(name, count, arrives ? ChangeKind::kDelivery : ChangeKind::kAppend);
                left -= count;
            }
        }
    }
}

void AccountScript::rearrange_mailboxes() {
    append("Work/2024", 3, ChangeKind::kAppend);
    append("NIL", 2, ChangeKind::kAppend);
    append("&-ampersand", 2, ChangeKind::kAppend);
    (void)ask(actors::RenameRequest{"Work", "Renamed/deeper", {}});
    pass_time();
    (void)ask(actors::DeleteRequest{"NIL", {}});
    pass_time();
    create("NIL", SpecialUse::kNone, true);
    append("NIL", 1, ChangeKind::kAppend);
    // Subscribed and deleted: the subscription stays.
    (void)ask(actors::DeleteRequest{"Starred", {}});
    pass_time();
    // What has mailboxes below it can go too.
    create("goes");
    create("goes/stays");
    (void)ask(actors::DeleteRequest{"goes", {}});
    pass_time();
}

void AccountScript::use_all_keywords() {
    create("Keywords");
    append("Keywords", 4, ChangeKind::kAppend);
    const auto record = find("Keywords");
    if (!record) return;
    for (std::size_t i = record->keywords.size(); i < actors::kKeywordsMax; ++i) {
        actors::StoreRequest request;
        request.mailbox = record->id;
        request.uids = {{static_cast<storage::Uid>(1 + i % 4), 4}};
        request.mode = actors::StoreMode::kAdd;
        request.flags.keywords = {fmt::format("keyword-{:02}", i)};
        (void)ask(std::move(request));
        pass_time();
    }
    copy_or_move(false);
}

void AccountScript::add_large() {
    for (const bool stays : {true, false}) {
        actors::AppendRequest request;
        request.mailbox = "Archive";
        auto made = message(large_message(number_++, actors::kStagedBytesMin + 1000));
        if (!made) return;
        request.messages.push_back(std::move(*made));
        const auto outcome = ask(std::move(request));
        pass_time();
        const auto record = find("Archive");
        if (!outcome || !record) return;
        if (stays) {
            actors::CopyRequest copy;
            copy.source = record->id;
            copy.uids = outcome->uids;
            copy.destination = "INBOX/below";
            (void)ask(std::move(copy));
            pass_time();
        } else {
            expunge(*record, outcome->uids);
        }
    }
}

void AccountScript::rename_inbox() {
    (void)ask(actors::RenameRequest{"INBOX", "Once was INBOX", {}});
    pass_time();
}

void AccountScript::maintain(std::int64_t horizon_micros) {
    actors::MaintainRequest request;
    request.fold_all = true;
    request.horizon_micros = horizon_micros;
    (void)ask(std::move(request));
}

void AccountScript::claim_recent(const std::string& mailbox) {
    const auto record = find(mailbox);
    if (!record) return;
    if (auto done = server_.claim_recent(account_, record->id); !done) fail(done.error().text);
}

}  // namespace tidemark::tools::testdata
