// SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3; RFC 3501 §6.3.1; CONDSTORE: RFC 7162 §3.1.8;
// QRESYNC: §3.2.5).
#include "actors/commands/commands.hpp"
#include "actors/limits.hpp"
#include "protocol/write_fetch.hpp"

namespace tidemark::actors::commands {

using protocol::CodeKind;
using protocol::Condition;
using protocol::ResponseCode;

namespace {

void write_flag_lists(ImapSession* session, const storage::MailboxRecord& record,
                      bool is_read_only) {
    std::vector<std::string> names = system_flag_names();
    names.insert(names.end(), record.keywords.begin(), record.keywords.end());
    std::string list = "(";
    for (const auto& name : names) list += name + ' ';
    list.back() = ')';
    protocol::write_flags(session->out(), list);
    if (is_read_only) names.clear();
    // "\*": keywords can be made as long as the mailbox's table has room (RFC 9051 §7.1).
    if (!is_read_only && record.keywords.size() < kKeywordsMax) names.emplace_back("\\*");
    protocol::write_untagged(session->out(), Condition::ok,
                             ResponseCode::permanent_flags(std::move(names)), "flags that stay");
}

// The uids that the client says it knows; RFC 7162 §3.2.5.1: without them, all that there ever
// were.
protocol::RangeSet known_uids(const Selected& box, const protocol::QresyncParameter& parameter) {
    const storage::Uid uid_max = box.told->uidnext() - 1;
    if (parameter.known_uids) return parameter.known_uids->resolve(uid_max);
    return uid_max > 0 ? protocol::RangeSet::of(1, uid_max) : protocol::RangeSet();
}

// RFC 7162 §3.2.5.2: a message that still has the number that the client knows can not have lost
// any below it. The highest such uid; 0 if there is none.
storage::Uid matched_uid(const Selected& box, const protocol::QresyncParameter::Match& match) {
    const auto seqs = match.sequence_numbers.resolve(box.told->count());
    const auto uids = match.uids.resolve(box.told->uidnext() - 1);
    auto uid = uids.begin();
    storage::Uid matched = 0;
    for (auto seq = seqs.begin(); seq != seqs.end() && uid != uids.end(); ++seq, ++uid) {
        if (*seq == 0 || *seq > box.told->count()) break;
        if (box.told->uid_at(box.told->find_seq(*seq)) != *uid) break;
        matched = *uid;
    }
    return matched;
}

// RFC 7162 §3.2.5.1: as UID FETCH known-uids (FLAGS) (CHANGEDSINCE modseq VANISHED) would answer.
Awaitable<void> write_resync(ImapSession* session, protocol::QresyncParameter parameter) {
    const Mailbox* mailbox = session->mailbox();
    if (mailbox == nullptr || parameter.uid_validity != mailbox->record.uidvalidity) co_return;
    // A restore can bring back what the client saw go: then the matches say nothing, and every
    // message is told, since those that came back lie between the known ones, where the client
    // would not look for them.
    const bool is_across_restore = parameter.modseq < mailbox->record.fence.restored_modseq;
    const protocol::RangeSet known = known_uids(*session->selected(), parameter);
    protocol::RangeSet asked = known;
    // Where the log reaches back to what the client knows, it says more than the matches (§5.3).
    if (parameter.match && !is_across_restore &&
        parameter.modseq < mailbox->record.horizon_modseq) {
        const storage::Uid matched = matched_uid(*session->selected(), *parameter.match);
        if (matched > 0) asked.remove(protocol::RangeSet::of(1, matched));
    }
    auto vanished = co_await vanished_since(session, std::move(asked), parameter.modseq);
    if (!vanished || session->mailbox() == nullptr) co_return;
    // RFC 7162 §3.2.5.1: VANISHED (EARLIER) before the FETCH responses.
    protocol::write_vanished(session->out(), *vanished, true);
    const storage::ViewPtr view = session->selected()->told;
    for (std::uint32_t page_index = 0; page_index < view->pages().size(); ++page_index) {
        const auto& page = *view->pages()[page_index];
        if (page.modseq_max <= parameter.modseq) continue;
        for (std::size_t i = 0; i < page.count(); ++i) {
            if (page.modseq[i] <= parameter.modseq) continue;
            if (session->selected() == nullptr || session->mailbox() == nullptr) co_return;
            Selected& box = *session->selected();
            const storage::Uid uid = page.fixed->uid[i];
            if (!is_across_restore && !known.contains(uid)) continue;
            const auto text =
                box.flags.get(page.flags[i], !session->has_rev2() && box.recent.contains(uid),
                              session->mailbox()->record.keywords);
            protocol::write_fetch_flags(session->out(),
                                        view->first_seq(page_index) + static_cast<std::uint32_t>(i),
                                        uid, text, page.modseq[i]);
        }
        if (!(co_await session->flush_if_large())) co_return;
    }
}

// Whether all that SELECT tells is in the record, so that the messages need not be loaded.
bool is_told_by_record(ImapSession* session, const Mailbox& mailbox,
                       const command::Select& select) {
    const storage::MailboxRecord& record = mailbox.record;
    return session->account()->settled() && !select.qresync &&
           record.recent_uid >= record.uidnext &&
           (session->has_rev2() || record.knows_first_unseen());
}

// The mailbox, loaded unless the record is enough; null: the command was answered.
Awaitable<const Mailbox*> open(ImapSession* session, Tag tag, std::string name,
                               const command::Select* select) {
    const Mailbox* mailbox = session->account()->find_mailbox(name);
    if (mailbox != nullptr && (mailbox->view || is_told_by_record(session, *mailbox, *select)))
        co_return mailbox;
    OpenRequest request;
    request.name = std::move(name);
    const auto opened = co_await session->account()->call(std::move(request));
    mailbox = opened ? session->account()->find_mailbox(*opened) : nullptr;
    if (mailbox != nullptr && mailbox->view) co_return mailbox;
    session->no(tag, opened
                         ? AccountError{AccountErrorKind::kNonexistent, "there is no such mailbox"}
                         : opened.error());
    co_return nullptr;
}

// The first message without \Seen.
std::optional<std::uint32_t> first_unseen(const Mailbox& mailbox) {
    return mailbox.view ? mailbox.view->first_unseen_seq() : mailbox.record.first_unseen();
}

}  // namespace

Awaitable<void> select(ImapSession* session, Tag tag, command::Select select) {
    // RFC 9051 §6.3.2: the old mailbox is closed, also when the new one can not be opened.
    const bool had_selected = session->selected() != nullptr;
    if (select.qresync && !session->has_qresync()) {
        session->bad(tag, "enable QRESYNC first");  // RFC 7162 §3.2.5
        co_return;
    }
    session->unselect();
    if (had_selected)
        protocol::write_untagged(session->out(), Condition::ok, CodeKind::closed,
                                 "closed the old one");
    auto name = session->mailbox_name(tag, select.mailbox);
    if (!name) co_return;
    const Mailbox* mailbox = co_await open(session, tag, *name, &select);
    if (mailbox == nullptr) co_return;
    if (select.condstore || select.qresync) session->enable_condstore();

    // The snapshot and the subscription are taken in one step, without a suspension between them:
    // nothing is lost, and nothing older than the snapshot is told again.
    auto box = std::make_unique<Selected>();
    const storage::MailboxRecord& record = mailbox->record;
    box->id = record.id;
    box->name = *name;
    box->is_read_only = select.is_read_only;
    box->told = mailbox->view;
    box->synced_modseq = record.highestmodseq;
    box->keywords_told = record.keywords.size();
    if (select.is_read_only) {
        // EXAMINE sees what is recent and leaves it so (RFC 3501 §6.3.2).
        if (record.recent_uid < record.uidnext)
            box->recent.add(record.recent_uid, record.uidnext - 1);
    } else if (const auto recent = session->account()->claim_recent(record.id); recent.first != 0) {
        box->recent.add(recent.first, recent.last);
    }
    if (!box->recent.empty()) {
        // Only those that exist.
        protocol::RangeSet there;
        const auto first = box->recent.min();
        for (auto at = box->told->lower_bound(first); at;) {
            there.add(box->told->uid_at(*at));
            at = box->told->next(*at);
        }
        box->recent = std::move(there);
    }
    session->account()->watch(record.id, session);
    auto& out = session->out();
    write_flag_lists(session, record, select.is_read_only);
    protocol::write_exists(out, record.counts.messages);
    if (!session->has_rev2()) {
        protocol::write_recent(out, static_cast<std::uint32_t>(box->recent.size()));
        if (const auto unseen = first_unseen(*mailbox)) {
            protocol::write_untagged(out, Condition::ok,
                                     ResponseCode::of(CodeKind::unseen, *unseen), "first unseen");
        }
    }
    protocol::write_untagged(out, Condition::ok,
                             ResponseCode::of(CodeKind::uid_validity, record.uidvalidity), "uids");
    protocol::write_untagged(out, Condition::ok,
                             ResponseCode::of(CodeKind::uid_next, record.uidnext), "next uid");
    protocol::write_untagged(out, Condition::ok,
                             ResponseCode::of(CodeKind::highest_modseq, box->synced_modseq),
                             "highest modseq");
    protocol::write_untagged(out, Condition::ok, ResponseCode::mailbox_id(record.object_id),
                             "mailbox id");
    if (session->has_rev2()) {
        protocol::ListData list;
        list.mailbox = select.mailbox.bytes;
        if (auto encoded = protocol::MailboxName::from_utf8(*name))
            list.mailbox = encoded->to_wire(session->encoding());
        protocol::write_list(out, list, session->encoding());
    }
    const bool is_read_only = select.is_read_only;
    session->select(std::move(box));
    if (select.qresync) co_await write_resync(session, std::move(*select.qresync));
    if (session->is_gone()) co_return;
    if (session->mailbox() == nullptr) {
        // Deleted while it was told. After an OK the client would take what it was told for all
        // that there is up to this HIGHESTMODSEQ.
        session->unselect();
        session->no(tag, {AccountErrorKind::kNonexistent, "there is no such mailbox"});
        co_return;
    }
    session->ok(tag, ResponseCode::of(is_read_only ? CodeKind::read_only : CodeKind::read_write),
                "selected");
}

}  // namespace tidemark::actors::commands
