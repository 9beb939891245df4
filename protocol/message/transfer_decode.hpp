#pragma once

#include "protocol/message/mime_parser.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Decoders for Content-Transfer-Encoding (RFC 2045 §6), incremental and tolerant: what cannot be
/// decoded is skipped (base64) or kept as it is (quoted-printable), and `damaged()` says so.
namespace tidemark::protocol::message {

/// The name in the field, as sent; "7bit", the default, where the field is empty or not a single
/// word.
[[nodiscard]] std::string transfer_encoding_name(std::string_view value);

/// Reads the value of the field; comments and white space are allowed around the name.
[[nodiscard]] TransferEncoding parse_transfer_encoding(std::string_view value);

class TransferDecoder {
  public:
    explicit TransferDecoder(TransferEncoding encoding) : encoding_(encoding) {}

    /// Appends what `input` decodes to. Any split of the input gives the same output.
    void decode(std::string_view input, std::string& out);

    /// The end of the input: appends what was held back.
    void finish(std::string& out);

    [[nodiscard]] bool damaged() const { return damaged_; }

  private:
    void decode_base64(std::string_view input, std::string& out);
    void flush_base64(std::string& out);
    void decode_quoted_printable(std::string_view input, std::string& out);
    void continue_escape(char c, std::string& out);

    TransferEncoding encoding_;
    bool damaged_ = false;
    // base64: up to 18 bits of an unfinished quantum.
    std::uint32_t bits_ = 0;
    unsigned characters_ = 0;
    // quoted-printable: an unfinished escape or white space that may be at the end of a line.
    std::string pending_;
};

/// The whole of `input` at once.
[[nodiscard]] std::string decode_transfer(TransferEncoding encoding, std::string_view input);

}  // namespace tidemark::protocol::message
