#include "protocol/message/structured_field.hpp"

#include "protocol/message/ascii.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/limits.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace tidemark::protocol::message {
namespace {

/// RFC 2045 §5.1 "token": no space, control or tspecial. 8-bit characters occur in real mail and
/// are let through.
bool is_token_character(char c) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
        return false;
    }
    constexpr std::string_view kTspecials = "()<>@,;:\\\"/[]?=";
    return kTspecials.find(c) == std::string_view::npos;
}

/// The value of a parameter, up to the semicolon. Unquoted text that is no token ("a file.txt",
/// "=_x?y") is taken whole, because a boundary cut short would lose the parts; a comment after
/// white space ends it. Nothing when a quoted string is not closed.
std::optional<std::string> parse_parameter_value(FieldCursor& cursor) {
    if (cursor.peek() == '"') {
        bool is_closed = false;
        std::string value = cursor.quoted_string(&is_closed);
        static_cast<void>(cursor.until(';'));
        return is_closed ? std::optional(std::move(value)) : std::nullopt;
    }
    std::string_view text = cursor.until(';');
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '(' && (is_blank(text[i - 1]) || is_line_break(text[i - 1]))) {
            text = text.substr(0, i);
            break;
        }
    }
    return unfold(trim(text));
}

/// A parameter name of RFC 2231 §3: "filename*1*" is segment 1 of "filename", encoded.
struct SegmentName {
    std::string_view base;
    std::size_t number = 0;
    bool is_encoded = false;
};

std::optional<SegmentName> parse_segment_name(std::string_view name) {
    SegmentName segment;
    if (name.ends_with('*')) {
        segment.is_encoded = true;
        name.remove_suffix(1);
    }
    const std::size_t star = name.rfind('*');
    if (star == std::string_view::npos || star == 0) {
        return std::nullopt;
    }
    const std::string_view digits = name.substr(star + 1);
    // RFC 2231 §7: no leading zeros. Three digits are more than kParametersMax.
    if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits.front() == '0')) {
        return std::nullopt;
    }
    for (const char c : digits) {
        if (!is_digit(c)) {
            return std::nullopt;
        }
        segment.number = segment.number * 10 + static_cast<std::size_t>(c - '0');
    }
    segment.base = name.substr(0, star);
    return segment;
}

/// The text of a plain segment among encoded ones.
std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_ascii(c) && byte > ' ' && c != '%' && c != '\'' && c != '*') {
            out.push_back(c);
        } else {
            out.push_back('%');
            out.push_back(kDigits[byte >> 4]);
            out.push_back(kDigits[byte & 15]);
        }
    }
    return out;
}

struct Segment {
    std::string base;  // lower case
    std::size_t number = 0;
    std::size_t index = 0;
    bool is_encoded = false;
};

/// All segments among the parameters, by name and number.
std::vector<Segment> find_segments(const std::vector<Parameter>& parameters) {
    std::vector<Segment> segments;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (const auto name = parse_segment_name(parameters[i].name)) {
            std::string base(name->base);
            std::transform(base.begin(), base.end(), base.begin(), to_lower);
            segments.push_back({std::move(base), name->number, i, name->is_encoded});
        }
    }
    std::sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) {
        return std::tie(a.base, a.number, a.index) < std::tie(b.base, b.number, b.index);
    });
    return segments;
}

/// Puts segments 0, 1, 2 ... of one name together at the place of the first. A segment without its
/// predecessors, or sent twice, stays as it was sent.
std::vector<Parameter> join_segments(std::vector<Parameter> parameters) {
    const std::vector<Segment> segments = find_segments(parameters);
    if (segments.empty()) {
        return parameters;
    }
    std::vector<bool> is_joined(parameters.size(), false);
    for (auto first = segments.begin(); first != segments.end();) {
        const auto end = std::find_if(first, segments.end(), [&first](const Segment& segment) {
            return segment.base != first->base;
        });
        std::vector<const Segment*> run;
        for (auto segment = first; segment != end; ++segment) {
            if (segment->number == run.size()) {
                run.push_back(&*segment);
            }
        }
        if (!run.empty()) {
            const bool is_encoded = std::any_of(
                run.begin(), run.end(), [](const Segment* segment) { return segment->is_encoded; });
            std::string value;
            for (const Segment* segment : run) {
                const std::string& text = parameters[segment->index].value;
                value += is_encoded && !segment->is_encoded ? percent_encoded(text) : text;
                is_joined[segment->index] = true;
            }
            Parameter& whole = parameters[run.front()->index];
            whole.name = whole.name.substr(0, first->base.size()) + (is_encoded ? "*" : "");
            whole.value = std::move(value);
            is_joined[run.front()->index] = false;
        }
        first = end;
    }
    std::vector<Parameter> joined;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (!is_joined[i]) {
            joined.push_back(std::move(parameters[i]));
        }
    }
    return joined;
}

}  // namespace

bool FieldCursor::skip(char c) {
    if (peek() != c || at_end()) {
        return false;
    }
    ++position_;
    return true;
}

void FieldCursor::skip_cfws(std::string* comment) {
    std::size_t depth = 0;
    while (!at_end()) {
        const char c = text_[position_];
        if (c == '(') {
            if (depth++ == 0) {
                if (comment != nullptr) {
                    comment->clear();
                }
                ++position_;
                continue;
            }
        } else if (depth == 0 && !is_blank(c) && !is_line_break(c)) {
            return;
        } else if (c == ')' && --depth == 0) {
            ++position_;
            continue;
        } else if (c == '\\' && depth > 0 && position_ + 1 < text_.size()) {
            ++position_;
        }
        if (comment != nullptr && depth > 0 && !is_line_break(text_[position_])) {
            comment->push_back(text_[position_]);
        }
        ++position_;
    }
}

std::string_view FieldCursor::token() {
    const std::size_t begin = position_;
    while (!at_end() && is_token_character(text_[position_])) {
        ++position_;
    }
    return text_.substr(begin, position_ - begin);
}

std::string_view FieldCursor::letters() {
    const std::size_t begin = position_;
    while (!at_end() && is_alpha(text_[position_])) {
        ++position_;
    }
    return text_.substr(begin, position_ - begin);
}

std::string FieldCursor::quoted_string(bool* is_closed) {
    std::string out;
    ++position_;
    while (!at_end() && text_[position_] != '"') {
        if (text_[position_] == '\\' && position_ + 1 < text_.size()) {
            ++position_;
        } else if (is_line_break(text_[position_])) {
            ++position_;  // RFC 5322 §3.2.4: a fold inside is not part of the string
            continue;
        }
        out.push_back(text_[position_++]);
    }
    if (is_closed != nullptr) {
        *is_closed = !at_end();
    }
    if (!at_end()) {
        ++position_;
    }
    return out;
}

std::string_view FieldCursor::until(char stop) {
    const std::size_t begin = position_;
    bool in_quotes = false;
    while (!at_end() && (in_quotes || text_[position_] != stop)) {
        if (text_[position_] == '"') {
            in_quotes = !in_quotes;
        } else if (text_[position_] == '\\' && in_quotes && position_ + 1 < text_.size()) {
            ++position_;
        }
        ++position_;
    }
    return text_.substr(begin, position_ - begin);
}

ParameterisedField parse_parameterised_field(std::string_view value) {
    ParameterisedField field;
    FieldCursor cursor(value);
    cursor.skip_cfws();
    field.type = cursor.peek() == '"' ? cursor.quoted_string() : std::string(cursor.token());
    cursor.skip_cfws();
    if (cursor.skip('/')) {
        cursor.skip_cfws();
        field.subtype = cursor.token();
    }
    while (!cursor.at_end()) {
        static_cast<void>(cursor.until(';'));
        if (!cursor.skip(';')) {
            break;
        }
        cursor.skip_cfws();
        const std::string_view name = cursor.token();
        cursor.skip_cfws();
        if (name.empty() || !cursor.skip('=')) {
            continue;
        }
        cursor.skip_cfws();
        std::optional<std::string> text = parse_parameter_value(cursor);
        if (text && field.parameters.size() < kParametersMax) {
            field.parameters.push_back({std::string(name), std::move(*text)});
        }
    }
    field.parameters = join_segments(std::move(field.parameters));
    return field;
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
            hex_value(text[i + 2]) >= 0) {
            out.push_back(
                static_cast<char>((hex_value(text[i + 1]) << 4) | hex_value(text[i + 2])));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

std::vector<std::string> parse_language_field(std::string_view value) {
    std::vector<std::string> tags;
    FieldCursor cursor(value);
    while (!cursor.at_end() && tags.size() < kParametersMax) {
        cursor.skip_cfws();
        const std::string_view tag = cursor.token();
        if (!tag.empty()) {
            tags.emplace_back(tag);
        } else if (!cursor.at_end()) {
            cursor.advance();
        }
    }
    return tags;
}

}  // namespace tidemark::protocol::message
