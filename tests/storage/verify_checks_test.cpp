// Each check of accounts, mailboxes, bodies and segments against a directory in which exactly that
// is broken.
#include "tests/storage/verify_directory.hpp"

#include <doctest/doctest.h>

#include <cerrno>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

// A page of that page's last message.
Page only_last(const Page& page) {
    const std::size_t last = page.count() - 1;
    auto fixed = std::make_shared<FixedColumns>();
    fixed->uid = {page.fixed->uid[last]};
    fixed->size.push_back(page.fixed->size[last]);
    fixed->internal_seconds.push_back(page.fixed->internal_seconds[last]);
    fixed->internal_zone.push_back(page.fixed->internal_zone[last]);
    fixed->createseq.push_back(page.fixed->createseq[last]);
    fixed->save_date.push_back(page.fixed->save_date[last]);
    fixed->body.push_back(page.fixed->body[last]);
    Page one;
    one.fixed = std::move(fixed);
    one.flags = {page.flags[last]};
    one.modseq = {page.modseq[last]};
    one.modseq_max = one.modseq[0];
    return one;
}

}  // namespace

TEST_CASE("verify finds what is wrong with accounts") {
    check_breaks({
        {"record that is none", FindingCode::kValue,
         [](VerifyDirectory& d) { d.put(Family::kAccounts, keys::account(d.me), kOne); }},
        {"record of another id", FindingCode::kAccount,
         [](VerifyDirectory& d) {
             d.edit(Family::kAccounts, keys::account(d.me), decode_account,
                    [](AccountRecord& a) { a.id = AccountId{40}; });
         }},
        {"no legal name", FindingCode::kAccount,
         [](VerifyDirectory& d) {
             d.edit(Family::kAccounts, keys::account(d.me), decode_account,
                    [](AccountRecord& a) { a.name = "bad*"; });
             d.remove(Family::kAccounts, keys::account_name("me"));
             d.put(Family::kAccounts, keys::account_name("bad*"), keys::encode_account_id(d.me));
         }},
        {"a record's key that is too long", FindingCode::kKey,
         [](VerifyDirectory& d) { d.put(Family::kAccounts, keys::account(d.me) + "x", kOne); }},
        {"a key of counters that is too long", FindingCode::kKey,
         [](VerifyDirectory& d) { d.put(Family::kAccounts, keys::counters(d.me) + "x", kOne); }},
        {"counters with a byte too many", FindingCode::kValue,
         [](VerifyDirectory& d) {
             RawDatabase database = d.open();
             const std::string key = keys::counters(d.me);
             database.put(Family::kAccounts, key, database.get(Family::kAccounts, key) + "x");
         }},
        {"no counters", FindingCode::kAccount,
         [](VerifyDirectory& d) { d.remove(Family::kAccounts, keys::counters(d.me)); }},
        {"no name entry", FindingCode::kAccount,
         [](VerifyDirectory& d) { d.remove(Family::kAccounts, keys::account_name("me")); }},
        {"a name of nobody", FindingCode::kAccount,
         [](VerifyDirectory& d) {
             d.put(Family::kAccounts, keys::account_name("ghost"),
                   keys::encode_account_id(AccountId{40}));
         }},
        {"name entry that is none", FindingCode::kValue,
         [](VerifyDirectory& d) { d.put(Family::kAccounts, keys::account_name("me"), kOne); }},
        {"counters of nobody", FindingCode::kKey,
         [](VerifyDirectory& d) {
             d.put(Family::kAccounts, keys::counters(AccountId{40}), encode(AccountCounters()));
         }},
        {"a key of no kind", FindingCode::kKey,
         [](VerifyDirectory& d) { d.put(Family::kAccounts, "\x09", kOne); }},
        {"usage", FindingCode::kAccountUsage,
         [](VerifyDirectory& d) { d.edit_counters([](AccountCounters& c) { ++c.used_bytes; }); }},
        {"subscription with another value", FindingCode::kValue,
         [](VerifyDirectory& d) {
             d.put(Family::kAccounts, keys::subscription(d.me, "x"), "\x02");
         }},
        {"subscription to no name", FindingCode::kSubscription,
         [](VerifyDirectory& d) {
             d.put(Family::kAccounts, keys::subscription(d.me, "bad*"), kOne);
         }},
        {"subscription to a mailbox beside it", FindingCode::kSubscription,
         [](VerifyDirectory& d) {
             d.put(Family::kAccounts, keys::subscription(d.me, "INBOX"), kOne);
         }},
        {"subscription of nobody", FindingCode::kKey,
         [](VerifyDirectory& d) {
             d.put(Family::kAccounts, keys::subscription(AccountId{40}, "x"), kOne);
         }},
        {"two of a name", FindingCode::kMailboxName,
         [](VerifyDirectory& d) { d.add_mailbox("INBOX"); }},
        {"no legal name", FindingCode::kMailboxName,
         [](VerifyDirectory& d) { d.add_mailbox("bad*"); }},
        {"no INBOX", FindingCode::kMailboxName,
         [](VerifyDirectory& d) { d.edit_mailbox([](MailboxRecord& m) { m.name = "Outbox"; }); }},
        {"a mailbox's key that is too long", FindingCode::kKey,
         [](VerifyDirectory& d) {
             d.put(Family::kMailboxes, keys::mailbox(d.me, d.inbox) + "x", kOne);
         }},
        {"a log entry's key that is too long", FindingCode::kKey,
         [](VerifyDirectory& d) {
             d.put(Family::kChanges, keys::change(d.me, d.inbox, 3) + "x", kOne);
         }},
        {"a page's key that is too long", FindingCode::kKey,
         [](VerifyDirectory& d) {
             d.put(Family::kPages, keys::page(d.me, d.inbox, 1) + "x", kOne);
         }},
        {"a mailbox of nobody", FindingCode::kKey,
         [](VerifyDirectory& d) {
             d.put(Family::kMailboxes, keys::mailbox(AccountId{40}, MailboxId{1}),
                   encode(MailboxRecord()));
         }},
        {"a log entry of no mailbox", FindingCode::kKey,
         [](VerifyDirectory& d) {
             d.put(Family::kChanges, keys::change(d.me, MailboxId{5}, 3), encode(ChangeRecord()));
         }},
        {"a summary key that is too long", FindingCode::kKey,
         [](VerifyDirectory& d) {
             d.put(Family::kSummaries, keys::summary(d.me, BodyId{1}) + "x", kOne);
         }},
        {"a page of the highest account", FindingCode::kKey,
         [](VerifyDirectory& d) { d.put(Family::kPages, std::string(16, '\xff'), kOne); }},
    });
}

TEST_CASE("verify finds what is wrong with mailboxes") {
    check_breaks({
        {"record", FindingCode::kValue,
         [](VerifyDirectory& d) { d.put(Family::kMailboxes, keys::mailbox(d.me, d.inbox), kOne); }},
        {"id", FindingCode::kMailbox,
         [](VerifyDirectory& d) {
             d.edit_mailbox([](MailboxRecord& m) { m.id = MailboxId{40}; });
         }},
        {"id above the account's last", FindingCode::kMailbox,
         [](VerifyDirectory& d) {
             d.add_mailbox("Sent");
             d.edit_counters([](AccountCounters& c) { c.mailbox_id = 1; });
         }},
        {"uidnext of none", FindingCode::kMailbox,
         [](VerifyDirectory& d) {
             d.add_mailbox("Sent", [](MailboxRecord& m) { m.uidnext = m.recent_uid = 0; });
         }},
        {"highestmodseq of none", FindingCode::kHighestModseq,
         [](VerifyDirectory& d) {
             d.add_mailbox("Sent", [](MailboxRecord& m) {
                 m.highestmodseq = m.created_modseq = m.folded_modseq = m.horizon_modseq = 0;
             });
         }},
        {"folded above highestmodseq", FindingCode::kMailbox,
         [](VerifyDirectory& d) {
             d.add_mailbox("Sent", [](MailboxRecord& m) { m.folded_modseq = m.highestmodseq + 1; });
         }},
        {"created above highestmodseq", FindingCode::kMailbox,
         [](VerifyDirectory& d) {
             d.add_mailbox("Sent",
                           [](MailboxRecord& m) { m.created_modseq = m.highestmodseq + 1; });
         }},
        {"uidvalidity above the account's last", FindingCode::kMailbox,
         [](VerifyDirectory& d) {
             d.add_mailbox("Sent", [](MailboxRecord& m) { m.uidvalidity = UINT32_MAX; });
         }},
        {"recent", FindingCode::kMailbox,
         [](VerifyDirectory& d) {
             d.edit_mailbox([](MailboxRecord& m) { m.recent_uid = m.uidnext + 1; });
         }},
        {"uidvalidity", FindingCode::kMailbox,
         [](VerifyDirectory& d) { d.edit_mailbox([](MailboxRecord& m) { m.uidvalidity = 0; }); }},
        {"horizon", FindingCode::kMailbox,
         [](VerifyDirectory& d) {
             d.edit_mailbox([](MailboxRecord& m) { m.horizon_modseq = 6; });
         }},
        {"special use", FindingCode::kSpecialUse,
         [](VerifyDirectory& d) {
             d.edit_mailbox([](MailboxRecord& m) { m.special_use = SpecialUse::kSent; });
         }},
        {"keyword twice", FindingCode::kKeywords,
         [](VerifyDirectory& d) {
             d.edit_mailbox([](MailboxRecord& m) { m.keywords = {"a", "A"}; });
         }},
        {"no keyword", FindingCode::kKeywords,
         [](VerifyDirectory& d) { d.edit_mailbox([](MailboxRecord& m) { m.keywords = {"("}; }); }},
        {"a flag without keyword", FindingCode::kKeywords,
         [](VerifyDirectory& d) {
             d.edit_change(7, [](ChangeRecord& c) { c.flags[0].after |= FlagBits{1} << 10; });
         }},
        {"uidnext below the pages", FindingCode::kUidNext,
         [](VerifyDirectory& d) { d.edit_mailbox([](MailboxRecord& m) { m.uidnext = 3; }); }},
        {"uidnext below the log", FindingCode::kUidNext,
         [](VerifyDirectory& d) { d.edit_mailbox([](MailboxRecord& m) { m.uidnext = 6; }); }},
        {"a page elsewhere", FindingCode::kUidOrder,
         [](VerifyDirectory& d) {
             RawDatabase database = d.open();
             const std::string key = keys::page(d.me, d.inbox, 1);
             database.put(Family::kPages, keys::page(d.me, d.inbox, 2),
                          database.get(Family::kPages, key));
             database.remove(Family::kPages, key);
         }},
        {"a page within the one before", FindingCode::kUidOrder,
         [](VerifyDirectory& d) {
             RawDatabase database = d.open();
             const std::string bytes = database.get(Family::kPages, keys::page(d.me, d.inbox, 1));
             Page page = *decode_page(bytes);
             REQUIRE(page.last_uid() > 1);
             database.put(Family::kPages, keys::page(d.me, d.inbox, page.last_uid()),
                          encode_page(only_last(page)));
         }},
        {"page that is none", FindingCode::kValue,
         [](VerifyDirectory& d) { d.put(Family::kPages, keys::page(d.me, d.inbox, 1), kOne); }},
        {"modseq of a message", FindingCode::kHighestModseq,
         [](VerifyDirectory& d) {
             d.edit_page([](Page& p, FixedColumns&) { p.modseq[0] = 100; });
         }},
        {"modseq of a mailbox", FindingCode::kHighestModseq,
         [](VerifyDirectory& d) { d.edit_counters([](AccountCounters& c) { c.modseq = 6; }); }},
        {"modseq of a log entry", FindingCode::kHighestModseq,
         [](VerifyDirectory& d) {
             d.put(Family::kChanges, keys::change(d.me, d.inbox, 8), encode(ChangeRecord()));
         }},
        {"createseq", FindingCode::kCreateModseq,
         [](VerifyDirectory& d) {
             d.edit_page([](Page& p, FixedColumns& f) {
                 std::vector<ModSeq> created = f.createseq.to_vector();
                 created[0] = p.modseq[0] + 1;
                 f.createseq = {};
                 for (const ModSeq one : created) f.createseq.push_back(one);
             });
         }},
        {"counts", FindingCode::kCounts,
         [](VerifyDirectory& d) { d.edit_mailbox([](MailboxRecord& m) { ++m.counts.unseen; }); }},
    });
}

TEST_CASE("verify finds where pages and log are not the same story") {
    check_breaks({
        {"flags of a page", FindingCode::kFold,
         [](VerifyDirectory& d) {
             d.edit_page([](Page& p, FixedColumns&) { p.flags[0] |= kAnswered; });
         }},
        {"modseq of a page", FindingCode::kFold,
         [](VerifyDirectory& d) { d.edit_page([](Page& p, FixedColumns&) { p.modseq[1] = 4; }); }},
        {"date of a page", FindingCode::kFold,
         [](VerifyDirectory& d) {
             d.edit_page([](Page&, FixedColumns& f) {
                 std::vector<std::int64_t> dates = f.internal_seconds.to_vector();
                 ++dates[2];
                 f.internal_seconds = {};
                 for (const std::int64_t one : dates) f.internal_seconds.push_back(one);
             });
         }},
        {"modseq above the fold", FindingCode::kFold,
         [](VerifyDirectory& d) { d.edit_page([](Page& p, FixedColumns&) { p.modseq[0] = 6; }); }},
        {"an entry of appends is missing", FindingCode::kFold,
         [](VerifyDirectory& d) { d.remove(Family::kChanges, keys::change(d.me, d.inbox, 2)); }},
        {"an entry of flags is missing", FindingCode::kFold,
         [](VerifyDirectory& d) { d.remove(Family::kChanges, keys::change(d.me, d.inbox, 3)); }},
        {"an entry of expunges is missing", FindingCode::kFold,
         [](VerifyDirectory& d) { d.remove(Family::kChanges, keys::change(d.me, d.inbox, 5)); }},
        {"an entry behind the fold", FindingCode::kFold,
         [](VerifyDirectory& d) {
             d.edit_change(7, [](ChangeRecord& c) { c.flags[0].before = kDraft; });
         }},
        {"entry that is none", FindingCode::kValue,
         [](VerifyDirectory& d) { d.put(Family::kChanges, keys::change(d.me, d.inbox, 4), kOne); }},
        {"tombstone of a live message", FindingCode::kTombstone,
         [](VerifyDirectory& d) {
             d.edit_change(
                 5, [&](ChangeRecord& c) { c.expunged.insert(c.expunged.begin(), d.message); });
         }},
    });
}

TEST_CASE("verify finds what is wrong with bodies") {
    check_breaks({
        {"no record", FindingCode::kBodyMissing,
         [](VerifyDirectory& d) {
             const BodyRecord record = d.body(BodyId{1});
             d.remove(Family::kBodies, keys::body(BodyId{1}));
             d.edit_segment([&](SegmentRecord& s) {
                 s.live_bytes -= record.header_bytes + record.length + 1;
             });
         }},
        {"record that is none", FindingCode::kValue,
         [](VerifyDirectory& d) {
             const BodyRecord record = d.body(BodyId{1});
             d.put(Family::kBodies, keys::body(BodyId{1}), kOne);
             d.edit_segment([&](SegmentRecord& s) {
                 s.live_bytes -= record.header_bytes + record.length + 1;
             });
         }},
        {"key that is none", FindingCode::kKey,
         [](VerifyDirectory& d) { d.put(Family::kBodies, "short", kOne); }},
        {"in a segment that has no record", FindingCode::kBodyMissing,
         [](VerifyDirectory& d) {
             const BodyRecord record = d.body(BodyId{1});
             d.edit_body(BodyId{1}, [](BodyRecord& r) { r.segment = SegmentId{9}; });
             d.edit_segment([&](SegmentRecord& s) {
                 s.live_bytes -= record.header_bytes + record.length + 1;
             });
         }},
        {"frame", FindingCode::kBodyFrame,
         [](VerifyDirectory& d) {
             const BodyRecord record = d.body(BodyId{1});
             d.files().flip(d.segment, record.offset - record.header_bytes + 7);
         }},
        {"end of the frame", FindingCode::kBodyFrame,
         [](VerifyDirectory& d) {
             const BodyRecord record = d.body(BodyId{1});
             d.files().flip(d.segment, record.offset + record.length);
         }},
        {"another body's frame", FindingCode::kBodyFrame,
         [](VerifyDirectory& d) {
             const BodyRecord two = d.body(BodyId{2});
             d.edit_body(BodyId{2}, [&](BodyRecord& r) { r.crc32c = two.crc32c + 1; });
         }},
        {"bytes", FindingCode::kBodyCrc,
         [](VerifyDirectory& d) { d.files().flip(d.segment, d.body(BodyId{1}).offset + 2); }},
        {"outside", FindingCode::kBodyLength,
         [](VerifyDirectory& d) {
             d.edit_body(BodyId{1}, [](BodyRecord& r) { r.offset += 1'000'000; });
         }},
        {"size of a message", FindingCode::kBodyLength,
         [](VerifyDirectory& d) {
             d.edit_change(6, [](ChangeRecord& c) { ++c.appended[0].size; });
             d.edit_mailbox([](MailboxRecord& m) { ++m.counts.bytes; });
             d.edit_counters([](AccountCounters& c) { ++c.used_bytes; });
         }},
        {"a reference too many", FindingCode::kReferences,
         [](VerifyDirectory& d) {
             d.edit_body(BodyId{1}, [](BodyRecord& r) { ++r.references[0].count; });
         }},
        {"a reference of an account that has none", FindingCode::kReferences,
         [](VerifyDirectory& d) {
             d.edit_body(BodyId{1}, [&](BodyRecord& r) { r.references.push_back({d.other, 1}); });
         }},
        {"a reference of nobody", FindingCode::kReferences,
         [](VerifyDirectory& d) {
             d.edit_body(BodyId{1},
                         [](BodyRecord& r) { r.references.push_back({AccountId{40}, 1}); });
         }},
        {"summary", FindingCode::kSummary,
         [](VerifyDirectory& d) {
             d.put(Family::kSummaries, keys::summary(d.me, BodyId{1}), "no");
         }},
        {"summary of no message", FindingCode::kSummary,
         [](VerifyDirectory& d) {
             d.put(Family::kSummaries, keys::summary(d.me, BodyId{90}), "no");
         }},
        {"reading", FindingCode::kRead,
         [](VerifyDirectory& d) {
             d.files().fail(FaultyFileSystem::Operation::kRead, ".seg", EIO, 1);
         }},
    });
}

TEST_CASE("verify finds what is wrong with segments") {
    check_breaks({
        {"no file", FindingCode::kSegmentMissing,
         [](VerifyDirectory& d) { REQUIRE(d.files().unlink(d.segment)); }},
        {"too long", FindingCode::kSegmentLength,
         [](VerifyDirectory& d) {
             d.edit_segment([](SegmentRecord& s) { s.sealed = true; });
             d.files().replace_contents(d.segment, d.files().contents(d.segment) + "xx");
         }},
        {"live bytes", FindingCode::kSegmentLive,
         [](VerifyDirectory& d) { d.edit_segment([](SegmentRecord& s) { ++s.live_bytes; }); }},
        {"a frame between the bodies", FindingCode::kSegmentFrame,
         [](VerifyDirectory& d) {
             const std::string bytes = d.files().contents(d.segment);
             d.files().flip(d.segment, bytes.find("TMB1 3 ") + 5);
         }},
        {"nothing lives there", FindingCode::kSegmentDead,
         [](VerifyDirectory& d) {
             d.edit_state([](StoreState& s) { s.segment_id_next = 51; });
             d.files().replace_contents(d.store.segment_path(50), "");
             d.put(Family::kMeta, keys::segment(SegmentId{50}), encode(SegmentRecord{0, 0, true}));
         }},
        {"a segment without record", FindingCode::kUnknownFile,
         [](VerifyDirectory& d) { d.files().replace_contents(d.store.segment_path(99), "x"); }},
        {"a file that is no segment", FindingCode::kUnknownFile,
         [](VerifyDirectory& d) { d.files().replace_contents("/data/mail/notes", "x"); }},
    });
}
