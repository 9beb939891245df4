#include "protocol/message/envelope.hpp"

#include "protocol/message/header_fields.hpp"
#include "protocol/message/imap_text.hpp"
#include "protocol/message/limits.hpp"

#include <algorithm>

namespace tidemark::protocol::message {
namespace {

/// RFC 9051 §9: env-from = "(" 1*address ")" / nil
void append_addresses(const std::vector<Address>& addresses, std::string& out) {
    if (addresses.empty()) {
        out.append("NIL");
        return;
    }
    out.push_back('(');
    for (const Address& address : addresses) {
        out.push_back('(');
        append_nstring(address.name, out);
        out.push_back(' ');
        append_nstring(address.route, out);
        out.push_back(' ');
        append_nstring(address.mailbox, out);
        out.push_back(' ');
        append_nstring(address.host, out);
        out.push_back(')');
    }
    out.push_back(')');
}

}  // namespace

Envelope make_envelope(std::string_view header, std::size_t& addresses_left) {
    header = header.substr(0, kHeaderBytesMax);
    Envelope envelope;
    const struct {
        std::string_view name;
        std::optional<std::string>* text;
        std::vector<Address>* addresses;
    } wanted[] = {
        {"Date", &envelope.date, nullptr},
        {"Subject", &envelope.subject, nullptr},
        {"From", nullptr, &envelope.from},
        {"Sender", nullptr, &envelope.sender},
        {"Reply-To", nullptr, &envelope.reply_to},
        {"To", nullptr, &envelope.to},
        {"Cc", nullptr, &envelope.cc},
        {"Bcc", nullptr, &envelope.bcc},
        {"In-Reply-To", &envelope.in_reply_to, nullptr},
        {"Message-ID", &envelope.message_id, nullptr},
    };
    std::size_t position = 0;
    while (const auto field = next_field(header, position)) {
        for (const auto& want : wanted) {
            if (!equals_ignoring_case(field->name, want.name)) {
                continue;
            }
            // RFC 5322 §3.6 allows these fields once; where mail repeats one, the last counts, as
            // with other servers.
            if (want.text != nullptr) {
                *want.text = unfold(field->value);
            } else {
                addresses_left += want.addresses->size();
                want.addresses->clear();
                parse_address_list(field->value, addresses_left, *want.addresses);
            }
            break;
        }
    }
    // RFC 9051 §7.5.2: where Sender or Reply-To is absent or empty, the server sets it from From.
    for (std::vector<Address>* copy : {&envelope.sender, &envelope.reply_to}) {
        if (copy->empty() && addresses_left >= envelope.from.size()) {
            addresses_left -= envelope.from.size();
            *copy = envelope.from;
        }
    }
    return envelope;
}

Envelope make_envelope(std::string_view header) {
    std::size_t addresses_left = kAddressesMax;
    return make_envelope(header, addresses_left);
}

/// RFC 9051 §9: envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP
/// env-to SP env-cc SP env-bcc SP env-in-reply-to SP env-message-id ")"
void write_envelope(const Envelope& envelope, std::string& out) {
    out.push_back('(');
    append_nstring(envelope.date, out);
    out.push_back(' ');
    append_nstring(envelope.subject, out);
    for (const std::vector<Address>* addresses :
         {&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc,
          &envelope.bcc}) {
        out.push_back(' ');
        append_addresses(*addresses, out);
    }
    out.push_back(' ');
    append_nstring(envelope.in_reply_to, out);
    out.push_back(' ');
    append_nstring(envelope.message_id, out);
    out.push_back(')');
}

}  // namespace tidemark::protocol::message
