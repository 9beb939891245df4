#pragma once

#include "protocol/message/mime_parser.hpp"

#include <cstdint>
#include <string>

/// BODY and BODYSTRUCTURE (RFC 9051 §7.5.2 "body", "body-extension"), written from a parsed
/// message.
namespace tidemark::protocol::message {

enum class StructureForm : std::uint8_t {
    kBody,           // without extension data
    kBodyStructure,  // with all of it
};

/// Appends the parenthesised list of the whole message. Linear in the output, iterative.
void write_body_structure(const ParsedMessage& message, StructureForm form, std::string& out);

}  // namespace tidemark::protocol::message
