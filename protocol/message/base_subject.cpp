#include "protocol/message/base_subject.hpp"

#include "protocol/message/ascii.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/header_words.hpp"

namespace tidemark::protocol::message {
namespace {

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
    return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

bool ends_with_ignoring_case(std::string_view text, std::string_view suffix) {
    return text.size() >= suffix.size() &&
           equals_ignoring_case(text.substr(text.size() - suffix.size()), suffix);
}

/// RFC 5256 §2.1 (1): tabs and continuations become spaces, runs of spaces one.
std::string with_single_spaces(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (!is_blank(c) && !is_line_break(c)) {
            out.push_back(c);
        } else if (out.empty() || out.back() != ' ') {
            out.push_back(' ');
        }
    }
    return out;
}

void skip_spaces(std::string_view text, std::size_t& position) {
    while (position < text.size() && is_blank(text[position])) {
        ++position;
    }
}

/// RFC 5256 §5: subj-blob = "[" *BLOBCHAR "]" *WSP
bool skip_blob(std::string_view text, std::size_t& position) {
    if (position >= text.size() || text[position] != '[') {
        return false;
    }
    const std::size_t end = text.find_first_of("[]", position + 1);
    if (end == std::string_view::npos || text[end] == '[') {
        return false;
    }
    position = end + 1;
    skip_spaces(text, position);
    return true;
}

/// RFC 5256 §5: subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
bool skip_refwd(std::string_view text, std::size_t& position) {
    std::size_t end = position;
    const std::string_view rest = text.substr(position);
    if (starts_with_ignoring_case(rest, "fwd")) {
        end += 3;
    } else if (starts_with_ignoring_case(rest, "fw") || starts_with_ignoring_case(rest, "re")) {
        end += 2;
    } else {
        return false;
    }
    skip_spaces(text, end);
    static_cast<void>(skip_blob(text, end));
    if (end >= text.size() || text[end] != ':') {
        return false;
    }
    position = end + 1;
    return true;
}

/// RFC 5256 §2.1 (2): subj-trailer = "(fwd)" / WSP
void remove_trailers(BaseSubject& subject, std::string_view& text) {
    while (!text.empty()) {
        if (text.back() == ' ') {
            text.remove_suffix(1);
        } else if (ends_with_ignoring_case(text, "(fwd)")) {
            text.remove_suffix(5);
            subject.is_reply_or_forward = true;
        } else {
            return;
        }
    }
}

/// RFC 5256 §2.1 (3) to (5): leaders, and blobs that leave something. A run of blobs is looked at
/// once: either a "re:" follows it and all of it goes, or none ever will.
void remove_leaders(BaseSubject& subject, std::string_view& text) {
    while (!text.empty()) {
        std::size_t position = 0;
        skip_spaces(text, position);
        text.remove_prefix(position);
        position = 0;
        std::size_t last_blob = 0;
        while (true) {
            const std::size_t begin = position;
            if (!skip_blob(text, position)) {
                break;
            }
            last_blob = begin;
        }
        const std::size_t blobs_end = position;
        if (skip_refwd(text, position)) {
            subject.is_reply_or_forward = true;
            text.remove_prefix(position);
            continue;
        }
        text.remove_prefix(blobs_end < text.size() ? blobs_end : last_blob);
        return;
    }
}

}  // namespace

BaseSubject base_subject(std::string_view value) {
    BaseSubject subject;
    const std::string decoded = with_single_spaces(decode_header_text(value));
    std::string_view text = decoded;
    while (true) {
        remove_trailers(subject, text);
        remove_leaders(subject, text);
        // RFC 5256 §2.1 (6): subj-fwd = "[fwd:" subject "]"
        if (!starts_with_ignoring_case(text, "[fwd:") || !text.ends_with(']')) {
            break;
        }
        text.remove_prefix(5);
        text.remove_suffix(1);
        subject.is_reply_or_forward = true;
    }
    subject.text = text;
    return subject;
}

}  // namespace tidemark::protocol::message
