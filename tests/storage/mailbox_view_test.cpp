#include "storage/mailbox_view.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

using namespace tidemark::storage;

namespace {

Message message(Uid uid, FlagBits flags = 0, ModSeq modseq = 2) {
    Message made;
    made.uid = uid;
    made.flags = flags;
    made.modseq = modseq;
    made.createseq = modseq;
    made.size = 1000 + uid % 7;
    made.internal_date = {1'700'000'000 + uid, static_cast<std::int16_t>(uid % 120)};
    made.save_date = 1'700'000'100 + uid;
    made.body = BodyId{uid * 10ull};
    return made;
}

ViewPtr empty_view() {
    return std::make_shared<const MailboxView>();
}

ViewPtr view_with(Uid first, Uid last) {
    MailboxDraft draft(empty_view());
    for (Uid uid = first; uid <= last; ++uid) draft.append(message(uid));
    return std::move(draft).finish();
}

ViewPtr without(const ViewPtr& view, const std::vector<Uid>& uids) {
    MailboxDraft draft(view);
    for (const Uid uid : uids) CHECK(draft.expunge(uid, 9));
    return std::move(draft).finish();
}

// Everything that a view says, checked against the messages it should hold.
void check_equal(const MailboxView& view, const std::map<Uid, Message>& model) {
    REQUIRE(view.count() == model.size());
    MailboxCounts counts;
    std::uint32_t seq = 0;
    std::optional<std::uint32_t> first_unseen;
    for (const auto& [uid, expected] : model) {
        ++seq;
        const std::optional<Position> position = view.find_uid(uid);
        REQUIRE(position.has_value());
        CHECK(view.at(*position) == expected);
        CHECK(view.seq_of(*position) == seq);
        CHECK(view.uid_at(view.find_seq(seq)) == uid);
        counts.messages++;
        counts.bytes += expected.size;
        if (!(expected.flags & kSeen)) {
            counts.unseen++;
            if (!first_unseen) first_unseen = seq;
        }
        if (expected.flags & kDeleted) {
            counts.deleted++;
            counts.deleted_bytes += expected.size;
        }
    }
    CHECK(view.counts() == counts);
    CHECK(view.first_unseen_seq() == first_unseen);
    Uid last = 0;
    for (const PagePtr& page : view.pages()) {
        REQUIRE(page->count() > 0);
        CHECK(page->count() <= kPageCapacity);
        CHECK(page->first_uid() > last);
        last = page->last_uid();
        ModSeq max = 0;
        for (const ModSeq modseq : page->modseq) max = std::max(max, modseq);
        CHECK(page->modseq_max == max);
    }
}

}  // namespace

TEST_CASE("an empty view has no messages, uidnext 1 and highestmodseq 1") {
    const MailboxView view;
    CHECK(view.count() == 0);
    CHECK(view.uidnext() == 1);
    CHECK(view.highestmodseq() == 1);
    CHECK(!view.find_uid(1));
    CHECK(!view.lower_bound(1));
    CHECK(!view.first_unseen_seq());
    CHECK(view.uids().empty());
    CHECK(view.absent({{1, 4294967295u}}).empty());
}

TEST_CASE("appending fills pages of 256 and moves uidnext and highestmodseq") {
    const ViewPtr view = view_with(1, 600);
    REQUIRE(view->pages().size() == 3);
    CHECK(view->pages()[0]->count() == 256);
    CHECK(view->pages()[2]->count() == 88);
    CHECK(view->uidnext() == 601);
    CHECK(view->highestmodseq() == 2);
    CHECK(view->first_seq(1) == 257);
    CHECK(view->uids() == UidRanges{{1, 600}});
}

TEST_CASE("a draft copies only the pages that it touches and leaves its base as it was") {
    const ViewPtr base = view_with(1, 1000);
    MailboxDraft draft(base);
    REQUIRE(draft.set_flags(300, kSeen, 5));
    CHECK(draft.find(300)->flags == kSeen);
    const ViewPtr next = std::move(draft).finish();

    CHECK(base->at(*base->find_uid(300)).flags == 0);
    CHECK(next->at(*next->find_uid(300)).flags == kSeen);
    CHECK(next->at(*next->find_uid(300)).modseq == 5);
    REQUIRE(next->pages().size() == base->pages().size());
    CHECK(next->pages()[0] == base->pages()[0]);
    CHECK(next->pages()[1] != base->pages()[1]);
    CHECK(next->pages()[2] == base->pages()[2]);
    CHECK(next->pages()[3] == base->pages()[3]);
    SUBCASE("and setting flags shares the fixed columns") {
        CHECK(next->pages()[1]->fixed == base->pages()[1]->fixed);
    }
    CHECK(next->pages()[1]->modseq_max == 5);
    CHECK(next->counts().unseen == 999);
}

TEST_CASE("appending to a page that is not full leaves the base's page alone") {
    const ViewPtr base = view_with(1, 10);
    MailboxDraft draft(base);
    draft.append(message(11, kSeen, 3));
    const ViewPtr next = std::move(draft).finish();
    CHECK(base->count() == 10);
    CHECK(base->pages()[0]->fixed->uid.size() == 10);
    CHECK(next->count() == 11);
    CHECK(next->pages().size() == 1);
}

TEST_CASE("expunged messages go, empty pages disappear and small rewritten neighbours are joined") {
    const ViewPtr base = view_with(1, 1024);
    SUBCASE("a whole page") {
        std::vector<Uid> uids;
        for (Uid uid = 257; uid <= 512; ++uid) uids.push_back(uid);
        const ViewPtr next = without(base, uids);
        REQUIRE(next->pages().size() == 3);
        CHECK(next->pages()[0] == base->pages()[0]);
        CHECK(next->pages()[1] == base->pages()[2]);
        CHECK(next->uidnext() == 1025);
    }
    SUBCASE("most of two neighbours") {
        std::vector<Uid> uids;
        for (Uid uid = 11; uid <= 500; ++uid) uids.push_back(uid);
        const ViewPtr next = without(base, uids);
        REQUIRE(next->pages().size() == 3);
        CHECK(next->pages()[0]->count() == 22);
        CHECK(next->uids() == UidRanges{{1, 10}, {501, 1024}});
    }
    SUBCASE("all") {
        std::vector<Uid> uids;
        for (Uid uid = 1; uid <= 1024; ++uid) uids.push_back(uid);
        const ViewPtr next = without(base, uids);
        CHECK(next->pages().empty());
        CHECK(next->count() == 0);
        CHECK(next->counts() == MailboxCounts{});
        CHECK(next->uidnext() == 1025);
        CHECK(next->highestmodseq() == 9);
    }
}

TEST_CASE("a draft refuses what is not there") {
    const ViewPtr base = without(view_with(1, 20), {5});
    MailboxDraft draft(base);
    CHECK(!draft.set_flags(5, kSeen, 10));
    CHECK(!draft.expunge(5, 10));
    CHECK(!draft.set_flags(21, kSeen, 10));
    CHECK(!draft.find(0));
    CHECK(draft.expunge(6, 10));
    CHECK(!draft.expunge(6, 11));
    CHECK(!draft.find(6));
    CHECK(!draft.set_flags(6, kSeen, 11));
    CHECK(draft.count() == 18);
}

TEST_CASE("uidnext and highestmodseq only rise") {
    MailboxDraft draft(view_with(1, 3));
    draft.raise_uidnext(2);
    draft.raise_highestmodseq(1);
    CHECK(draft.uidnext() == 4);
    CHECK(draft.highestmodseq() == 2);
    draft.raise_uidnext(100);
    draft.raise_highestmodseq(50);
    const ViewPtr view = std::move(draft).finish();
    CHECK(view->uidnext() == 100);
    CHECK(view->highestmodseq() == 50);
}

TEST_CASE("lower_bound gives the message at or behind a uid, across pages") {
    const ViewPtr view = without(view_with(1, 300), {256, 257});
    CHECK(view->uid_at(*view->lower_bound(0)) == 1);
    CHECK(view->uid_at(*view->lower_bound(255)) == 255);
    CHECK(view->uid_at(*view->lower_bound(256)) == 258);
    CHECK(!view->lower_bound(301));
}

TEST_CASE("lower_bound and next visit each message once, whatever is gone") {
    for (const UidRanges& gone :
         {UidRanges{}, UidRanges{{1, 1}}, UidRanges{{2, 5}, {100, 300}, {511, 513}, {700, 700}},
          UidRanges{{1, 699}}}) {
        ViewPtr view = view_with(1, 700);
        std::vector<Uid> left;
        std::vector<Uid> removed;
        for (Uid uid = 1; uid <= 700; ++uid) {
            const auto holds = [uid](UidRange range) {
                return range.first <= uid && uid <= range.last;
            };
            (std::ranges::any_of(gone, holds) ? removed : left).push_back(uid);
        }
        view = without(view, removed);
        std::vector<Uid> visited;
        for (auto at = view->lower_bound(1); at; at = view->next(*at))
            visited.push_back(view->uid_at(*at));
        CHECK(visited == left);
        for (Uid uid = 0; uid <= 702; ++uid) {
            const auto behind = std::ranges::lower_bound(left, uid);
            const auto found = view->lower_bound(uid);
            REQUIRE(found.has_value() == (behind != left.end()));
            if (found) CHECK(view->uid_at(*found) == *behind);
        }
    }
}

TEST_CASE("absent names the uids asked for that are gone, below uidnext only") {
    const ViewPtr view = without(view_with(10, 700), {20, 21, 300, 700});
    CHECK(view->absent({{1, 4294967295u}}) == UidRanges{{1, 9}, {20, 21}, {300, 300}, {700, 700}});
    CHECK(view->absent({{20, 20}, {25, 30}, {299, 301}}) == UidRanges{{20, 20}, {300, 300}});
    CHECK(view->absent({{700, 900}}) == UidRanges{{700, 700}});
    CHECK(view->absent({{701, 900}}).empty());
    CHECK(view->absent({{22, 299}}).empty());
    CHECK(view->absent({{19, 22}}) == UidRanges{{20, 21}});
}

TEST_CASE("absent joins what lies next to each other across the ranges asked for") {
    const ViewPtr view = without(view_with(1, 10), {4, 5, 6});
    CHECK(view->absent({{3, 4}, {6, 8}}) == UidRanges{{4, 4}, {6, 6}});
    CHECK(view->absent({{5, 5}}) == UidRanges{{5, 5}});
}

TEST_CASE("a view behaves like a simple map under random changes") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int run = 0; run < 20; ++run) {
        std::map<Uid, Message> model;
        std::vector<std::pair<ViewPtr, std::map<Uid, Message>>>
            kept;  // older snapshots must not change
        ViewPtr view = empty_view();
        Uid uidnext = 1;
        ModSeq modseq = 1;
        for (int step = 0; step < 60; ++step) {
            MailboxDraft draft(view);
            const unsigned operations = 1 + random() % 4;
            for (unsigned i = 0; i < operations; ++i) {
                ++modseq;
                const unsigned what = random() % 4;
                if (what <= 1 || model.empty()) {
                    const unsigned count = random() % 10 == 0 ? random() % 700 : random() % 5;
                    for (unsigned n = 0; n < count; ++n) {
                        uidnext += random() % 8 == 0 ? random() % 5 : 0;
                        const Message made = message(uidnext++, random() % 32, modseq);
                        draft.append(made);
                        model[made.uid] = made;
                    }
                } else {
                    Uid uid = random() % uidnext;
                    const unsigned span = random() % 6 == 0 ? random() % 600 : random() % 4;
                    for (const Uid end = uid + span; uid <= end; ++uid) {
                        const auto found = model.find(uid);
                        if (what == 2) {
                            const FlagBits flags = random() % 64;
                            CHECK(draft.set_flags(uid, flags, modseq) == (found != model.end()));
                            if (found != model.end()) {
                                found->second.flags = flags;
                                found->second.modseq = modseq;
                            }
                        } else {
                            CHECK(draft.expunge(uid, modseq) == (found != model.end()));
                            if (found != model.end()) model.erase(found);
                        }
                    }
                }
                CHECK(draft.count() == model.size());
            }
            view = std::move(draft).finish();
            CHECK(view->uidnext() == uidnext);
            if (step % 7 == 0) kept.emplace_back(view, model);
        }
        check_equal(*view, model);
        for (const auto& [old_view, old_model] : kept) check_equal(*old_view, old_model);

        UidRanges asked;
        std::set<Uid> gone;
        for (Uid uid = 1; uid < uidnext + 10; ++uid) {
            if (random() % 3 == 0) continue;
            append_uid(asked, uid);
            if (uid < uidnext && !model.contains(uid)) gone.insert(uid);
        }
        UidRanges expected;
        for (const Uid uid : gone) append_uid(expected, uid);
        // Adjacent parts of different asked ranges can only be joined when the asked ranges are
        // adjacent, and those are one range already; so the normal forms are equal.
        CHECK(view->absent(asked) == expected);
    }
}

TEST_CASE("a view rebuilt from its pages says the same") {
    const ViewPtr view = without(view_with(1, 600), {3, 400});
    const MailboxView rebuilt(view->pages(), view->uidnext(), view->highestmodseq());
    CHECK(rebuilt.counts() == view->counts());
    CHECK(rebuilt.count() == view->count());
    CHECK(rebuilt.uids() == view->uids());
}

TEST_CASE("created since N: what came by later changes, whatever became of flags and neighbours") {
    MailboxDraft draft(empty_view());
    // Two messages for each change, over several pages.
    for (Uid uid = 1; uid <= 1000; ++uid) draft.append(message(uid, 0, 10 + (uid + 1) / 2));
    for (const Uid uid : {1u, 500u, 1000u}) CHECK(draft.set_flags(uid, kSeen, 2000));
    CHECK(draft.expunge(700, 2001));
    const ViewPtr view = std::move(draft).finish();
    CHECK(view->created_since(0) == UidRanges{{1, 699}, {701, 1000}});
    CHECK(view->created_since(10) == UidRanges{{1, 699}, {701, 1000}});
    CHECK(view->created_since(11) == UidRanges{{3, 699}, {701, 1000}});
    CHECK(view->created_since(10 + 128) == UidRanges{{257, 699}, {701, 1000}});
    CHECK(view->created_since(10 + 349) == UidRanges{{699, 699}, {701, 1000}});
    CHECK(view->created_since(10 + 350) == UidRanges{{701, 1000}});
    CHECK(view->created_since(10 + 499) == UidRanges{{999, 1000}});
    CHECK(view->created_since(10 + 500).empty());
    CHECK(view->created_since(kModSeqMax).empty());
    CHECK(empty_view()->created_since(0).empty());
}
