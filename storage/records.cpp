#include "storage/records.hpp"

#include "storage/codec.hpp"

#include <fmt/format.h>

namespace tidemark::storage {
namespace {

using codec::put_string;
using codec::put_varint;
using codec::Reader;
using codec::zigzag;

// The version byte in front of every value. A program knows its own version and those before it;
// there is none before 1.
constexpr char kRecordVersion = 1;
// A mailbox record with a RestoreFence behind it; one without is written as version 1.
constexpr char kFencedMailboxVersion = 2;
// With folded_unseen_seq behind the fence, which is all 0 when there is none.
constexpr char kUnseenMailboxVersion = 3;

std::string start_record(char version = kRecordVersion) {
    return std::string(1, version);
}

Result<Reader> open_record(std::string_view bytes, std::string_view what,
                           char newest = kRecordVersion) {
    if (bytes.empty() || bytes[0] == 0)
        return fail(StoreErrorKind::kCorrupt, fmt::format("{} without a version", what));
    if (static_cast<unsigned char>(bytes[0]) > static_cast<unsigned char>(newest)) {
        return fail(StoreErrorKind::kTooNew,
                    fmt::format("{} of version {}", what, static_cast<unsigned char>(bytes[0])));
    }
    return Reader(bytes.substr(1));
}

template <class Record>
Result<Record> close_record(const Reader& in, Record record, std::string_view what) {
    if (!in.done()) return fail(StoreErrorKind::kCorrupt, fmt::format("{} does not decode", what));
    return record;
}

}  // namespace

std::string encode(const AccountRecord& record) {
    std::string out = start_record();
    put_varint(out, raw(record.id));
    put_string(out, record.name);
    put_string(out, record.credentials);
    put_varint(out, record.enabled ? 1 : 0);
    put_varint(out, record.quota_bytes);
    put_varint(out, zigzag(record.created_seconds));
    return out;
}

Result<AccountRecord> decode_account(std::string_view bytes) {
    Result<Reader> in = open_record(bytes, "account record");
    if (!in) return tl::unexpected(in.error());
    AccountRecord record;
    record.id = in->number<AccountId>();
    record.name = in->string();
    record.credentials = in->string();
    record.enabled = in->boolean();
    record.quota_bytes = in->varint();
    record.created_seconds = in->signed_number();
    return close_record(*in, std::move(record), "account record");
}

std::string encode(const AccountCounters& counters) {
    std::string out = start_record();
    put_varint(out, counters.modseq);
    put_varint(out, counters.mailbox_id);
    put_varint(out, counters.uidvalidity);
    put_varint(out, counters.used_bytes);
    put_varint(out, counters.used_messages);
    return out;
}

Result<AccountCounters> decode_counters(std::string_view bytes) {
    Result<Reader> in = open_record(bytes, "account counters");
    if (!in) return tl::unexpected(in.error());
    AccountCounters counters;
    counters.modseq = in->number<ModSeq>(kModSeqMax);
    counters.mailbox_id = in->number<std::uint32_t>();
    counters.uidvalidity = in->number<std::uint32_t>();
    counters.used_bytes = in->varint();
    counters.used_messages = in->varint();
    return close_record(*in, counters, "account counters");
}

std::string encode(const MailboxRecord& record) {
    const bool is_fenced = record.fence != RestoreFence{};
    const bool has_unseen = record.folded_unseen_seq != 0;
    std::string out = start_record(has_unseen  ? kUnseenMailboxVersion
                                   : is_fenced ? kFencedMailboxVersion
                                               : kRecordVersion);
    put_varint(out, raw(record.id));
    put_string(out, record.name);
    put_varint(out, record.uidvalidity);
    put_varint(out, record.uidnext);
    put_varint(out, record.highestmodseq);
    put_varint(out, record.folded_modseq);
    put_varint(out, record.horizon_modseq);
    put_varint(out, record.created_modseq);
    put_varint(out, record.recent_uid);
    put_varint(out, record.counts.messages);
    put_varint(out, record.counts.unseen);
    put_varint(out, record.counts.deleted);
    put_varint(out, record.counts.bytes);
    put_varint(out, record.counts.deleted_bytes);
    put_varint(out, record.keywords.size());
    for (const std::string& keyword : record.keywords) put_string(out, keyword);
    put_varint(out, static_cast<std::uint8_t>(record.special_use));
    put_varint(out, record.subscribed ? 1 : 0);
    put_string(out, record.object_id);
    put_varint(out, zigzag(record.created_seconds));
    if (is_fenced || has_unseen) {
        put_varint(out, record.fence.backup_modseq);
        put_varint(out, record.fence.restored_modseq);
        put_varint(out, record.fence.backup_uidnext);
        put_varint(out, record.fence.restored_uidnext);
    }
    if (has_unseen) put_varint(out, record.folded_unseen_seq);
    return out;
}

namespace {

void read_fence(Reader& in, MailboxRecord& record, char bytes_version) {
    RestoreFence& fence = record.fence;
    fence.backup_modseq = in.number<ModSeq>(kModSeqMax);
    fence.restored_modseq = in.number<ModSeq>(kModSeqMax);
    fence.backup_uidnext = in.number<Uid>();
    fence.restored_uidnext = in.number<Uid>();
    if (bytes_version == kUnseenMailboxVersion && fence == RestoreFence{}) return;
    if (fence.backup_modseq >= fence.restored_modseq ||
        fence.backup_uidnext > fence.restored_uidnext ||
        fence.restored_modseq > record.highestmodseq || fence.restored_uidnext > record.uidnext) {
        in.set_bad();
    }
}

}  // namespace

Result<MailboxRecord> decode_mailbox(std::string_view bytes) {
    Result<Reader> in = open_record(bytes, "mailbox record", kUnseenMailboxVersion);
    if (!in) return tl::unexpected(in.error());
    MailboxRecord record;
    record.id = in->number<MailboxId>();
    record.name = in->string();
    record.uidvalidity = in->number<std::uint32_t>();
    record.uidnext = in->number<Uid>();
    record.highestmodseq = in->number<ModSeq>(kModSeqMax);
    record.folded_modseq = in->number<ModSeq>(kModSeqMax);
    record.horizon_modseq = in->number<ModSeq>(kModSeqMax);
    record.created_modseq = in->number<ModSeq>(kModSeqMax);
    record.recent_uid = in->number<Uid>();
    record.counts.messages = in->number<std::uint32_t>();
    record.counts.unseen = in->number<std::uint32_t>();
    record.counts.deleted = in->number<std::uint32_t>();
    record.counts.bytes = in->varint();
    record.counts.deleted_bytes = in->varint();
    const auto keywords = in->number<std::size_t>(64 - kKeywordShift);
    for (std::size_t i = 0; i < keywords && in->ok(); ++i)
        record.keywords.emplace_back(in->string());
    record.special_use = in->number<SpecialUse>(static_cast<std::uint8_t>(SpecialUse::kImportant));
    record.subscribed = in->boolean();
    record.object_id = in->string();
    record.created_seconds = in->signed_number();
    if (bytes[0] >= kFencedMailboxVersion) read_fence(*in, record, bytes[0]);
    if (bytes[0] == kUnseenMailboxVersion) {
        record.folded_unseen_seq = in->number<std::uint32_t>();
        if (record.folded_unseen_seq == 0) in->set_bad();
    }
    return close_record(*in, std::move(record), "mailbox record");
}

std::string encode(const BodyRecord& record) {
    std::string out = start_record();
    put_varint(out, raw(record.segment));
    put_varint(out, record.offset);
    put_varint(out, record.length);
    put_varint(out, record.crc32c);
    put_varint(out, record.header_bytes);
    put_varint(out, record.references.size());
    std::uint64_t last = 0;
    for (const BodyRecord::Reference& reference : record.references) {
        put_varint(out, raw(reference.account) - last);
        put_varint(out, reference.count);
        last = raw(reference.account);
    }
    return out;
}

Result<BodyRecord> decode_body(std::string_view bytes) {
    Result<Reader> in = open_record(bytes, "body record");
    if (!in) return tl::unexpected(in.error());
    BodyRecord record;
    record.segment = in->number<SegmentId>();
    record.offset = in->number<std::uint32_t>();
    record.length = in->number<std::uint32_t>();
    record.crc32c = in->number<std::uint32_t>();
    record.header_bytes = in->number<std::uint32_t>(record.offset);
    const auto count = in->number<std::size_t>(in->left() / 2);  // each takes two bytes at least
    record.references.reserve(count);
    std::uint64_t account = 0;
    for (std::size_t i = 0; i < count && in->ok(); ++i) {
        const std::uint64_t step = in->varint();
        const auto references = in->number<std::uint32_t>();
        if ((step == 0 && i > 0) || step > UINT64_MAX - account || references == 0) in->set_bad();
        account += step;
        record.references.push_back({AccountId{account}, references});
    }
    return close_record(*in, std::move(record), "body record");
}

// Do not renumber.
constexpr std::uint64_t kSegmentSealed = 1;
constexpr std::uint64_t kSegmentHasCrc = 2;

std::string encode(const SegmentRecord& record) {
    std::string out = start_record();
    put_varint(out, record.bytes);
    put_varint(out, record.live_bytes);
    put_varint(out, (record.sealed ? kSegmentSealed : 0) | (record.crc32c ? kSegmentHasCrc : 0));
    if (record.crc32c) put_varint(out, *record.crc32c);
    return out;
}

Result<SegmentRecord> decode_segment(std::string_view bytes) {
    Result<Reader> in = open_record(bytes, "segment record");
    if (!in) return tl::unexpected(in.error());
    SegmentRecord record;
    record.bytes = in->varint();
    record.live_bytes = in->varint();
    const std::uint64_t bits = in->varint();
    if (bits > (kSegmentSealed | kSegmentHasCrc)) in->set_bad();
    record.sealed = (bits & kSegmentSealed) != 0;
    if ((bits & kSegmentHasCrc) != 0) record.crc32c = in->number<std::uint32_t>();
    return close_record(*in, record, "segment record");
}

std::string encode(const StoreState& state) {
    std::string out = start_record();
    put_varint(out, state.format);
    put_varint(out, state.store_seq);
    put_varint(out, state.fence_owner);
    put_varint(out, state.fence_epoch);
    put_varint(out, state.account_id_limit);
    put_varint(out, state.body_id_limit);
    put_varint(out, state.segment_id_next);
    return out;
}

Result<StoreState> decode_state(std::string_view bytes) {
    Result<Reader> in = open_record(bytes, "store state");
    if (!in) return tl::unexpected(in.error());
    StoreState state;
    state.format = in->number<std::uint32_t>();
    state.store_seq = in->varint();
    state.fence_owner = in->varint();
    state.fence_epoch = in->varint();
    state.account_id_limit = in->varint();
    state.body_id_limit = in->varint();
    state.segment_id_next = in->number<std::uint32_t>();
    return close_record(*in, state, "store state");
}

}  // namespace tidemark::storage
