#pragma once

#include "protocol/types.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

// A parenthesised value of a response as a tree: ENVELOPE, BODYSTRUCTURE, THREAD and everything
// else whose shape the reader does not know. Made on demand from the raw text in FetchData::others.
//
// The nodes stand in one array in the order in which they were written. Depth is bounded by
// kResponseNestingMax; linear, iterative, owns its text.

namespace tidemark::protocol {

class ValueTree {
  public:
    enum class Kind : std::uint8_t { nil, atom, string, list };

    struct Node {
        Kind kind = Kind::nil;
        std::string text;         // of an atom as written, of a string without its quoting
        std::uint32_t count = 0;  // of a list: its direct children
        std::uint32_t end = 0;    // index behind the last node under this one
    };

    // One or more values separated by spaces (or by nothing between lists, as BODYSTRUCTURE has
    // them); they are the children of the root, node 0.
    [[nodiscard]] static Result<ValueTree> parse(std::string_view raw);

    const std::vector<Node>& nodes() const { return nodes_; }
    const Node& root() const { return nodes_.front(); }
    const Node& operator[](std::uint32_t index) const { return nodes_[index]; }

    // The index of a list's n-th child; 0 when there is none.
    std::uint32_t child(std::uint32_t list, std::size_t n) const;
    // A path of children from the first value on; 0 when it leads nowhere. at({}) is the value.
    std::uint32_t at(std::initializer_list<std::size_t> path) const;

  private:
    std::vector<Node> nodes_;
};

}  // namespace tidemark::protocol
