#pragma once

#include "protocol/message/address.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// ENVELOPE of a message (RFC 9051 §7.5.2).
namespace tidemark::protocol::message {

struct Envelope {
    std::optional<std::string> date;
    std::optional<std::string> subject;
    std::vector<Address> from;
    std::vector<Address> sender;    // From where the message has none
    std::vector<Address> reply_to;  // From where the message has none
    std::vector<Address> to;
    std::vector<Address> cc;
    std::vector<Address> bcc;
    std::optional<std::string> in_reply_to;
    std::optional<std::string> message_id;
};

/// `header` is a header block as Part delimits it. Takes the addresses it makes from
/// `addresses_left`.
[[nodiscard]] Envelope make_envelope(std::string_view header, std::size_t& addresses_left);
[[nodiscard]] Envelope make_envelope(std::string_view header);

/// Appends the parenthesised list, strings quoted or as literals, no line end at its end.
void write_envelope(const Envelope& envelope, std::string& out);

}  // namespace tidemark::protocol::message
