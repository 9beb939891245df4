// FETCH and UID FETCH (RFC 9051 §6.4.5, §7.5.2; CHANGEDSINCE and VANISHED: RFC 7162 §3.1.4, §3.2.6;
// BINARY: RFC 3516; SAVEDATE: RFC 8514; EMAILID: RFC 8474; PREVIEW: RFC 8970).
//
// What is asked for decides the way: numbers and flags come straight from the view's columns,
// ENVELOPE and BODYSTRUCTURE from the summaries, a page of messages at a time, and only sections
// need the body, which is read and parsed once for each message.
#include "actors/commands/commands.hpp"
#include "actors/limits.hpp"
#include "protocol/message/mime_parser.hpp"
#include "protocol/message/section.hpp"
#include "protocol/message/summary.hpp"
#include "protocol/write_fetch.hpp"

#include <fmt/format.h>

#include <array>

namespace tidemark::actors::commands {

using protocol::CodeKind;
using protocol::FetchAttribute;
using protocol::FetchItem;
using protocol::FetchWriter;

namespace {

struct Plan {
    std::vector<FetchItem> items;
    std::vector<std::string> labels;  // of items, where they have one of their own
    bool uid = false;
    bool flags = false;
    bool modseq = false;
    bool needs_summary = false;
    bool needs_body = false;
    bool sets_seen = false;
    bool only_flags = true;  // UID, FLAGS, MODSEQ and nothing else
    // The one item that needs the body, when that is the whole message: it can be sent in pieces.
    std::optional<std::size_t> whole_body;
};

bool is_from_summary(FetchAttribute attribute) {
    return attribute == FetchAttribute::envelope || attribute == FetchAttribute::body ||
           attribute == FetchAttribute::body_structure || attribute == FetchAttribute::preview;
}

bool is_from_body(FetchAttribute attribute) {
    switch (attribute) {
        case FetchAttribute::rfc822:
        case FetchAttribute::rfc822_header:
        case FetchAttribute::rfc822_text:
        case FetchAttribute::body_section:
        case FetchAttribute::binary:
        case FetchAttribute::binary_size:
            return true;
        default:
            return false;
    }
}

bool is_whole_body(const FetchItem& item) {
    return item.attribute == FetchAttribute::rfc822 ||
           (item.attribute == FetchAttribute::body_section && item.section.path.empty() &&
            item.section.kind == protocol::message::SectionKind::kAll);
}

Plan make_plan(ImapSession* session, const command::Fetch& fetch) {
    Plan plan;
    // RFC 9051 §6.4.9: UID FETCH answers with the UID, asked for or not; RFC 7162 §3.1.4.1:
    // CHANGEDSINCE with MODSEQ.
    plan.uid = fetch.by_uid;
    plan.modseq = fetch.changed_since.has_value();
    for (const FetchItem& item : fetch.items) {
        switch (item.attribute) {
            case FetchAttribute::uid:
                plan.uid = true;
                continue;
            case FetchAttribute::flags:
                plan.flags = true;
                continue;
            case FetchAttribute::modseq:
                plan.modseq = true;
                continue;
            default:
                break;
        }
        plan.only_flags = false;
        plan.needs_summary = plan.needs_summary || is_from_summary(item.attribute);
        plan.needs_body = plan.needs_body || is_from_body(item.attribute);
        plan.sets_seen = plan.sets_seen || item.sets_seen();
        plan.items.push_back(item);
        plan.labels.push_back(protocol::fetch_label(item));
    }
    if (session->selected()->is_read_only) plan.sets_seen = false;
    std::size_t bodies = 0;
    for (std::size_t i = 0; i < plan.items.size(); ++i) {
        if (!is_from_body(plan.items[i].attribute)) continue;
        ++bodies;
        if (is_whole_body(plan.items[i])) plan.whole_body = i;
    }
    if (bodies != 1) plan.whole_body.reset();
    return plan;
}

// The sources of one message's items.
struct Sources {
    storage::Message message;
    std::uint32_t seq = 0;
    const std::string* summary = nullptr;
    std::shared_ptr<const std::string> body;
    std::optional<protocol::message::ParsedMessage> parsed;

    const protocol::message::ParsedMessage& structure() {
        if (!parsed) parsed = protocol::message::parse_message(*body);
        return *parsed;
    }
};

void write_text(FetchWriter& writer, std::string_view label, const Sources& from,
                const std::optional<protocol::message::SectionText>& section,
                const std::optional<protocol::Partial>& partial) {
    if (!section) return writer.nil(label);
    std::string_view text = section->text();
    if (partial) text = protocol::message::partial(text, partial->offset, partial->count);
    if (!section->is_assembled()) return writer.literal(label, from.body, text);
    auto copy = std::make_shared<const std::string>(text);
    const std::string_view view = *copy;
    writer.literal(label, std::move(copy), view);
}

// RFC 3516 §4.4: a literal8 where there is a NUL, else a literal. False: UNKNOWN-CTE.
bool write_binary(FetchWriter& writer, std::string_view label, Sources& from,
                  const FetchItem& item) {
    auto found = protocol::message::fetch_binary(from.structure(), item.section.path);
    if (!found.text) {
        if (found.error == protocol::message::BinaryError::kUnknownCte) return false;
        if (item.attribute == FetchAttribute::binary_size) {
            writer.number(label, 0);
        } else {
            writer.nil(label);
        }
        return true;
    }
    if (item.attribute == FetchAttribute::binary_size) {
        writer.number(label, found.text->text().size());
        return true;
    }
    std::string_view text = found.text->text();
    if (item.partial)
        text = protocol::message::partial(text, item.partial->offset, item.partial->count);
    auto copy = std::make_shared<const std::string>(text);
    const std::string_view view = *copy;
    if (view.find('\0') != std::string_view::npos) {
        writer.literal8(label, std::move(copy), view);
    } else {
        writer.literal(label, std::move(copy), view);
    }
    return true;
}

void write_section(FetchWriter& writer, std::string_view label, Sources& from,
                   const FetchItem& item) {
    protocol::message::SectionSpec spec = item.section;
    if (item.attribute == FetchAttribute::rfc822_header)
        spec.kind = protocol::message::SectionKind::kHeader;
    if (item.attribute == FetchAttribute::rfc822_text)
        spec.kind = protocol::message::SectionKind::kText;
    if (spec.path.empty() && spec.kind == protocol::message::SectionKind::kAll) {
        std::string_view text = *from.body;
        if (item.partial)
            text = protocol::message::partial(text, item.partial->offset, item.partial->count);
        return writer.literal(label, from.body, text);
    }
    // With nothing parsed yet only as much is parsed as the section needs.
    const auto section = from.parsed
                             ? protocol::message::fetch_section(*from.parsed, spec)
                             : protocol::message::fetch_section(std::string_view(*from.body), spec);
    write_text(writer, label, from, section, item.partial);
}

// False: the item can not be given (UNKNOWN-CTE); the response must be taken back.
bool write_item(ImapSession* session, FetchWriter& writer, const std::string& label,
                const FetchItem& item, Sources& from) {
    const storage::Message& message = from.message;
    switch (item.attribute) {
        case FetchAttribute::rfc822_size:
            writer.rfc822_size(message.size);
            return true;
        case FetchAttribute::internal_date:
            writer.internal_date(
                {message.internal_date.unix_seconds, message.internal_date.zone_minutes});
            return true;
        case FetchAttribute::save_date:
            writer.save_date(protocol::DateTime{message.save_date, 0});
            return true;
        case FetchAttribute::email_id:
            writer.object_id(label, fmt::format("E{:x}", storage::raw(message.body)));
            return true;
        case FetchAttribute::thread_id:
            writer.nil(label);
            return true;  // RFC 8474 §5.2: not supported
        case FetchAttribute::envelope:
        case FetchAttribute::body:
        case FetchAttribute::body_structure:
        case FetchAttribute::preview: {
            const auto summary = protocol::message::SummaryView::read(*from.summary);
            if (!summary) return writer.nil(label), true;
            if (item.attribute == FetchAttribute::envelope) writer.text(label, summary->envelope());
            if (item.attribute == FetchAttribute::body) writer.text(label, summary->body());
            if (item.attribute == FetchAttribute::body_structure)
                writer.text(label, summary->body_structure());
            if (item.attribute == FetchAttribute::preview) {
                writer.string(label, summary->preview(), session->encoding());
            }
            return true;
        }
        case FetchAttribute::binary:
        case FetchAttribute::binary_size:
            return write_binary(writer, label, from, item);
        case FetchAttribute::rfc822:
        case FetchAttribute::rfc822_header:
        case FetchAttribute::rfc822_text:
        case FetchAttribute::body_section:
            write_section(writer, label, from, item);
            return true;
        case FetchAttribute::uid:
        case FetchAttribute::flags:
        case FetchAttribute::modseq:
            return true;  // not among the items of a plan
    }
    return true;
}

class Fetcher {
  public:
    Fetcher(ImapSession* session, Plan plan, command::Fetch fetch)
        : session_(session), plan_(std::move(plan)), fetch_(std::move(fetch)) {}

    Awaitable<void> run(Tag tag, storage::UidRanges uids);

  private:
    bool is_wanted(const storage::Page& page, std::size_t index) const {
        return !fetch_.changed_since || page.modseq[index] > *fetch_.changed_since;
    }
    std::string_view flag_text(storage::Uid uid, storage::FlagBits flags) {
        Selected& box = *session_->selected();
        const bool is_recent =
            !session_->has_rev2() && !box.recent.empty() && box.recent.contains(uid);
        return box.flags.get(flags, is_recent, session_->mailbox()->record.keywords);
    }
    void write_flags_only(const storage::Page& page, std::size_t index, std::uint32_t seq);
    Awaitable<bool> write_full(const storage::Page* page, std::vector<std::size_t> indexes,
                               std::uint32_t first_seq);
    Awaitable<std::vector<std::string>> load_summaries(std::vector<storage::BodyId> bodies);
    Awaitable<Outcome<storage::BodyReader>> open_large(storage::BodyId body);
    Awaitable<bool> write_streamed(Sources* from);
    Awaitable<void> mark_seen();
    void note_seen(const storage::Message& message) {
        if (plan_.sets_seen && (message.flags & storage::kSeen) == 0) {
            storage::append_uid(seen_, message.uid);
        }
    }
    bool is_over() const { return session_->is_gone() || session_->mailbox() == nullptr; }

    ImapSession* session_;
    Plan plan_;
    command::Fetch fetch_;
    storage::UidRanges seen_;
    std::optional<AccountError> failure_;
    bool unknown_cte_ = false;
};

void Fetcher::write_flags_only(const storage::Page& page, std::size_t index, std::uint32_t seq) {
    const storage::Uid uid = page.fixed->uid[index];
    auto& out = session_->out();
    if (plan_.flags && !plan_.modseq) {
        const auto text = flag_text(uid, page.flags[index]);
        plan_.uid ? protocol::write_fetch_flags(out, seq, uid, text)
                  : protocol::write_fetch_flags(out, seq, text);
        return;
    }
    if (plan_.flags && plan_.uid) {
        protocol::write_fetch_flags(out, seq, uid, flag_text(uid, page.flags[index]),
                                    page.modseq[index]);
        return;
    }
    FetchWriter writer(out, seq);
    if (plan_.uid) writer.uid(uid);
    if (plan_.flags) writer.flags(flag_text(uid, page.flags[index]));
    if (plan_.modseq) writer.modseq(page.modseq[index]);
    writer.finish();
}

Awaitable<std::vector<std::string>> Fetcher::load_summaries(std::vector<storage::BodyId> bodies) {
    auto& store = session_->account()->store().store();
    const auto account = session_->account()->id();
    if (auto cached = store.summaries(account, bodies, true); cached && *cached)
        co_return std::move(**cached);
    auto loaded = co_await session_->account()->workers().run(
        WorkPriority::interactive,
        [&store, account, bodies] { return store.summaries(account, bodies, false); });
    if (loaded && *loaded && **loaded) co_return std::move(***loaded);
    co_return std::vector<std::string>(bodies.size());
}

// The wanted messages of one page.
Awaitable<bool> Fetcher::write_full(const storage::Page* page, std::vector<std::size_t> indexes,
                                    std::uint32_t first_seq) {
    std::vector<std::string> summaries;
    if (plan_.needs_summary) {
        std::vector<storage::BodyId> bodies;
        bodies.reserve(indexes.size());
        for (const std::size_t index : indexes) bodies.push_back(page->fixed->body[index]);
        summaries = co_await load_summaries(std::move(bodies));
        if (is_over()) co_return false;
    }
    for (std::size_t i = 0; i < indexes.size(); ++i) {
        const std::size_t index = indexes[i];
        Sources from;
        from.message = page->at(index);
        from.seq = first_seq + static_cast<std::uint32_t>(index);
        std::string made;  // a summary that the store does not have
        if (plan_.needs_summary) from.summary = &summaries[i];
        const bool has_summary = from.summary == nullptr || !from.summary->empty();
        if (plan_.whole_body && has_summary && from.message.size >= kStreamedBodyBytesMin) {
            if (!(co_await write_streamed(&from)) || is_over()) co_return false;
            continue;
        }
        if (plan_.needs_body || !has_summary) {
            auto body = co_await read_body(session_, from.message.body);
            if (is_over()) co_return false;
            if (!body) {
                failure_ = body.error();
                continue;
            }
            from.body = std::move(*body);
            if (from.summary != nullptr && from.summary->empty()) {
                made =
                    protocol::message::encode_summary(protocol::message::make_summary(*from.body));
                from.summary = &made;
            }
        }
        auto& out = session_->out();
        const std::size_t before = out.size();
        FetchWriter writer(out, from.seq);
        if (plan_.uid) writer.uid(from.message.uid);
        if (plan_.flags) writer.flags(flag_text(from.message.uid, from.message.flags));
        if (plan_.modseq) writer.modseq(from.message.modseq);
        bool complete = true;
        for (std::size_t item = 0; item < plan_.items.size() && complete; ++item) {
            complete = write_item(session_, writer, plan_.labels[item], plan_.items[item], from);
        }
        if (!complete) {
            out.truncate(before);
            unknown_cte_ = true;
            continue;
        }
        writer.finish();
        note_seen(from.message);
        if (!(co_await session_->flush_if_large()) || is_over()) co_return false;
    }
    co_return true;
}

// A body whose bytes were checked. The last one is remembered: clients fetch large messages in many
// partial pieces, and checking all of it for each of them would cost the square of its size.
Awaitable<Outcome<storage::BodyReader>> Fetcher::open_large(storage::BodyId body) {
    auto& store = session_->account()->store().store();
    const bool is_known = session_->selected()->checked_body == body;
    auto opened = co_await session_->account()->workers().run(
        WorkPriority::interactive,
        [&store, body, is_known]() -> storage::Result<storage::BodyReader> {
            auto reader = store.open_body(body, false);
            if (!reader) return storage::fail(storage::StoreErrorKind::kIo, "no answer");
            if (!*reader || is_known) return std::move(*reader);
            if (auto whole = (*reader)->verify(); !whole) return tl::unexpected(whole.error());
            return std::move(*reader);
        });
    if (!opened) {
        co_return tl::unexpected(
            AccountError{AccountErrorKind::kUnavailable, "the server is too busy to read it now"});
    }
    if (!*opened) co_return tl::unexpected(unreadable_body(session_, body, opened->error()));
    if (session_->selected() != nullptr) session_->selected()->checked_body = body;
    co_return std::move(**opened);
}

// A large message, a piece at a time: at no moment more of it is in memory than one flush holds.
Awaitable<bool> Fetcher::write_streamed(Sources* from) {
    auto reader = co_await open_large(from->message.body);
    if (is_over()) co_return false;
    if (!reader) {
        failure_ = reader.error();
        co_return true;
    }
    auto& out = session_->out();
    const FetchItem& whole = plan_.items[*plan_.whole_body];
    std::uint64_t begin = 0;
    std::uint64_t end = reader->length();
    if (whole.partial) {
        begin = std::min<std::uint64_t>(whole.partial->offset, end);
        end = begin + std::min(whole.partial->count, end - begin);
    }
    FetchWriter writer(out, from->seq);
    if (plan_.uid) writer.uid(from->message.uid);
    if (plan_.flags) writer.flags(flag_text(from->message.uid, from->message.flags));
    if (plan_.modseq) writer.modseq(from->message.modseq);
    for (std::size_t i = 0; i < plan_.items.size(); ++i) {
        if (i != *plan_.whole_body) {
            (void)write_item(session_, writer, plan_.labels[i], plan_.items[i], *from);
        }
    }
    writer.literal_header(plan_.labels[*plan_.whole_body], end - begin);
    while (begin < end) {
        const auto bytes =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(kFlushBytes, end - begin));
        auto piece = co_await session_->account()->workers().run(
            WorkPriority::interactive,
            [source = *reader, offset = static_cast<std::uint32_t>(begin), bytes] {
                return source.read(offset, bytes);
            });
        if (!piece || !*piece || (*piece)->size() != bytes) {
            // The literal was announced and can not be taken back.
            session_->stop("a message can not be read to its end");
            co_return false;
        }
        auto owner = std::make_shared<const std::string>(std::move(**piece));
        out.append_external(owner, *owner);
        begin += bytes;
        if (!(co_await session_->flush_if_large()) || session_->selected() == nullptr)
            co_return false;
    }
    writer.finish();
    note_seen(from->message);
    co_return co_await session_->flush_if_large();
}

// \Seen is set once the messages were sent; sync() then tells the flags (RFC 9051 §6.4.5).
Awaitable<void> Fetcher::mark_seen() {
    if (seen_.empty()) co_return;
    StoreRequest request;
    request.mailbox = session_->selected()->id;
    request.uids = std::move(seen_);
    request.mode = StoreMode::kAdd;
    request.flags.system = storage::kSeen;
    // A store that takes no writes does not keep anybody from reading.
    (void)co_await session_->account()->call(std::move(request));
}

Awaitable<void> Fetcher::run(Tag tag, storage::UidRanges uids) {
    // One snapshot for the whole command: sequence numbers do not move under it.
    const storage::ViewPtr view = session_->selected()->told;
    for (const auto& range : uids) {
        auto at = view->lower_bound(range.first);
        while (at) {
            const storage::Page& page = view->page(*at);
            const std::uint32_t first_seq = view->first_seq(at->page);
            const bool skip = fetch_.changed_since && page.modseq_max <= *fetch_.changed_since;
            std::vector<std::size_t> indexes;
            bool past_end = page.last_uid() >= range.last;
            for (std::size_t i = at->index;
                 i < page.count() && page.fixed->uid[i] <= range.last && !skip; ++i) {
                if (!is_wanted(page, i)) continue;
                if (plan_.only_flags) {
                    write_flags_only(page, i, first_seq + static_cast<std::uint32_t>(i));
                } else {
                    indexes.push_back(i);
                }
            }
            const bool alive = plan_.only_flags
                                   ? co_await session_->flush_if_large()
                                   : co_await write_full(&page, std::move(indexes), first_seq);
            if (!alive || is_over()) co_return;
            if (past_end || at->page + 1 == view->pages().size()) break;
            at = storage::Position{at->page + 1, 0};
        }
    }
    co_await mark_seen();
    if (is_over()) co_return;
    session_->sync(fetch_.by_uid);
    if (unknown_cte_) {
        session_->no(tag, CodeKind::unknown_cte,
                     "a part has an encoding that this server does not know");
    } else if (failure_) {
        session_->no(tag, *failure_);
    } else {
        session_->ok(tag, "fetched");
    }
}

}  // namespace

Awaitable<void> fetch(ImapSession* session, Tag tag, command::Fetch fetch) {
    if (fetch.vanished && (!fetch.by_uid || !fetch.changed_since || !session->has_qresync())) {
        // RFC 7162 §3.2.6
        session->bad(tag, "VANISHED needs UID FETCH, CHANGEDSINCE and an enabled QRESYNC");
        co_return;
    }
    if (fetch.vanished) {
        // RFC 7162 §3.2.6: "*" means the highest uid that was ever given out, and VANISHED comes
        // before any FETCH, also before those that sync() tells.
        const storage::Uid uid_max = session->mailbox()->view->uidnext() - 1;
        protocol::RangeSet asked = fetch.set.resolve(uid_max, &session->selected()->saved);
        auto vanished = co_await vanished_since(session, std::move(asked), *fetch.changed_since);
        if (session->is_gone() || session->mailbox() == nullptr) co_return;
        if (vanished) protocol::write_vanished(session->out(), *vanished, true);
    }
    // With UIDs everything may be told first, and then the client can be answered about messages
    // that are new to it.
    if (fetch.by_uid) session->sync(true);
    auto uids = session->resolve(tag, fetch.set, fetch.by_uid);
    if (!uids) co_return;
    Plan plan = make_plan(session, fetch);
    if (plan.modseq) session->enable_condstore();
    auto fetcher = std::make_unique<Fetcher>(session, std::move(plan), std::move(fetch));
    co_await fetcher->run(std::move(tag), std::move(*uids));
}

}  // namespace tidemark::actors::commands
