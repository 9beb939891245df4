// The messages of one mailbox as flat columns in immutable, shared pages.
//
// A MailboxView is a snapshot: once made it never changes, so sessions, searches on other threads
// and the account actor share it without locks. A MailboxDraft makes the next snapshot; only the
// pages that it touches are copied. Two snapshots are compared page by page (equal pointers =
// nothing changed), which is how sessions find out what to tell their clients: the cost follows the
// changes, not the mailbox.
//
// Thread: values, any thread. Memory: about 32 bytes a message, shared by all who look at it.
#pragma once

#include "storage/column.hpp"
#include "storage/types.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace tidemark::storage {

// One message, all columns.
struct Message {
    Uid uid = 0;
    FlagBits flags = 0;
    ModSeq modseq = 0;
    ModSeq createseq = 0;    // modseq of the change that put it into this mailbox
    std::uint32_t size = 0;  // RFC822.SIZE in octets
    Date internal_date;
    std::int64_t save_date = 0;  // unix seconds (RFC 8514)
    BodyId body{};
    friend bool operator==(const Message&, const Message&) = default;
};

constexpr std::size_t kPageCapacity = 256;  // messages

// The columns that never change once a message is in its mailbox.
struct FixedColumns {
    std::vector<Uid> uid;  // ascending
    Column<std::uint32_t> size;
    Column<std::int64_t> internal_seconds;
    Column<std::int16_t> internal_zone;
    Column<ModSeq> createseq;
    Column<std::int64_t> save_date;
    Column<BodyId> body;
};

struct Page {
    std::shared_ptr<const FixedColumns> fixed;
    std::vector<FlagBits> flags;
    std::vector<ModSeq> modseq;
    ModSeq modseq_max = 0;  // of the messages in the page

    std::size_t count() const { return flags.size(); }
    Uid first_uid() const { return fixed->uid.front(); }
    Uid last_uid() const { return fixed->uid.back(); }
    // Whether no uid is missing between its first and its last.
    bool is_contiguous() const { return last_uid() - first_uid() + 1 == count(); }
    Message at(std::size_t index) const;
};
using PagePtr = std::shared_ptr<const Page>;

struct MailboxCounts {
    std::uint32_t messages = 0;
    std::uint32_t unseen = 0;
    std::uint32_t deleted = 0;
    std::uint64_t bytes = 0;
    std::uint64_t deleted_bytes = 0;
    friend bool operator==(const MailboxCounts&, const MailboxCounts&) = default;
};

// Where a message is: page and index within it.
struct Position {
    std::uint32_t page = 0;
    std::uint32_t index = 0;
};

class MailboxView {
  public:
    MailboxView() = default;
    // Pages ascending by uid, none empty.
    MailboxView(std::vector<PagePtr> pages, Uid uidnext, ModSeq highestmodseq);

    std::uint32_t count() const { return count_; }
    Uid uidnext() const { return uidnext_; }
    ModSeq highestmodseq() const { return highestmodseq_; }
    const MailboxCounts& counts() const { return counts_; }
    const std::vector<PagePtr>& pages() const { return pages_; }
    // Sequence number of the first message of a page, 1-based.
    std::uint32_t first_seq(std::uint32_t page) const { return first_seq_[page]; }

    std::optional<Position> find_uid(Uid uid) const;
    // The first message with a uid >= `uid`; none when all are smaller.
    std::optional<Position> lower_bound(Uid uid) const;
    // The message behind that at `position`.
    std::optional<Position> next(Position position) const;
    // seq 1 … count().
    Position find_seq(std::uint32_t seq) const;
    std::uint32_t seq_of(Position position) const {
        return first_seq_[position.page] + position.index;
    }
    const Page& page(Position position) const { return *pages_[position.page]; }
    Message at(Position position) const { return page(position).at(position.index); }
    Uid uid_at(Position position) const { return page(position).fixed->uid[position.index]; }
    std::optional<std::uint32_t> first_unseen_seq() const;

    // The uids of all messages, as ranges.
    UidRanges uids() const;
    // Those of `asked` below uidnext() that are not messages here: what is gone, for a client that
    // says what it knows. Proportional to the ranges and the pages they cover, never to the numbers
    // (RFC 7162 §3.2.5.1, §3.2.6).
    UidRanges absent(const UidRanges& asked) const;
    // The uids of the messages that came into the mailbox by changes with modseq > since, whatever
    // happened to their flags. Proportional to them: createseq ascends with the uid.
    UidRanges created_since(ModSeq since) const;
    std::size_t memory_bytes() const;

  private:
    friend class MailboxDraft;
    MailboxView(std::vector<PagePtr> pages, Uid uidnext, ModSeq highestmodseq,
                const MailboxCounts& counts);
    void index_pages();
    // Index of the last page whose first uid is <= `uid`; 0 when there is none.
    std::size_t page_for(Uid uid) const;

    std::vector<PagePtr> pages_;
    std::vector<Uid> first_uid_;            // of each page, so that searching touches one array
    std::vector<std::uint32_t> first_seq_;  // of each page
    std::uint32_t count_ = 0;
    Uid uidnext_ = 1;
    ModSeq highestmodseq_ = 1;
    MailboxCounts counts_;
};
using ViewPtr = std::shared_ptr<const MailboxView>;

// The next snapshot of a mailbox, made from one. Not thread-safe; the base stays as it is.
class MailboxDraft {
  public:
    explicit MailboxDraft(ViewPtr base);
    MailboxDraft(const MailboxDraft&) = delete;
    MailboxDraft& operator=(const MailboxDraft&) = delete;
    MailboxDraft(MailboxDraft&&) noexcept;
    MailboxDraft& operator=(MailboxDraft&&) noexcept;
    ~MailboxDraft();

    std::uint32_t count() const;
    Uid uidnext() const;
    ModSeq highestmodseq() const;
    std::optional<Message> find(Uid uid) const;

    // message.uid must be >= uidnext(); uidnext becomes uid + 1, highestmodseq at least its modseq.
    void append(const Message& message);
    // False when there is no such message.
    bool set_flags(Uid uid, FlagBits flags, ModSeq modseq);
    bool expunge(Uid uid, ModSeq modseq);
    // Every message gets this modseq.
    void set_all_modseqs(ModSeq modseq);
    void raise_uidnext(Uid uidnext);
    void raise_highestmodseq(ModSeq modseq);

    // Consumes the draft. Small neighbouring pages are joined only when rewritten pages are next to
    // each other.
    ViewPtr finish() &&;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::storage
