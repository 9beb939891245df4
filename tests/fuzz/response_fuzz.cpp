// Properties: a stream of responses is read alike whole and in pieces; a response that parses is
// written back as one response that parses to the same text; a value tree has consistent indexes.

#include "protocol/parse_response.hpp"
#include "protocol/response_reader.hpp"
#include "protocol/value_tree.hpp"
#include "tests/support/response_text.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace tidemark::protocol;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

std::string read_all(std::string_view input, std::size_t piece) {
    ResponseReader reader({.response_bytes_max = 1024, .literal_bytes_max = 16});
    Response response;
    std::string out;
    while (!input.empty()) {
        const std::string bytes(input.substr(0, piece));
        input.remove_prefix(bytes.size());
        std::string_view rest = bytes;
        while (true) {
            const auto event = reader.next(rest, response);
            if (std::holds_alternative<ResponseReader::Ready>(event)) {
                out += "<" + test::rewritten(response) + ">";
            } else if (const auto* start = std::get_if<ResponseReader::StreamStart>(&event)) {
                out += "[" + std::string(start->head) + "|";
            } else if (const auto* part = std::get_if<ResponseReader::StreamBytes>(&event)) {
                require(!part->bytes.empty());
                out += part->bytes;
                out += part->is_last ? "]" : "";
            } else if (const auto* bad = std::get_if<ResponseReader::Malformed>(&event)) {
                require(!bad->error.rule.empty());
                out += "{" + std::string(bad->bytes) + "}";
            } else if (std::holds_alternative<ResponseReader::TooLarge>(event)) {
                return out + "!";
            } else {
                require(rest.empty());
                break;
            }
        }
    }
    return out;
}

void check_tree(std::string_view raw) {
    const auto tree = ValueTree::parse(raw);
    if (!tree) {
        return;
    }
    const auto& nodes = tree->nodes();
    std::size_t children = 0;
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
        require(nodes[i].end > i && nodes[i].end <= nodes.size());
        require(nodes[i].count == 0 || nodes[i].kind == ValueTree::Kind::list);
        children += nodes[i].count;
    }
    require(children + 1 == nodes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t piece = size == 0 ? 1 : 1 + data[0] % 7;
    // A response too large ends the reading at a byte that depends on the pieces.
    const auto whole = read_all(input, input.size());
    const auto pieces = read_all(input, piece);
    require(whole == pieces || (whole.ends_with('!') && pieces.ends_with('!')));

    Response response;
    if (parse_response(input, response)) {
        const auto first = test::rewritten(response);
        if (response.kind == ResponseKind::fetch) {
            for (const auto& [name, raw] : response.fetch.others) {
                check_tree(raw);
            }
        }
        // VANISHED is written as a set, and nothing for an empty one; "other" is not understood.
        if (response.kind != ResponseKind::other && !first.empty()) {
            // Writing replaces what may not stand in a text, which can make a wrong response code a
            // right one: from the second time on nothing changes any more.
            std::string last = first;
            for (int round = 0; round < 2; ++round) {
                Response again;
                const auto line = last;
                require(parse_response(std::string_view(line).substr(0, line.size() - 2), again)
                            .has_value());
                require(again.kind == response.kind);
                last = test::rewritten(again);
                require(last == line || (round == 0 && response.code.kind == CodeKind::other));
            }
        }
    }
    check_tree(input);
    return 0;
}
