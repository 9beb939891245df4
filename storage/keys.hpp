// The whole key schema. Nothing else in the program knows how a key looks. Numbers are big-endian
// and of fixed width, so that the order of the bytes is the order of the numbers; a name is always
// last in its key. Any thread.
//
// Families (RocksDB column families):
//   meta       (RocksDB's "default")  tag 1: StoreState · tag 2 + segment: SegmentRecord ·
//              tag 3: log mark · tag 4: MigrationProgress
//   accounts   tag 1 + account: AccountRecord · tag 2 + account: AccountCounters ·
//              tag 3 + name: account id ·
//              tag 4 + account + name: subscription to a name that is no mailbox (version byte
//              only)
//   mailboxes  account + mailbox: MailboxRecord
//   changes    account + mailbox + modseq: ChangeRecord
//   pages      account + mailbox + first uid: Page
//   summaries  account + body: what the caller gave to Transaction::put_summary
//   bodies     body: BodyRecord
#pragma once

#include "storage/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::storage::keys {

// Do not renumber.
enum class MetaTag : std::uint8_t { kState = 1, kSegment = 2, kLogMark = 3, kMigration = 4 };
enum class AccountTag : std::uint8_t { kRecord = 1, kCounters = 2, kName = 3, kSubscription = 4 };

std::string state();
std::string log_mark();
std::string migration();  // only in a database that is being made
std::string segment(SegmentId segment);
std::string segments();  // prefix of all

std::string account(AccountId account);
std::string accounts();  // prefix of all records
std::string counters(AccountId account);
std::string account_name(std::string_view name);
std::string subscription(AccountId account, std::string_view name);
std::string subscriptions(AccountId account);  // prefix

std::string mailbox(AccountId account, MailboxId mailbox);
std::string mailboxes(AccountId account);  // prefix

std::string change(AccountId account, MailboxId mailbox, ModSeq modseq);
std::string page(AccountId account, MailboxId mailbox, Uid first_uid);
std::string of_mailbox(AccountId account,
                       MailboxId mailbox);  // prefix of its changes and of its pages

std::string summary(AccountId account, BodyId body);
std::string summaries(AccountId account);  // prefix
std::string body(BodyId body);

// The smallest key above all that start with `prefix` (which is not all 0xff).
std::string after(std::string_view prefix);

// What is behind the prefix of a key read back; nullopt for a key of another shape.
std::optional<SegmentId> segment_of(std::string_view key);
std::optional<ModSeq> modseq_of_change(std::string_view key);
std::optional<Uid> uid_of_page(std::string_view key);
// The account and the mailbox that the keys of mailboxes, changes, pages and summaries begin with;
// nullopt only for one that is too short.
std::optional<AccountId> account_of(std::string_view key);
std::optional<MailboxId> mailbox_of(std::string_view key);
std::optional<BodyId> body_of_summary(std::string_view key);
std::optional<BodyId> body_of(std::string_view key);
std::optional<std::string_view> name_of_subscription(std::string_view key);
std::optional<std::string_view> name_of_account_name(std::string_view key);

// The value of an account_name entry.
std::string encode_account_id(AccountId account);
std::optional<AccountId> decode_account_id(std::string_view bytes);

}  // namespace tidemark::storage::keys
