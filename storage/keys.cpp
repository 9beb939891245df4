#include "storage/keys.hpp"

#include <cassert>

namespace tidemark::storage::keys {
namespace {

constexpr std::size_t kAccountBytes = 8;
constexpr std::size_t kMailboxBytes = 4;

template <class Number>
void put(std::string& key, Number number) {
    for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) {
        key.push_back(static_cast<char>(static_cast<unsigned char>(number >> shift)));
    }
}

template <class Number>
Number get(std::string_view bytes) {
    Number number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
        number = static_cast<Number>(number << 8) | static_cast<unsigned char>(bytes[i]);
    }
    return number;
}

template <class Tag>
std::string tagged(Tag tag) {
    return std::string(1, static_cast<char>(tag));
}

std::string account_key(AccountTag tag, AccountId account) {
    std::string key = tagged(tag);
    put(key, raw(account));
    return key;
}

std::string account_prefix(AccountId account) {
    std::string key;
    key.reserve(kAccountBytes + kMailboxBytes + sizeof(ModSeq));
    put(key, raw(account));
    return key;
}

}  // namespace

std::string log_mark() {
    return tagged(MetaTag::kLogMark);
}
std::string migration() {
    return tagged(MetaTag::kMigration);
}
std::string state() {
    return tagged(MetaTag::kState);
}
std::string segments() {
    return tagged(MetaTag::kSegment);
}
std::string segment(SegmentId segment) {
    std::string key = segments();
    put(key, raw(segment));
    return key;
}

std::string accounts() {
    return tagged(AccountTag::kRecord);
}
std::string account(AccountId account) {
    return account_key(AccountTag::kRecord, account);
}
std::string counters(AccountId account) {
    return account_key(AccountTag::kCounters, account);
}
std::string account_name(std::string_view name) {
    return tagged(AccountTag::kName).append(name);
}
std::string subscriptions(AccountId account) {
    return account_key(AccountTag::kSubscription, account);
}
std::string subscription(AccountId account, std::string_view name) {
    return subscriptions(account).append(name);
}

std::string mailboxes(AccountId account) {
    return account_prefix(account);
}
std::string mailbox(AccountId account, MailboxId mailbox) {
    return of_mailbox(account, mailbox);
}
std::string of_mailbox(AccountId account, MailboxId mailbox) {
    std::string key = account_prefix(account);
    put(key, raw(mailbox));
    return key;
}
std::string change(AccountId account, MailboxId mailbox, ModSeq modseq) {
    std::string key = of_mailbox(account, mailbox);
    put(key, modseq);
    return key;
}
std::string page(AccountId account, MailboxId mailbox, Uid first_uid) {
    std::string key = of_mailbox(account, mailbox);
    put(key, first_uid);
    return key;
}

std::string summaries(AccountId account) {
    return account_prefix(account);
}
std::string summary(AccountId account, BodyId body) {
    std::string key = account_prefix(account);
    put(key, raw(body));
    return key;
}
std::string body(BodyId body) {
    std::string key;
    put(key, raw(body));
    return key;
}

std::string after(std::string_view prefix) {
    std::string key(prefix);
    while (!key.empty() && key.back() == '\xff') key.pop_back();
    assert(!key.empty());
    key.back() = static_cast<char>(static_cast<unsigned char>(key.back()) + 1);
    return key;
}

std::optional<SegmentId> segment_of(std::string_view key) {
    if (key.size() != 1 + sizeof(SegmentId) || key[0] != static_cast<char>(MetaTag::kSegment))
        return std::nullopt;
    return SegmentId{get<std::uint32_t>(key.substr(1))};
}
std::optional<ModSeq> modseq_of_change(std::string_view key) {
    if (key.size() != kAccountBytes + kMailboxBytes + sizeof(ModSeq)) return std::nullopt;
    return get<ModSeq>(key.substr(kAccountBytes + kMailboxBytes));
}
std::optional<Uid> uid_of_page(std::string_view key) {
    if (key.size() != kAccountBytes + kMailboxBytes + sizeof(Uid)) return std::nullopt;
    return get<Uid>(key.substr(kAccountBytes + kMailboxBytes));
}
std::optional<AccountId> account_of(std::string_view key) {
    if (key.size() < kAccountBytes) return std::nullopt;
    return AccountId{get<std::uint64_t>(key)};
}
std::optional<MailboxId> mailbox_of(std::string_view key) {
    if (key.size() < kAccountBytes + kMailboxBytes) return std::nullopt;
    return MailboxId{get<std::uint32_t>(key.substr(kAccountBytes))};
}
std::optional<BodyId> body_of_summary(std::string_view key) {
    if (key.size() != kAccountBytes + sizeof(BodyId)) return std::nullopt;
    return BodyId{get<std::uint64_t>(key.substr(kAccountBytes))};
}
std::optional<BodyId> body_of(std::string_view key) {
    if (key.size() != sizeof(BodyId)) return std::nullopt;
    return BodyId{get<std::uint64_t>(key)};
}
std::optional<std::string_view> name_of_subscription(std::string_view key) {
    if (key.size() < 1 + kAccountBytes || key[0] != static_cast<char>(AccountTag::kSubscription))
        return std::nullopt;
    return key.substr(1 + kAccountBytes);
}
std::optional<std::string_view> name_of_account_name(std::string_view key) {
    if (key.empty() || key[0] != static_cast<char>(AccountTag::kName)) return std::nullopt;
    return key.substr(1);
}

std::string encode_account_id(AccountId account) {
    std::string bytes(1, '\x01');  // version
    put(bytes, raw(account));
    return bytes;
}
std::optional<AccountId> decode_account_id(std::string_view bytes) {
    if (bytes.size() != 1 + kAccountBytes || bytes[0] != '\x01') return std::nullopt;
    return AccountId{get<std::uint64_t>(bytes.substr(1))};
}

}  // namespace tidemark::storage::keys
