// Random values for the tests of the storage layer. The seed of the generator is printed by the
// test that makes it.
#pragma once

#include "storage/records.hpp"

#include <algorithm>
#include <random>
#include <string>

namespace tidemark::storage::testing {

using Random = std::mt19937_64;

// Numbers of all magnitudes, the extremes included.
inline std::uint64_t any_number(Random& random) {
    const unsigned bits = static_cast<unsigned>(random() % 65);
    return bits == 0 ? 0 : random() >> (64 - bits);
}
inline std::uint64_t below(Random& random, std::uint64_t limit) {
    return random() % limit;
}

inline std::string any_string(Random& random) {
    std::string text(below(random, 40), '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
}

inline Message any_message(Random& random, Uid uid) {
    Message message;
    message.uid = uid;
    message.flags = any_number(random);
    message.modseq = any_number(random) >> 1;
    message.createseq = any_number(random) >> 1;
    message.size = static_cast<std::uint32_t>(any_number(random));
    message.internal_date = {static_cast<std::int64_t>(any_number(random)),
                             static_cast<std::int16_t>(random())};
    message.save_date = static_cast<std::int64_t>(any_number(random));
    message.body = BodyId{any_number(random)};
    return message;
}

// As mail really looks: neighbours differ little.
inline Message plain_message(Random& random, Uid uid, ModSeq modseq) {
    Message message;
    message.uid = uid;
    message.flags = below(random, 3) == 0 ? 0 : kSeen;
    message.modseq = modseq;
    message.createseq = modseq;
    message.size = static_cast<std::uint32_t>(500 + below(random, 60'000));
    message.internal_date = {1'700'000'000 + static_cast<std::int64_t>(uid) * 300, 60};
    message.save_date = message.internal_date.unix_seconds + 2;
    message.body = BodyId{1000 + uid};
    return message;
}

inline std::vector<Message> any_messages(Random& random) {
    std::vector<Message> messages;
    const std::size_t count = below(random, 4) == 0 ? below(random, 700) : below(random, 4);
    Uid uid = static_cast<Uid>(below(random, 1000));
    const bool plain = below(random, 2) == 0;
    for (std::size_t i = 0; i < count; ++i) {
        uid += 1 + static_cast<Uid>(below(random, 5) == 0 ? below(random, 1000) : 0);
        messages.push_back(plain ? plain_message(random, uid, 7) : any_message(random, uid));
    }
    return messages;
}

inline Page page_of(const std::vector<Message>& messages) {
    Page page;
    auto fixed = std::make_shared<FixedColumns>();
    for (const Message& message : messages) {
        fixed->uid.push_back(message.uid);
        fixed->size.push_back(message.size);
        fixed->internal_seconds.push_back(message.internal_date.unix_seconds);
        fixed->internal_zone.push_back(message.internal_date.zone_minutes);
        fixed->createseq.push_back(message.createseq);
        fixed->save_date.push_back(message.save_date);
        fixed->body.push_back(message.body);
        page.flags.push_back(message.flags);
        page.modseq.push_back(message.modseq);
        page.modseq_max = std::max(page.modseq_max, message.modseq);
    }
    page.fixed = std::move(fixed);
    return page;
}

inline UidRanges any_ranges(Random& random) {
    UidRanges ranges;
    std::uint64_t uid = 1 + below(random, 100);
    for (std::size_t i = below(random, 20); i > 0; --i) {
        const std::uint64_t last = uid + below(random, 2) * below(random, 100'000'000);
        if (last > UINT32_MAX) break;
        ranges.push_back({static_cast<Uid>(uid), static_cast<Uid>(last)});
        uid = last + 2 + below(random, 1000);
        if (uid > UINT32_MAX) break;
    }
    return ranges;
}

inline AccountRecord any_account(Random& random) {
    return {AccountId{any_number(random)},
            any_string(random),
            any_string(random),
            below(random, 2) == 0,
            any_number(random),
            static_cast<std::int64_t>(any_number(random))};
}

inline AccountCounters any_counters(Random& random) {
    return {any_number(random) >> 1, static_cast<std::uint32_t>(any_number(random)),
            static_cast<std::uint32_t>(any_number(random)), any_number(random), any_number(random)};
}

inline MailboxRecord any_mailbox(Random& random) {
    MailboxRecord record;
    record.id = MailboxId{static_cast<std::uint32_t>(any_number(random))};
    record.name = any_string(random);
    record.uidvalidity = static_cast<std::uint32_t>(any_number(random));
    record.uidnext = static_cast<Uid>(any_number(random));
    record.highestmodseq = any_number(random) >> 1;
    record.folded_modseq = any_number(random) >> 1;
    record.horizon_modseq = any_number(random) >> 1;
    record.created_modseq = any_number(random) >> 1;
    record.recent_uid = static_cast<Uid>(any_number(random));
    record.counts = {static_cast<std::uint32_t>(any_number(random)),
                     static_cast<std::uint32_t>(any_number(random)),
                     static_cast<std::uint32_t>(any_number(random)), any_number(random),
                     any_number(random)};
    for (std::size_t i = below(random, 60); i > 0; --i)
        record.keywords.push_back(any_string(random));
    record.special_use = static_cast<SpecialUse>(below(random, 9));
    if (below(random, 2) == 0)
        record.folded_unseen_seq = static_cast<std::uint32_t>(any_number(random));
    record.subscribed = below(random, 2) == 0;
    record.object_id = any_string(random);
    record.created_seconds = static_cast<std::int64_t>(any_number(random));
    if (below(random, 2) == 0 && record.highestmodseq > 0) {
        RestoreFence& fence = record.fence;
        fence.restored_modseq = 1 + below(random, record.highestmodseq);
        fence.backup_modseq = below(random, fence.restored_modseq);
        fence.restored_uidnext = record.uidnext;
        fence.backup_uidnext = record.uidnext / 2;
    }
    return record;
}

inline ChangeRecord any_change(Random& random) {
    ChangeRecord record;
    record.kind = static_cast<ChangeKind>(1 + below(random, 12));
    record.time_micros = static_cast<std::int64_t>(any_number(random));
    record.appended = any_messages(random);
    for (Message& message : record.appended) message.modseq = message.createseq = 0;
    record.expunged = any_messages(random);
    for (std::size_t i = below(random, 4); i > 0; --i) {
        record.flags.push_back({any_number(random), any_number(random), any_ranges(random)});
    }
    record.old_name = any_string(random);
    record.new_name = any_string(random);
    return record;
}

inline BodyRecord any_body(Random& random) {
    BodyRecord record;
    record.segment = SegmentId{static_cast<std::uint32_t>(any_number(random))};
    record.offset = static_cast<std::uint32_t>(any_number(random));
    record.length = static_cast<std::uint32_t>(any_number(random));
    record.crc32c = static_cast<std::uint32_t>(random());
    record.header_bytes =
        static_cast<std::uint32_t>(below(random, std::uint64_t{record.offset} + 1));
    std::uint64_t account = below(random, 3);
    for (std::size_t i = below(random, 5); i > 0; --i) {
        record.references.push_back(
            {AccountId{account}, static_cast<std::uint32_t>(1 + below(random, 1000))});
        account += 1 + below(random, 1'000'000);
    }
    return record;
}

inline SegmentRecord any_segment(Random& random) {
    SegmentRecord record{any_number(random), any_number(random), below(random, 2) == 0, {}};
    if (below(random, 4) > 0) record.crc32c = static_cast<std::uint32_t>(any_number(random));
    return record;
}

inline StoreState any_state(Random& random) {
    return {static_cast<std::uint32_t>(any_number(random)),
            any_number(random),
            any_number(random),
            any_number(random),
            any_number(random),
            any_number(random),
            static_cast<std::uint32_t>(any_number(random))};
}

}  // namespace tidemark::storage::testing
