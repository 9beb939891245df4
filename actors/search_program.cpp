#include "actors/search_program.hpp"

#include "actors/commands/flag_names.hpp"
#include "protocol/ascii.hpp"
#include "protocol/charset.hpp"
#include "protocol/message/mime_parser.hpp"
#include "protocol/message/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace tidemark::actors {

using protocol::RangeSet;
using storage::FlagBits;

namespace {

constexpr std::int64_t kSecondsPerDay = 24 * 60 * 60;

std::int32_t days_of(std::int64_t seconds) {
    const auto days = seconds / kSecondsPerDay - (seconds % kSecondsPerDay < 0 ? 1 : 0);
    return static_cast<std::int32_t>(days);
}

}  // namespace

// One message while it is looked at; what it needs is fetched when a key asks for it.
struct CompiledSearch::Candidate {
    const storage::MailboxView* view;
    const storage::Store* store;
    storage::AccountId account;
    storage::Position position;
    const storage::Page* page;
    std::uint32_t seq;
    bool unreadable = false;

    std::optional<std::string> summary_bytes;
    std::optional<std::string> body;
    std::optional<protocol::message::ParsedMessage> parsed;

    storage::Uid uid() const { return page->fixed->uid[position.index]; }
    FlagBits flags() const { return page->flags[position.index]; }
    std::optional<protocol::message::SummaryView> summary() {
        if (!summary_bytes) {
            summary_bytes.emplace();
            const storage::BodyId id = page->fixed->body[position.index];
            auto found = store->summaries(account, {&id, 1}, false);
            if (found && *found && !(*found)->empty()) summary_bytes = std::move((*found)->front());
            if (summary_bytes->empty() && load_body()) {
                summary_bytes =
                    protocol::message::encode_summary(protocol::message::make_summary(*body));
            }
        }
        return protocol::message::SummaryView::read(*summary_bytes);
    }
    bool load_body() {
        if (body) return true;
        auto opened = store->open_body(page->fixed->body[position.index], false);
        if (opened && *opened) {
            if (auto bytes = (*opened)->read_all()) {
                body = std::move(*bytes);
                return true;
            }
        }
        unreadable = true;
        return false;
    }
    const protocol::message::ParsedMessage* structure() {
        if (!load_body()) return nullptr;
        if (!parsed) parsed = protocol::message::parse_message(*body);
        return &*parsed;
    }
};

struct CompiledSearch::Node {
    enum class Kind : std::uint8_t { kAnd, kOr, kNot, kTest };
    Kind kind = Kind::kTest;
    Cost cost = Cost::kColumns;
    std::vector<Node> children;
    std::function<bool(Candidate&)> test;
};

CompiledSearch::~CompiledSearch() = default;

tl::expected<CompiledSearch::Node, SearchErrorKind> CompiledSearch::compile_key(
    const protocol::SearchKey& key, const SearchEnvironment& environment,
    const std::string& charset, bool* has_modseq) {
    Node node;
    const auto test = [&node](auto function) { node.test = std::move(function); };
    const auto group =
        [&](Node::Kind kind,
            const std::vector<protocol::SearchKey>& keys) -> std::optional<SearchErrorKind> {
        node.kind = kind;
        for (const auto& child : keys) {
            auto compiled =
                compile_key(child, environment, charset, has_modseq);  // depth: kSearchNestingMax
            if (!compiled) return compiled.error();
            node.cost = std::max(node.cost, compiled->cost);
            node.children.push_back(std::move(*compiled));
        }
        std::stable_sort(node.children.begin(), node.children.end(),
                         [](const Node& a, const Node& b) { return a.cost < b.cost; });
        return std::nullopt;
    };
    std::optional<SearchErrorKind> error;
    if (const auto* flag = std::get_if<protocol::SearchFlag>(&key.value)) {
        if (flag->flag.is_system() && flag->flag.system() == protocol::SystemFlag::recent) {
            test([recent = environment.recent, set = flag->is_set](Candidate& c) {
                return recent.contains(c.uid()) == set;
            });
        } else {
            FlagBits bit = flag->flag.is_system() ? commands::to_flag_bits(flag->flag.system()) : 0;
            for (std::size_t i = 0; bit == 0 && i < environment.keywords.size(); ++i) {
                if (protocol::ascii_iequals(environment.keywords[i], flag->flag.name())) {
                    bit = FlagBits{1} << (storage::kKeywordShift + i);
                }
            }
            test([bit, set = flag->is_set](Candidate& c) {
                return ((c.flags() & bit) != 0) == set;
            });
        }
    } else if (const auto* text = std::get_if<protocol::SearchText>(&key.value)) {
        std::string utf8;
        if (!protocol::append_utf8(charset, text->value, utf8))
            return tl::unexpected(SearchErrorKind::kBadCharset);
        auto matcher = std::make_shared<const protocol::message::SubstringMatcher>(utf8);
        using Field = protocol::SearchText::Field;
        if (text->field == Field::body || text->field == Field::text) {
            node.cost = Cost::kBody;
            test([matcher, whole = text->field == Field::text](Candidate& c) {
                const auto* parsed = c.structure();
                if (parsed == nullptr) return false;
                return whole ? protocol::message::match_text(*parsed, *matcher)
                             : protocol::message::match_body(*parsed, *matcher);
            });
        } else {
            node.cost = Cost::kHeader;
            std::string name = text->header_name;
            if (text->field == Field::bcc) name = "Bcc";
            if (text->field == Field::cc) name = "Cc";
            if (text->field == Field::from) name = "From";
            if (text->field == Field::to) name = "To";
            if (text->field == Field::subject) name = "Subject";
            test([matcher, name = std::move(name)](Candidate& c) {
                return c.load_body() && protocol::message::match_header(*c.body, name, *matcher);
            });
        }
    } else if (const auto* date = std::get_if<protocol::SearchDate>(&key.value)) {
        using Which = protocol::SearchDate::Which;
        using Relation = protocol::SearchDate::Relation;
        const auto compare = [days = date->date.days, relation = date->relation](std::int32_t day) {
            switch (relation) {
                case Relation::before:
                    return day < days;
                case Relation::on:
                    return day == days;
                case Relation::since:
                    return day >= days;
            }
            return false;
        };
        // RFC 9051 §6.4.4: dates compare "disregarding time and timezone": the day in the message's
        // own zone.
        if (date->which == Which::internal) {
            test([compare](Candidate& c) {
                const auto& fixed = *c.page->fixed;
                return compare(days_of(fixed.internal_seconds[c.position.index] +
                                       fixed.internal_zone[c.position.index] * std::int64_t{60}));
            });
        } else if (date->which == Which::saved) {
            test([compare](Candidate& c) {
                return compare(days_of(c.page->fixed->save_date[c.position.index]));
            });
        } else {
            node.cost = Cost::kSummary;
            test([compare](Candidate& c) {
                const auto summary = c.summary();
                return summary && summary->sent_day() && compare(*summary->sent_day());
            });
        }
    } else if (const auto* size = std::get_if<protocol::SearchSize>(&key.value)) {
        test([larger = size->is_larger, bytes = size->bytes](Candidate& c) {
            const std::uint64_t own = c.page->fixed->size[c.position.index];
            return larger ? own > bytes : own < bytes;
        });
    } else if (const auto* within = std::get_if<protocol::SearchWithin>(&key.value)) {
        // RFC 5032 §3: younger than, or at least as old as, so many seconds.
        const std::int64_t edge = environment.now_seconds - within->seconds;
        test([older = within->is_older, edge](Candidate& c) {
            const std::int64_t at = c.page->fixed->internal_seconds[c.position.index];
            return older ? at <= edge : at >= edge;
        });
    } else if (const auto* uid = std::get_if<protocol::SearchUid>(&key.value)) {
        const auto& view = *environment.view;
        const storage::Uid max =
            view.count() == 0 ? view.uidnext() : view.pages().back()->last_uid();
        test([set = uid->set.resolve(max, &environment.saved)](Candidate& c) {
            return set.contains(c.uid());
        });
    } else if (const auto* sequence = std::get_if<protocol::SearchSequence>(&key.value)) {
        if (!sequence->set.is_within(environment.view->count()))
            return tl::unexpected(SearchErrorKind::kBadNumber);
        test([set = sequence->set.resolve(environment.view->count()), saved = environment.saved,
              use_saved = sequence->set.has_saved_result()](Candidate& c) {
            return set.contains(c.seq) || (use_saved && saved.contains(c.uid()));
        });
    } else if (const auto* modseq = std::get_if<protocol::SearchModSeq>(&key.value)) {
        *has_modseq = true;
        test([least = modseq->modseq](Candidate& c) {
            return c.page->modseq[c.position.index] >= least;
        });
    } else if (const auto* object = std::get_if<protocol::SearchObjectId>(&key.value)) {
        test([email = object->kind == protocol::SearchObjectId::Kind::email,
              id = object->id](Candidate& c) {
            return email &&
                   id == fmt::format("E{:x}", storage::raw(c.page->fixed->body[c.position.index]));
        });
    } else if (const auto* inverted = std::get_if<protocol::SearchNot>(&key.value)) {
        error = group(Node::Kind::kNot, inverted->keys);
    } else if (const auto* any = std::get_if<protocol::SearchOr>(&key.value)) {
        error = group(Node::Kind::kOr, any->keys);
    } else if (const auto* all = std::get_if<protocol::SearchAnd>(&key.value)) {
        error = group(Node::Kind::kAnd, all->keys);
    } else {
        test([](Candidate&) { return true; });  // ALL, SAVEDATESUPPORTED
    }
    if (error) return tl::unexpected(*error);
    return node;
}

bool CompiledSearch::matches(const Node& node, Candidate& candidate) {
    switch (node.kind) {
        case Node::Kind::kTest:
            return node.test(candidate);
        case Node::Kind::kNot:
            return !matches(node.children.front(), candidate);
        case Node::Kind::kAnd:
            for (const Node& child : node.children) {
                if (!matches(child, candidate)) return false;
            }
            return true;
        case Node::Kind::kOr:
            for (const Node& child : node.children) {
                if (matches(child, candidate)) return true;
            }
            return false;
    }
    return false;
}

tl::expected<std::shared_ptr<const CompiledSearch>, SearchErrorKind> CompiledSearch::compile(
    const protocol::SearchProgram& program, const SearchEnvironment& environment) {
    const std::string charset = program.charset.value_or("UTF-8");
    if (!protocol::is_known_charset(charset)) return tl::unexpected(SearchErrorKind::kBadCharset);
    std::shared_ptr<CompiledSearch> compiled(new CompiledSearch());
    auto root = compile_key(program.key, environment, charset, &compiled->has_modseq_);
    if (!root) return tl::unexpected(root.error());
    compiled->cost_ = root->cost;
    compiled->root_ = std::make_unique<Node>(std::move(*root));
    return compiled;
}

tl::expected<std::vector<CompiledSearch::Match>, SearchErrorKind> CompiledSearch::run(
    const storage::MailboxView& view, const storage::Store& store, storage::AccountId account,
    const WorkCancelled* cancelled) const {
    std::vector<Match> found;
    for (std::uint32_t page_index = 0; page_index < view.pages().size(); ++page_index) {
        const storage::Page& page = *view.pages()[page_index];
        if (cancelled != nullptr && cancelled->requested())
            return tl::unexpected(SearchErrorKind::kCancelled);
        for (std::uint32_t i = 0; i < page.count(); ++i) {
            if (cost_ >= Cost::kHeader && cancelled != nullptr && cancelled->requested()) {
                return tl::unexpected(SearchErrorKind::kCancelled);
            }
            const storage::Position position{page_index, i};
            Candidate candidate{&view, &store, account, position, &page, view.seq_of(position)};
            // A message that can not be read does not match; the search goes on for the others.
            if (matches(*root_, candidate))
                found.push_back({candidate.uid(), candidate.seq, page.modseq[i], position});
        }
    }
    return found;
}

bool names_sequence_numbers(const protocol::SearchKey& key) {
    const auto any = [](const std::vector<protocol::SearchKey>& keys) {
        return std::any_of(keys.begin(), keys.end(), names_sequence_numbers);
    };
    if (const auto* sequence = std::get_if<protocol::SearchSequence>(&key.value))
        return !sequence->set.ranges().empty();
    // depth: kSearchNestingMax
    if (const auto* inverted = std::get_if<protocol::SearchNot>(&key.value))
        return any(inverted->keys);
    if (const auto* either = std::get_if<protocol::SearchOr>(&key.value)) return any(either->keys);
    if (const auto* all = std::get_if<protocol::SearchAnd>(&key.value)) return any(all->keys);
    return false;
}

}  // namespace tidemark::actors
