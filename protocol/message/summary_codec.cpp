#include "protocol/message/limits.hpp"
#include "protocol/message/summary.hpp"

#include <cstring>

/// Layout of version 1, in this order; numbers without a size are LEB128 (seven bits a byte, low
/// ones first):
///
///     version                 1 byte, 1
///     flags                   1 byte: 1 sent_seconds there, 2 sent_day there, 4
///     is_reply_or_forward; others 0 sent_seconds            8 bytes, big-endian two's complement;
///     0 where it is not there sent_day                4 bytes, the same header_size number
///     envelope, body_structure, body, preview, subject_key, from_key, to_key, cc_key,
///     from_display_key, to_display_key, message_id
///                             each a number (bytes) and the bytes
///     references              number (how many), then each as above; the value ends with the last
///
/// A value has exactly one form, so that equal summaries are equal bytes.
namespace tidemark::protocol::message {
namespace {

constexpr char kVersion = 1;
constexpr std::uint8_t kHasSentSeconds = 1;
constexpr std::uint8_t kHasSentDay = 2;
constexpr std::uint8_t kIsReplyOrForward = 4;
constexpr std::uint8_t kKnownFlags = kHasSentSeconds | kHasSentDay | kIsReplyOrForward;

void append_fixed(std::uint64_t number, std::size_t bytes, std::string& out) {
    for (std::size_t i = bytes; i-- > 0;) {
        out.push_back(static_cast<char>(number >> (8 * i)));
    }
}

void append_number(std::uint64_t number, std::string& out) {
    while (number >= 0x80) {
        out.push_back(static_cast<char>(0x80 | (number & 0x7F)));
        number >>= 7;
    }
    out.push_back(static_cast<char>(number));
}

void append_text(std::string_view text, std::string& out) {
    append_number(text.size(), out);
    out.append(text);
}

class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    [[nodiscard]] std::string_view rest() const { return text_; }

    bool fixed(std::size_t bytes, std::uint64_t& number) {
        if (text_.size() < bytes) {
            return false;
        }
        number = 0;
        for (std::size_t i = 0; i < bytes; ++i) {
            number = (number << 8) | static_cast<unsigned char>(text_[i]);
        }
        text_.remove_prefix(bytes);
        return true;
    }

    /// The shortest form only.
    bool number(std::uint64_t& value) {
        value = 0;
        for (unsigned shift = 0; shift < 63 && !text_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(text_.front());
            text_.remove_prefix(1);
            value |= std::uint64_t{byte & 0x7FU} << shift;
            if (byte < 0x80) {
                return byte != 0 || shift == 0;
            }
        }
        return false;
    }

    bool text(std::string_view& value) {
        std::uint64_t size = 0;
        if (!number(size) || size > text_.size()) {
            return false;
        }
        value = text_.substr(0, static_cast<std::size_t>(size));
        text_.remove_prefix(value.size());
        return true;
    }

  private:
    std::string_view text_;
};

bool check_references(std::string_view encoded) {
    Reader reader(encoded);
    std::uint64_t count = 0;
    if (!reader.number(count) || count > kReferencesMax) {
        return false;
    }
    std::string_view reference;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (!reader.text(reference)) {
            return false;
        }
    }
    return reader.rest().empty();
}

}  // namespace

std::string encode_summary(const MessageSummary& summary) {
    std::string out;
    out.reserve(summary.envelope.size() + summary.body_structure.size() + summary.body.size() +
                summary.preview.size() + 512);
    out.push_back(kVersion);
    std::uint8_t flags = 0;
    flags |= summary.sent_seconds ? kHasSentSeconds : 0;
    flags |= summary.sent_day ? kHasSentDay : 0;
    flags |= summary.is_reply_or_forward ? kIsReplyOrForward : 0;
    out.push_back(static_cast<char>(flags));
    append_fixed(static_cast<std::uint64_t>(summary.sent_seconds.value_or(0)), 8, out);
    append_fixed(static_cast<std::uint32_t>(summary.sent_day.value_or(0)), 4, out);
    append_number(summary.header_size, out);
    for (const std::string* text :
         {&summary.envelope, &summary.body_structure, &summary.body, &summary.preview,
          &summary.subject_key, &summary.from_key, &summary.to_key, &summary.cc_key,
          &summary.from_display_key, &summary.to_display_key, &summary.message_id}) {
        append_text(*text, out);
    }
    append_number(summary.references.size(), out);
    for (const std::string& reference : summary.references) {
        append_text(reference, out);
    }
    return out;
}

std::optional<SummaryView> SummaryView::read(std::string_view value) {
    if (value.size() < 2 || value[0] != kVersion) {
        return std::nullopt;
    }
    const auto flags = static_cast<std::uint8_t>(value[1]);
    SummaryView view;
    Reader reader(value.substr(2));
    std::uint64_t seconds = 0;
    std::uint64_t day = 0;
    if ((flags & ~kKnownFlags) != 0 || !reader.fixed(8, seconds) || !reader.fixed(4, day) ||
        !reader.number(view.header_size_)) {
        return std::nullopt;
    }
    for (std::string_view* text :
         {&view.envelope_, &view.body_structure_, &view.body_, &view.preview_, &view.subject_key_,
          &view.from_key_, &view.to_key_, &view.cc_key_, &view.from_display_key_,
          &view.to_display_key_, &view.message_id_}) {
        if (!reader.text(*text)) {
            return std::nullopt;
        }
    }
    view.references_ = reader.rest();
    if (!check_references(view.references_)) {
        return std::nullopt;
    }
    view.is_reply_or_forward_ = (flags & kIsReplyOrForward) != 0;
    if ((flags & kHasSentSeconds) != 0) {
        view.sent_seconds_ = static_cast<std::int64_t>(seconds);
    } else if (seconds != 0) {
        return std::nullopt;
    }
    if ((flags & kHasSentDay) != 0) {
        view.sent_day_ = static_cast<std::int32_t>(static_cast<std::uint32_t>(day));
    } else if (day != 0) {
        return std::nullopt;
    }
    return view;
}

std::vector<std::string_view> SummaryView::references() const {
    Reader reader(references_);
    std::uint64_t count = 0;
    std::vector<std::string_view> references;
    if (reader.number(count)) {
        std::string_view reference;
        while (references.size() < count && reader.text(reference)) {
            references.push_back(reference);
        }
    }
    return references;
}

MessageSummary SummaryView::to_summary() const {
    MessageSummary summary;
    summary.envelope = envelope_;
    summary.body_structure = body_structure_;
    summary.body = body_;
    summary.preview = preview_;
    summary.sent_seconds = sent_seconds_;
    summary.sent_day = sent_day_;
    summary.header_size = header_size_;
    summary.subject_key = subject_key_;
    summary.is_reply_or_forward = is_reply_or_forward_;
    summary.from_key = from_key_;
    summary.to_key = to_key_;
    summary.cc_key = cc_key_;
    summary.from_display_key = from_display_key_;
    summary.to_display_key = to_display_key_;
    summary.message_id = message_id_;
    for (const std::string_view reference : references()) {
        summary.references.emplace_back(reference);
    }
    return summary;
}

}  // namespace tidemark::protocol::message
