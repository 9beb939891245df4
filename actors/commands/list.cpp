// LIST with its extensions, and LSUB (RFC 9051 §6.3.9; RFC 5258, RFC 5819, RFC 6154; RFC 3501
// §6.3.9).
#include "actors/commands/commands.hpp"

#include <algorithm>
#include <set>

namespace tidemark::actors::commands {

using protocol::CodeKind;
using protocol::ListData;
using protocol::ListPattern;
using protocol::MailboxAttribute;

namespace {

// A name that may be listed: a mailbox, a level above one, or a subscribed name without a mailbox.
struct Node {
    const Mailbox* mailbox = nullptr;
    bool subscribed = false;
    bool has_children = false;
    bool has_subscribed_below = false;
};

using Tree = std::map<std::string, Node, std::less<>>;

void mark_parents(Tree& tree, std::string_view name, bool is_mailbox, bool is_subscribed) {
    for (auto slash = name.rfind('/'); slash != std::string_view::npos; slash = name.rfind('/')) {
        name = name.substr(0, slash);
        Node& parent = tree[std::string(name)];
        parent.has_children = parent.has_children || is_mailbox;
        parent.has_subscribed_below = parent.has_subscribed_below || is_subscribed;
    }
}

Tree make_tree(const Account& account) {
    Tree tree;
    for (const auto& [name, id] : account.names()) {
        Node& node = tree[name];
        node.mailbox = account.find_mailbox(id);
        node.subscribed = node.mailbox->record.subscribed;
        mark_parents(tree, name, true, node.subscribed);
    }
    for (const std::string& name : account.orphan_subscriptions()) {
        tree[name].subscribed = true;
        mark_parents(tree, name, false, true);
    }
    return tree;
}

std::optional<MailboxAttribute> use_attribute(storage::SpecialUse use) {
    switch (use) {
        case storage::SpecialUse::kNone:
            break;
        case storage::SpecialUse::kAll:
            return MailboxAttribute::all;
        case storage::SpecialUse::kArchive:
            return MailboxAttribute::archive;
        case storage::SpecialUse::kDrafts:
            return MailboxAttribute::drafts;
        case storage::SpecialUse::kFlagged:
            return MailboxAttribute::flagged;
        case storage::SpecialUse::kJunk:
            return MailboxAttribute::junk;
        case storage::SpecialUse::kSent:
            return MailboxAttribute::sent;
        case storage::SpecialUse::kTrash:
            return MailboxAttribute::trash;
        case storage::SpecialUse::kImportant:
            return MailboxAttribute::important;
    }
    return std::nullopt;
}

std::string wire_name(ImapSession* session, const std::string& name) {
    auto encoded = protocol::MailboxName::from_utf8(name);
    return encoded ? encoded->to_wire(session->encoding()) : name;
}

ListData describe_node(ImapSession* session, const std::string& name, const Node& node) {
    ListData data;
    data.mailbox = wire_name(session, name);
    if (node.mailbox == nullptr) {
        data.attributes.add(MailboxAttribute::nonexistent);
        // IMAP4rev1 clients know only this one (RFC 5258 §3: NonExistent implies NoSelect).
        if (!session->has_rev2()) data.attributes.add(MailboxAttribute::no_select);
    }
    data.attributes.add(node.has_children ? MailboxAttribute::has_children
                                          : MailboxAttribute::has_no_children);
    if (node.mailbox != nullptr) {
        if (const auto use = use_attribute(node.mailbox->record.special_use))
            data.attributes.add(*use);
    }
    return data;
}

bool matches_any(const std::vector<ListPattern>& patterns, const std::string& name) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&name](const ListPattern& pattern) { return pattern.matches(name); });
}

// Whether a selected name lies below `name` that no pattern matches by itself: RECURSIVEMATCH (RFC
// 9051 §6.3.9.6).
bool hides_subscribed_child(const Tree& tree, const std::string& name,
                            const std::vector<ListPattern>& patterns) {
    const std::string prefix = name + '/';
    for (auto it = tree.lower_bound(prefix);
         it != tree.end() && it->first.compare(0, prefix.size(), prefix) == 0; ++it) {
        if (it->second.subscribed && !matches_any(patterns, it->first)) return true;
    }
    return false;
}

struct Choice {
    bool listed = false;
    bool child_info = false;
};

Choice choose(const Tree& tree, const std::string& name, const Node& node,
              const command::List& list, const std::vector<ListPattern>& patterns) {
    Choice choice;
    const auto& selection = list.selection;
    const bool has_use =
        node.mailbox != nullptr && node.mailbox->record.special_use != storage::SpecialUse::kNone;
    if (selection.subscribed || selection.special_use) {
        choice.listed =
            (!selection.subscribed || node.subscribed) && (!selection.special_use || has_use);
        if (selection.subscribed && selection.recursive_match && node.has_subscribed_below &&
            hides_subscribed_child(tree, name, patterns)) {
            choice.listed = choice.child_info = true;
        }
    } else {
        choice.listed = node.mailbox != nullptr || node.has_children;
    }
    return choice;
}

}  // namespace

Awaitable<void> list(ImapSession* session, Tag tag, command::List list) {
    if (list.selection.recursive_match && !list.selection.subscribed &&
        !list.selection.special_use) {
        session->bad(tag, "RECURSIVEMATCH needs another selection");  // RFC 9051 §6.3.9.1
        co_return;
    }
    auto& out = session->out();
    if (!list.is_extended && list.patterns.front().empty()) {
        // RFC 9051 §6.3.9: an empty name asks for the separator and the root of the reference.
        ListData root;
        root.attributes.add(MailboxAttribute::no_select);
        protocol::write_list(out, root, session->encoding());
        session->finish(tag, "listed");
        co_return;
    }
    std::vector<ListPattern> patterns;
    for (const std::string& wire : list.patterns) {
        auto pattern = ListPattern::from_wire(list.reference.bytes, wire, session->encoding());
        if (pattern)
            patterns.push_back(std::move(*pattern));  // one that no name can match matches none
    }
    Tree tree = make_tree(*session->account());
    struct Listed {
        std::string name;
        ListData data;
        bool exists;
    };
    std::vector<Listed> listed;
    for (const auto& [name, node] : tree) {
        if (!matches_any(patterns, name)) continue;
        const Choice choice = choose(tree, name, node, list, patterns);
        if (!choice.listed) continue;
        ListData data = describe_node(session, name, node);
        if (node.subscribed && (list.selection.subscribed || list.returns.subscribed)) {
            data.attributes.add(MailboxAttribute::subscribed);
        }
        if (choice.child_info) data.child_info.emplace_back("SUBSCRIBED");
        listed.push_back({name, std::move(data), node.mailbox != nullptr});
    }
    for (Listed& one : listed) {
        protocol::write_list(out, one.data, session->encoding());
        if (list.returns.status && one.exists) {
            protocol::StatusData data;
            const bool there = co_await status_of(session, one.name, *list.returns.status, &data);
            // RFC 5819 §2: a mailbox whose STATUS can not be told is listed without it.
            if (there) write_status_of(session, one.name, data);
        }
        if (!(co_await session->flush_if_large())) co_return;
    }
    if (list.returns.status &&
        list.returns.status->contains(protocol::StatusItem::highest_modseq)) {
        session->enable_condstore();
    }
    session->finish(tag, "listed");
}

// RFC 3501 §6.3.9: subscribed names; with "%" a level above one is listed as \Noselect.
Awaitable<void> lsub(ImapSession* session, Tag tag, command::Lsub lsub) {
    auto pattern = ListPattern::from_wire(lsub.reference.bytes, lsub.pattern, session->encoding());
    if (pattern) {
        const std::vector<ListPattern> patterns{std::move(*pattern)};
        Tree tree = make_tree(*session->account());
        for (const auto& [name, node] : tree) {
            if (!patterns.front().matches(name)) continue;
            const bool as_parent = !node.subscribed && node.has_subscribed_below &&
                                   hides_subscribed_child(tree, name, patterns);
            if (!node.subscribed && !as_parent) continue;
            ListData data;
            data.is_lsub = true;
            data.mailbox = wire_name(session, name);
            if (as_parent) data.attributes.add(MailboxAttribute::no_select);
            protocol::write_list(session->out(), data, session->encoding());
        }
    }
    session->finish(tag, "listed");
    co_return;
}

}  // namespace tidemark::actors::commands
