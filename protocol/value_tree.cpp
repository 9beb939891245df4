#include "protocol/value_tree.hpp"

#include "protocol/response_cursor.hpp"

namespace tidemark::protocol {
namespace {

constexpr std::string_view kValueRule = "value";

bool is_atom_text(char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != '(' && c != ')' && c != '"' && c != 0x7f;
}

bool read_leaf(ResponseCursor& cursor, ValueTree::Node& node) {
    if (cursor.peek() == '"' || cursor.peek() == '{' || cursor.peek() == '~') {
        StringValue value;
        if (!cursor.read_nstring(value, kValueRule)) {
            return false;
        }
        node.kind = ValueTree::Kind::string;
        node.text = value.bytes;
        return true;
    }
    const auto text = cursor.take_while(is_atom_text);
    if (text.empty()) {
        return cursor.fail(ParseErrorKind::syntax, kValueRule);
    }
    const bool is_nil = ascii_iequals(text, "NIL");
    node.kind = is_nil ? ValueTree::Kind::nil : ValueTree::Kind::atom;
    node.text = is_nil ? std::string_view() : text;
    return true;
}

}  // namespace

Result<ValueTree> ValueTree::parse(std::string_view raw) {
    std::forward_list<std::string> unescaped;
    ResponseCursor cursor(raw, {}, unescaped);
    ValueTree tree;
    tree.nodes_.push_back({Kind::list, {}, 0, 0});
    std::vector<std::uint32_t> open{0};
    cursor.skip_spaces();
    while (!cursor.at_end()) {
        const auto index = static_cast<std::uint32_t>(tree.nodes_.size());
        if (cursor.accept(')')) {
            if (open.size() == 1) {
                cursor.fail(ParseErrorKind::syntax, kValueRule);
                return tl::unexpected(cursor.error());
            }
            tree.nodes_[open.back()].end = index;
            open.pop_back();
        } else {
            ++tree.nodes_[open.back()].count;
            Node& node = tree.nodes_.emplace_back();
            node.end = index + 1;
            if (cursor.accept('(')) {
                node.kind = Kind::list;
                open.push_back(index);
                if (open.size() > kResponseNestingMax + 1) {
                    cursor.fail(ParseErrorKind::too_deep, kValueRule);
                    return tl::unexpected(cursor.error());
                }
            } else if (!read_leaf(cursor, node)) {
                return tl::unexpected(cursor.error());
            }
        }
        cursor.skip_spaces();
    }
    if (open.size() != 1) {
        cursor.fail(ParseErrorKind::syntax, kValueRule);
        return tl::unexpected(cursor.error());
    }
    tree.nodes_.front().end = static_cast<std::uint32_t>(tree.nodes_.size());
    return tree;
}

std::uint32_t ValueTree::child(std::uint32_t list, std::size_t n) const {
    if (n >= nodes_[list].count) {
        return 0;
    }
    std::uint32_t index = list + 1;
    for (; n > 0; --n) {
        index = nodes_[index].end;
    }
    return index;
}

std::uint32_t ValueTree::at(std::initializer_list<std::size_t> path) const {
    std::uint32_t index = child(0, 0);
    for (const auto n : path) {
        if (index == 0) {
            return 0;
        }
        index = child(index, n);
    }
    return index;
}

}  // namespace tidemark::protocol
