#include "actors/search_program.hpp"

#include "actors/search_scan.hpp"
#include "protocol/charset.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace tidemark::actors {

using storage::PageBits;

// Maximal parts of the tree that need only columns are answered for a page at a time, before the
// rest is asked about single messages.
struct CompiledSearch::Node {
    NodeKind kind = NodeKind::kTest;
    Cost cost = Cost::kColumns;
    std::vector<Node> children;
    PageTest columns;                       // of a test by columns
    std::function<bool(SearchScan&)> test;  // of any other
    std::size_t slot = 0;                   // of a maximal part: its answer in a PageAnswers
};

using PageAnswers = std::vector<PageBits>;

CompiledSearch::~CompiledSearch() = default;

namespace {

std::string_view field_name(const protocol::SearchText& text) {
    using Field = protocol::SearchText::Field;
    switch (text.field) {
        case Field::bcc:
            return "Bcc";
        case Field::cc:
            return "Cc";
        case Field::from:
            return "From";
        case Field::to:
            return "To";
        case Field::subject:
            return "Subject";
        default:
            return text.header_name;
    }
}

}  // namespace

tl::expected<CompiledSearch::Node, SearchErrorKind> CompiledSearch::compile_text(
    const protocol::SearchText& text, const std::string& charset) {
    std::string utf8;
    if (!protocol::append_utf8(charset, text.value, utf8))
        return tl::unexpected(SearchErrorKind::kBadCharset);
    auto matcher = std::make_shared<const protocol::message::SubstringMatcher>(utf8);
    using Field = protocol::SearchText::Field;
    Node node;
    if (text.field == Field::body || text.field == Field::text) {
        node.cost = Cost::kBody;
        node.test = [matcher, is_text = text.field == Field::text](SearchScan& scan) {
            const auto* parsed = scan.structure();
            if (parsed == nullptr) return false;
            return is_text ? protocol::message::match_text(*parsed, *matcher)
                           : protocol::message::match_body(*parsed, *matcher);
        };
    } else {
        node.cost = Cost::kHeader;
        node.test = [matcher, name = std::string(field_name(text))](SearchScan& scan) {
            return scan.header_matches(name, *matcher);
        };
    }
    return node;
}

tl::expected<CompiledSearch::Node, SearchErrorKind> CompiledSearch::compile_group(
    NodeKind kind, const std::vector<protocol::SearchKey>& keys,
    const SearchEnvironment& environment, const std::string& charset) {
    Node node;
    node.kind = kind;
    std::optional<FlagTest> flags;  // all keys of an And that are flags, as one
    for (const auto& key : keys) {
        const auto flag = flag_test(key, environment.keywords);
        if (kind == NodeKind::kAnd && flag) {
            flags ? flags->add(*flag) : void(flags = flag);
            continue;
        }
        auto child = compile_key(key, environment, charset);  // depth: kSearchNestingMax
        if (!child) return child;
        node.cost = std::max(node.cost, child->cost);
        node.children.push_back(std::move(*child));
    }
    if (flags) {
        Node child;
        child.columns = *flags;
        node.children.push_back(std::move(child));
    }
    std::stable_sort(node.children.begin(), node.children.end(),
                     [](const Node& a, const Node& b) { return a.cost < b.cost; });
    return node;
}

tl::expected<CompiledSearch::Node, SearchErrorKind> CompiledSearch::compile_key(
    const protocol::SearchKey& key, const SearchEnvironment& environment,
    const std::string& charset) {
    if (const auto* text = std::get_if<protocol::SearchText>(&key.value))
        return compile_text(*text, charset);
    if (const auto* inverted = std::get_if<protocol::SearchNot>(&key.value))
        return compile_group(NodeKind::kNot, inverted->keys, environment, charset);
    if (const auto* any = std::get_if<protocol::SearchOr>(&key.value))
        return compile_group(NodeKind::kOr, any->keys, environment, charset);
    if (const auto* all = std::get_if<protocol::SearchAnd>(&key.value))
        return compile_group(NodeKind::kAnd, all->keys, environment, charset);
    if (const auto* sequence = std::get_if<protocol::SearchSequence>(&key.value)) {
        if (!sequence->set.is_within(environment.view->count()))
            return tl::unexpected(SearchErrorKind::kBadNumber);
    }
    has_modseq_ = has_modseq_ || std::holds_alternative<protocol::SearchModSeq>(key.value);
    Node node;
    node.columns = column_test(key, environment);
    if (node.columns) return node;
    // What is left is the date of the Date field.
    node.cost = Cost::kSummary;
    node.test = [date = std::get<protocol::SearchDate>(key.value)](SearchScan& scan) {
        const auto summary = scan.summary();
        return summary && summary->sent_day() && date_matches(date, *summary->sent_day());
    };
    return node;
}

void CompiledSearch::number_slots(Node& node) {
    if (node.cost == Cost::kColumns) {
        node.slot = slots_++;
        return;
    }
    for (Node& child : node.children) number_slots(child);
}

PageBits CompiledSearch::match_page(const Node& node, const SearchScan& scan) {
    const storage::Page& page = scan.page();
    PageBits bits;
    switch (node.kind) {
        case NodeKind::kTest:
            return node.columns(page, scan.first_seq());
        case NodeKind::kNot:
            return PageBits::all(page.count()).remove(match_page(node.children.front(), scan));
        case NodeKind::kAnd:
            bits = PageBits::all(page.count());
            for (const Node& child : node.children) {
                if (bits.none()) break;
                bits &= match_page(child, scan);
            }
            return bits;
        case NodeKind::kOr:
            for (const Node& child : node.children) bits |= match_page(child, scan);
            return bits;
    }
    return bits;
}

void CompiledSearch::answer_columns(const Node& node, const SearchScan& scan,
                                    std::vector<PageBits>& answers) {
    if (node.cost == Cost::kColumns) {
        answers[node.slot] = match_page(node, scan);
        return;
    }
    for (const Node& child : node.children) answer_columns(child, scan, answers);
}

bool CompiledSearch::matches(const Node& node, SearchScan& scan, const PageAnswers& answers) {
    if (node.cost == Cost::kColumns) return answers[node.slot].test(scan.index());
    const auto does = [&](const Node& child) { return matches(child, scan, answers); };
    switch (node.kind) {
        case NodeKind::kTest:
            return node.test(scan);
        case NodeKind::kNot:
            return !does(node.children.front());
        case NodeKind::kAnd:
            return std::all_of(node.children.begin(), node.children.end(), does);
        case NodeKind::kOr:
            return std::any_of(node.children.begin(), node.children.end(), does);
    }
    return false;
}

PageBits CompiledSearch::candidates(const SearchScan& scan, const PageAnswers& answers) const {
    PageBits bits = PageBits::all(scan.page().count());
    if (root_->cost == Cost::kColumns) return answers[root_->slot];
    if (root_->kind != NodeKind::kAnd) return bits;
    for (const Node& child : root_->children) {
        if (child.cost == Cost::kColumns) bits &= answers[child.slot];
    }
    return bits;
}

tl::expected<std::shared_ptr<const CompiledSearch>, SearchErrorKind> CompiledSearch::compile(
    const protocol::SearchProgram& program, const SearchEnvironment& environment) {
    const std::string charset = program.charset.value_or("UTF-8");
    if (!protocol::is_known_charset(charset)) return tl::unexpected(SearchErrorKind::kBadCharset);
    std::shared_ptr<CompiledSearch> compiled(new CompiledSearch());
    auto root = compiled->compile_key(program.key, environment, charset);
    if (!root) return tl::unexpected(root.error());
    compiled->number_slots(*root);
    compiled->root_ = std::make_unique<Node>(std::move(*root));
    return compiled;
}

bool CompiledSearch::needs_messages() const {
    return root_->cost != Cost::kColumns;
}

tl::expected<std::vector<CompiledSearch::Match>, SearchErrorKind> CompiledSearch::run(
    const storage::MailboxView& view, const storage::Store& store, PageTextCache& texts,
    storage::AccountId account, const WorkCancelled* cancelled) const {
    const auto is_cancelled = [&] { return cancelled != nullptr && cancelled->requested(); };
    SearchScan scan(view, store, texts, account);
    PageAnswers answers(slots_);
    std::vector<PageBits> found(view.pages().size());
    std::size_t count = 0;
    for (std::uint32_t page = 0; page < found.size(); ++page) {
        if (is_cancelled()) return tl::unexpected(SearchErrorKind::kCancelled);
        scan.begin_page(page);
        answer_columns(*root_, scan, answers);
        found[page] = candidates(scan, answers);
        if (needs_messages()) {
            const PageBits candidates = std::exchange(found[page], PageBits());
            scan.set_candidates(candidates);
            bool stopped = false;
            candidates.for_each([&](std::size_t index) {
                stopped = stopped || is_cancelled();
                if (stopped) return;
                scan.begin_message(index);
                if (matches(*root_, scan, answers)) found[page].set(index);
            });
            if (stopped) return tl::unexpected(SearchErrorKind::kCancelled);
        }
        count += found[page].count();
    }
    std::vector<Match> matches;
    matches.reserve(count);
    for (std::uint32_t page = 0; page < found.size(); ++page) {
        const storage::Uid* uids = view.pages()[page]->fixed->uid.data();
        const std::uint32_t first_seq = view.first_seq(page);
        found[page].for_each([&](std::size_t index) {
            const auto at = static_cast<std::uint32_t>(index);
            matches.push_back({uids[index], first_seq + at, {page, at}});
        });
    }
    return matches;
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
