// Telling a client what changed in its mailbox: the difference between what it was told and what is
// published.
#include "actors/imap_session.hpp"
#include "protocol/write_fetch.hpp"

#include <algorithm>

namespace tidemark::actors {

using storage::Message;
using storage::ModSeq;
using storage::Page;
using storage::Uid;

namespace {

struct Changed {
    Uid uid;
    storage::FlagBits flags;
    ModSeq modseq;
    storage::FlagBits told_flags;
    bool same_flags() const { return flags == told_flags; }  // only the modseq differs
};
struct Difference {
    std::vector<std::pair<std::uint32_t, Uid>> expunged;  // sequence number as told, uid
    std::vector<Changed> changed;
    std::vector<Message> added;
};

struct Cursor {
    explicit Cursor(const storage::MailboxView& from) : view(&from) {}
    const storage::MailboxView* view;
    std::size_t page = 0;
    std::size_t index = 0;
    bool at_end() const { return page == view->pages().size(); }
    const Page& here() const { return *view->pages()[page]; }
    Uid uid() const { return here().fixed->uid[index]; }
    std::uint32_t seq() const {
        return view->first_seq(static_cast<std::uint32_t>(page)) +
               static_cast<std::uint32_t>(index);
    }
    void step() {
        if (++index == here().count()) skip_page();
    }
    void skip_page() {
        ++page;
        index = 0;
    }
};

// Walks both views once; pages that both share are stepped over. `expunge_free_modseq_max`: while
// an expunge is held back the client was told no modseq above it, so a message told with that one
// is not different for having a higher one.
Difference compare(const storage::MailboxView& told, const storage::MailboxView& current) {
    Difference difference;
    Cursor a(told);
    Cursor b(current);
    while (!a.at_end() && !b.at_end()) {
        if (a.index == 0 && b.index == 0 && told.pages()[a.page] == current.pages()[b.page]) {
            a.skip_page();
            b.skip_page();
            continue;
        }
        if (a.uid() < b.uid()) {
            difference.expunged.emplace_back(a.seq(), a.uid());
            a.step();
        } else if (a.uid() > b.uid()) {
            // Cannot be: uids only grow. Treated as new so that the client is not left behind.
            difference.added.push_back(b.here().at(b.index));
            b.step();
        } else {
            const ModSeq modseq = b.here().modseq[b.index];
            if (modseq != a.here().modseq[a.index]) {
                const auto flags = b.here().flags[b.index];
                difference.changed.push_back({b.uid(), flags, modseq, a.here().flags[a.index]});
            }
            a.step();
            b.step();
        }
    }
    for (; !a.at_end(); a.step()) difference.expunged.emplace_back(a.seq(), a.uid());
    for (; !b.at_end(); b.step()) difference.added.push_back(b.here().at(b.index));
    return difference;
}

bool contains(const storage::UidRanges& ranges, Uid uid) {
    const auto it = std::lower_bound(
        ranges.begin(), ranges.end(), uid,
        [](const storage::UidRange& range, Uid value) { return range.last < value; });
    return it != ranges.end() && it->first <= uid;
}

}  // namespace

void ImapSession::sync(bool expunge_allowed, const StoreEcho* echo) {
    if (!selected_) return;
    Selected& box = *selected_;
    const Mailbox* published = mailbox();
    if (published == nullptr) return;  // deleted: run() ends the session
    if (!box.changed && echo == nullptr) return;
    if (!box.told) {
        // Changed without its messages having been there to load: what changed can not be told.
        stop("the selected mailbox can not be read");
        return;
    }
    box.changed = false;

    const auto& keywords = published->record.keywords;
    if (keywords.size() != box.keywords_told) {
        std::string list = "(";
        for (const auto& name : system_flag_names()) list += name + ' ';
        for (const auto& keyword : keywords) list += keyword + ' ';
        list.back() = ')';
        protocol::write_flags(out_, list);
        box.keywords_told = keywords.size();
    }

    const storage::ViewPtr current = published->view;
    Difference difference;
    if (current != box.told) difference = compare(*box.told, *current);
    const bool holds_back = !difference.expunged.empty() && !expunge_allowed;

    const std::uint32_t told_before = box.told->count();
    if (holds_back) {
        // What the client may be told now is told, with modseqs that do not say more than it knows
        // about expunges.
        box.changed = true;
        storage::MailboxDraft draft(box.told);
        std::erase_if(difference.changed, [&](Changed& change) {
            change.modseq = std::min(change.modseq, box.synced_modseq);
            const auto known = draft.find(change.uid);
            if (change.same_flags() && known && known->modseq >= change.modseq) return true;
            draft.set_flags(change.uid, change.flags, change.modseq);
            return false;
        });
        for (Message& message : difference.added) {
            message.modseq = std::min(message.modseq, box.synced_modseq);
            draft.append(message);
        }
        box.told = std::move(draft).finish();
    } else {
        if (!difference.expunged.empty()) {
            if (qresync_) {
                protocol::RangeSet uids;
                for (const auto& [seq, uid] : difference.expunged) uids.add(uid);
                protocol::write_vanished(out_, uids, false);
            } else {
                // From the last to the first, so that no number changes before it is told.
                for (auto it = difference.expunged.rbegin(); it != difference.expunged.rend();
                     ++it) {
                    protocol::write_expunge(out_, it->first);
                }
            }
            if (!box.saved.empty()) {
                protocol::RangeSet gone;
                for (const auto& [seq, uid] : difference.expunged) gone.add(uid);
                box.saved.remove(gone);
            }
        }
        box.told = current;
        box.synced_modseq = current->highestmodseq();
    }
    if (!difference.added.empty() || (holds_back && box.told->count() != told_before)) {
        protocol::write_exists(out_, box.told->count());
        if (!rev2_) protocol::write_recent(out_, static_cast<std::uint32_t>(box.recent.size()));
    }

    const auto tell = [&](Uid uid, storage::FlagBits flags, ModSeq modseq, bool with_flags) {
        const auto position = box.told->find_uid(uid);
        if (!position) return;
        const auto seq = box.told->seq_of(*position);
        if (!with_flags) {
            protocol::FetchWriter fetch(out_, seq);
            fetch.uid(uid);
            fetch.modseq(modseq);
            fetch.finish();
            return;
        }
        const auto text = box.flags.get(flags, !rev2_ && box.recent.contains(uid), keywords);
        if (condstore_) {
            protocol::write_fetch_flags(out_, seq, uid, text, modseq);
        } else {
            protocol::write_fetch_flags(out_, seq, uid, text);
        }
    };
    // In the order of the commits, so that a client that believes each modseq as it comes, and
    // drops between two of them, has still missed nothing below the last.
    std::stable_sort(difference.changed.begin(), difference.changed.end(),
                     [](const Changed& x, const Changed& y) { return x.modseq < y.modseq; });
    for (const Changed& change : difference.changed) {
        const bool mine = echo != nullptr && contains(echo->uids, change.uid);
        if (mine && !echo->is_silent) continue;  // told below, with those that did not change
        // What the client makes of its own silent STORE, with the flags that it knew, may not be
        // what is there: another session may have changed others of them, before or after.
        const bool flags_known =
            mine ? echo->expected(change.told_flags) == change.flags : change.same_flags();
        if (flags_known && !condstore_) continue;
        // RFC 7162 §3.1.3: .SILENT leaves out the flags, never the MODSEQ.
        tell(change.uid, change.flags, change.modseq, !(mine && flags_known));
    }
    if (echo == nullptr || (echo->is_silent && !echo->is_conditional)) return;
    // RFC 9051 §6.4.6: every message of the STORE is answered, also one that had these flags
    // before; RFC 7162 §3.1.3: a conditional one always with the MODSEQ.
    std::sort(difference.changed.begin(), difference.changed.end(),
              [](const Changed& x, const Changed& y) { return x.uid < y.uid; });
    const auto is_told = [&difference](Uid uid) {
        const auto it =
            std::lower_bound(difference.changed.begin(), difference.changed.end(), uid,
                             [](const Changed& change, Uid value) { return change.uid < value; });
        return it != difference.changed.end() && it->uid == uid;
    };
    for (const auto& range : echo->uids) {
        for (auto at = box.told->lower_bound(range.first);
             at && box.told->uid_at(*at) <= range.last;) {
            const Message message = box.told->at(*at);
            if (!echo->is_silent || !is_told(message.uid))
                tell(message.uid, message.flags, message.modseq, !echo->is_silent);
            at = box.told->next(*at);
        }
    }
}

void ImapSession::finish(const protocol::Tag& tag, std::string_view text, bool expunge_allowed) {
    sync(expunge_allowed);
    ok(tag, text);
}

std::optional<storage::UidRanges> ImapSession::resolve(const protocol::Tag& tag,
                                                       const protocol::SequenceSet& set,
                                                       bool by_uid) {
    const Selected& box = *selected_;
    // A UID may be known from elsewhere (APPENDUID on another connection), so with UIDs the command
    // means the mailbox as it is. What is new to the client is told after the command and not
    // before it: a client that is told flags between its own silent STORE and the answer could not
    // know which of the two came first.
    const Mailbox* published = mailbox();
    const storage::ViewPtr current = by_uid && published != nullptr ? published->view : box.told;
    const auto& view = *current;
    storage::UidRanges uids;
    const auto add_between = [&](Uid first, Uid last) {
        for (auto at = view.lower_bound(first); at;) {
            // A page at a time: the uids of one page are in one array.
            const Page& page = view.page(*at);
            const auto& column = page.fixed->uid;
            if (at->index == 0 && page.is_contiguous() && page.last_uid() <= last &&
                (uids.empty() || uids.back().last < page.first_uid())) {
                storage::append_uids(uids, page.first_uid(), page.last_uid());
                at->index = static_cast<std::uint32_t>(column.size());
            }
            for (std::size_t i = at->index; i < column.size(); ++i) {
                if (column[i] > last) return;
                if (uids.empty() || uids.back().last < column[i])
                    storage::append_uid(uids, column[i]);
            }
            if (at->page + 1 == view.pages().size()) return;
            at = storage::Position{at->page + 1, 0};
        }
    };
    if (by_uid) {
        const Uid max = view.count() == 0 ? view.uidnext() : view.pages().back()->last_uid();
        const auto wanted = set.resolve(max, &box.saved);
        for (const auto& range : wanted.ranges()) add_between(range.first, range.last);
        return uids;
    }
    // deviation: "1:*" in an empty mailbox is answered with nothing instead of BAD (RFC 9051 §9
    // "seq-number"), as clients that do not look at EXISTS first expect it of every other server.
    if (view.count() == 0 && set.has_star()) return uids;
    if (!set.is_within(view.count())) {
        bad(tag, "there is no message of that number");
        return std::nullopt;
    }
    const auto wanted = set.resolve(view.count());
    for (const auto& range : wanted.ranges()) {
        add_between(view.uid_at(view.find_seq(range.first)),
                    view.uid_at(view.find_seq(range.last)));
    }
    if (set.has_saved_result()) {
        auto all = protocol::RangeSet();
        for (const auto& range : uids) all.add(range.first, range.last);
        all.add(box.saved);
        uids.clear();
        for (const auto& range : all.ranges()) add_between(range.first, range.last);
    }
    return uids;
}

}  // namespace tidemark::actors
