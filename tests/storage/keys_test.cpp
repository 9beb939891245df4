#include "storage/keys.hpp"

#include "tests/storage/random_records.hpp"

#include <doctest/doctest.h>

#include <tuple>

using namespace tidemark::storage;
using namespace tidemark::storage::testing;

TEST_CASE("the order of the bytes of keys is the order of what they name") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    Random random(seed);
    const auto small = [&] {
        return below(random, 2) == 0 ? below(random, 3) : any_number(random);
    };
    for (int run = 0; run < 2000; ++run) {
        const AccountId account_a{small()}, account_b{small()};
        const MailboxId mailbox_a{static_cast<std::uint32_t>(small())},
            mailbox_b{static_cast<std::uint32_t>(small())};
        const std::uint64_t a = small(), b = small();
        const Uid uid_a = static_cast<Uid>(a), uid_b = static_cast<Uid>(b);
        CHECK((keys::account(account_a) < keys::account(account_b)) == (account_a < account_b));
        CHECK((keys::counters(account_a) < keys::counters(account_b)) == (account_a < account_b));
        CHECK((keys::mailbox(account_a, mailbox_a) < keys::mailbox(account_b, mailbox_b)) ==
              (std::tuple(account_a, mailbox_a) < std::tuple(account_b, mailbox_b)));
        CHECK((keys::change(account_a, mailbox_a, a) < keys::change(account_b, mailbox_b, b)) ==
              (std::tuple(account_a, mailbox_a, a) < std::tuple(account_b, mailbox_b, b)));
        CHECK((keys::page(account_a, mailbox_a, uid_a) < keys::page(account_b, mailbox_b, uid_b)) ==
              (std::tuple(account_a, mailbox_a, uid_a) < std::tuple(account_b, mailbox_b, uid_b)));
        CHECK((keys::summary(account_a, BodyId{a}) < keys::summary(account_b, BodyId{b})) ==
              (std::tuple(account_a, a) < std::tuple(account_b, b)));
        CHECK((keys::body(BodyId{a}) < keys::body(BodyId{b})) == (a < b));
        CHECK((keys::segment(SegmentId{uid_a}) < keys::segment(SegmentId{uid_b})) ==
              (uid_a < uid_b));
        const std::string name_a = any_string(random), name_b = any_string(random);
        CHECK((keys::account_name(name_a) < keys::account_name(name_b)) == (name_a < name_b));
    }
}

TEST_CASE("a prefix and the key after it enclose exactly the keys of its mailbox") {
    for (const std::uint32_t id : {0u, 1u, 255u, 256u, UINT32_MAX}) {
        const AccountId account{0xff};
        const std::string prefix = keys::of_mailbox(account, MailboxId{id});
        const std::string end = keys::after(prefix);
        CHECK(prefix <= keys::change(account, MailboxId{id}, 0));
        CHECK(keys::change(account, MailboxId{id}, UINT64_MAX) < end);
        CHECK(keys::page(account, MailboxId{id}, UINT32_MAX) < end);
        CHECK(keys::change(AccountId{0x100}, MailboxId{0}, 0) >= end);
        if (id != UINT32_MAX) CHECK(keys::change(account, MailboxId{id + 1}, 0) >= end);
    }
}

TEST_CASE("numbers are read back from keys, other shapes are refused") {
    const AccountId account{7};
    CHECK(keys::modseq_of_change(keys::change(account, MailboxId{3}, 0x1122334455667788)) ==
          0x1122334455667788u);
    CHECK(keys::uid_of_page(keys::page(account, MailboxId{3}, 0xfffffffe)) == 0xfffffffeu);
    CHECK(keys::body_of_summary(keys::summary(account, BodyId{99})) == BodyId{99});
    CHECK(keys::segment_of(keys::segment(SegmentId{12})) == SegmentId{12});
    CHECK(keys::name_of_subscription(keys::subscription(account, "a/b")) == "a/b");
    CHECK(keys::name_of_account_name(keys::account_name("me")) == "me");
    CHECK(keys::decode_account_id(keys::encode_account_id(AccountId{5})) == AccountId{5});
    CHECK(!keys::modseq_of_change(keys::page(account, MailboxId{3}, 1)));
    CHECK(!keys::uid_of_page("short"));
    CHECK(!keys::segment_of(keys::state()));
    CHECK(!keys::name_of_subscription(keys::account_name("x")));
    CHECK(
        !keys::decode_account_id("\x02"
                                 "12345678"));
}
