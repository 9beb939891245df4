#include "protocol/message/thread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <tuple>
#include <unordered_map>

namespace tidemark::protocol::message {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;

/// What the search for loops may cost for each container, so that hostile References stay linear.
constexpr std::uint64_t kLoopStepsPerContainer = 64;

/// A container of RFC 5256 §3: a message, or an id that some message refers to. Children are a
/// doubly linked list.
struct Container {
    std::uint32_t message = kNone;  // index of the input
    std::uint32_t parent = kNone;
    std::uint32_t first_child = kNone;
    std::uint32_t last_child = kNone;
    std::uint32_t previous = kNone;
    std::uint32_t next = kNone;
    bool is_removed = false;
};

class ReferenceThreader {
  public:
    explicit ReferenceThreader(const std::vector<ThreadInput>& messages) : messages_(messages) {}

    ThreadResult run();

  private:
    std::uint32_t container_of(std::string_view id);
    std::uint32_t container_of_message(std::uint32_t message);
    void link(std::uint32_t child, std::uint32_t parent);
    void unlink(std::uint32_t child);
    bool would_loop(std::uint32_t child, std::uint32_t parent);
    void link_references(std::uint32_t message);
    void prune();
    void splice_children(std::uint32_t from, std::uint32_t to_parent);
    void merge_by_subject();
    void merge_into(std::uint32_t older, std::uint32_t newer);
    [[nodiscard]] const ThreadInput& first_message(std::uint32_t container) const;
    [[nodiscard]] bool is_before(std::uint32_t left, std::uint32_t right) const;
    [[nodiscard]] std::vector<std::uint32_t> children(std::uint32_t container) const;
    void sort_children(std::uint32_t container);
    ThreadResult result();

    const std::vector<ThreadInput>& messages_;
    std::vector<Container> containers_;
    std::unordered_map<std::string_view, std::uint32_t> by_id_;
    std::unordered_map<std::string_view, std::uint32_t> by_subject_;
    std::uint32_t root_ = 0;
    std::uint64_t loop_steps_left_ = 0;
};

std::uint32_t ReferenceThreader::container_of(std::string_view id) {
    const auto [place, is_new] =
        by_id_.try_emplace(id, static_cast<std::uint32_t>(containers_.size()));
    if (is_new) {
        containers_.emplace_back();
    }
    return place->second;
}

/// A message without an id, or with one that an earlier message has, gets a container of its own
/// (RFC 5256 §3).
std::uint32_t ReferenceThreader::container_of_message(std::uint32_t message) {
    const std::string_view id = messages_[message].message_id;
    std::uint32_t container = id.empty() ? kNone : container_of(id);
    if (container == kNone || containers_[container].message != kNone) {
        container = static_cast<std::uint32_t>(containers_.size());
        containers_.emplace_back();
    }
    containers_[container].message = message;
    return container;
}

void ReferenceThreader::link(std::uint32_t child, std::uint32_t parent) {
    Container& node = containers_[child];
    Container& above = containers_[parent];
    node.parent = parent;
    node.previous = above.last_child;
    node.next = kNone;
    (above.last_child == kNone ? above.first_child : containers_[above.last_child].next) = child;
    above.last_child = child;
}

void ReferenceThreader::unlink(std::uint32_t child) {
    Container& node = containers_[child];
    if (node.parent == kNone) {
        return;
    }
    Container& above = containers_[node.parent];
    (node.previous == kNone ? above.first_child : containers_[node.previous].next) = node.next;
    (node.next == kNone ? above.last_child : containers_[node.next].previous) = node.previous;
    node.parent = node.previous = node.next = kNone;
}

/// Whether `child` is `parent` or above it. One without children is above nothing, which is the
/// usual case.
bool ReferenceThreader::would_loop(std::uint32_t child, std::uint32_t parent) {
    if (child == parent) {
        return true;
    }
    if (containers_[child].first_child == kNone) {
        return false;
    }
    for (std::uint32_t node = parent; node != kNone; node = containers_[node].parent) {
        if (node == child || loop_steps_left_ == 0) {
            return true;
        }
        --loop_steps_left_;
    }
    return false;
}

/// RFC 5256 §3 REFERENCES (1) A and B.
void ReferenceThreader::link_references(std::uint32_t message) {
    const std::uint32_t own = container_of_message(message);
    loop_steps_left_ += kLoopStepsPerContainer;
    std::uint32_t previous = kNone;
    for (const std::string_view id : messages_[message].references) {
        const std::uint32_t reference = container_of(id);
        loop_steps_left_ += kLoopStepsPerContainer;
        if (previous != kNone && containers_[reference].parent == kNone &&
            !would_loop(reference, previous)) {
            link(reference, previous);
        }
        previous = reference;
    }
    unlink(own);
    if (previous != kNone && !would_loop(own, previous)) {
        link(own, previous);
    }
}

void ReferenceThreader::splice_children(std::uint32_t from, std::uint32_t to_parent) {
    for (const std::uint32_t child : children(from)) {
        unlink(child);
        link(child, to_parent);
    }
}

std::vector<std::uint32_t> ReferenceThreader::children(std::uint32_t container) const {
    std::vector<std::uint32_t> list;
    for (std::uint32_t child = containers_[container].first_child; child != kNone;
         child = containers_[child].next) {
        list.push_back(child);
    }
    return list;
}

/// RFC 5256 §3 REFERENCES (3): containers without a message go; their children move up, but a group
/// of several stays together under the root. Children before parents.
void ReferenceThreader::prune() {
    std::vector<std::uint32_t> order{root_};
    for (std::size_t i = 0; i < order.size(); ++i) {
        for (const std::uint32_t child : children(order[i])) {
            order.push_back(child);
        }
    }
    for (std::size_t i = order.size(); i-- > 1;) {
        const std::uint32_t node = order[i];
        if (containers_[node].message != kNone) {
            continue;
        }
        const std::uint32_t parent = containers_[node].parent;
        const std::uint32_t first = containers_[node].first_child;
        const bool has_several = first != kNone && containers_[first].next != kNone;
        if (parent == root_ && has_several) {
            continue;
        }
        splice_children(node, parent);
        unlink(node);
        containers_[node].is_removed = true;
    }
}

/// The message that speaks for a container: its own, or its first child's (RFC 5256 §3 REFERENCES
/// (4), (5)).
const ThreadInput& ReferenceThreader::first_message(std::uint32_t container) const {
    const Container* node = &containers_[container];
    while (node->message == kNone) {
        node = &containers_[node->first_child];
    }
    return messages_[node->message];
}

/// RFC 5256 §2.2: by sent date, then by the order of the mailbox.
bool ReferenceThreader::is_before(std::uint32_t left, std::uint32_t right) const {
    const ThreadInput& a = first_message(left);
    const ThreadInput& b = first_message(right);
    return std::tie(a.sent_seconds, a.number) < std::tie(b.sent_seconds, b.number);
}

void ReferenceThreader::sort_children(std::uint32_t container) {
    std::vector<std::uint32_t> list = children(container);
    if (list.size() < 2) {
        return;
    }
    std::sort(list.begin(), list.end(),
              [this](std::uint32_t left, std::uint32_t right) { return is_before(left, right); });
    containers_[container].first_child = containers_[container].last_child = kNone;
    for (const std::uint32_t child : list) {
        link(child, container);
    }
}

/// RFC 5256 §3 REFERENCES (5) C, the four cases; `older` is the container in the subject table.
void ReferenceThreader::merge_into(std::uint32_t older, std::uint32_t newer) {
    const bool is_older_dummy = containers_[older].message == kNone;
    const bool is_newer_dummy = containers_[newer].message == kNone;
    if (is_older_dummy && is_newer_dummy) {
        splice_children(newer, older);
        unlink(newer);
        containers_[newer].is_removed = true;
    } else if (is_older_dummy) {
        unlink(newer);
        link(newer, older);
    } else if (first_message(newer).is_reply_or_forward &&
               !first_message(older).is_reply_or_forward) {
        unlink(newer);
        link(newer, older);
    } else {
        // Two that stand side by side: a new dummy holds both, in the place of the older.
        const auto dummy = static_cast<std::uint32_t>(containers_.size());
        containers_.emplace_back();
        const std::uint32_t moved[] = {older, newer};
        for (const std::uint32_t node : moved) {
            unlink(node);
            link(node, dummy);
        }
        link(dummy, root_);
        by_subject_[first_message(dummy).subject_key] = dummy;
    }
}

/// RFC 5256 §3 REFERENCES (5): threads with one base subject belong together.
void ReferenceThreader::merge_by_subject() {
    const std::vector<std::uint32_t> roots = children(root_);
    for (const std::uint32_t node : roots) {
        const ThreadInput& first = first_message(node);
        if (first.subject_key.empty()) {
            continue;
        }
        const auto [place, is_new] = by_subject_.try_emplace(first.subject_key, node);
        if (is_new) {
            continue;
        }
        const std::uint32_t known = place->second;
        const bool is_node_dummy = containers_[node].message == kNone;
        const bool is_known_dummy = containers_[known].message == kNone;
        // (5) B ii: an empty container, or one that is no reply where the known one is, takes the
        // place.
        if ((is_node_dummy && !is_known_dummy) ||
            (!is_known_dummy && first_message(known).is_reply_or_forward &&
             !first.is_reply_or_forward)) {
            place->second = node;
        }
    }
    for (const std::uint32_t node : roots) {
        const std::string_view subject = first_message(node).subject_key;
        if (subject.empty()) {
            continue;
        }
        const std::uint32_t known = by_subject_[subject];
        if (known != node && containers_[node].parent == root_) {
            merge_into(known, node);
        }
    }
}

ThreadResult ReferenceThreader::result() {
    std::vector<std::uint32_t> order{root_};
    for (std::size_t i = 0; i < order.size(); ++i) {
        for (const std::uint32_t child : children(order[i])) {
            order.push_back(child);
        }
    }
    // (6), from the leaves up, because the place of a dummy is that of its first child.
    for (std::size_t i = order.size(); i-- > 0;) {
        sort_children(order[i]);
    }
    ThreadResult threads;
    std::vector<std::uint32_t> places(containers_.size(), kNone);
    for (const std::uint32_t node : order) {
        if (node != root_) {
            places[node] = static_cast<std::uint32_t>(threads.nodes.size());
            const std::uint32_t message = containers_[node].message;
            threads.nodes.push_back({message == kNone ? 0 : messages_[message].number, {}});
        }
    }
    for (const std::uint32_t node : order) {
        for (const std::uint32_t child : children(node)) {
            (node == root_ ? threads.roots : threads.nodes[places[node]].children)
                .push_back(places[child]);
        }
    }
    return threads;
}

ThreadResult ReferenceThreader::run() {
    containers_.reserve(messages_.size() * 2 + 1);
    for (std::uint32_t i = 0; i < messages_.size(); ++i) {
        link_references(i);
    }
    // (2): everything without a parent hangs under one root.
    root_ = static_cast<std::uint32_t>(containers_.size());
    containers_.emplace_back();
    for (std::uint32_t i = 0; i < root_; ++i) {
        if (containers_[i].parent == kNone) {
            link(i, root_);
        }
    }
    prune();
    sort_children(root_);
    merge_by_subject();
    return result();
}

}  // namespace

ThreadResult thread_references(const std::vector<ThreadInput>& messages) {
    return ReferenceThreader(messages).run();
}

/// RFC 5256 §3 ORDEREDSUBJECT: sorted by base subject and sent date; the first of a subject is the
/// parent of the others; threads in the order of their first message's date.
ThreadResult thread_ordered_subject(const std::vector<ThreadInput>& messages) {
    std::vector<const ThreadInput*> order;
    order.reserve(messages.size());
    for (const ThreadInput& message : messages) {
        order.push_back(&message);
    }
    std::sort(order.begin(), order.end(), [](const ThreadInput* a, const ThreadInput* b) {
        return std::tie(a->subject_key, a->sent_seconds, a->number) <
               std::tie(b->subject_key, b->sent_seconds, b->number);
    });
    ThreadResult threads;
    std::vector<const ThreadInput*> firsts;
    for (const ThreadInput* message : order) {
        const auto index = static_cast<std::uint32_t>(threads.nodes.size());
        threads.nodes.push_back({message->number, {}});
        if (!firsts.empty() && firsts.back()->subject_key == message->subject_key) {
            threads.nodes[threads.roots.back()].children.push_back(index);
        } else {
            firsts.push_back(message);
            threads.roots.push_back(index);
        }
    }
    std::vector<std::size_t> by_date(firsts.size());
    std::iota(by_date.begin(), by_date.end(), 0);
    std::sort(by_date.begin(), by_date.end(), [&firsts](std::size_t a, std::size_t b) {
        return std::tie(firsts[a]->sent_seconds, firsts[a]->number) <
               std::tie(firsts[b]->sent_seconds, firsts[b]->number);
    });
    std::vector<std::uint32_t> roots;
    roots.reserve(by_date.size());
    for (const std::size_t index : by_date) {
        roots.push_back(threads.roots[index]);
    }
    threads.roots = std::move(roots);
    return threads;
}

/// RFC 5256 §5: thread-list = "(" (thread-members / thread-nested) ")"
void write_threads(const ThreadResult& threads, std::string& out) {
    constexpr std::uint32_t kClose = UINT32_MAX;
    struct Step {
        std::uint32_t node;
        bool opens;  // a thread-list of its own begins here
    };
    std::vector<Step> steps;
    for (std::size_t i = threads.roots.size(); i-- > 0;) {
        steps.push_back({kClose, false});
        steps.push_back({threads.roots[i], true});
    }
    while (!steps.empty()) {
        const Step step = steps.back();
        steps.pop_back();
        if (step.node == kClose) {
            out.push_back(')');
            continue;
        }
        const ThreadNode& node = threads.nodes[step.node];
        out.append(step.opens ? "(" : " ");
        if (node.number != 0) {
            fmt::format_to(std::back_inserter(out), "{}", node.number);
        }
        const bool is_chain = node.children.size() == 1;
        if (!is_chain && !node.children.empty() && node.number != 0) {
            out.push_back(' ');
        }
        for (std::size_t i = node.children.size(); i-- > 0;) {
            if (!is_chain) {
                steps.push_back({kClose, false});
            }
            steps.push_back({node.children[i], !is_chain});
        }
    }
}

}  // namespace tidemark::protocol::message
