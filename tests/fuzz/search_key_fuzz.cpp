// Properties: a search program that parses is in canonical form, within the limits of depth and
// number, and is written as text that parses to the same program.

#include "protocol/parse_command.hpp"
#include "protocol/write_command.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace tidemark::protocol;

void require(bool condition) {
    if (!condition) std::abort();
}

template <class Kind>
bool is(const SearchKey& key) {
    return std::holds_alternative<Kind>(key.value);
}

// The levels below and including `key`.
std::size_t check(const SearchKey& key, std::size_t& count) {
    ++count;
    const std::vector<SearchKey>* keys = nullptr;
    if (const auto* negation = std::get_if<SearchNot>(&key.value)) {
        keys = &negation->keys;
        require(keys->size() == 1 && !is<SearchNot>(keys->front()));
    } else if (const auto* any = std::get_if<SearchOr>(&key.value)) {
        keys = &any->keys;
        require(keys->size() >= 2 && std::none_of(keys->begin(), keys->end(), is<SearchOr>));
    } else if (const auto* all = std::get_if<SearchAnd>(&key.value)) {
        keys = &all->keys;
        require(keys->size() >= 2 && std::none_of(keys->begin(), keys->end(), is<SearchAnd>));
    }
    std::size_t depth = 0;
    if (keys != nullptr) {
        for (const SearchKey& inner : *keys) depth = std::max(depth, check(inner, count));
    }
    return depth + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto command = parse_command("A1 SEARCH " + text);
    if (!command) return 0;
    const auto& program = std::get<command::Search>(command->body).program;
    std::size_t count = 0;
    // NEW and the composites themselves are nodes that no key of the command stands for.
    require(check(program.key, count) <= kSearchNestingMax + 2);
    require(count <= 2 * kSearchKeysMax);

    const std::string written = write_search_key(program.key);
    const auto again = parse_command("A1 SEARCH " + written);
    require(again.has_value());
    const auto& same = std::get<command::Search>(again->body).program;
    require(same.key == program.key);
    require(write_search_key(same.key) == written);
    return 0;
}
