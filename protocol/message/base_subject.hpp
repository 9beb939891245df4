#pragma once

#include <string>
#include <string_view>

namespace tidemark::protocol::message {

/// RFC 5256 §2.1: the base subject, in UTF-8, and whether something marked the message as a reply
/// or forward.
struct BaseSubject {
    std::string text;
    bool is_reply_or_forward = false;
};

/// `value` is the raw Subject field. Linear in its length.
[[nodiscard]] BaseSubject base_subject(std::string_view value);

}  // namespace tidemark::protocol::message
