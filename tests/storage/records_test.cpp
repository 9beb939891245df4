#include "storage/records.hpp"

#include "tests/storage/random_records.hpp"

#include <doctest/doctest.h>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

namespace {

// Every cut of the bytes, and bytes behind them, must be refused; a change of one bit must not
// crash.
template <class Decode>
void check_robust(const std::string& bytes, Decode decode, Random& random) {
    CHECK(decode(bytes + '\0').error().kind == StoreErrorKind::kCorrupt);
    for (int i = 0; i < 20; ++i) {
        const auto cut = decode(std::string_view(bytes).substr(0, below(random, bytes.size())));
        REQUIRE(!cut.has_value());
        CHECK(cut.error().kind == StoreErrorKind::kCorrupt);
        std::string changed = bytes;
        changed[below(random, bytes.size())] ^= static_cast<char>(1 << below(random, 8));
        static_cast<void>(decode(changed));
    }
    std::string newer = bytes;
    newer[0] = 4;  // above what any of them has
    CHECK(decode(newer).error().kind == StoreErrorKind::kTooNew);
    newer[0] = 0;
    CHECK(decode(newer).error().kind == StoreErrorKind::kCorrupt);
}

template <class Record, class Decode>
void check_round_trip(const Record& record, Decode decode, Random& random) {
    const std::string bytes = encode(record);
    const auto again = decode(bytes);
    REQUIRE(again.has_value());
    CHECK(*again == record);
    check_robust(bytes, decode, random);
}

std::vector<Message> messages_of(const Page& page) {
    std::vector<Message> messages;
    messages.reserve(page.count());
    for (std::size_t i = 0; i < page.count(); ++i) messages.push_back(page.at(i));
    return messages;
}

}  // namespace

TEST_CASE("every record decodes to what was encoded, and nothing else decodes") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    Random random(seed);
    for (int run = 0; run < 200; ++run) {
        check_round_trip(any_account(random), decode_account, random);
        check_round_trip(any_counters(random), decode_counters, random);
        check_round_trip(any_mailbox(random), decode_mailbox, random);
        check_round_trip(any_change(random), decode_change, random);
        check_round_trip(any_body(random), decode_body, random);
        check_round_trip(any_segment(random), decode_segment, random);
        check_round_trip(any_state(random), decode_state, random);
    }
}

TEST_CASE("a page decodes to what was encoded") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    Random random(seed);
    for (int run = 0; run < 300; ++run) {
        std::vector<Message> messages = any_messages(random);
        if (messages.size() > kPageCapacity) messages.resize(kPageCapacity);
        if (messages.empty()) messages.push_back(any_message(random, UINT32_MAX));
        const Page page = page_of(messages);
        const std::string bytes = encode_page(page);
        const Result<Page> again = decode_page(bytes);
        REQUIRE(again.has_value());
        CHECK(messages_of(*again) == messages);
        CHECK(again->modseq_max == page.modseq_max);
        check_robust(bytes, decode_page, random);
    }
}

TEST_CASE("a page of ordinary mail is compact") {
    Random random(1);
    std::vector<Message> messages;
    for (Uid uid = 1; uid <= 256; ++uid) messages.push_back(plain_message(random, uid, 1000 + uid));
    // flags 1, modseq 1, size 2, internal date 4, createseq 1, save date 4, body 1 byte each; uid
    // and zone none
    CHECK(encode_page(page_of(messages)).size() < 256 * 15);
}

TEST_CASE(
    "messages of a log entry are stored in ascending order whatever order they were given in") {
    Random random(3);
    ChangeRecord record;
    record.kind = ChangeKind::kExpunge;
    for (const Uid uid : {9u, 3u, 5u}) record.expunged.push_back(plain_message(random, uid, 4));
    const Result<ChangeRecord> again = decode_change(encode(record));
    REQUIRE(again.has_value());
    REQUIRE(again->expunged.size() == 3);
    CHECK(again->expunged[0].uid == 3);
    CHECK(again->expunged[2].uid == 9);
}

TEST_CASE("an appended message has its modseq from the key alone") {
    Random random(2);
    ChangeRecord record;
    record.kind = ChangeKind::kAppend;
    record.appended = {plain_message(random, 1, 9)};
    std::string bytes = encode(record);
    CHECK(decode_change(bytes)->appended[0].modseq == 0);
    // Behind version, kind, time, no expunged, the counts, uid and flags (base and width each).
    const std::size_t modseq_base = 9;
    REQUIRE(bytes[modseq_base] == 0);
    bytes[modseq_base] = 9;
    CHECK(decode_change(bytes).error().kind == StoreErrorKind::kCorrupt);
}

TEST_CASE("decode_expunged gives the same uids as the whole record") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    Random random(seed);
    for (int run = 0; run < 200; ++run) {
        const ChangeRecord record = any_change(random);
        UidRanges expected;
        for (const Message& message : record.expunged) append_uid(expected, message.uid);
        const Result<UidRanges> uids = decode_expunged(encode(record));
        REQUIRE(uids.has_value());
        CHECK(*uids == expected);
    }
}

TEST_CASE("a log entry is applied to a draft or refused when it does not fit") {
    Random random(4);
    const auto base = std::make_shared<const MailboxView>();
    MailboxDraft draft(base);
    ChangeRecord append;
    append.kind = ChangeKind::kAppend;
    for (Uid uid = 1; uid <= 5; ++uid) append.appended.push_back(plain_message(random, uid, 0));
    for (Message& message : append.appended) message.flags = 0;
    REQUIRE(apply(draft, 10, append).has_value());
    CHECK(draft.find(3)->modseq == 10);
    CHECK(draft.find(3)->createseq == 10);

    SUBCASE("flags and expunges") {
        ChangeRecord store;
        store.flags = {{0, kSeen, {{2, 3}}}, {0, kDeleted, {{5, 5}}}};
        REQUIRE(apply(draft, 11, store).has_value());
        ChangeRecord expunge;
        expunge.expunged = {*draft.find(5)};
        REQUIRE(apply(draft, 12, expunge).has_value());
        CHECK(draft.find(2)->flags == kSeen);
        CHECK(draft.find(2)->modseq == 11);
        CHECK(draft.find(2)->createseq == 10);
        CHECK(draft.find(1)->modseq == 10);
        CHECK(!draft.find(5));
        CHECK(draft.highestmodseq() == 12);
    }
    SUBCASE("an append below uidnext") {
        CHECK(apply(draft, 11, append).error().kind == StoreErrorKind::kCorrupt);
    }
    SUBCASE("flags that were others") {
        ChangeRecord store;
        store.flags = {{kSeen, 0, {{2, 2}}}};
        CHECK(apply(draft, 11, store).error().kind == StoreErrorKind::kCorrupt);
    }
    SUBCASE("an unknown uid, however long the range is") {
        ChangeRecord store;
        store.flags = {{0, kSeen, {{2, UINT32_MAX}}}};
        CHECK(apply(draft, 11, store).error().kind == StoreErrorKind::kCorrupt);
        ChangeRecord expunge;
        expunge.expunged = {any_message(random, 6)};
        CHECK(apply(draft, 11, expunge).error().kind == StoreErrorKind::kCorrupt);
    }
    SUBCASE("an event of the mailbox only moves highestmodseq") {
        ChangeRecord renamed;
        renamed.kind = ChangeKind::kMailboxRenamed;
        REQUIRE(apply(draft, 20, renamed).has_value());
        CHECK(draft.count() == 5);
        CHECK(draft.highestmodseq() == 20);
    }
}
