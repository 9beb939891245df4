#include "protocol/message/summary.hpp"

#include "protocol/message/base_subject.hpp"
#include "protocol/message/body_structure.hpp"
#include "protocol/message/casemap.hpp"
#include "protocol/message/envelope.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/header_words.hpp"
#include "protocol/message/limits.hpp"
#include "protocol/message/message_date.hpp"
#include "protocol/message/message_ids.hpp"
#include "protocol/message/mime_parser.hpp"
#include "protocol/message/preview.hpp"

#include <algorithm>

namespace tidemark::protocol::message {
namespace {

/// Cut at the end of a character.
std::string sort_key(std::string_view text) {
    // Mapping can only be bounded before it happens; one character becomes at most 18.
    std::string key = casemapped(text.substr(0, kSortKeyBytesMax));
    if (key.size() > kSortKeyBytesMax) {
        std::size_t size = kSortKeyBytesMax;
        while (size > 0 && (static_cast<unsigned char>(key[size]) & 0xC0) == 0x80) {
            --size;
        }
        key.resize(size);
    }
    return key;
}

/// RFC 5256 §3 FROM, TO, CC: "IMAP addr-mailbox of the first address", a group's name where that
/// comes first.
std::string mailbox_key(const std::vector<Address>& addresses) {
    if (addresses.empty() || !addresses.front().mailbox ||
        *addresses.front().mailbox == kMissingMailbox) {
        return {};
    }
    return sort_key(*addresses.front().mailbox);
}

/// RFC 5957 §3: the decoded display name of the first address, else its addr-spec; a group's name
/// is its display name.
std::string display_key(const std::vector<Address>& addresses) {
    if (addresses.empty()) {
        return {};
    }
    const Address& first = addresses.front();
    if (first.name) {
        std::string name = decode_header_text(*first.name);
        if (!name.empty()) {
            return sort_key(name);
        }
    }
    if (!first.host) {
        return sort_key(decode_header_text(first.mailbox.value_or("")));
    }
    const std::string address = first.mailbox.value_or("") + "@" + *first.host;
    return sort_key(address);
}

void set_thread_ids(std::string_view header, const Envelope& envelope, MessageSummary& summary) {
    if (envelope.message_id) {
        std::vector<std::string> ids = parse_message_ids(*envelope.message_id);
        if (!ids.empty()) {
            summary.message_id = std::move(ids.front());
        }
    }
    summary.references = parse_message_ids(find_field(header, "References").value_or(""));
    if (summary.references.empty() && envelope.in_reply_to) {
        // RFC 5256 §3 REFERENCES (1): the first valid one counts.
        summary.references = parse_message_ids(*envelope.in_reply_to);
        summary.references.resize(std::min<std::size_t>(summary.references.size(), 1));
    }
}

}  // namespace

MessageSummary make_summary(std::string_view message) {
    const ParsedMessage parsed = parse_message(message);
    const std::string_view header = parsed.header(parsed.parts.front());
    const std::string_view interpreted = header.substr(0, kHeaderBytesMax);
    const Envelope envelope = make_envelope(header);

    MessageSummary summary;
    write_envelope(envelope, summary.envelope);
    write_body_structure(parsed, StructureForm::kBodyStructure, summary.body_structure);
    write_body_structure(parsed, StructureForm::kBody, summary.body);
    summary.preview = make_preview(parsed);
    summary.header_size = header.size();
    if (envelope.date) {
        summary.sent_seconds = parse_message_date(*envelope.date);
        summary.sent_day = parse_message_day(*envelope.date);
    }
    if (envelope.subject) {
        BaseSubject subject = base_subject(*envelope.subject);
        summary.subject_key = sort_key(subject.text);
        summary.is_reply_or_forward = subject.is_reply_or_forward;
    }
    summary.from_key = mailbox_key(envelope.from);
    summary.to_key = mailbox_key(envelope.to);
    summary.cc_key = mailbox_key(envelope.cc);
    summary.from_display_key = display_key(envelope.from);
    summary.to_display_key = display_key(envelope.to);
    set_thread_ids(interpreted, envelope, summary);
    return summary;
}

}  // namespace tidemark::protocol::message
