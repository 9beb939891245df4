#include "protocol/message/transfer_decode.hpp"

#include "protocol/message/ascii.hpp"
#include "protocol/message/header_fields.hpp"
#include "protocol/message/structured_field.hpp"

#include <array>

namespace tidemark::protocol::message {
namespace {

constexpr std::uint8_t kNotBase64 = 0xFF;

constexpr std::array<std::uint8_t, 256> make_base64_values() {
    std::array<std::uint8_t, 256> values{};
    values.fill(kNotBase64);
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}

constexpr auto kBase64Values = make_base64_values();

/// White space that may be padding at the end of a quoted-printable line is held back up to this
/// size; a longer run is kept as text (RFC 2045 §6.7 lines have 76 characters).
constexpr std::size_t kPendingBytesMax = 4096;

}  // namespace

/// RFC 2045 §6.1: mechanism = token
std::string transfer_encoding_name(std::string_view value) {
    FieldCursor cursor(value);
    cursor.skip_cfws();
    std::string name = cursor.peek() == '"' ? cursor.quoted_string() : std::string(cursor.token());
    cursor.skip_cfws();
    return name.empty() || !cursor.at_end() ? "7bit" : name;
}

TransferEncoding parse_transfer_encoding(std::string_view value) {
    const std::string name = transfer_encoding_name(value);
    const struct {
        std::string_view name;
        TransferEncoding encoding;
    } known[] = {
        {"7bit", TransferEncoding::k7bit},
        {"8bit", TransferEncoding::k8bit},
        {"binary", TransferEncoding::kBinary},
        {"quoted-printable", TransferEncoding::kQuotedPrintable},
        {"base64", TransferEncoding::kBase64},
    };
    for (const auto& entry : known) {
        if (equals_ignoring_case(name, entry.name)) {
            return entry.encoding;
        }
    }
    return TransferEncoding::kUnknown;
}

void TransferDecoder::decode(std::string_view input, std::string& out) {
    switch (encoding_) {
        case TransferEncoding::kBase64:
            decode_base64(input, out);
            break;
        case TransferEncoding::kQuotedPrintable:
            decode_quoted_printable(input, out);
            break;
        case TransferEncoding::k7bit:
        case TransferEncoding::k8bit:
        case TransferEncoding::kBinary:
        case TransferEncoding::kUnknown:
            out.append(input);
            break;
    }
}

void TransferDecoder::decode_base64(std::string_view input, std::string& out) {
    out.reserve(out.size() + input.size() / 4 * 3 + 3);
    for (const char c : input) {
        const std::uint8_t value = kBase64Values[static_cast<unsigned char>(c)];
        if (value != kNotBase64) {
            bits_ = (bits_ << 6) | value;
            if (++characters_ == 4) {
                out.push_back(static_cast<char>(bits_ >> 16));
                out.push_back(static_cast<char>(bits_ >> 8));
                out.push_back(static_cast<char>(bits_));
                characters_ = 0;
            }
        } else if (c == '=') {
            flush_base64(out);
        } else if (!is_blank(c) && !is_line_break(c)) {
            damaged_ = true;
        }
    }
}

/// Padding or the end: the bytes that are complete come out. Text after padding is a new quantum,
/// as where several encoded pieces were put together.
void TransferDecoder::flush_base64(std::string& out) {
    if (characters_ == 3) {
        out.push_back(static_cast<char>(bits_ >> 10));
        out.push_back(static_cast<char>(bits_ >> 2));
    } else if (characters_ == 2) {
        out.push_back(static_cast<char>(bits_ >> 4));
    } else if (characters_ == 1) {
        damaged_ = true;
    }
    characters_ = 0;
}

void TransferDecoder::decode_quoted_printable(std::string_view input, std::string& out) {
    for (std::size_t i = 0; i < input.size(); ++i) {
        const char c = input[i];
        if (!pending_.empty() && pending_.front() == '=') {
            continue_escape(c, out);
            continue;
        }
        if (is_blank(c) || c == '\r') {
            if (pending_.size() >= kPendingBytesMax) {
                out.append(pending_);
                pending_.clear();
            }
            pending_.push_back(c);
            continue;
        }
        if (c == '\n') {
            // RFC 2045 §6.7 (3): white space at the end of a line was added on the way and is
            // deleted.
            if (!pending_.empty() && pending_.back() == '\r') {
                out.push_back('\r');
            }
            pending_.clear();
            out.push_back(c);
            continue;
        }
        out.append(pending_);
        pending_.clear();
        if (c == '=') {
            pending_.push_back(c);
        } else {
            out.push_back(c);
        }
    }
}

/// `pending_` is "=" and what followed it so far: one hexadecimal digit, or the white space of a
/// soft line break.
void TransferDecoder::continue_escape(char c, std::string& out) {
    if (c == '\n') {
        pending_.clear();  // soft line break
        return;
    }
    const bool only_equals = pending_.size() == 1;
    const int first_digit = only_equals ? -1 : hex_value(pending_.back());
    if (only_equals && hex_value(c) >= 0) {
        pending_.push_back(c);
        return;
    }
    if (first_digit >= 0 && hex_value(c) >= 0) {
        out.push_back(static_cast<char>((first_digit << 4) | hex_value(c)));
        pending_.clear();
        return;
    }
    if (first_digit < 0 && (is_blank(c) || c == '\r') && pending_.size() < kPendingBytesMax) {
        pending_.push_back(c);
        return;
    }
    // No escape: what was taken for one stays as it is (RFC 2045 §6.7, the note on robust
    // implementations).
    damaged_ = true;
    out.append(pending_);
    pending_.clear();
    decode_quoted_printable(std::string_view(&c, 1), out);
}

void TransferDecoder::finish(std::string& out) {
    if (encoding_ == TransferEncoding::kBase64) {
        damaged_ = damaged_ || characters_ != 0;
        flush_base64(out);
    }
    if (encoding_ == TransferEncoding::kQuotedPrintable) {
        const bool is_escape = !pending_.empty() && pending_.front() == '=';
        if (is_escape && pending_.size() > 1 && hex_value(pending_[1]) >= 0) {
            damaged_ = true;
            out.append(pending_);
        }
        pending_.clear();
    }
}

std::string decode_transfer(TransferEncoding encoding, std::string_view input) {
    std::string out;
    TransferDecoder decoder(encoding);
    decoder.decode(input, out);
    decoder.finish(out);
    return out;
}

}  // namespace tidemark::protocol::message
