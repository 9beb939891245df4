#include "storage/mailbox_view.hpp"

#include <algorithm>
#include <bitset>
#include <cassert>

namespace tidemark::storage {
namespace {

void add_counts(MailboxCounts& counts, FlagBits flags, std::uint32_t size) {
    ++counts.messages;
    counts.bytes += size;
    if ((flags & kSeen) == 0) ++counts.unseen;
    if ((flags & kDeleted) != 0) {
        ++counts.deleted;
        counts.deleted_bytes += size;
    }
}

void remove_counts(MailboxCounts& counts, FlagBits flags, std::uint32_t size) {
    --counts.messages;
    counts.bytes -= size;
    if ((flags & kSeen) == 0) --counts.unseen;
    if ((flags & kDeleted) != 0) {
        --counts.deleted;
        counts.deleted_bytes -= size;
    }
}

void push_fixed(FixedColumns& columns, const Message& message) {
    columns.uid.push_back(message.uid);
    columns.size.push_back(message.size);
    columns.internal_seconds.push_back(message.internal_date.unix_seconds);
    columns.internal_zone.push_back(message.internal_date.zone_minutes);
    columns.createseq.push_back(message.createseq);
    columns.save_date.push_back(message.save_date);
    columns.body.push_back(message.body);
}

void push_fixed(FixedColumns& columns, const FixedColumns& from, std::size_t index) {
    columns.uid.push_back(from.uid[index]);
    columns.size.push_back(from.size[index]);
    columns.internal_seconds.push_back(from.internal_seconds[index]);
    columns.internal_zone.push_back(from.internal_zone[index]);
    columns.createseq.push_back(from.createseq[index]);
    columns.save_date.push_back(from.save_date[index]);
    columns.body.push_back(from.body[index]);
}

ModSeq max_of(const std::vector<ModSeq>& modseqs) {
    ModSeq max = 0;
    for (const ModSeq modseq : modseqs) max = std::max(max, modseq);
    return max;
}

}  // namespace

Message Page::at(std::size_t index) const {
    Message message;
    message.uid = fixed->uid[index];
    message.flags = flags[index];
    message.modseq = modseq[index];
    message.createseq = fixed->createseq[index];
    message.size = fixed->size[index];
    message.internal_date = {fixed->internal_seconds[index], fixed->internal_zone[index]};
    message.save_date = fixed->save_date[index];
    message.body = fixed->body[index];
    return message;
}

MailboxView::MailboxView(std::vector<PagePtr> pages, Uid uidnext, ModSeq highestmodseq)
    : pages_(std::move(pages)), uidnext_(uidnext), highestmodseq_(highestmodseq) {
    for (const PagePtr& page : pages_) {
        for (std::size_t i = 0; i < page->count(); ++i)
            add_counts(counts_, page->flags[i], page->fixed->size[i]);
    }
    index_pages();
}

MailboxView::MailboxView(std::vector<PagePtr> pages, Uid uidnext, ModSeq highestmodseq,
                         const MailboxCounts& counts)
    : pages_(std::move(pages)), uidnext_(uidnext), highestmodseq_(highestmodseq), counts_(counts) {
    index_pages();
}

void MailboxView::index_pages() {
    first_uid_.reserve(pages_.size());
    first_seq_.reserve(pages_.size());
    for (const PagePtr& page : pages_) {
        assert(page->count() > 0);
        first_uid_.push_back(page->first_uid());
        first_seq_.push_back(count_ + 1);
        count_ += static_cast<std::uint32_t>(page->count());
    }
}

std::size_t MailboxView::page_for(Uid uid) const {
    const auto next = std::upper_bound(first_uid_.begin(), first_uid_.end(), uid);
    return next == first_uid_.begin() ? 0 : static_cast<std::size_t>(next - first_uid_.begin()) - 1;
}

std::optional<Position> MailboxView::lower_bound(Uid uid) const {
    if (pages_.empty()) return std::nullopt;
    std::size_t page = page_for(uid);
    const std::vector<Uid>& uids = pages_[page]->fixed->uid;
    // Where it is when no uid is missing before it.
    const std::size_t guess = uid - uids.front();
    if (guess < uids.size() && uids[guess] == uid)
        return Position{static_cast<std::uint32_t>(page), static_cast<std::uint32_t>(guess)};
    const auto found = std::lower_bound(uids.begin(), uids.end(), uid);
    if (found != uids.end()) {
        return Position{static_cast<std::uint32_t>(page),
                        static_cast<std::uint32_t>(found - uids.begin())};
    }
    if (++page == pages_.size()) return std::nullopt;
    return Position{static_cast<std::uint32_t>(page), 0};
}

std::optional<Position> MailboxView::next(Position position) const {
    if (++position.index < page(position).count()) return position;
    if (++position.page == pages_.size()) return std::nullopt;
    return Position{position.page, 0};
}

std::optional<Position> MailboxView::find_uid(Uid uid) const {
    const std::optional<Position> position = lower_bound(uid);
    if (!position || uid_at(*position) != uid) return std::nullopt;
    return position;
}

Position MailboxView::find_seq(std::uint32_t seq) const {
    assert(seq >= 1 && seq <= count_);
    const auto next = std::upper_bound(first_seq_.begin(), first_seq_.end(), seq);
    const auto page = static_cast<std::uint32_t>(next - first_seq_.begin()) - 1;
    return {page, seq - first_seq_[page]};
}

std::optional<std::uint32_t> MailboxView::first_unseen_seq() const {
    if (counts_.unseen == 0) return std::nullopt;
    for (std::size_t page = 0; page < pages_.size(); ++page) {
        const std::vector<FlagBits>& flags = pages_[page]->flags;
        const auto found = std::find_if(flags.begin(), flags.end(),
                                        [](FlagBits bits) { return (bits & kSeen) == 0; });
        if (found != flags.end())
            return first_seq_[page] + static_cast<std::uint32_t>(found - flags.begin());
    }
    return std::nullopt;
}

UidRanges MailboxView::uids() const {
    UidRanges ranges;
    for (const PagePtr& page : pages_) {
        const std::vector<Uid>& uids = page->fixed->uid;
        if (page->is_contiguous()) {
            append_uids(ranges, uids.front(), uids.back());
        } else {
            for (const Uid uid : uids) append_uid(ranges, uid);
        }
    }
    return ranges;
}

UidRanges MailboxView::absent(const UidRanges& asked) const {
    UidRanges gone;
    for (const UidRange& range : asked) {
        if (range.first >= uidnext_) break;
        const Uid last = std::min<Uid>(range.last, uidnext_ - 1);
        std::uint64_t next =
            range
                .first;  // everything in the range below it is dealt with; may pass the largest uid
        std::optional<Position> position = lower_bound(range.first);
        while (position && next <= last) {
            const std::vector<Uid>& uids = page(*position).fixed->uid;
            if (position->index == 0 && uids.back() <= last && page(*position).is_contiguous()) {
                if (uids.front() > next)
                    append_uids(gone, static_cast<Uid>(next), uids.front() - 1);
                next = std::uint64_t{uids.back()} + 1;
                position->index = static_cast<std::uint32_t>(uids.size());
            }
            for (; position->index < uids.size() && uids[position->index] <= last;
                 ++position->index) {
                const Uid uid = uids[position->index];
                if (uid > next) append_uids(gone, static_cast<Uid>(next), uid - 1);
                next = std::uint64_t{uid} + 1;
            }
            if (position->index < uids.size() || position->page + 1 == pages_.size()) break;
            position = Position{position->page + 1, 0};
        }
        if (next <= last) append_uids(gone, static_cast<Uid>(next), last);
    }
    return gone;
}

UidRanges MailboxView::created_since(ModSeq since) const {
    UidRanges created;
    auto page = std::partition_point(pages_.begin(), pages_.end(), [since](const PagePtr& one) {
        const auto& createseq = one->fixed->createseq;
        return createseq[createseq.size() - 1] <= since;
    });
    for (; page != pages_.end(); ++page) {
        const FixedColumns& fixed = *(*page)->fixed;
        const auto first = std::upper_bound(fixed.createseq.begin(), fixed.createseq.end(), since);
        for (auto i = static_cast<std::size_t>(first - fixed.createseq.begin());
             i < fixed.uid.size(); ++i) {
            append_uid(created, fixed.uid[i]);
        }
    }
    return created;
}

std::size_t MailboxView::memory_bytes() const {
    // The objects, and what malloc adds to each block.
    constexpr std::size_t kPageBytes =
        sizeof(Page) + sizeof(FixedColumns) + 11 * 16 + sizeof(PagePtr) + 8;
    std::size_t bytes = sizeof(*this) + pages_.size() * kPageBytes;
    for (const PagePtr& page : pages_) {
        const FixedColumns& fixed = *page->fixed;
        bytes += page->count() * (sizeof(Uid) + sizeof(FlagBits) + sizeof(ModSeq));
        bytes += fixed.size.memory_bytes() + fixed.internal_seconds.memory_bytes() +
                 fixed.internal_zone.memory_bytes() + fixed.createseq.memory_bytes() +
                 fixed.save_date.memory_bytes() + fixed.body.memory_bytes();
    }
    return bytes;
}

// A page that was touched is a private copy (`work`) that still shares the fixed columns until
// something is appended to it (`columns`). Expunged messages stay in place, marked dead, until
// finish(), so that expunging many costs one pass.
struct MailboxDraft::Impl {
    struct Work {
        Page page;
        std::shared_ptr<FixedColumns> columns;  // set when the fixed columns are this draft's own
        std::bitset<kPageCapacity> dead;
        std::size_t dead_count = 0;

        std::size_t live() const { return page.count() - dead_count; }
        bool rewritten() const { return columns != nullptr || dead_count > 0; }
    };
    struct Slot {
        const Page* page = nullptr;  // base's or work's
        PagePtr shared;              // null when work is set
        std::unique_ptr<Work> work;
    };

    explicit Impl(ViewPtr view) : base(std::move(view)) {
        uidnext = base->uidnext();
        highestmodseq = base->highestmodseq();
        counts = base->counts();
        slots.reserve(base->pages().size() + 1);
        for (const PagePtr& page : base->pages()) slots.push_back({page.get(), page, nullptr});
    }

    Work& touch(std::size_t index) {
        Slot& slot = slots[index];
        if (!slot.work) {
            slot.work = std::make_unique<Work>();
            slot.work->page = *slot.shared;
            slot.page = &slot.work->page;
            slot.shared.reset();
        }
        return *slot.work;
    }

    bool holds(std::size_t index, Uid uid) const {
        return index < slots.size() && slots[index].page->first_uid() <= uid &&
               uid <= slots[index].page->last_uid();
    }

    // Commands touch messages in ascending order, so the page of the last call or the one behind it
    // nearly always has the next message.
    std::optional<Position> find(Uid uid) {
        if (!holds(cursor, uid)) {
            if (holds(cursor + 1, uid)) {
                ++cursor;
            } else {
                const auto found = std::lower_bound(
                    slots.begin(), slots.end(), uid,
                    [](const Slot& slot, Uid wanted) { return slot.page->last_uid() < wanted; });
                cursor = static_cast<std::size_t>(found - slots.begin());
                if (!holds(cursor, uid)) return std::nullopt;
            }
        }
        const Slot& slot = slots[cursor];
        const std::vector<Uid>& uids = slot.page->fixed->uid;
        std::size_t index = uid - uids.front();  // where it is when no uid is missing before it
        if (index >= uids.size() || uids[index] != uid) {
            const auto found = std::lower_bound(uids.begin(), uids.end(), uid);
            if (found == uids.end() || *found != uid) return std::nullopt;
            index = static_cast<std::size_t>(found - uids.begin());
        }
        if (slot.work && slot.work->dead[index]) return std::nullopt;
        return Position{static_cast<std::uint32_t>(cursor), static_cast<std::uint32_t>(index)};
    }

    void append(const Message& message) {
        if (slots.empty() || slots.back().page->count() == kPageCapacity) {
            Slot slot;
            slot.work = std::make_unique<Work>();
            slot.work->columns = std::make_shared<FixedColumns>();
            slot.work->page.fixed = slot.work->columns;
            slot.page = &slot.work->page;
            slots.push_back(std::move(slot));
        }
        Work& work = touch(slots.size() - 1);
        if (!work.columns) {
            work.columns = std::make_shared<FixedColumns>(*work.page.fixed);
            work.page.fixed = work.columns;
        }
        push_fixed(*work.columns, message);
        work.page.flags.push_back(message.flags);
        work.page.modseq.push_back(message.modseq);
        add_counts(counts, message.flags, message.size);
    }

    // The live messages of `work` behind those of `to`.
    static void move_live(const Work& work, Page& to, FixedColumns& columns) {
        for (std::size_t i = 0; i < work.page.count(); ++i) {
            if (work.dead[i]) continue;
            push_fixed(columns, *work.page.fixed, i);
            to.flags.push_back(work.page.flags[i]);
            to.modseq.push_back(work.page.modseq[i]);
        }
    }

    std::vector<PagePtr> build_pages() {
        std::vector<PagePtr> pages;
        pages.reserve(slots.size());
        for (std::size_t index = 0; index < slots.size();) {
            Slot& slot = slots[index];
            if (!slot.work) {
                pages.push_back(std::move(slot.shared));
                ++index;
                continue;
            }
            // As many rewritten neighbours as fit into one page.
            std::size_t live = slot.work->live();
            std::size_t end = index + 1;
            bool rewrite = slot.work->dead_count > 0;
            while (slot.work->rewritten() && end < slots.size() && slots[end].work &&
                   slots[end].work->rewritten() &&
                   live + slots[end].work->live() <= kPageCapacity) {
                live += slots[end].work->live();
                rewrite = true;
                ++end;
            }
            auto page = std::make_shared<Page>();
            if (rewrite) {
                auto columns = std::make_shared<FixedColumns>();
                columns->uid.reserve(live);
                page->flags.reserve(live);
                page->modseq.reserve(live);
                for (std::size_t i = index; i < end; ++i)
                    move_live(*slots[i].work, *page, *columns);
                page->fixed = std::move(columns);
            } else {
                *page = std::move(slot.work->page);
            }
            page->modseq_max = max_of(page->modseq);
            if (live > 0) pages.push_back(std::move(page));
            index = end;
        }
        return pages;
    }

    ViewPtr base;
    std::vector<Slot> slots;
    std::size_t cursor = 0;
    Uid uidnext = 1;
    ModSeq highestmodseq = 1;
    MailboxCounts counts;
};

MailboxDraft::MailboxDraft(ViewPtr base) : impl_(std::make_unique<Impl>(std::move(base))) {}
MailboxDraft::MailboxDraft(MailboxDraft&&) noexcept = default;
MailboxDraft& MailboxDraft::operator=(MailboxDraft&&) noexcept = default;
MailboxDraft::~MailboxDraft() = default;

std::uint32_t MailboxDraft::count() const {
    return impl_->counts.messages;
}
Uid MailboxDraft::uidnext() const {
    return impl_->uidnext;
}
ModSeq MailboxDraft::highestmodseq() const {
    return impl_->highestmodseq;
}

std::optional<Message> MailboxDraft::find(Uid uid) const {
    const std::optional<Position> position = impl_->find(uid);
    if (!position) return std::nullopt;
    return impl_->slots[position->page].page->at(position->index);
}

void MailboxDraft::append(const Message& message) {
    assert(message.uid >= impl_->uidnext && message.uid < UINT32_MAX);
    impl_->append(message);
    impl_->uidnext = message.uid + 1;
    raise_highestmodseq(message.modseq);
}

bool MailboxDraft::set_flags(Uid uid, FlagBits flags, ModSeq modseq) {
    const std::optional<Position> position = impl_->find(uid);
    if (!position) return false;
    Impl::Work& work = impl_->touch(position->page);
    const std::uint32_t size = work.page.fixed->size[position->index];
    remove_counts(impl_->counts, work.page.flags[position->index], size);
    add_counts(impl_->counts, flags, size);
    work.page.flags[position->index] = flags;
    work.page.modseq[position->index] = modseq;
    raise_highestmodseq(modseq);
    return true;
}

bool MailboxDraft::expunge(Uid uid, ModSeq modseq) {
    const std::optional<Position> position = impl_->find(uid);
    if (!position) return false;
    Impl::Work& work = impl_->touch(position->page);
    remove_counts(impl_->counts, work.page.flags[position->index],
                  work.page.fixed->size[position->index]);
    work.dead.set(position->index);
    ++work.dead_count;
    raise_highestmodseq(modseq);
    return true;
}

void MailboxDraft::set_all_modseqs(ModSeq modseq) {
    for (std::size_t index = 0; index < impl_->slots.size(); ++index) {
        std::vector<ModSeq>& column = impl_->touch(index).page.modseq;
        std::fill(column.begin(), column.end(), modseq);
    }
    raise_highestmodseq(modseq);
}

void MailboxDraft::raise_uidnext(Uid uidnext) {
    impl_->uidnext = std::max(impl_->uidnext, uidnext);
}
void MailboxDraft::raise_highestmodseq(ModSeq modseq) {
    impl_->highestmodseq = std::max(impl_->highestmodseq, modseq);
}

ViewPtr MailboxDraft::finish() && {
    const std::unique_ptr<Impl> impl = std::move(impl_);
    return ViewPtr(
        new MailboxView(impl->build_pages(), impl->uidnext, impl->highestmodseq, impl->counts));
}

}  // namespace tidemark::storage
