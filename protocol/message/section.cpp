#include "protocol/message/section.hpp"

#include "protocol/message/header_fields.hpp"
#include "protocol/message/transfer_decode.hpp"

#include <algorithm>

namespace tidemark::protocol::message {
namespace {

/// A part number of a multipart, from 1; null when there is none.
const Part* nth_child(const ParsedMessage& message, const Part& multipart, std::uint32_t number) {
    std::uint32_t index = multipart.first_child;
    for (std::uint32_t i = 1; i < number && index != kNoPart; ++i) {
        index = message.parts[index].next_sibling;
    }
    return index == kNoPart || number == 0 ? nullptr : &message.parts[index];
}

/// The header and body of a message as HEADER and TEXT see it: the whole message or the one in a
/// message/rfc822 part.
const Part* message_in(const ParsedMessage& message, const Part& part, bool is_whole) {
    if (is_whole) {
        return &part;
    }
    return part.kind == PartKind::kMessage ? &message.parts[part.first_child] : nullptr;
}

bool is_listed(std::string_view name, const std::vector<std::string>& fields) {
    return std::any_of(fields.begin(), fields.end(), [name](const std::string& field) {
        return equals_ignoring_case(name, field);
    });
}

/// RFC 9051 §6.4.5: the fields in the order of the header, and its blank line. A header without one
/// (RFC 9051 leaves it out there) gets one after the fields that a client listed, because clients
/// look for it, as other servers do.
SectionText select_fields(std::string_view header, const SectionSpec& spec) {
    const bool wants_listed = spec.kind == SectionKind::kHeaderFields;
    std::string text;
    std::size_t position = 0;
    while (const auto field = next_field(header, position)) {
        if (is_listed(field->name, spec.fields) == wants_listed) {
            text.append(header.substr(field->begin, field->end - field->begin));
        }
    }
    const std::string_view blank_line = header.substr(position);
    text.append(blank_line.empty() && wants_listed ? "\r\n" : blank_line);
    return SectionText(std::move(text));
}

}  // namespace

const Part* find_part(const ParsedMessage& message, const std::vector<std::uint32_t>& path) {
    const Part* part = &message.parts.front();
    bool is_message = true;  // `part` stands for a message, whose body the next number looks into
    for (const std::uint32_t number : path) {
        if (!is_message && part->kind == PartKind::kMessage) {
            part = &message.parts[part->first_child];
            is_message = true;
        }
        if (part->kind == PartKind::kMultipart) {
            part = nth_child(message, *part, number);
        } else if (!is_message || number != 1) {
            return nullptr;  // RFC 9051 §6.4.5: a message that is no multipart has only part 1
        }
        if (part == nullptr) {
            return nullptr;
        }
        is_message = false;
    }
    return part;
}

std::optional<SectionText> fetch_section(const ParsedMessage& message, const SectionSpec& spec) {
    const Part* part = find_part(message, spec.path);
    if (part == nullptr) {
        return std::nullopt;
    }
    if (spec.kind == SectionKind::kAll) {
        return SectionText(spec.path.empty() ? message.bytes : message.body(*part));
    }
    if (spec.kind == SectionKind::kMime) {
        return SectionText(message.header(*part));
    }
    const Part* target = message_in(message, *part, spec.path.empty());
    if (target == nullptr) {
        return std::nullopt;
    }
    switch (spec.kind) {
        case SectionKind::kHeader:
            return SectionText(message.header(*target));
        case SectionKind::kText:
            return SectionText(message.body(*target));
        default:
            return select_fields(message.header(*target), spec);
    }
}

std::optional<SectionText> fetch_section(std::string_view message, const SectionSpec& spec) {
    if (!spec.path.empty()) {
        return fetch_section(parse_message(message), spec);
    }
    if (spec.kind == SectionKind::kAll) {
        return SectionText(message);
    }
    const std::size_t header_size = header_block_size(message);
    switch (spec.kind) {
        case SectionKind::kText:
            return SectionText(message.substr(header_size));
        case SectionKind::kHeaderFields:
        case SectionKind::kHeaderFieldsNot:
            return select_fields(message.substr(0, header_size), spec);
        default:
            return SectionText(message.substr(0, header_size));
    }
}

std::string_view partial(std::string_view text, std::uint64_t offset, std::uint64_t count) {
    if (offset >= text.size()) {
        return {};
    }
    return text.substr(static_cast<std::size_t>(offset),
                       static_cast<std::size_t>(std::min<std::uint64_t>(count, text.size())));
}

BinaryResult fetch_binary(const ParsedMessage& message, const std::vector<std::uint32_t>& path) {
    BinaryResult result;
    if (path.empty()) {
        result.text.emplace(message.bytes);
        return result;
    }
    const Part* part = find_part(message, path);
    if (part == nullptr) {
        return result;
    }
    if (part->encoding == TransferEncoding::kUnknown) {
        result.error = BinaryError::kUnknownCte;
    } else if (part->kind == PartKind::kLeaf &&
               (part->encoding == TransferEncoding::kBase64 ||
                part->encoding == TransferEncoding::kQuotedPrintable)) {
        result.text.emplace(decode_transfer(part->encoding, message.body(*part)));
    } else {
        result.text.emplace(message.body(*part));
    }
    return result;
}

}  // namespace tidemark::protocol::message
