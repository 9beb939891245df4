// FETCH and UID FETCH (RFC 9051 §6.4.5, §7.5.2; CHANGEDSINCE and VANISHED: RFC 7162 §3.1.4, §3.2.6;
// BINARY: RFC 3516; SAVEDATE: RFC 8514; EMAILID: RFC 8474; PREVIEW: RFC 8970).
//
// What is asked for decides the way: numbers and flags come straight from the view's columns,
// ENVELOPE and BODYSTRUCTURE from the texts that are kept for a page of messages, which come from
// the summaries, and only sections need the body, which is read and parsed once for each message.
#include "actors/commands/commands.hpp"
#include "actors/commands/fetch_items.hpp"
#include "actors/limits.hpp"
#include "actors/page_texts.hpp"
#include "protocol/message/summary.hpp"
#include "protocol/write_fetch.hpp"

namespace tidemark::actors::commands {

using protocol::CodeKind;
using protocol::FetchItem;
using protocol::FetchWriter;

namespace {

class Fetcher {
  public:
    Fetcher(ImapSession* session, FetchPlan plan, command::Fetch fetch)
        : session_(session), plan_(std::move(plan)), fetch_(std::move(fetch)) {}

    Awaitable<void> run(Tag tag, storage::UidRanges uids);

  private:
    bool is_wanted(const storage::Page& page, std::size_t index) const {
        return !fetch_.changed_since || page.modseq[index] > *fetch_.changed_since;
    }
    std::string_view flag_text(storage::Uid uid, storage::FlagBits flags) {
        return flag_text(uid, flags, session_->mailbox()->record.keywords);
    }
    std::string_view flag_text(storage::Uid uid, storage::FlagBits flags,
                               const std::vector<std::string>& keywords) {
        Selected& box = *session_->selected();
        const bool is_recent =
            !session_->has_rev2() && !box.recent.empty() && box.recent.contains(uid);
        return box.flags.get(flags, is_recent, keywords);
    }
    void write_flags_only(const storage::Page& page, std::size_t index, std::uint32_t seq,
                          const std::vector<std::string>& keywords);
    Awaitable<bool> write_full(const storage::Page* page, std::vector<std::size_t> indexes,
                               std::uint32_t first_seq);
    Awaitable<void> load_texts(const storage::Page* page, const std::vector<std::size_t>* indexes);
    Awaitable<Outcome<SummaryTexts>> read_texts(std::vector<storage::BodyId> bodies,
                                                TextKinds kinds);
    bool has_texts(std::size_t index) const;
    void write_texts(const storage::Page& page, std::size_t index, std::uint32_t seq,
                     std::size_t text_index);
    Awaitable<bool> complete_sources(FetchSources* from);
    Awaitable<bool> write_message(storage::Message message, std::uint32_t seq,
                                  std::size_t text_index);
    Awaitable<Outcome<storage::BodyReader>> open_large(storage::BodyId body);
    Awaitable<bool> write_streamed(FetchSources* from);
    Awaitable<void> mark_seen();
    void note_seen(const storage::Message& message) {
        if (plan_.sets_seen && (message.flags & storage::kSeen) == 0) {
            storage::append_uid(seen_, message.uid);
        }
    }
    bool is_over() const { return session_->is_gone() || session_->mailbox() == nullptr; }

    ImapSession* session_;
    FetchPlan plan_;
    command::Fetch fetch_;
    storage::UidRanges seen_;
    // Of the page that is being written, and whether their indexes are those of the page or count
    // the wanted messages only.
    SummaryTexts texts_;
    bool texts_are_of_wanted_ = false;
    std::optional<AccountError> failure_;
    bool unknown_cte_ = false;
};

void Fetcher::write_flags_only(const storage::Page& page, std::size_t index, std::uint32_t seq,
                               const std::vector<std::string>& keywords) {
    const storage::Uid uid = page.fixed->uid[index];
    auto& out = session_->out();
    if (plan_.flags && !plan_.modseq) {
        const auto text = flag_text(uid, page.flags[index], keywords);
        plan_.uid ? protocol::write_fetch_flags(out, seq, uid, text)
                  : protocol::write_fetch_flags(out, seq, text);
        return;
    }
    if (plan_.flags && plan_.uid) {
        protocol::write_fetch_flags(out, seq, uid, flag_text(uid, page.flags[index], keywords),
                                    page.modseq[index]);
        return;
    }
    FetchWriter writer(out, seq);
    if (plan_.uid) writer.uid(uid);
    if (plan_.flags) writer.flags(flag_text(uid, page.flags[index], keywords));
    if (plan_.modseq) writer.modseq(page.modseq[index]);
    writer.finish();
}

// From memory on this thread when all is there, else on a worker.
Awaitable<Outcome<SummaryTexts>> Fetcher::read_texts(std::vector<storage::BodyId> bodies,
                                                     TextKinds kinds) {
    auto& store = session_->account()->store().store();
    const auto account = session_->account()->id();
    if (auto cached = read_summary_texts(store, account, bodies, kinds, true); cached && *cached)
        co_return std::move(**cached);
    auto read = co_await session_->account()->workers().run(
        WorkPriority::interactive, [&store, account, bodies = std::move(bodies), kinds] {
            return read_summary_texts(store, account, bodies, kinds, false);
        });
    if (read && *read && **read) co_return std::move(***read);
    co_return tl::unexpected(
        AccountError{AccountErrorKind::kUnavailable, "the summaries can not be read now"});
}

// What was kept, or else what the summaries say: of the whole page, and kept, when at least half of
// it is wanted. A text that can not be had is missing in `texts_`.
Awaitable<void> Fetcher::load_texts(const storage::Page* page,
                                    const std::vector<std::size_t>* indexes) {
    PageTextCache& cache = session_->server().texts;
    const auto account = session_->account()->id();
    std::vector<storage::BodyId> bodies = page->fixed->body.to_vector();
    texts_ = {};
    texts_are_of_wanted_ = false;
    TextKinds missing;
    for (std::size_t i = 0; i < kSummaryTextKinds; ++i) {
        const auto kind = static_cast<TextKind>(i);
        if (!plan_.texts.contains(kind)) continue;
        texts_[i] = cache.find(account, kind, bodies);
        if (texts_[i] == nullptr) missing.add(kind);
    }
    if (missing.empty()) co_return;
    const bool keeps = 2 * indexes->size() >= page->count();
    if (!keeps) {
        missing = plan_.texts;
        texts_ = {};
        texts_are_of_wanted_ = true;
        std::vector<storage::BodyId> wanted;
        wanted.reserve(indexes->size());
        for (const std::size_t index : *indexes) wanted.push_back(bodies[index]);
        bodies = std::move(wanted);
    }
    auto read = co_await read_texts(std::move(bodies), missing);
    if (!read) co_return;
    for (std::size_t i = 0; i < kSummaryTextKinds; ++i) {
        const auto kind = static_cast<TextKind>(i);
        if (!missing.contains(kind)) continue;
        texts_[i] = std::move((*read)[i]);
        if (keeps) cache.insert(account, kind, texts_[i]);
    }
}

bool Fetcher::has_texts(std::size_t index) const {
    for (std::size_t i = 0; i < kSummaryTextKinds; ++i) {
        if (!plan_.texts.contains(static_cast<TextKind>(i))) continue;
        if (texts_[i] == nullptr || !texts_[i]->at(index)) return false;
    }
    return true;
}

// A message of which nothing but texts, flags and numbers is asked for, and all texts are there.
void Fetcher::write_texts(const storage::Page& page, std::size_t index, std::uint32_t seq,
                          std::size_t text_index) {
    const storage::Uid uid = page.fixed->uid[index];
    FetchWriter writer(session_->out(), seq);
    if (plan_.uid) writer.uid(uid);
    if (plan_.flags) writer.flags(flag_text(uid, page.flags[index]));
    if (plan_.modseq) writer.modseq(page.modseq[index]);
    for (std::size_t i = 0; i < plan_.items.size(); ++i) {
        const TextKind kind = *text_kind(plan_.items[i].attribute);
        writer.text(plan_.labels[i], *texts_[static_cast<std::size_t>(kind)]->at(text_index));
    }
    writer.finish();
}

// The body, if it is needed, and the summary where a text is missing. False: an error is noted, or
// the session is over.
Awaitable<bool> Fetcher::complete_sources(FetchSources* from) {
    const bool has_all = plan_.texts.empty() || has_texts(from->text_index);
    if (!has_all) {
        // A text that is too long to be kept is in the summary nevertheless.
        auto& store = session_->account()->store().store();
        const auto account = session_->account()->id();
        auto read = co_await session_->account()->workers().run(
            WorkPriority::interactive, [&store, account, body = from->message.body] {
                return store.summaries(account, std::vector{body}, false);
            });
        if (is_over()) co_return false;
        if (read && *read && **read) from->made = std::move((**read)->front());
        if (!protocol::message::SummaryView::read(from->made)) from->made.clear();
    }
    const bool has_summary = has_all || !from->made.empty();
    const bool streams = plan_.whole_body && from->message.size >= kStreamedBodyBytesMin;
    if (has_summary && (!plan_.needs_body || streams)) co_return true;
    auto body = co_await read_body(session_, from->message.body);
    if (is_over()) co_return false;
    if (!body) {
        failure_ = body.error();
        co_return false;
    }
    from->body = std::move(*body);
    if (!has_summary) {
        from->made =
            protocol::message::encode_summary(protocol::message::make_summary(*from->body));
    }
    co_return true;
}

// The wanted messages of one page.
Awaitable<bool> Fetcher::write_full(const storage::Page* page, std::vector<std::size_t> indexes,
                                    std::uint32_t first_seq) {
    if (!plan_.texts.empty()) {
        co_await load_texts(page, &indexes);
        if (is_over()) co_return false;
    }
    auto& out = session_->out();
    for (std::size_t i = 0; i < indexes.size(); ++i) {
        const std::size_t index = indexes[i];
        const std::uint32_t seq = first_seq + static_cast<std::uint32_t>(index);
        const std::size_t text_index = texts_are_of_wanted_ ? i : index;
        if (plan_.only_texts && has_texts(text_index)) {
            write_texts(*page, index, seq, text_index);
        } else if (!(co_await write_message(page->at(index), seq, text_index))) {
            co_return false;
        }
        if (out.size() >= kFlushBytes && (!(co_await session_->flush_if_large()) || is_over()))
            co_return false;
    }
    co_return true;
}

// False: the session is over. An error is kept for the end of the command.
Awaitable<bool> Fetcher::write_message(storage::Message message, std::uint32_t seq,
                                       std::size_t text_index) {
    FetchSources from;
    from.message = message;
    from.seq = seq;
    from.texts = &texts_;
    from.text_index = text_index;
    if (!(co_await complete_sources(&from))) co_return !is_over();
    if (plan_.whole_body && from.message.size >= kStreamedBodyBytesMin)
        co_return (co_await write_streamed(&from)) && !is_over();
    auto& out = session_->out();
    const std::size_t before = out.size();
    FetchWriter writer(out, from.seq);
    if (plan_.uid) writer.uid(from.message.uid);
    if (plan_.flags) writer.flags(flag_text(from.message.uid, from.message.flags));
    if (plan_.modseq) writer.modseq(from.message.modseq);
    for (std::size_t item = 0; item < plan_.items.size(); ++item) {
        if (write_item(session_, writer, plan_.labels[item], plan_.items[item], from)) continue;
        out.truncate(before);
        unknown_cte_ = true;
        co_return true;
    }
    writer.finish();
    note_seen(from.message);
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
Awaitable<bool> Fetcher::write_streamed(FetchSources* from) {
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
            [source = *reader, offset = static_cast<std::uint32_t>(begin),
             bytes]() -> std::shared_ptr<const char[]> {
                auto buffer = std::make_shared_for_overwrite<char[]>(bytes);
                if (!source.read_into(offset, {buffer.get(), bytes})) return nullptr;
                return buffer;
            });
        if (!piece || *piece == nullptr) {
            // The literal was announced and can not be taken back.
            session_->stop("a message can not be read to its end");
            co_return false;
        }
        out.append_external(*piece, {piece->get(), bytes});
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
            const auto& keywords = session_->mailbox()->record.keywords;
            for (std::size_t i = at->index;
                 i < page.count() && page.fixed->uid[i] <= range.last && !skip; ++i) {
                if (!is_wanted(page, i)) continue;
                if (plan_.only_flags) {
                    write_flags_only(page, i, first_seq + static_cast<std::uint32_t>(i), keywords);
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
    FetchPlan plan = make_plan(session, fetch);
    if (plan.modseq) session->enable_condstore();
    auto fetcher = std::make_unique<Fetcher>(session, std::move(plan), std::move(fetch));
    co_await fetcher->run(std::move(tag), std::move(*uids));
}

}  // namespace tidemark::actors::commands
