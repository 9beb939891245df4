#include "protocol/message/transfer_decode.hpp"

#include <doctest/doctest.h>

#include <string>

namespace tidemark::protocol::message {
namespace {

struct Vector {
    std::string encoded;
    std::string decoded;
    bool is_damaged;
};

/// Whole, and cut in two at every place.
void check(TransferEncoding encoding, const Vector& vector) {
    CAPTURE(vector.encoded);
    for (std::size_t cut = 0; cut <= vector.encoded.size(); ++cut) {
        CAPTURE(cut);
        std::string out;
        TransferDecoder decoder(encoding);
        decoder.decode(std::string_view(vector.encoded).substr(0, cut), out);
        decoder.decode(std::string_view(vector.encoded).substr(cut), out);
        decoder.finish(out);
        CHECK(out == vector.decoded);
        CHECK(decoder.damaged() == vector.is_damaged);
    }
}

}  // namespace

TEST_CASE("base64 is decoded, damaged or not, in any pieces") {
    const Vector vectors[] = {
        {"", "", false},
        {"Zg==", "f", false},
        {"Zm8=", "fo", false},
        {"Zm9v", "foo", false},
        {"Zm9v\r\nYmFy\r\n", "foobar", false},
        {"Zg==Zm8=", "ffo", false},
        {"Zm9vYg", "foob", true},
        {"Zm9vY", "foo", true},
        {"Zm9v*YmFy", "foobar", true},
        {"====", "", false},
        {"/+7/", "\xFF\xEE\xFF", false},
    };
    for (const Vector& vector : vectors) {
        check(TransferEncoding::kBase64, vector);
    }
}

TEST_CASE("quoted-printable is decoded, damaged or not, in any pieces") {
    const Vector vectors[] = {
        {"", "", false},
        {"a=3Db", "a=b", false},
        {"a=\r\nb=\nc", "abc", false},
        {"a= \t\r\nb", "ab", false},
        {"a  \r\nb\t\n", "a\r\nb\n", false},
        {"a b", "a b", false},
        {"end  ", "end", false},
        {"=c3=A9", "\xC3\xA9", false},
        {"=XY=", "=XY", true},
        {"a=4", "a=4", true},
        {"a=4x", "a=4x", true},
        {"==41", "=A", true},
        {"a=", "a", false},
        {"a\rb", "a\rb", false},
        {"\xC3\xA9", "\xC3\xA9", false},
    };
    for (const Vector& vector : vectors) {
        check(TransferEncoding::kQuotedPrintable, vector);
    }
}

TEST_CASE("other encodings are left as they are") {
    check(TransferEncoding::k8bit, {"a=41\r\n", "a=41\r\n", false});
    check(TransferEncoding::kBinary, {std::string("\0\xFF", 2), std::string("\0\xFF", 2), false});
}

TEST_CASE("held back white space is bounded") {
    const std::string spaces(100'000, ' ');
    CHECK(decode_transfer(TransferEncoding::kQuotedPrintable, spaces + "x") == spaces + "x");
}

TEST_CASE("encoding names are read with comments, in any case") {
    CHECK(parse_transfer_encoding(" BASE64 (x)") == TransferEncoding::kBase64);
    CHECK(parse_transfer_encoding("Quoted-Printable") == TransferEncoding::kQuotedPrintable);
    CHECK(parse_transfer_encoding("") == TransferEncoding::k7bit);
    CHECK(parse_transfer_encoding("x-uuencode") == TransferEncoding::kUnknown);
    CHECK(parse_transfer_encoding("two words") == TransferEncoding::k7bit);
}

}  // namespace tidemark::protocol::message
