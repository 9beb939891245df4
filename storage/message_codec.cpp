// Pages and log entries as bytes. Both hold messages as blocks of up to kPageCapacity, column by
// column:
//   count · uid: first, then the column of (difference to the one before - 1) · flags · modseq ·
//   size · internal date: seconds, zone minutes · createseq · save date · body
// so a run of uids without gaps, equal flags or one createseq take two or three bytes each.
#include "storage/codec.hpp"
#include "storage/records.hpp"

#include <fmt/format.h>

namespace tidemark::storage {
namespace {

using codec::put_column;
using codec::put_string;
using codec::put_varint;
using codec::Reader;
using codec::zigzag;

constexpr char kCodecVersion = 1;

struct Block {
    FixedColumns fixed;
    std::vector<FlagBits> flags;
    std::vector<ModSeq> modseq;
};

void put_uids(std::string& out, const std::vector<Uid>& uids) {
    put_varint(out, uids[0]);
    if (uids.size() == 1) return;
    std::vector<Uid> gaps(uids.size() - 1);
    for (std::size_t i = 1; i < uids.size(); ++i) gaps[i - 1] = uids[i] - uids[i - 1] - 1;
    put_column(out, gaps);
}

// Uids at or above `least`, ascending.
void read_uids(Reader& in, std::size_t count, Uid least, std::vector<Uid>& uids) {
    const Uid first = in.number<Uid>();
    if (first < least) in.set_bad();
    if (count > 1) in.column(count - 1, uids);
    if (!in.ok()) return;
    uids.resize(count);
    std::uint64_t uid = first;
    Uid gap = count > 1 ? uids[0] : 0;
    uids[0] = first;
    for (std::size_t i = 1; i < count; ++i) {
        uid += std::uint64_t{gap} + 1;
        gap = uids[i];
        uids[i] = static_cast<Uid>(uid);
    }
    if (uid > UINT32_MAX) in.set_bad();
}

void put_block(std::string& out, const FixedColumns& fixed, const std::vector<FlagBits>& flags,
               const std::vector<ModSeq>& modseq) {
    put_varint(out, flags.size());
    put_uids(out, fixed.uid);
    put_column(out, flags);
    put_column(out, modseq);
    put_column(out, fixed.size);
    put_column(out, fixed.internal_seconds);
    put_column(out, fixed.internal_zone);
    put_column(out, fixed.createseq);
    put_column(out, fixed.save_date);
    put_column(out, fixed.body);
}

void read_block(Reader& in, Uid least, FixedColumns& fixed, std::vector<FlagBits>& flags,
                std::vector<ModSeq>& modseq) {
    const auto count = in.number<std::size_t>(kPageCapacity);
    if (count == 0) in.set_bad();
    if (!in.ok()) return;
    read_uids(in, count, least, fixed.uid);
    in.column(count, flags);
    in.column(count, modseq);
    in.column(count, fixed.size);
    in.column(count, fixed.internal_seconds);
    in.column(count, fixed.internal_zone);
    in.column(count, fixed.createseq);
    in.column(count, fixed.save_date);
    in.column(count, fixed.body);
}

enum class Modseqs : bool { kStored, kLeftOut };

void put_messages(std::string& out, const std::vector<Message>& messages, Modseqs modseqs) {
    std::vector<const Message*> order(messages.size());
    for (std::size_t i = 0; i < messages.size(); ++i) order[i] = &messages[i];
    const auto by_uid = [](const Message* a, const Message* b) { return a->uid < b->uid; };
    if (!std::is_sorted(order.begin(), order.end(), by_uid))
        std::sort(order.begin(), order.end(), by_uid);

    put_varint(out, messages.size());
    for (std::size_t at = 0; at < order.size(); at += kPageCapacity) {
        Block block;
        const std::size_t end = std::min(order.size(), at + kPageCapacity);
        for (std::size_t i = at; i < end; ++i) {
            const Message& message = *order[i];
            block.fixed.uid.push_back(message.uid);
            block.fixed.size.push_back(message.size);
            block.fixed.internal_seconds.push_back(message.internal_date.unix_seconds);
            block.fixed.internal_zone.push_back(message.internal_date.zone_minutes);
            block.fixed.createseq.push_back(modseqs == Modseqs::kStored ? message.createseq : 0);
            block.fixed.save_date.push_back(message.save_date);
            block.fixed.body.push_back(message.body);
            block.flags.push_back(message.flags);
            block.modseq.push_back(modseqs == Modseqs::kStored ? message.modseq : 0);
        }
        put_block(out, block.fixed, block.flags, block.modseq);
    }
}

void read_messages(Reader& in, std::vector<Message>& messages) {
    const std::uint64_t count = in.varint();
    std::uint64_t least = 1;
    while (in.ok() && messages.size() < count) {
        Page page;
        FixedColumns fixed;
        if (least > UINT32_MAX) return in.set_bad();
        read_block(in, static_cast<Uid>(least), fixed, page.flags, page.modseq);
        // All blocks but the last are full: one list has one spelling.
        if (!in.ok() ||
            page.count() != std::min<std::uint64_t>(kPageCapacity, count - messages.size())) {
            return in.set_bad();
        }
        least = std::uint64_t{fixed.uid.back()} + 1;
        page.fixed = std::make_shared<const FixedColumns>(std::move(fixed));
        for (std::size_t i = 0; i < page.count(); ++i) messages.push_back(page.at(i));
    }
}

void put_ranges(std::string& out, const UidRanges& ranges) {
    put_varint(out, ranges.size());
    Uid last = 0;
    for (const UidRange& range : ranges) {
        put_varint(out, range.first - last);
        put_varint(out, range.last - range.first);
        last = range.last;
    }
}

void read_ranges(Reader& in, UidRanges& ranges) {
    const auto count = in.number<std::size_t>(in.left() / 2);  // each takes two bytes at least
    ranges.reserve(count);
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        const std::uint64_t first = last + in.number<Uid>();
        if (first == last || (i > 0 && first == last + 1)) in.set_bad();
        last = first + in.number<Uid>();
        if (last > UINT32_MAX) in.set_bad();
        ranges.push_back({static_cast<Uid>(first), static_cast<Uid>(last)});
    }
}

Result<Reader> open_value(std::string_view bytes, std::string_view what) {
    if (bytes.empty() || bytes[0] == 0)
        return fail(StoreErrorKind::kCorrupt, fmt::format("{} without a version", what));
    if (bytes[0] != kCodecVersion) {
        return fail(StoreErrorKind::kTooNew,
                    fmt::format("{} of version {}", what, static_cast<unsigned char>(bytes[0])));
    }
    return Reader(bytes.substr(1));
}

tl::unexpected<StoreError> not_decoded(std::string_view what) {
    return fail(StoreErrorKind::kCorrupt, fmt::format("{} does not decode", what));
}

}  // namespace

std::string encode_page(const Page& page) {
    std::string out(1, kCodecVersion);
    put_block(out, *page.fixed, page.flags, page.modseq);
    return out;
}

Result<Page> decode_page(std::string_view bytes) {
    Result<Reader> in = open_value(bytes, "page");
    if (!in) return tl::unexpected(in.error());
    Page page;
    auto fixed = std::make_shared<FixedColumns>();
    read_block(*in, 1, *fixed, page.flags, page.modseq);
    if (!in->done()) return not_decoded("page");
    for (const ModSeq modseq : page.modseq) page.modseq_max = std::max(page.modseq_max, modseq);
    if (page.modseq_max > kModSeqMax) return not_decoded("page");
    page.fixed = std::move(fixed);
    return page;
}

// The expunged come first, so that decode_expunged() need not read further.
std::string encode(const ChangeRecord& record) {
    std::string out(1, kCodecVersion);
    put_varint(out, static_cast<std::uint8_t>(record.kind));
    put_varint(out, zigzag(record.time_micros));
    put_messages(out, record.expunged, Modseqs::kStored);
    put_messages(out, record.appended, Modseqs::kLeftOut);
    put_varint(out, record.flags.size());
    for (const FlagChange& change : record.flags) {
        put_varint(out, change.before);
        put_varint(out, change.after);
        put_ranges(out, change.uids);
    }
    put_string(out, record.old_name);
    put_string(out, record.new_name);
    return out;
}

Result<ChangeRecord> decode_change(std::string_view bytes) {
    Result<Reader> in = open_value(bytes, "change record");
    if (!in) return tl::unexpected(in.error());
    ChangeRecord record;
    record.kind = in->number<ChangeKind>(static_cast<std::uint8_t>(ChangeKind::kRestore));
    record.time_micros = in->signed_number();
    read_messages(*in, record.expunged);
    read_messages(*in, record.appended);
    const auto changes =
        in->number<std::size_t>(in->left() / 3);  // each takes three bytes at least
    record.flags.reserve(changes);
    for (std::size_t i = 0; i < changes && in->ok(); ++i) {
        FlagChange& change = record.flags.emplace_back();
        change.before = in->varint();
        change.after = in->varint();
        read_ranges(*in, change.uids);
    }
    record.old_name = in->string();
    record.new_name = in->string();
    if (!in->done() || record.kind == ChangeKind{0}) return not_decoded("change record");
    for (const Message& message : record.appended) {
        if (message.modseq != 0 || message.createseq != 0) return not_decoded("change record");
    }
    for (const Message& message : record.expunged) {
        if (message.modseq > kModSeqMax || message.createseq > kModSeqMax)
            return not_decoded("change record");
    }
    return record;
}

Result<UidRanges> decode_expunged(std::string_view bytes) {
    Result<Reader> in = open_value(bytes, "change record");
    if (!in) return tl::unexpected(in.error());
    constexpr int kColumnsBehindUid = 8;
    in->varint();
    in->varint();
    const std::uint64_t total = in->varint();
    UidRanges ranges;
    std::vector<Uid> uids;
    std::uint64_t least = 1;
    for (std::uint64_t done = 0; in->ok() && done < total;) {
        const auto count = in->number<std::size_t>(kPageCapacity);
        if (count == 0 || least > UINT32_MAX) in->set_bad();
        if (!in->ok()) break;
        read_uids(*in, count, static_cast<Uid>(least), uids);
        for (int i = 0; i < kColumnsBehindUid; ++i) in->skip_column(count);
        if (!in->ok()) break;
        for (const Uid uid : uids) append_uid(ranges, uid);
        least = std::uint64_t{uids.back()} + 1;
        done += count;
    }
    if (!in->ok()) return not_decoded("change record");
    return ranges;
}

Result<void> apply(MailboxDraft& draft, ModSeq modseq, const ChangeRecord& change) {
    const auto misfit = [modseq](std::string_view what, Uid uid) {
        return fail(StoreErrorKind::kCorrupt,
                    fmt::format("log entry {}: {} uid {}", modseq, what, uid));
    };
    if (change.kind == ChangeKind::kRestore) draft.set_all_modseqs(modseq);
    for (Message message : change.appended) {
        if (message.uid < draft.uidnext() || message.uid == UINT32_MAX)
            return misfit("appends", message.uid);
        message.modseq = modseq;
        message.createseq = modseq;
        draft.append(message);
    }
    for (const FlagChange& flags : change.flags) {
        for (const UidRange& range : flags.uids) {
            for (std::uint64_t uid = range.first; uid <= range.last; ++uid) {
                const auto number = static_cast<Uid>(uid);
                const std::optional<Message> message = draft.find(number);
                if (!message || message->flags != flags.before)
                    return misfit("changes flags of", number);
                draft.set_flags(number, flags.after, modseq);
            }
        }
    }
    for (const Message& message : change.expunged) {
        if (!draft.expunge(message.uid, modseq)) return misfit("expunges", message.uid);
    }
    draft.raise_highestmodseq(modseq);
    return {};
}

}  // namespace tidemark::storage
