// SEARCH, SORT and THREAD (RFC 9051 §6.4.4; RFC 4731, RFC 5182; RFC 7162 §3.1.5; RFC 5256, RFC
// 5957, RFC 5267 §3).
#include "actors/commands/commands.hpp"
#include "actors/limits.hpp"
#include "actors/search_program.hpp"
#include "protocol/charset.hpp"
#include "protocol/message/summary.hpp"
#include "protocol/message/thread.hpp"

#include <algorithm>

namespace tidemark::actors::commands {

using protocol::CodeKind;
using protocol::ResponseCode;
using protocol::SearchReturnOption;
using Match = CompiledSearch::Match;

namespace {

void answer_error(ImapSession* session, const Tag& tag, SearchErrorKind error) {
    switch (error) {
        case SearchErrorKind::kBadCharset: {
            ResponseCode code = ResponseCode::of(CodeKind::bad_charset);
            for (const auto name : protocol::search_charsets()) code.words.emplace_back(name);
            protocol::write_tagged(session->out(), tag.text(), protocol::Condition::no, code,
                                   "unknown charset");
            break;
        }
        case SearchErrorKind::kBadNumber:
            session->bad(tag, "there is no message of that number");
            break;
        case SearchErrorKind::kCancelled:
            session->no(tag, CodeKind::unavailable, "the search was stopped");
            break;
        case SearchErrorKind::kUnreadable:
            session->no(tag, CodeKind::server_bug, "a message can not be read");
            break;
    }
}

// Runs the program; nothing: the command was answered, or the mailbox is gone.
Awaitable<std::optional<std::vector<Match>>> find(ImapSession* session, Tag tag,
                                                  protocol::SearchProgram program,
                                                  bool* has_modseq) {
    const Selected& box = *session->selected();
    const Mailbox* mailbox = session->mailbox();
    if (mailbox == nullptr) co_return std::nullopt;
    SearchEnvironment environment;
    environment.view = box.told;
    environment.keywords = mailbox->record.keywords;
    environment.recent = box.recent;
    environment.saved = box.saved;
    environment.now_seconds = session->core().clock().wall_microseconds() / 1'000'000;
    auto compiled = CompiledSearch::compile(program, environment);
    if (!compiled) {
        answer_error(session, tag, compiled.error());
        co_return std::nullopt;
    }
    *has_modseq = (*compiled)->has_modseq();
    const auto search = *compiled;
    const storage::ViewPtr view = environment.view;
    auto& store = session->account()->store().store();
    auto& texts = session->server().texts;
    const auto account = session->account()->id();
    if (!search->needs_messages() && view->count() <= kInlineSearchMessagesMax) {
        auto found = search->run(*view, store, texts, account, nullptr);
        co_return std::move(*found);
    }
    auto found = co_await session->account()->workers().run(
        WorkPriority::heavy,
        [search, view, &store, &texts, account](const WorkCancelled& cancelled) {
            return search->run(*view, store, texts, account, &cancelled);
        });
    if (session->is_gone() || session->mailbox() == nullptr) co_return std::nullopt;
    if (!found) {
        session->no(tag, CodeKind::unavailable, "too many searches just now, try again");
        co_return std::nullopt;
    }
    if (!*found) {
        answer_error(session, tag, found->error());
        co_return std::nullopt;
    }
    co_return std::move(**found);
}

// A modseq that may be told (see Selected::synced_modseq): the columns of `told` hold no other.
storage::ModSeq modseq_of(const storage::MailboxView& view, const Match& match) {
    return view.page(match.position).modseq[match.position.index];
}

storage::ModSeq highest(const storage::MailboxView& view, const std::vector<Match>& matches) {
    storage::ModSeq modseq = 0;
    for (const Match& match : matches) modseq = std::max(modseq, modseq_of(view, match));
    return modseq;
}

std::uint32_t number_of(const Match& match, bool by_uid) {
    return by_uid ? match.uid : match.seq;
}

// RFC 9051 §6.4.4.1: what "$" becomes.
void save(ImapSession* session, const protocol::SearchReturn& returns,
          const std::vector<Match>& matches) {
    protocol::RangeSet saved;
    const auto& options = returns.options;
    const bool some =
        options.contains(SearchReturnOption::min) || options.contains(SearchReturnOption::max);
    const bool all =
        options.contains(SearchReturnOption::all) || options.contains(SearchReturnOption::count);
    if (some && !all && !matches.empty()) {
        // RFC 5182 §2.1: with only MIN or MAX just these are saved.
        std::vector<protocol::NumberRange> ranges;
        if (options.contains(SearchReturnOption::min))
            ranges.push_back({matches.front().uid, matches.front().uid});
        if (options.contains(SearchReturnOption::max))
            ranges.push_back({matches.back().uid, matches.back().uid});
        saved = protocol::RangeSet::from_unsorted(std::move(ranges));
    } else {
        for (const Match& match : matches) saved.add(match.uid);
    }
    session->selected()->saved = std::move(saved);
}

// `matches` of `view`, ascending by number for SEARCH, in sorted order for SORT.
void write_result(ImapSession* session, const Tag& tag, bool by_uid, protocol::SearchReturn returns,
                  const storage::MailboxView& view, const std::vector<Match>& matches,
                  bool has_modseq, bool is_sort) {
    auto& out = session->out();
    // RFC 9051 §6.4.4: IMAP4rev2 answers SEARCH with ESEARCH always.
    const bool extended = returns.is_present || (session->has_rev2() && !is_sort);
    if (!extended) {
        std::vector<std::uint32_t> numbers;
        numbers.reserve(matches.size());
        for (const Match& match : matches) numbers.push_back(number_of(match, by_uid));
        std::optional<storage::ModSeq> modseq;
        if (has_modseq && !matches.empty()) modseq = highest(view, matches);
        is_sort ? protocol::write_sort(out, numbers, modseq)
                : protocol::write_search(out, numbers, modseq);
        return;
    }
    auto options = returns.options;
    const bool save_only =
        options == protocol::EnumSet<SearchReturnOption>{SearchReturnOption::save};
    if (options.empty()) options.add(SearchReturnOption::all);
    if (save_only) return;
    protocol::EsearchData data;
    data.tag = tag.text();
    data.by_uid = by_uid;
    if (options.contains(SearchReturnOption::count)) data.count = matches.size();
    if (!matches.empty()) {
        if (options.contains(SearchReturnOption::min))
            data.min = number_of(matches.front(), by_uid);
        if (options.contains(SearchReturnOption::max)) data.max = number_of(matches.back(), by_uid);
        if (options.contains(SearchReturnOption::all)) {
            protocol::OrderedRanges all;
            for (const Match& match : matches) {
                const auto number = number_of(match, by_uid);
                if (!all.empty() && number == all.back().last + 1) {
                    all.back().last = number;
                } else {
                    all.push_back({number, number});
                }
            }
            data.all = std::move(all);
        }
        if (has_modseq) {
            // RFC 7162 §3.1.10: of the messages that MIN and MAX name, if only these were asked
            // for.
            const bool all = options.contains(SearchReturnOption::all) ||
                             options.contains(SearchReturnOption::count);
            storage::ModSeq modseq = 0;
            if (all) {
                modseq = highest(view, matches);
            } else {
                if (data.min) modseq = std::max(modseq, modseq_of(view, matches.front()));
                if (data.max) modseq = std::max(modseq, modseq_of(view, matches.back()));
            }
            if (modseq != 0) data.modseq = modseq;
        }
    }
    protocol::write_esearch(out, data);
}

}  // namespace

Awaitable<void> search(ImapSession* session, Tag tag, command::Search search) {
    // RFC 7162 §3.2.10.2: numbers in the criteria mean what the client sees now.
    const bool may_expunge = search.by_uid && !names_sequence_numbers(search.program.key);
    if (may_expunge) session->sync(true);  // as UID FETCH does
    bool has_modseq = false;
    const bool saves = search.returns.options.contains(SearchReturnOption::save);
    const storage::ViewPtr view = session->selected()->told;
    auto matches = co_await find(session, tag, std::move(search.program), &has_modseq);
    if (!matches) {
        // RFC 5182 §2.1: a failed SEARCH RETURN (SAVE) leaves the empty set.
        if (saves && session->selected() != nullptr) session->selected()->saved.clear();
        co_return;
    }
    if (has_modseq) session->enable_condstore();
    if (saves) save(session, search.returns, *matches);
    write_result(session, tag, search.by_uid, search.returns, *view, *matches, has_modseq, false);
    session->finish(tag, "searched", may_expunge);
}

namespace {

struct SortRow {
    Match match;
    std::int64_t date = 0;
    std::int64_t arrival = 0;
    std::uint32_t size = 0;
    std::string subject, from, to, cc, display_from, display_to;
    std::string message_id;
    std::vector<std::string> references;
    bool is_reply = false;
};

std::vector<SortRow> load_rows(const storage::MailboxView& view, const storage::Store& store,
                               storage::AccountId account, const std::vector<Match>& matches,
                               const WorkCancelled& cancelled) {
    std::vector<SortRow> rows;
    rows.reserve(matches.size());
    for (std::size_t begin = 0; begin < matches.size(); begin += kSummariesAtOnce) {
        if (cancelled.requested()) break;
        const std::size_t end = std::min(matches.size(), begin + kSummariesAtOnce);
        std::vector<storage::BodyId> bodies;
        for (std::size_t i = begin; i < end; ++i)
            bodies.push_back(view.at(matches[i].position).body);
        auto summaries = store.summaries(account, bodies, false);
        for (std::size_t i = begin; i < end; ++i) {
            SortRow row;
            row.match = matches[i];
            const storage::Message message = view.at(matches[i].position);
            row.arrival = message.internal_date.unix_seconds;
            row.size = message.size;
            row.date = row.arrival;  // RFC 5256 §2.2: where there is no valid Date
            if (summaries && *summaries) {
                if (const auto summary =
                        protocol::message::SummaryView::read((**summaries)[i - begin])) {
                    row.date = summary->sent_seconds().value_or(row.arrival);
                    row.subject = summary->subject_key();
                    row.from = summary->from_key();
                    row.to = summary->to_key();
                    row.cc = summary->cc_key();
                    row.display_from = summary->from_display_key();
                    row.display_to = summary->to_display_key();
                    row.message_id = summary->message_id();
                    row.is_reply = summary->is_reply_or_forward();
                    for (const auto reference : summary->references())
                        row.references.emplace_back(reference);
                }
            }
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

int compare_rows(const SortRow& a, const SortRow& b, protocol::SortKey key) {
    const auto order = [](const auto& x, const auto& y) { return x < y ? -1 : (y < x ? 1 : 0); };
    switch (key) {
        case protocol::SortKey::arrival:
            return order(a.arrival, b.arrival);
        case protocol::SortKey::cc:
            return order(a.cc, b.cc);
        case protocol::SortKey::date:
            return order(a.date, b.date);
        case protocol::SortKey::from:
            return order(a.from, b.from);
        case protocol::SortKey::size:
            return order(a.size, b.size);
        case protocol::SortKey::subject:
            return order(a.subject, b.subject);
        case protocol::SortKey::to:
            return order(a.to, b.to);
        case protocol::SortKey::display_from:
            return order(a.display_from, b.display_from);
        case protocol::SortKey::display_to:
            return order(a.display_to, b.display_to);
    }
    return 0;
}

}  // namespace

Awaitable<void> sort(ImapSession* session, Tag tag, command::Sort sort) {
    bool has_modseq = false;
    const bool may_expunge = sort.by_uid && !names_sequence_numbers(sort.program.key);
    const storage::ViewPtr view = session->selected()->told;
    auto matches = co_await find(session, tag, std::move(sort.program), &has_modseq);
    if (!matches) co_return;
    if (has_modseq) session->enable_condstore();
    auto& store = session->account()->store().store();
    const auto account = session->account()->id();
    auto sorted = co_await session->account()->workers().run(
        WorkPriority::heavy, [view, &store, account, found = std::move(*matches),
                              criteria = sort.criteria](const WorkCancelled& cancelled) {
            auto rows = load_rows(*view, store, account, found, cancelled);
            std::stable_sort(rows.begin(), rows.end(),
                             [&criteria](const SortRow& a, const SortRow& b) {
                                 for (const auto& criterion : criteria) {
                                     const int order = compare_rows(a, b, criterion.key);
                                     if (order != 0)
                                         return criterion.is_reverse ? order > 0 : order < 0;
                                 }
                                 return a.match.seq < b.match.seq;  // RFC 5256 §3
                             });
            std::vector<Match> result;
            result.reserve(rows.size());
            for (const SortRow& row : rows) result.push_back(row.match);
            return result;
        });
    if (session->is_gone() || session->mailbox() == nullptr) co_return;
    if (!sorted) {
        session->no(tag, CodeKind::unavailable, "too many searches just now, try again");
        co_return;
    }
    if (sort.returns.options.contains(SearchReturnOption::save))
        save(session, sort.returns, *sorted);
    write_result(session, tag, sort.by_uid, sort.returns, *view, *sorted, has_modseq, true);
    session->finish(tag, "sorted", may_expunge);
}

Awaitable<void> thread(ImapSession* session, Tag tag, command::Thread thread) {
    const bool by_references = thread.algorithm == "REFERENCES";
    if (!by_references && thread.algorithm != "ORDEREDSUBJECT") {
        session->bad(tag, "this threading is not offered");
        co_return;
    }
    bool has_modseq = false;
    const bool may_expunge = thread.by_uid && !names_sequence_numbers(thread.program.key);
    const storage::ViewPtr view = session->selected()->told;
    auto matches = co_await find(session, tag, std::move(thread.program), &has_modseq);
    if (!matches) co_return;
    auto& store = session->account()->store().store();
    const auto account = session->account()->id();
    auto text = co_await session->account()->workers().run(
        WorkPriority::heavy, [view, &store, account, found = std::move(*matches), by_references,
                              by_uid = thread.by_uid](const WorkCancelled& cancelled) {
            const auto rows = load_rows(*view, store, account, found, cancelled);
            std::vector<protocol::message::ThreadInput> inputs;
            inputs.reserve(rows.size());
            for (const SortRow& row : rows) {
                protocol::message::ThreadInput input;
                input.number = number_of(row.match, by_uid);
                input.sent_seconds = row.date;
                input.subject_key = row.subject;
                input.is_reply_or_forward = row.is_reply;
                input.message_id = row.message_id;
                input.references.assign(row.references.begin(), row.references.end());
                inputs.push_back(std::move(input));
            }
            std::string result;
            protocol::message::write_threads(
                by_references ? protocol::message::thread_references(inputs)
                              : protocol::message::thread_ordered_subject(inputs),
                result);
            return result;
        });
    if (session->is_gone() || session->mailbox() == nullptr) co_return;
    if (!text) {
        session->no(tag, CodeKind::unavailable, "too many searches just now, try again");
        co_return;
    }
    protocol::write_thread(session->out(), *text);
    session->finish(tag, "threaded", may_expunge);
}

}  // namespace tidemark::actors::commands
