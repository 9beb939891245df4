#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What is computed once, at delivery, and stored for each message, so that FETCH ENVELOPE, SORT,
/// THREAD and PREVIEW never open the body.
namespace tidemark::protocol::message {

struct MessageSummary {
    std::string envelope;        // IMAP text, ready to send
    std::string body_structure;  // IMAP text
    std::string body;            // IMAP text
    std::string preview;         // UTF-8, at most 200 characters

    std::optional<std::int64_t> sent_seconds;  // Date field, since 1970, in UTC
    std::optional<std::int32_t> sent_day;  // its local date, days since 1970 (SENTON and the like)
    std::uint64_t header_size = 0;         // bytes, blank line included

    // Sort keys (RFC 5256 §3, RFC 5957 §3): casemapped, they compare as bytes.
    std::string subject_key;
    bool is_reply_or_forward = false;
    std::string from_key;
    std::string to_key;
    std::string cc_key;
    std::string from_display_key;
    std::string to_display_key;

    // Threading (RFC 5256 §3 REFERENCES): ids without angle brackets, unquoted.
    std::string message_id;  // empty when the message has no valid one
    std::vector<std::string>
        references;  // oldest first; In-Reply-To's first id where there are none

    bool operator==(const MessageSummary&) const = default;
};

[[nodiscard]] MessageSummary make_summary(std::string_view message);

/// Version 1 of the stored value: a version byte, then fields with lengths. See summary_codec.cpp
/// for the layout.
[[nodiscard]] std::string encode_summary(const MessageSummary& summary);

/// A stored summary, read in place. Everything it returns points into the value it was made from.
class SummaryView {
  public:
    /// Nothing when the value is of another version or damaged; a view that exists is whole.
    [[nodiscard]] static std::optional<SummaryView> read(std::string_view value);
    static std::optional<SummaryView> read(std::string&& value) = delete;  // it would not live

    [[nodiscard]] std::string_view envelope() const { return envelope_; }
    [[nodiscard]] std::string_view body_structure() const { return body_structure_; }
    [[nodiscard]] std::string_view body() const { return body_; }
    [[nodiscard]] std::string_view preview() const { return preview_; }
    [[nodiscard]] std::optional<std::int64_t> sent_seconds() const { return sent_seconds_; }
    [[nodiscard]] std::optional<std::int32_t> sent_day() const { return sent_day_; }
    [[nodiscard]] std::uint64_t header_size() const { return header_size_; }
    [[nodiscard]] std::string_view subject_key() const { return subject_key_; }
    [[nodiscard]] bool is_reply_or_forward() const { return is_reply_or_forward_; }
    [[nodiscard]] std::string_view from_key() const { return from_key_; }
    [[nodiscard]] std::string_view to_key() const { return to_key_; }
    [[nodiscard]] std::string_view cc_key() const { return cc_key_; }
    [[nodiscard]] std::string_view from_display_key() const { return from_display_key_; }
    [[nodiscard]] std::string_view to_display_key() const { return to_display_key_; }
    [[nodiscard]] std::string_view message_id() const { return message_id_; }
    [[nodiscard]] std::vector<std::string_view> references() const;

    /// The inverse of encode_summary.
    [[nodiscard]] MessageSummary to_summary() const;

  private:
    SummaryView() = default;

    std::string_view envelope_;
    std::string_view body_structure_;
    std::string_view body_;
    std::string_view preview_;
    std::optional<std::int64_t> sent_seconds_;
    std::optional<std::int32_t> sent_day_;
    std::uint64_t header_size_ = 0;
    std::string_view subject_key_;
    bool is_reply_or_forward_ = false;
    std::string_view from_key_;
    std::string_view to_key_;
    std::string_view cc_key_;
    std::string_view from_display_key_;
    std::string_view to_display_key_;
    std::string_view message_id_;
    std::string_view references_;  // encoded list, checked by read()
};

}  // namespace tidemark::protocol::message
