#pragma once

#include "protocol/message/mime_parser.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// SEARCH's string keys (RFC 9051 §6.4.4): substrings without regard to case, in decoded text.
namespace tidemark::protocol::message {

/// Compiled once for each needle of a SEARCH, then used for all messages and by any number of
/// threads (all members are const). Linear in the text for every needle; ASCII text is searched as
/// it is, several bytes at a time.
class SubstringMatcher {
  public:
    /// `needle` is UTF-8. An empty needle matches every text (RFC 9051 §6.4.4 HEADER).
    explicit SubstringMatcher(std::string_view needle);

    /// Whether `text` (UTF-8, or nearly so) contains the needle.
    [[nodiscard]] bool matches(std::string_view text) const;

    [[nodiscard]] bool is_empty() const { return needle_.empty(); }

    /// A text in pieces, cut anywhere. Holds a needle's length between them.
    class Scan {
      public:
        explicit Scan(const SubstringMatcher& matcher)
            : matcher_(&matcher), found_(matcher.is_empty()) {}

        /// True once the needle was found; later calls stay true.
        bool feed(std::string_view piece);
        bool finish();
        [[nodiscard]] bool found() const { return found_; }

        /// Forgets the text so far, so that nothing matches across two parts.
        void restart();

      private:
        void feed_whole(std::string_view piece);

        const SubstringMatcher* matcher_;
        std::string tail_;        // the last casemapped bytes, shorter than the needle
        std::string incomplete_;  // a UTF-8 sequence cut by the end of a piece
        bool found_;
    };

  private:
    [[nodiscard]] bool find_mapped(std::string_view mapped) const;
    [[nodiscard]] bool find_in_ascii(std::string_view text) const;

    std::string needle_;  // casemapped
    bool is_ascii_;
};

/// SEARCH HEADER, and FROM, TO, CC, BCC, SUBJECT by their field's name: some field `name` of the
/// message's own header contains the needle in its decoded text. An empty needle asks for the
/// field's presence.
[[nodiscard]] bool match_header(std::string_view message, std::string_view name,
                                const SubstringMatcher& matcher);

/// The same for the first bytes of a message, all of it or its first kHeaderBytesMax bytes when
/// `is_whole`: nothing when the answer may depend on what follows.
[[nodiscard]] std::optional<bool> match_header_start(std::string_view start, bool is_whole,
                                                     std::string_view name,
                                                     const SubstringMatcher& matcher);

/// SEARCH BODY: the decoded text of some text part, or the header of a message/rfc822 part.
[[nodiscard]] bool match_body(const ParsedMessage& message, const SubstringMatcher& matcher);

/// SEARCH TEXT: the message's header or its body.
[[nodiscard]] bool match_text(const ParsedMessage& message, const SubstringMatcher& matcher);

}  // namespace tidemark::protocol::message
