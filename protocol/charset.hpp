#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

/// Character sets, converted to UTF-8 by ICU. Names are those of MIME and of mail as it is sent
/// (aliases, "x-" names, any case). Converters are cached per thread; every function may be called
/// on any thread. Bytes that a charset does not define become U+FFFD. UTF-8 is checked: what comes
/// out is valid UTF-8 always.
namespace tidemark::protocol {

[[nodiscard]] bool is_known_charset(std::string_view name);

/// Appends `bytes` as UTF-8. False and nothing appended when the charset is unknown. An empty name
/// is us-ascii, read as UTF-8 where it holds 8-bit characters (mail without a charset mostly is).
[[nodiscard]] bool append_utf8(std::string_view charset, std::string_view bytes, std::string& out);

/// Appends `bytes` as valid UTF-8, ill-formed sequences replaced by U+FFFD one for each maximal
/// subpart.
void append_valid_utf8(std::string_view bytes, std::string& out);

/// What SEARCH names in NO [BADCHARSET (...)] (RFC 9051 §6.4.4); is_known_charset accepts more.
[[nodiscard]] std::span<const std::string_view> search_charsets();

/// Converts a text that comes in pieces, cut anywhere.
class CharsetDecoder {
  public:
    /// An unknown charset decodes as us-ascii with 8-bit characters replaced.
    explicit CharsetDecoder(std::string_view charset);
    ~CharsetDecoder();
    CharsetDecoder(CharsetDecoder&&) noexcept;
    CharsetDecoder& operator=(CharsetDecoder&&) noexcept;

    void decode(std::string_view bytes, std::string& out);
    void finish(std::string& out);
    [[nodiscard]] bool is_known() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace tidemark::protocol
