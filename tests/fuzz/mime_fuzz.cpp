// Property: any bytes parse to a tree whose offsets are nested and in order and whose links are
// sound, in work linear in the input; BODY and BODYSTRUCTURE are well-formed; every part is found
// by its path; its sections lie in the message; BINARY of undecoded parts is the part.

#include "protocol/message/body_structure.hpp"
#include "protocol/message/limits.hpp"
#include "protocol/message/mime_parser.hpp"
#include "protocol/message/section.hpp"
#include "protocol/message/substring_matcher.hpp"
#include "tests/protocol/message/imap_value.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tidemark::protocol::message;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

void check_tree(const ParsedMessage& message) {
    require(!message.parts.empty() && message.parts.size() <= kMimePartsMax);
    for (std::uint32_t i = 0; i < message.parts.size(); ++i) {
        const Part& part = message.parts[i];
        require(part.header_begin <= part.header_end && part.header_end == part.body_begin);
        require(part.body_begin <= part.body_end && part.body_end <= message.bytes.size());
        require(part.depth < kMimeDepthMax);
        require((part.parent == kNoPart) == (i == 0));
        require((part.kind == PartKind::kLeaf) == (part.first_child == kNoPart));
        std::size_t previous_end = part.body_begin;
        for (std::uint32_t child = part.first_child; child != kNoPart;
             child = message.parts[child].next_sibling) {
            const Part& inner = message.parts[child];
            require(child > i && inner.parent == i && inner.depth == part.depth + 1);
            require(inner.header_begin >= previous_end && inner.body_end <= part.body_end);
            previous_end = inner.body_end;
        }
    }
}

/// The part numbers of every part that has some; the message inside a message/rfc822 part has none.
void check_paths(const ParsedMessage& message) {
    std::vector<std::vector<std::uint32_t>> paths(message.parts.size());
    for (std::uint32_t i = 0; i < message.parts.size() && i < 200; ++i) {
        const Part& part = message.parts[i];
        std::uint32_t number = 0;
        for (std::uint32_t child = part.first_child; child != kNoPart;
             child = message.parts[child].next_sibling) {
            if (child >= 200) {
                break;
            }
            paths[child] = paths[i];
            if (part.kind == PartKind::kMessage) {
                // A message whose only part is a message: that part is number 1 of it.
                if (i == 0 || message.parts[part.parent].kind == PartKind::kMessage) {
                    paths[child].push_back(1);
                }
                SectionSpec spec{paths[child], SectionKind::kHeader, {}};
                const auto header = fetch_section(message, spec);
                require(header && header->text() == message.header(message.parts[child]));
                continue;
            }
            paths[child].push_back(++number);
            require(find_part(message, paths[child]) == &message.parts[child]);
            SectionSpec spec{paths[child], SectionKind::kMime, {}};
            require(fetch_section(message, spec)->text() == message.header(message.parts[child]));
            const BinaryResult binary = fetch_binary(message, paths[child]);
            require(binary.text || binary.error == BinaryError::kUnknownCte);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const ParsedMessage message = parse_message(bytes);
    require(message.steps <= size * (kMimeDepthMax + 2));
    check_tree(message);
    check_paths(message);
    std::string structure;
    write_body_structure(message, StructureForm::kBodyStructure, structure);
    require(testing::parse_imap_value(structure).has_value());
    structure.clear();
    write_body_structure(message, StructureForm::kBody, structure);
    require(testing::parse_imap_value(structure).has_value());
    const SubstringMatcher matcher("a\xC3\xA9");
    require(!match_body(message, matcher) || match_text(message, matcher));
    SectionSpec fields{{}, SectionKind::kHeaderFieldsNot, {"subject"}};
    require(fetch_section(bytes, fields)->text() == fetch_section(message, fields)->text());
    return 0;
}
